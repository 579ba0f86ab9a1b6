"""A bundle made ready to answer: from item weights to ranked rows."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Bundle
from recsys.events import History
from recsys.features import EventWeighting
from recsys.recommend.influence import strongest_influence
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix


@dataclass(frozen=True, slots=True, eq=False)
class ItemWeights:
    """What a history says about items that the model knows.

    Attributes:
        rows: Items with a positive weight, ascending, int32, shape (h,).
        weights: Their weights, float32, shape (h,).
        links: The same history as item-item rows take it: one row of item rows
            (columns) and weights; None where the model has no item-item part.
        seen: Items with any contact, ascending, int32; a superset of `rows`.
        unknown_count: Item lines whose item the model does not know.
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    seen: NDArray[np.int32]
    unknown_count: int
    links: CsrMatrix | None = None


class ServingModel:
    """Everything that answers need from one bundle. Immutable, safe between threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.version = bundle.manifest.model_version
        self.items = bundle.items
        self.popular = bundle.popular
        self._weighting = EventWeighting(bundle.manifest.features)
        self._scorer = Scorer.from_bundle(bundle)
        self._history = bundle.manifest.history
        fold_in = bundle.manifest.fold_in
        self._fold_in = (
            FoldIn(item_factors=bundle.item_factors, gram=bundle.gram, config=fold_in)
            if bundle.item_factors is not None and bundle.gram is not None and fold_in is not None
            else None
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """Make an opened bundle ready; reads none of its large arrays."""
        return cls(bundle)

    @property
    def has_vectors(self) -> bool:
        """Whether histories fold into user vectors, so that they touch every item's score."""
        return self._fold_in is not None

    @property
    def scan_size(self) -> int:
        """Numbers read to answer one query without any skipping: items x factors."""
        return self.bundle.manifest.item_count * max(1, self.bundle.manifest.factor_count)

    def item_weights(self, history: History, *, now: float) -> ItemWeights:
        """Weigh a history's items as of `now` (seconds since 1970-01-01 UTC)."""
        item_rows, positions = self.items.find(history.item_ids)
        known = history if len(positions) == len(history) else history.taken(positions)
        event_weights = self._weighting.event_weights(
            type_codes=known.type_codes,
            channel_codes=known.channel_codes,
            event_times=known.event_times,
            now=now,
        )
        rows, weights, seen = self._weighting.item_weights_and_seen(
            item_rows=item_rows, event_weights=event_weights
        )
        links = None
        if self.bundle.item_item is not None:
            decayed = self._history.decayed(event_weights, known.event_times)
            link_rows, link_weights = rows, weights
            if decayed is not event_weights:
                link_rows, link_weights = self._weighting.item_weights(
                    item_rows=item_rows, event_weights=decayed
                )
                # What was returned weighs nothing, however long before it was bought.
                kept = np.isin(link_rows, rows, assume_unique=True)
                link_rows, link_weights = link_rows[kept], link_weights[kept]
            links = self._links(link_rows, link_weights)
        return ItemWeights(
            rows=rows,
            weights=weights,
            seen=seen,
            unknown_count=len(history) - len(item_rows),
            links=links,
        )

    def one_item(self, row: int) -> ItemWeights:
        """Return the weights of a history that is one item of weight 1."""
        rows, weights = np.array([row], dtype=np.int32), np.ones(1, dtype=np.float32)
        return ItemWeights(
            rows=rows,
            weights=weights,
            seen=rows,
            unknown_count=0,
            links=None if self.bundle.item_item is None else self._links(rows, weights),
        )

    def rank(
        self, weights: ItemWeights, *, result_count: int, blocked: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Rank the items for one history.

        Args:
            weights: At least one item with a positive weight.
            result_count: Rows wanted, positive.
            blocked: Rows that must not appear.

        Returns:
            Rows and their float64 scores, best first, at most `result_count`.
        """
        ranked = self._scorer.top_k(
            self._user_vector(weights),
            result_count,
            history=weights.links,
            excluded=_one_row(blocked),
        )
        return ranked.row(0)

    def is_personal(self, rows: NDArray[np.int32], weights: ItemWeights) -> NDArray[np.bool_]:
        """Say for each ranked row whether the history had a part in its score.

        With vectors every item is touched. Without, an item that no row of
        item-item weights reaches has only its prior: it is merely popular.
        """
        if self.has_vectors or self.bundle.item_item is None or weights.links is None:
            return np.full(len(rows), self.has_vectors)
        reached = [self.bundle.item_item.row(row)[0] for row in weights.links.indices]
        return np.isin(rows, np.concatenate(reached)) if reached else np.zeros(len(rows), bool)

    def most_influential(self, rows: NDArray[np.int32], weights: ItemWeights) -> NDArray[np.int32]:
        """Return for each ranked row the history item that contributed most to its score."""
        return strongest_influence(
            self.bundle,
            ranked=rows,
            rows=weights.rows,
            weights=weights.weights,
            links=weights.links,
        )

    def _user_vector(self, weights: ItemWeights) -> NDArray[np.float32] | None:
        if self._fold_in is None:
            return None
        return self._fold_in.solve(weights.rows, weights.weights)[np.newaxis, :]

    def _links(self, rows: NDArray[np.int32], weights: NDArray[np.float32]) -> CsrMatrix:
        indptr = np.array([0, len(rows)], dtype=np.int64)
        return CsrMatrix(indptr, rows, self._history.shortened(weights, indptr=indptr))


def _one_row(rows: NDArray[np.int32]) -> RaggedRows | None:
    if not len(rows):
        return None
    return RaggedRows(np.array([0, len(rows)], dtype=np.int64), rows)
