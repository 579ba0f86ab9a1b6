"""What is popular everywhere, on a channel and in a store: the answers of last resort."""

from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Channel, StoreId
from recsys.sparse import row_pointers

SEGMENT_ALL: Final = "all"


def channel_segment(channel: Channel) -> str:
    """Name of a channel's popular list."""
    return f"channel:{channel.value}"


def store_segment(store_id: StoreId) -> str:
    """Name of a store's popular list."""
    return f"store:{store_id}"


class PopularLists:
    """Ranked item rows per segment. `SEGMENT_ALL` is always there and ranks every item."""

    def __init__(
        self,
        *,
        segments: Sequence[str],
        indptr: NDArray[np.int64],
        rows: NDArray[np.int32],
        scores: NDArray[np.float32],
    ) -> None:
        """Wrap the arrays of a bundle; `from_lists` makes new ones."""
        self.segments = tuple(segments)
        self.indptr = indptr
        self.rows = rows
        self.scores = scores
        self._positions = {segment: position for position, segment in enumerate(segments)}

    @classmethod
    def from_lists(cls, lists: Mapping[str, tuple[NDArray[np.int32], NDArray[np.float32]]]) -> Self:
        """Build from (rows, scores) per segment, best first.

        Raises:
            ValueError: `SEGMENT_ALL` is missing.
        """
        if SEGMENT_ALL not in lists:
            raise ValueError(f"the list {SEGMENT_ALL!r} is missing")
        return cls(
            segments=tuple(lists),
            indptr=row_pointers([len(rows) for rows, _ in lists.values()]),
            rows=np.concatenate([rows for rows, _ in lists.values()]).astype(np.int32),
            scores=np.concatenate([scores for _, scores in lists.values()]).astype(np.float32),
        )

    def __contains__(self, segment: str) -> bool:
        return segment in self._positions

    def list(self, segment: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return rows and scores of a segment, best first; KeyError if it has no list."""
        position = self._positions[segment]
        start, stop = self.indptr[position], self.indptr[position + 1]
        return self.rows[start:stop], self.scores[start:stop]
