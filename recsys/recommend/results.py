"""The results of an answer: ranked rows with reasons, made into objects only for those who look."""

from collections.abc import Iterator, Sequence
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from recsys._items import ItemIds
from recsys._scoring import Ranking
from recsys.bundle import ItemIndex
from recsys.domain import Reason, ReasonKind, Recommendation


class Results(Sequence[Recommendation]):
    """Recommended items, best first, no item twice. Immutable.

    The wire needs bytes and no objects, and a page of objects costs as much as its ranking.

    Attributes:
        items: What the rows stand for.
        ranking: Rows and scores.
        reasons: The reason of each result; or a single one, of all of them.
    """

    __slots__ = ("items", "ranking", "reasons")

    def __init__(self, items: ItemIndex, ranking: Ranking, reasons: Sequence[Reason]) -> None:
        if ranking.count and len(reasons) not in {1, ranking.count}:
            raise ValueError(f"{len(reasons)} reasons for {ranking.count} results")
        self.items = items
        self.ranking = ranking
        self.reasons = reasons

    @classmethod
    def of(
        cls,
        items: ItemIndex,
        rows: NDArray[np.int32],
        scores: NDArray[np.float64],
        reasons: Sequence[Reason],
    ) -> Self:
        """Collect rows and scores that are ranked already."""
        return cls(items, Ranking.of(rows, scores), reasons)

    def followed_by(self, others: "Results") -> "Results":
        """Return these results, then others of the same items."""
        rankings = (self.ranking, others.ranking)
        reasons = [
            one.reasons if len(one.reasons) == len(one) else list(one.reasons) * len(one)
            for one in (self, others)
        ]
        return Results.of(
            self.items,
            np.concatenate([one.rows for one in rankings]),
            np.concatenate([one.scores for one in rankings]),
            [*reasons[0], *reasons[1]],
        )

    def __len__(self) -> int:
        return self.ranking.count

    def __iter__(self) -> Iterator[Recommendation]:
        count = self.ranking.count
        reasons = self.reasons if len(self.reasons) == count else list(self.reasons) * count
        ids = self.items.ids(self.ranking.rows)
        return map(Recommendation, ids, self.ranking.scores.tolist(), reasons)

    @overload
    def __getitem__(self, position: int) -> Recommendation: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Recommendation]: ...
    def __getitem__(self, position: int | slice) -> Recommendation | Sequence[Recommendation]:
        """Return one result or some of them."""
        return tuple(self)[position]

    def packed(self) -> tuple[ItemIds, Ranking]:
        """Return ids and rows into them as the wire takes them."""
        rows = self.ranking.rows
        if not self.items.is_new(rows).any():
            return self.items.compiled, self.ranking
        # New items are in no bundle's block of ids.
        own = ItemIndex.from_ids(self.items.ids(rows))
        places = np.arange(len(rows), dtype=np.int32)
        return own.compiled, Ranking.of(places, self.ranking.scores)

    def reason_counts(self) -> dict[ReasonKind, int]:
        """Return how many results there are of each kind of reason."""
        if len(self.reasons) == 1:
            return {self.reasons[0].kind: self.ranking.count} if self.ranking.count else {}
        counts: dict[ReasonKind, int] = {}
        for reason in self.reasons:
            counts[reason.kind] = counts.get(reason.kind, 0) + 1
        return counts
