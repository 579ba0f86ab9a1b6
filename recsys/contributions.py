"""Scores taken apart again: what each part of the sum and each item of a history gave."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = ("dot", "item_item", "prior", "query_prior", "boost")
"""The parts of a score, in the order in which they are added up."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contributions:
    """Where the scores of z rows come from, exactly.

    Attributes:
        parts: Float64, shape (z, 5): the columns are `PARTS`. Their sum from left to
            right is the score, bit for bit.
        term_ends: Where the terms of each row end, int64, shape (z,).
        term_positions: Of each term in its query's history, int32, shape (t,).
        term_values: What that entry of the history adds to the row's item-item part,
            float64, shape (t,). Their sum from 0 on is that part, bit for bit.
    """

    parts: NDArray[np.float64]
    term_ends: NDArray[np.int64]
    term_positions: NDArray[np.int32]
    term_values: NDArray[np.float64]

    def scores(self) -> NDArray[np.float64]:
        """Add up the parts as the core does, shape (z,)."""
        scores = self.parts[:, 0].copy()
        for part in range(1, len(PARTS)):
            scores += self.parts[:, part]
        return scores

    def terms(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return positions in the history and values of the terms of one row, as views."""
        start, stop = (0 if row == 0 else self.term_ends[row - 1]), self.term_ends[row]
        return self.term_positions[start:stop], self.term_values[start:stop]
