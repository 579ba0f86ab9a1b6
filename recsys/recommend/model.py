"""A bundle made ready to answer: from a history to ranked rows."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.allowed import Allowed
from recsys.bundle import Bundle
from recsys.domain import Channel, StoreId
from recsys.events import History
from recsys.features import EventWeighting
from recsys.person_ranker import ItemWeights, PersonRanker, Ranking
from recsys.recommend.influence import strongest_influence
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix


class ServingModel:
    """Everything that answers need from one bundle. Immutable, safe between threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.version = bundle.manifest.model_version
        self.items = bundle.items
        self.popular = bundle.popular
        self._weighting = EventWeighting(bundle.manifest.features, bundle.manifest.history)
        fold_in = bundle.manifest.fold_in
        has_vectors = bundle.item_factors is not None and bundle.gram is not None
        self.has_vectors = has_vectors and fold_in is not None
        """Whether histories fold into user vectors, so that they touch every item's score."""
        scan_size = bundle.manifest.item_count * max(1, bundle.manifest.factor_count)
        self.is_quick = scan_size <= limits.INLINE_SCAN_SIZE_MAX
        """Whether one ranking is over before it pays to let others run meanwhile."""
        self.scorer = Scorer.from_bundle(bundle)
        self.fold_in = _fold_in(bundle)
        links = bundle.basket_links
        self._baskets = None if links is None else Scorer.of_links(links)
        self._ranker = PersonRanker(self.scorer, self.fold_in, releases_gil=not self.is_quick)

    @property
    def item_factors(self) -> NDArray[np.float32] | None:
        """Vectors of its items, float32, shape (n, f), if it has any."""
        return self.bundle.item_factors

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """Make an opened bundle ready; reads none of its large arrays."""
        return cls(bundle)

    def item_weights(self, history: History, *, now: float) -> ItemWeights:
        """Weigh a history's items as of `now` (seconds since 1970-01-01 UTC)."""
        return self._weighting.history_weights(history, self.items.compiled, now=now)

    def prior_row(self, *, channel: Channel | None, store_id: StoreId | None) -> int:
        """Return the row of priors for a store, else for a channel; -1 for neither."""
        priors = self.bundle.priors
        return -1 if priors is None else priors.row_of_place(channel=channel, store_id=store_id)

    def rank(
        self,
        weights: ItemWeights,
        *,
        result_count: int,
        excluded: NDArray[np.int32] | None = None,
        without_seen: bool = False,
        prior_row: int = -1,
        allowed: Allowed | None = None,
    ) -> Ranking:
        """Rank the items for one history.

        Args:
            weights: At least one item with a positive weight.
            result_count: Rows wanted, positive.
            excluded: Rows that must not appear, or None.
            without_seen: Whether rows with any contact must not appear either.
            prior_row: What `prior_row` says of where the answer is shown.
            allowed: Which items may appear; None for all.
        """
        return self._ranker.rank(
            weights,
            result_count,
            excluded=excluded,
            without_seen=without_seen,
            prior_row=prior_row,
            allowed=allowed,
        )

    def queries(
        self,
        people: Sequence[ItemWeights],
        *,
        prior_rows: NDArray[np.int32],
        threads: int = 1,
    ) -> "PeopleQueries":
        """Solve for the vectors of many people at once; each as `rank` does, to the last bit.

        Args:
            people: What the history of each says; at least one item with a positive weight.
            prior_rows: What `prior_row` says of each, shape (m,).
            threads: Slices to compute at the same time.
        """
        links = [one if one.links is None else one.links for one in people]
        vectors = None
        if self.fold_in is not None:
            folded = [one if one.folded is None else one.folded for one in people]
            vectors = self.fold_in.solve_batch(
                _rows_of([one.rows for one in folded], [one.weights for one in folded]),
                threads=threads,
            )
        return PeopleQueries(
            user_vectors=vectors,
            history=_rows_of([one.rows for one in links], [one.weights for one in links])
            if self.scorer.has_item_item
            else None,
            boosts=_rows_of([one.boosted for one in links], [one.boosts for one in links])
            if any(one.boosted_count for one in links)
            else None,
            prior_rows=prior_rows,
        )

    def rank_for_nobody(
        self,
        *,
        result_count: int,
        excluded: NDArray[np.int32],
        prior_row: int = -1,
        allowed: Allowed | None = None,
    ) -> Ranking:
        """Rank the items by their priors alone; where there are none, in their order."""
        factor_count = self.scorer.factor_count
        ranked = self.scorer.top_k(
            np.zeros((1, factor_count), dtype=np.float32) if factor_count else None,
            result_count,
            allowed=allowed,
            excluded=RaggedRows(np.array([0, len(excluded)], dtype=np.int64), excluded),
            prior_rows=np.array([prior_row], dtype=np.int32),
        )
        return Ranking.of(*ranked.row(0))

    def complements(
        self,
        basket: NDArray[np.int32],
        *,
        result_count: int,
        excluded: NDArray[np.int32],
        allowed: Allowed | None = None,
    ) -> Ranking:
        """Rank the items that often are in one basket with some; fewer where few are.

        Args:
            basket: Distinct rows.
            result_count: Rows wanted, positive.
            excluded: Rows that must not appear.
            allowed: Which items may appear; None for all.
        """
        if self._baskets is None or not len(basket):
            return Ranking.of(np.empty(0, dtype=np.int32), np.empty(0))
        ranked = self._baskets.top_k(
            None,
            result_count,
            history=_rows_of([basket], [np.ones(len(basket), dtype=np.float32)]),
            allowed=allowed,
            excluded=RaggedRows(np.array([0, len(excluded)], dtype=np.int64), excluded),
        )
        rows, scores = ranked.row(0)
        linked = scores > 0.0
        return Ranking.of(rows[linked], scores[linked])

    def is_personal(self, rows: NDArray[np.int32], weights: ItemWeights) -> NDArray[np.bool_]:
        """Say for each ranked row whether the history had a part in its score.

        With vectors every item is touched. Without, an item that no row of
        item-item weights reaches has only its prior: it is merely popular.
        """
        if self.has_vectors or self.bundle.item_item is None:
            return np.full(len(rows), self.has_vectors)
        linked = weights if weights.links is None else weights.links
        reached = [self.bundle.item_item.row(row)[0] for row in linked.rows]
        return np.isin(rows, np.concatenate([linked.boosted, *reached]))

    def most_influential(self, rows: NDArray[np.int32], weights: ItemWeights) -> NDArray[np.int32]:
        """Return for each ranked row the history item that contributed most to its score."""
        return strongest_influence(self.scorer, self.fold_in, ranked=rows, history=weights)


class PeopleQueries(NamedTuple):
    """Many people as the scorer takes them: arguments of `Scorer.top_k` and `Scorer.score`."""

    user_vectors: NDArray[np.float32] | None
    history: CsrMatrix | None
    boosts: CsrMatrix | None
    prior_rows: NDArray[np.int32]


def _rows_of(rows: Sequence[NDArray[np.int32]], values: Sequence[NDArray[np.float32]]) -> CsrMatrix:
    """Lay lists of rows and their values out, one after the other."""
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in rows], out=indptr[1:])
    return CsrMatrix(
        indptr,
        np.concatenate([*rows, np.empty(0, dtype=np.int32)]),
        np.concatenate([*values, np.empty(0, dtype=np.float32)]),
    )


def _fold_in(bundle: Bundle) -> FoldIn | None:
    config = bundle.manifest.fold_in
    if bundle.item_factors is None or bundle.gram is None or config is None:
        return None
    return FoldIn(item_factors=bundle.item_factors, gram=bundle.gram, config=config)
