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
from recsys.new_items import LiveItems
from recsys.person_ranker import ItemWeights, PersonRanker, Ranking
from recsys.recommend.influence import strongest_influence
from recsys.recommend.newcomers import influences_of_new, vector_like, with_new
from recsys.recommend.query import CONTACT_TYPES
from recsys.row_sets import union
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix


class ServingModel:
    """Everything that answers need from one bundle. Safe between threads.

    Immutable, but for the items that the catalogue has and the bundle does not (`items`).
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.version = bundle.manifest.model_version
        self.items = (
            bundle.items if bundle.new_items is None else LiveItems(bundle.items, bundle.new_items)
        )
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
        vector = None
        if self.items.shows_new and self.fold_in is not None:
            vector = np.empty(self.scorer.factor_count, dtype=np.float32)
        ranking = self._ranker.rank(
            weights,
            result_count,
            excluded=None if excluded is None else self.bundled(excluded),
            without_seen=without_seen,
            prior_row=prior_row,
            allowed=allowed,
            out_vector=vector,
        )
        return self.joined(
            ranking, vector, result_count=result_count, allowed=allowed, excluded=excluded
        )

    def joined(
        self,
        ranking: Ranking,
        vector: NDArray[np.float32] | None,
        *,
        result_count: int,
        allowed: Allowed | None,
        excluded: NDArray[np.int32] | None,
    ) -> Ranking:
        """Merge ranked rows of the bundle's items with new items, if there are any.

        Args:
            ranking: The best of the bundle's items.
            vector: The person's, shape (f,), or None.
            result_count: Rows wanted, positive.
            allowed: Which items may appear. Where nothing says what is offered, new
                ones may not.
            excluded: Rows that must not appear, or None.
        """
        items = self._live_items
        if items is None or vector is None or allowed is None or not items.shows_new:
            return ranking
        return with_new(ranking, vector, items, result_count, allowed=allowed, excluded=excluded)

    def rank_like_new(
        self,
        row: int,
        *,
        result_count: int,
        excluded: NDArray[np.int32],
        prior_row: int,
        allowed: Allowed,
    ) -> Ranking:
        """Rank the items for somebody whose whole history is one new item.

        Args:
            row: The item.
            result_count: Rows wanted, positive.
            excluded: Rows that must not appear.
            prior_row: What `prior_row` says of where the answer is shown.
            allowed: Which items may appear.
        """
        assert self.bundle.gram is not None
        assert self.bundle.manifest.fold_in is not None
        vector = vector_like(
            self.vectors_of(np.array([row], dtype=np.int32))[0],
            self.bundle.gram,
            self.bundle.manifest.fold_in,
            self.bundle.manifest.item_count,
        )
        return self._rank_vector(
            vector,
            result_count=result_count,
            excluded=excluded,
            prior_row=prior_row,
            allowed=allowed,
        )

    def vector(self, weights: ItemWeights) -> NDArray[np.float32]:
        """Solve for somebody's vector; only of models that have any."""
        assert self.fold_in is not None
        folded = weights if weights.folded is None else weights.folded
        return self.fold_in.solve(folded.rows, folded.weights)

    def vectors_of(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the vectors of rows, new items included; only of models that have any."""
        assert self.bundle.item_factors is not None
        items = self._live_items
        if items is None:
            return self.bundle.item_factors[rows]
        is_new = items.is_new(rows)
        found = np.empty((len(rows), self.scorer.factor_count), dtype=np.float32)
        found[~is_new] = self.bundle.item_factors[rows[~is_new]]
        found[is_new] = items.vectors(rows[is_new])
        return found

    def bundled(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return those of some rows that are no new items."""
        items = self._live_items
        return rows if items is None else rows[~items.is_new(rows)]

    def new_contacts(self, history: History) -> NDArray[np.int32]:
        """Return the rows of new items that somebody had contact with, ascending."""
        if not self.items.shows_new or not len(history):
            return np.empty(0, dtype=np.int32)
        rows, positions = self.items.find(history.item_ids)
        meant = self.items.is_new(rows)
        if not meant.any():
            return np.empty(0, dtype=np.int32)
        is_contact = np.isin(history.type_codes, [one.code for one in CONTACT_TYPES])
        return union(rows[meant & is_contact[positions]])

    def knows_all(self, history: History) -> bool:
        """Whether every item of a history is known, or new."""
        item_ids = history.item_ids
        return len(self.items.find(item_ids)[0]) == len(item_ids)

    def influences_of_new(self, weights: ItemWeights, row: int) -> NDArray[np.float64]:
        """Split the score of one new item over a history, shape (h,); it sums to it less the prior."""
        assert self.fold_in is not None
        assert self.bundle.manifest.fold_in is not None
        item = self.vectors_of(np.array([row], dtype=np.int32))[0]
        return influences_of_new(self.fold_in, self.bundle.manifest.fold_in, item, weights)

    @property
    def _live_items(self) -> LiveItems | None:
        return self.items if isinstance(self.items, LiveItems) else None

    def _rank_vector(
        self,
        vector: NDArray[np.float32] | None,
        *,
        result_count: int,
        excluded: NDArray[np.int32],
        prior_row: int,
        allowed: Allowed | None,
    ) -> Ranking:
        known = self.bundled(excluded)
        ranked = self.scorer.top_k(
            None if vector is None else vector[np.newaxis],
            result_count,
            allowed=allowed,
            excluded=RaggedRows.one(known),
            prior_rows=np.array([prior_row], dtype=np.int32),
        )
        return self.joined(
            Ranking.of(*ranked.row(0)),
            vector,
            result_count=result_count,
            allowed=allowed,
            excluded=excluded,
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
                CsrMatrix.of([one.rows for one in folded], [one.weights for one in folded]),
                threads=threads,
            )
        return PeopleQueries(
            user_vectors=vectors,
            history=CsrMatrix.of([one.rows for one in links], [one.weights for one in links])
            if self.scorer.has_item_item
            else None,
            boosts=CsrMatrix.of([one.boosted for one in links], [one.boosts for one in links])
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
        return self._rank_vector(
            np.zeros(factor_count, dtype=np.float32) if factor_count else None,
            result_count=result_count,
            excluded=excluded,
            prior_row=prior_row,
            allowed=allowed,
        )

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
        # Of new items nobody knows what they go with.
        basket, known = self.bundled(basket), self.bundled(excluded)
        if self._baskets is None or not len(basket):
            return Ranking.of(np.empty(0, dtype=np.int32), np.empty(0))
        ranked = self._baskets.top_k(
            None,
            result_count,
            history=CsrMatrix.of([basket], [np.ones(len(basket), dtype=np.float32)]),
            allowed=allowed,
            excluded=RaggedRows.one(known),
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


def _fold_in(bundle: Bundle) -> FoldIn | None:
    config = bundle.manifest.fold_in
    if bundle.item_factors is None or bundle.gram is None or config is None:
        return None
    return FoldIn(item_factors=bundle.item_factors, gram=bundle.gram, config=config)
