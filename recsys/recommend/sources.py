"""Where the items of an answer come from: a history, one item, or what is popular here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, allows, common_bits
from recsys.domain import Channel, FallbackCause, ItemId, Reason, ReasonKind, StoreId
from recsys.events import History
from recsys.person_ranker import ItemWeights, Ranking
from recsys.recommend.explain import Contacts, split_rows
from recsys.recommend.fallback import POPULAR, popular_order, popular_results
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel
from recsys.recommend.results import Results
from recsys.recommend.splits import Split
from recsys.row_sets import union
from recsys.rules import Arrangement, Candidates, Permitted, arrange
from recsys.rules.permitted import MASK_COUNT_MAX
from recsys.scoring import Mask

I32 = NDArray[np.int32]

_PERSONAL: Final = Reason(kind=ReasonKind.PERSONAL)
_ONE_PERSONAL: Final[Sequence[Reason]] = (_PERSONAL,)
_EDITORIAL: Final = Reason(kind=ReasonKind.EDITORIAL)
_NO_ROWS: Final = np.empty(0, dtype=np.int32)


class Source(Protocol):
    """Finds items and says why each of them."""

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Return the best items that may be shown."""
        ...

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Return the best rows that are in all of some masks."""
        ...

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say why each of some rows that `search` has found."""
        ...

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Say what their scores are made of; None where nothing personal is."""
        ...


def page(
    source: Source,
    model: ServingModel,
    permitted: Permitted,
    arrangement: Arrangement | None,
    *,
    count: int,
    excluded: I32 | None,
) -> Results:
    """Put a page together from what a source finds.

    Args:
        source: Finds items.
        model: Whose.
        permitted: What may appear.
        arrangement: How; None for simply the best.
        count: Results wanted.
        excluded: Rows that must not appear, or None.
    """
    if arrangement is None:
        return source.best(permitted, count, excluded=excluded)

    def search(masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        return source.search(in_one([*(permitted.masks or ()), *masks]), count, excluded=excluded)

    blocked = _NO_ROWS if excluded is None else excluded
    if not arrangement.pins:
        found = arrange(search, arrangement, count=count, excluded=blocked)
        return Results.of(model.items, found.rows, found.scores, source.reasons(found.rows))
    pins = set(arrangement.pins.values()).difference(blocked.tolist())
    kept = {place: row for place, row in arrangement.pins.items() if row in pins}
    found = arrange(search, arrangement.with_pins(kept), count=count, excluded=blocked)
    is_pinned = np.isin(found.rows, list(pins))
    why = iter(source.reasons(found.rows[~is_pinned]))
    reasons = [_EDITORIAL if pinned else next(why) for pinned in is_pinned.tolist()]
    return Results.of(model.items, found.rows, np.nan_to_num(found.scores, nan=0.0), reasons)


def in_one(masks: list[Mask | U8]) -> list[Mask | U8]:
    """Return masks that the kernel takes together."""
    if len(masks) <= MASK_COUNT_MAX:
        return masks
    bitmap = common_bits(masks)
    return [] if bitmap is None else [bitmap]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Personal:
    """By a history.

    Attributes:
        model: Ranks.
        weights: What the history says; something at least.
        prior_row: Of where the answer is shown.
        without_seen: Whether what she had contact with is left out.
        from_storage: Whether any of it is stored, else it is the session alone.
        cause: Why nothing stored was used.
        history: What the weights are of.
        seen_new: New items that she had contact with, if these are left out.
    """

    model: ServingModel
    weights: ItemWeights
    prior_row: int
    without_seen: bool
    from_storage: bool
    cause: FallbackCause | None
    history: History
    seen_new: I32 = field(default_factory=lambda: _NO_ROWS)

    @property
    def seen(self) -> I32:
        """Rows that are left out for having been seen, ascending."""
        if not self.without_seen:
            return _NO_ROWS
        seen = self.weights.seen
        return union(seen, self.seen_new) if len(self.seen_new) else seen

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Rank in one call."""
        return self.results_of(self._rank(permitted.masks, count, excluded))

    @property
    def _is_plain(self) -> bool:
        """Whether what she did touches every item's score, and no session is named for it."""
        return self.from_storage and self.model.has_vectors

    def results_of(self, ranking: Ranking) -> Results:
        """Say why each of some ranked items."""
        if self._is_plain and not self.model.items.is_new(ranking.rows).any():
            return Results(self.model.items, ranking, _ONE_PERSONAL)
        return Results(self.model.items, ranking, self.reasons(ranking.rows))

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank in one call."""
        ranking = self._rank(masks or None, count, excluded)
        return Candidates(ranking.rows, ranking.scores)

    def _rank(self, masks: Sequence[Mask | U8] | None, count: int, excluded: I32 | None) -> Ranking:
        if len(self.seen_new):
            excluded = self.seen_new if excluded is None else union(excluded, self.seen_new)
        return self.model.rank(
            self.weights,
            result_count=count,
            excluded=excluded,
            without_seen=self.without_seen,
            prior_row=self.prior_row,
            allowed=masks,
        )

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say which of the history's items each is similar to, where she is not known."""
        is_new = self.model.items.is_new(rows)
        if self._is_plain and not is_new.any():
            return [_PERSONAL] * len(rows)
        new = Reason(kind=ReasonKind.NEW, fallback_cause=self.cause)
        return reasons_with_new(is_new, new, self._reasons_of_known(rows[~is_new]))

    def _reasons_of_known(self, rows: I32) -> Sequence[Reason]:
        personal = self.model.is_personal(rows, self.weights)
        if self.from_storage:
            return [_PERSONAL if mine else POPULAR for mine in personal.tolist()]
        if not len(rows):
            return []
        sources = self.model.most_influential(rows, self.weights)
        distinct = union(sources)
        contacts = Contacts(self.model, self.history).of(distinct)
        by_source = {
            row: Reason(
                kind=ReasonKind.SIMILAR,
                similar_to=item_id,
                fallback_cause=self.cause,
                contact=contact,
            )
            for row, (item_id, contact) in zip(distinct.tolist(), contacts, strict=True)
        }
        popular = POPULAR
        if self.cause:
            popular = Reason(kind=ReasonKind.POPULAR, fallback_cause=self.cause)
        return [
            by_source[source] if mine else popular
            for source, mine in zip(sources.tolist(), personal.tolist(), strict=True)
        ]

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Split the scores by the history's items."""
        return split_rows(
            self.model, self.weights, rows, prior_row=self.prior_row, history=self.history
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Similar:
    """By one item.

    The similarity is the score for a person whose whole history is that item (Hu,
    Koren, Volinsky 2008, section 5), so it follows what people do with the items and
    not only how their vectors point.

    Attributes:
        model: Ranks.
        row: The item.
        item_id: Its id.
        prior_row: Of where the answer is shown.
    """

    model: ServingModel
    row: int
    item_id: ItemId
    prior_row: int

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Rank in one call."""
        blocked = np.empty(0, dtype=np.int32) if excluded is None else excluded
        found = self.search(permitted.masks or (), count, excluded=blocked)
        return Results.of(self.model.items, found.rows, found.scores, self.reasons(found.rows))

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank in one call."""
        if self._is_new:
            ranking = self.model.rank_like_new(
                self.row,
                result_count=count,
                excluded=excluded,
                prior_row=self.prior_row,
                allowed=masks,
            )
            return Candidates(ranking.rows, ranking.scores)
        ranking = self.model.rank(
            self._weights(),
            result_count=count,
            excluded=excluded,
            prior_row=self.prior_row,
            allowed=masks or None,
        )
        return Candidates(ranking.rows, ranking.scores)

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say that they are similar, where the item has a part in the score."""
        reason = Reason(kind=ReasonKind.SIMILAR, similar_to=self.item_id)
        is_new = self.model.items.is_new(rows)
        known = rows[~is_new]
        if self._is_new:
            personal = np.ones(len(known), dtype=np.bool_)
        else:
            personal = self.model.is_personal(known, self._weights())
        return reasons_with_new(
            is_new,
            Reason(kind=ReasonKind.NEW, similar_to=self.item_id),
            [reason if mine else POPULAR for mine in personal.tolist()],
        )

    @property
    def _is_new(self) -> bool:
        return bool(self.model.items.is_new(np.array([self.row], dtype=np.int32))[0])

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Split the scores; all that is personal comes from the item."""
        if self._is_new:
            return [None] * len(rows)  # Its vector is of what it is like, and no sum of items.
        return split_rows(self.model, self._weights(), rows, prior_row=self.prior_row)

    def _weights(self) -> ItemWeights:
        itself = np.array([self.row], dtype=np.int32)
        return ItemWeights.of(itself, np.ones(1, dtype=np.float32), itself)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Popular:
    """By what is popular here, for those of whom nothing is known.

    Attributes:
        model: Has the lists.
        channel: Of the context.
        store_id: Of the context.
        seen: Rows that are left out, ascending.
        cause: Why nothing stored was used.
    """

    model: ServingModel
    channel: Channel | None
    store_id: StoreId | None
    seen: I32
    cause: FallbackCause | None

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Take the store's list, then the channel's, then everybody's."""
        return popular_results(
            self.model,
            channel=self.channel,
            store_id=self.store_id,
            result_count=count,
            blocked=self.seen if excluded is None else union(excluded, self.seen),
            permitted=permitted,
            cause=self.cause,
        )

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Take the best of the lists, by their place: counts of two lists do not compare."""
        order, _ = self._order()
        places = np.arange(len(order), dtype=np.float64)
        bitmap = common_bits(masks)
        meant = ~np.isin(order, union(excluded, self.seen))
        if bitmap is not None:
            meant &= allows(bitmap, order)
        rows, scores = order[meant][:count], 1.0 / (1.0 + places[meant][:count])
        if len(rows) < count and bitmap is not None:
            rest = self.model.rank_for_nobody(
                result_count=count - len(rows),
                excluded=union(excluded, self.seen, order),
                allowed=list(masks),
            ).rows
            rows = np.concatenate([rows, rest])
            last = 1.0 / (1.0 + len(order) + np.arange(len(rest), dtype=np.float64))
            scores = np.concatenate([scores, last])
        return Candidates(rows, scores)

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say on which list each is."""
        order, reasons = self._order()
        by_row = dict(zip(order.tolist(), reasons, strict=True))
        is_new = self.model.items.is_new(rows)
        popular = Reason(kind=ReasonKind.POPULAR, fallback_cause=self.cause)
        known = [by_row.get(row, popular) for row in rows[~is_new].tolist()]
        new = Reason(kind=ReasonKind.NEW, fallback_cause=self.cause)
        return reasons_with_new(is_new, new, known)

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Say nothing: popularity is no score."""
        return [None] * len(rows)

    def _order(self) -> tuple[I32, Sequence[Reason]]:
        return popular_order(
            self.model, channel=self.channel, store_id=self.store_id, cause=self.cause
        )


class Some(Protocol):
    """Finds some items only, and says why each of them."""

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Return the best rows that are in all of some masks; fewer where there are few."""
        ...

    def has(self, rows: I32) -> NDArray[np.bool_]:
        """Say which of some rows it could find."""
        ...

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say why each of some rows that it could find."""
        ...

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Say what their scores are made of; None where nothing personal is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """What another source finds, and then what is popular here.

    Attributes:
        first: Finds some, with scores above 0.
        popular: For the rest of the page.
    """

    first: Some
    popular: Popular

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Rank, and fill up with what is popular."""
        blocked = np.empty(0, dtype=np.int32) if excluded is None else excluded
        found = self.first.search(permitted.masks or (), count, excluded=blocked)
        items = self.popular.model.items
        head = Results.of(items, found.rows, found.scores, self.first.reasons(found.rows))
        if len(head) == count:
            return head
        rest = self.popular.best(permitted, count - len(head), excluded=union(blocked, found.rows))
        return head.followed_by(rest)

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank, and fill up; scores of what is popular lie below 0."""
        found = self.first.search(masks, count, excluded=excluded)
        if len(found.rows) == count:
            return found
        rest = self.popular.search(
            masks, count - len(found.rows), excluded=union(excluded, found.rows)
        )
        return Candidates(
            np.concatenate([found.rows, rest.rows]),
            # Of popular items they are 1 at most.
            np.concatenate([found.scores, rest.scores - 2.0]),
        )

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say what the one or the other source says."""
        mine = self.first.has(rows)
        own, popular = iter(self.first.reasons(rows[mine])), iter(self.popular.reasons(rows[~mine]))
        return [next(own if one else popular) for one in mine.tolist()]

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Split the scores of what the first source finds."""
        mine = self.first.has(rows)
        own = iter(self.first.split(rows[mine]))
        return [next(own) if one else None for one in mine.tolist()]


def of_person(
    model: ServingModel,
    known: Known,
    *,
    channel: Channel | None,
    store_id: StoreId | None,
    without_seen: bool,
) -> Personal | Popular:
    """Decide by what somebody is answered: what she did, if that says anything.

    Args:
        model: Ranks.
        known: What is known of her.
        channel: Of the context.
        store_id: Of the context.
        without_seen: Whether what she had contact with is left out.
    """
    if known.weights.kept_count:
        return Personal(
            model=model,
            weights=known.weights,
            prior_row=model.prior_row(channel=channel, store_id=store_id),
            without_seen=without_seen,
            from_storage=known.from_storage,
            cause=known.cause,
            history=known.history,
            seen_new=model.new_contacts(known.history) if without_seen else _NO_ROWS,
        )
    return Popular(
        model=model,
        channel=channel,
        store_id=store_id,
        seen=seen_rows(model, known) if without_seen else _NO_ROWS,
        cause=known.cause,
    )


def seen_rows(model: ServingModel, known: Known) -> I32:
    """Return the rows that somebody has had contact with, ascending."""
    new = model.new_contacts(known.history)
    return union(known.weights.seen, new) if len(new) else known.weights.seen


def reasons_with_new(
    is_new: NDArray[np.bool_], new: Reason, known: Sequence[Reason]
) -> Sequence[Reason]:
    """Put the reason of new items between those of the others.

    Args:
        is_new: Of each result, whether its item is new.
        new: The reason of new items.
        known: The reasons of the others, in their order.
    """
    others = iter(known)
    return [new if one else next(others) for one in is_new.tolist()]
