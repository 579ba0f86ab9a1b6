"""Ranking for many users at once, by the same kernel and the same rules as serving.

Users with a positive weight get the model's answer; others get the popular list
of their store, then of their channel, then of everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import SEGMENT_ALL, PopularLists, channel_segment, store_segment
from recsys.domain import CHANNEL_BY_CODE, StoreId
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training.fit import FittedModel
from training.ragged import take_rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedItems:
    """Ranked lists of items.

    Attributes:
        items: Positions in `Events.item_ids`, best first, int32, shape (m, k).
        counts: Filled cells of each row, int32, shape (m,); the rest is 0.
    """

    items: NDArray[np.int32]
    counts: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contexts:
    """Where each user is asked for.

    Attributes:
        channel_codes: `Channel.code` or 0, uint8, shape (m,).
        stores: Position in `store_ids` or -1, int32, shape (m,).
        store_ids: Names of stores.
    """

    channel_codes: NDArray[np.uint8]
    stores: NDArray[np.int32]
    store_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Askers:
    """Users as a model knows them; may be ranked for more than once.

    Attributes:
        personal: Which of the m users the model answers, ascending.
        links: Their item weights as item-item rows take them, in the model's rows.
        boosts: What items of their newest step add to their own scores, likewise; or None.
        vectors: What was solved from them, float32, or None without item factors.
        others: Which get popular lists, ascending.
        contexts: Where the m users are.
    """

    personal: NDArray[np.int64]
    links: CsrMatrix
    boosts: CsrMatrix | None
    vectors: NDArray[np.float32] | None
    others: NDArray[np.int64]
    contexts: Contexts

    def __len__(self) -> int:
        return len(self.personal) + len(self.others)


class ModelRanker:
    """Ranks with a fitted model."""

    def __init__(
        self,
        model: FittedModel,
        *,
        item_count: int,
        threads: int,
        sellable: NDArray[np.bool_] | None = None,
    ) -> None:
        """Make ready.

        Args:
            model: The model.
            item_count: Length of `Events.item_ids`.
            threads: Threads of the kernel, positive.
            sellable: Which of all items may be recommended, shape (item_count,); None
                for all.
        """
        parts = model.parts
        self._sellable = None if sellable is None else sellable[model.items]
        self.model = model
        self._row_of_item = model.row_of_item(item_count)
        self._threads = threads
        self._scorer = Scorer(
            item_count=len(model.items),
            item_factors=parts.item_factors,
            prior=parts.prior,
            item_item=parts.item_item,
            priors=None if model.priors is None else model.priors.values,
        )
        self._fold_in = (
            None
            if parts.item_factors is None or parts.fold_in is None
            else FoldIn.of_factors(parts.item_factors, parts.fold_in)
        )

    def askers(
        self,
        weights: CsrMatrix,
        *,
        links: CsrMatrix,
        contexts: Contexts,
        boosts: CsrMatrix | None = None,
    ) -> Askers:
        """Fold m users in.

        Args:
            weights: Item weights of their histories, m x all items.
            links: The same as item-item rows take them, m x all items.
            contexts: Where they are.
            boosts: What items of their newest step add to their own scores, m x all
                items; None for nothing.
        """
        histories = self._own_rows(weights)
        lengths = np.diff(histories.indptr)
        personal = np.flatnonzero(lengths)
        linked = take_rows(self._own_rows(links), personal)
        is_decayed = self.model.parts.history.decayed_vectors
        folded = linked if is_decayed else take_rows(histories, personal)
        return Askers(
            personal=personal,
            links=linked,
            boosts=None if boosts is None else take_rows(self._own_rows(boosts), personal),
            vectors=None
            if self._fold_in is None
            else self._fold_in.solve_batch(folded, threads=self._threads),
            others=np.flatnonzero(lengths == 0),
            contexts=contexts,
        )

    def rank(self, askers: Askers, *, k: int, seen: CsrMatrix | None) -> RankedItems:
        """Rank for m users.

        Args:
            askers: The users.
            k: List length, positive.
            seen: Items that must not appear, as the columns of m rows, or None.
        """
        blocked = None if seen is None else self._own_rows(seen)
        personal, others = askers.personal, askers.others
        rows = np.zeros((len(askers), min(k, len(self.model.items))), dtype=np.int32)
        counts = np.zeros(len(askers), dtype=np.int32)
        if len(personal):
            rows[personal], counts[personal] = self._rank_personal(
                askers, rows.shape[1], None if blocked is None else take_rows(blocked, personal)
            )
        if len(others):
            rows[others], counts[others] = rank_popular(
                self.model.popular,
                k=rows.shape[1],
                contexts=_some(askers.contexts, others),
                blocked=None if blocked is None else take_rows(blocked, others),
                item_count=len(self.model.items),
                sellable=self._sellable,
            )
        return self._as_items(rows, counts)

    def rank_everywhere(self, user_count: int, *, k: int, seen: CsrMatrix | None) -> RankedItems:
        """Give m users the popular list of everything; the rest as for `rank`."""
        rows, counts = rank_popular(
            self.model.popular,
            k=min(k, len(self.model.items)),
            contexts=Contexts(
                channel_codes=np.zeros(user_count, dtype=np.uint8),
                stores=np.full(user_count, -1, dtype=np.int32),
                store_ids=[],
            ),
            blocked=None if seen is None else self._own_rows(seen),
            item_count=len(self.model.items),
            sellable=self._sellable,
        )
        return self._as_items(rows, counts)

    def _as_items(self, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> RankedItems:
        items = self.model.items[rows]
        items[np.arange(items.shape[1]) >= counts[:, None]] = 0
        return RankedItems(items=items, counts=counts)

    def _rank_personal(
        self, askers: Askers, k: int, blocked: CsrMatrix | None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        if blocked is None:
            # Says how many there are, where neither vectors nor histories do.
            nothing = np.zeros(len(askers.personal) + 1, dtype=np.int64)
            excluded = RaggedRows(nothing, np.empty(0, dtype=np.int32))
        else:
            excluded = RaggedRows(blocked.indptr, blocked.indices)
        ranked = self._scorer.top_k(
            askers.vectors,
            k,
            history=None if self.model.parts.item_item is None else askers.links,
            allowed=None
            if self._sellable is None
            else np.packbits(self._sellable, bitorder="little"),
            excluded=excluded,
            boosts=askers.boosts,
            prior_rows=self._prior_rows(_some(askers.contexts, askers.personal)),
            threads=self._threads,
        )
        return ranked.items, ranked.counts

    def _prior_rows(self, contexts: Contexts) -> NDArray[np.int32] | None:
        """Find each user's row of priors, as serving does."""
        priors = self.model.priors
        if priors is None:
            return None
        channels = [-1] * (max(CHANNEL_BY_CODE) + 1)
        for code, channel in CHANNEL_BY_CODE.items():
            channels[code] = priors.row_of_place(channel=channel, store_id=None)
        # The last one is for no store.
        stores = [
            priors.row_of_place(channel=None, store_id=StoreId(store_id))
            for store_id in contexts.store_ids
        ] + [-1]
        by_store = np.array(stores, dtype=np.int32)[contexts.stores]
        by_channel = np.array(channels, dtype=np.int32)[contexts.channel_codes]
        return np.where(by_store >= 0, by_store, by_channel).astype(np.int32)

    def _own_rows(self, matrix: CsrMatrix) -> CsrMatrix:
        """Translate columns from items to the model's rows; unknown items drop out."""
        columns = self._row_of_item[matrix.indices]
        known = columns >= 0
        lengths = np.bincount(expand_rows(matrix.indptr)[known], minlength=matrix.row_count)
        return CsrMatrix(row_pointers(lengths), columns[known], matrix.data[known])


def rank_popular(
    popular: PopularLists,
    *,
    k: int,
    contexts: Contexts,
    blocked: CsrMatrix | None,
    item_count: int,
    sellable: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """List what is popular in each user's store, then channel, then everywhere.

    Args:
        popular: The lists.
        k: List length, positive, at most `item_count`.
        contexts: Where the m users are; code 0 and store -1 for nowhere.
        blocked: Rows that must not appear, as the columns of m rows, or None.
        item_count: Rows of the model.
        sellable: Which rows may appear, shape (item_count,); None for all.

    Returns:
        Rows, shape (m, k), and how many of each row are filled, shape (m,).
    """
    user_count = len(contexts.channel_codes)
    rows = np.zeros((user_count, k), dtype=np.int32)
    counts = np.zeros(user_count, dtype=np.int32)
    places = contexts.stores.astype(np.int64) * 256 + contexts.channel_codes
    for place in np.unique(places):
        users = np.flatnonzero(places == place)
        theirs = None if blocked is None else take_rows(blocked, users)
        longest = 0 if theirs is None else int(np.diff(theirs.indptr).max(initial=0))
        candidates = _chain(popular, _some(contexts, users[:1]), k + longest, sellable)
        allowed = np.ones((len(users), len(candidates)), dtype=np.bool_)
        if theirs is not None:
            position = np.full(item_count, -1, dtype=np.int64)
            position[candidates] = np.arange(len(candidates))
            found = position[theirs.indices]
            allowed[expand_rows(theirs.indptr)[found >= 0], found[found >= 0]] = False
        places_taken = np.cumsum(allowed, axis=1) - 1
        chosen = allowed & (places_taken < k)
        owner, candidate = np.nonzero(chosen)
        rows[users[owner], places_taken[owner, candidate]] = candidates[candidate]
        counts[users] = chosen.sum(axis=1)
    return rows, counts


def _chain(
    popular: PopularLists, context: Contexts, count: int, sellable: NDArray[np.bool_] | None
) -> NDArray[np.int32]:
    segments = []
    if context.stores[0] >= 0:
        segments.append(store_segment(StoreId(context.store_ids[context.stores[0]])))
    if context.channel_codes[0]:
        segments.append(channel_segment(CHANNEL_BY_CODE[int(context.channel_codes[0])]))
    segments = [segment for segment in segments if segment in popular] + [SEGMENT_ALL]
    listed = [popular.list(segment)[0] for segment in segments]
    if sellable is not None:
        listed = [rows[sellable[rows]] for rows in listed]
    # The list of everything need only be as long as to fill up after the others.
    taken = sum(len(rows) for rows in listed[:-1])
    listed[-1] = listed[-1][: count + taken]
    joined = np.concatenate(listed)
    _, first = np.unique(joined, return_index=True)
    return joined[np.sort(first)][:count]


def _some(contexts: Contexts, users: NDArray[np.integer]) -> Contexts:
    return Contexts(
        channel_codes=contexts.channel_codes[users],
        stores=contexts.stores[users],
        store_ids=contexts.store_ids,
    )
