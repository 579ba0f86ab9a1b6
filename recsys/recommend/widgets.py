"""What a shop shows beside plain recommendations: given items in order, what she looked at, pages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import ItemId, ShortfallCause
from recsys.errors import ItemNotFound, StorageUnavailable
from recsys.events import NoEvents
from recsys.recommend.again import buy_again
from recsys.recommend.answering import (
    NO_ROWS,
    LeftOut,
    answered,
    listed_answer,
    put_together,
    shortfall,
)
from recsys.recommend.basket import Complements, basket_of
from recsys.recommend.given import Among, order_only, recently_viewed
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel
from recsys.recommend.paging import Before, pages_before, with_next_page
from recsys.recommend.query import (
    NOTE_STORAGE_UNAVAILABLE,
    NOTE_UNKNOWN_ITEM,
    AgainQuery,
    Answer,
    BasketQuery,
    ListQuery,
    PageQuery,
    RankAnswer,
    RankQuery,
    RecentQuery,
    RecommendQuery,
    SimilarQuery,
    SlotQuery,
    TrendingQuery,
)
from recsys.recommend.recommender import Recommender
from recsys.recommend.results import Results
from recsys.recommend.rising import rising_here
from recsys.recommend.sources import Followed, Popular, of_person, page, seen_rows
from recsys.recommend.splits import AnswerExplanation
from recsys.recommend.trends import Trends
from recsys.row_sets import union
from recsys.rules import InForce

I32 = NDArray[np.int32]
ListT_contra = TypeVar("ListT_contra", bound=ListQuery, contravariant=True)


class _ListOf(Protocol[ListT_contra]):
    """Answers a question for somebody who has been looked up."""

    def __call__(
        self,
        model: ServingModel,
        query: ListT_contra,
        known: Known,
        notes: set[str],
        /,
        *,
        before: Before,
        now: float,
    ) -> Answer:
        """Answer."""
        ...


class Widgets:
    """Answers the questions of widgets. Stateless between calls, as the recommender."""

    def __init__(self, recommender: Recommender, trends: Trends | None = None) -> None:
        """Share what a recommender knows of people and of what may be shown.

        Args:
            recommender: Knows that.
            trends: Counts what is asked for just now; None where nobody does.
        """
        self._trends = trends or Trends(NoEvents())
        self._recommender = recommender
        self._acquaintance = recommender.acquaintance

    def rank(self, model: ServingModel, query: RankQuery, *, now: float) -> RankAnswer:
        """Put given items into a person's order.

        The ranking is that of `Recommender.recommend` over these items alone, so scores
        and order are the same.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: The rules cannot be followed.
        """
        notes: set[str] = set()
        known = self._acquaintance.known(model, query, notes, now=now)
        # First of all what is new is looked at.
        in_force = self._recommender.in_force(model, query, known.history, notes, now=now)
        rows = model.items.known_rows(query.item_ids)
        unknown = _unknown(model, query.item_ids)
        if unknown:
            notes.add(NOTE_UNKNOWN_ITEM)
        # What she searches for may well be what she knows.
        without_seen = in_force.rules.include_seen is False
        source = of_person(
            model,
            known,
            channel=query.channel,
            store_id=query.store_id,
            without_seen=without_seen,
        )
        among = Among.rows(source, rows, row_count=in_force.permitted.row_count)
        arrangement = order_only(in_force.arrangement, rows)
        results = page(
            among,
            model,
            in_force.permitted,
            arrangement,
            count=len(rows),
            excluded=in_force.excluded,
        )
        distinct = msgspec.structs.replace(query, item_ids=tuple(dict.fromkeys(query.item_ids)))
        taken = {
            ShortfallCause.EXCLUDED: in_force.excluded,
            ShortfallCause.SEEN: source.seen,
        }
        missing = {ShortfallCause.CATALOG: len(unknown)}
        answer = put_together(
            model, distinct, among, results, in_force, arrangement, notes, taken=taken, missing=missing,
            among=rows,
        )  # fmt: skip
        return RankAnswer(**msgspec.structs.asdict(answer), unknown=unknown)

    def recently_viewed(self, model: ServingModel, query: RecentQuery, *, now: float) -> Answer:
        """List what a person had contact with, the latest first; arguments as of `rank`."""
        return self._paged(self._recent, model, query, now=now)

    def buy_again(self, model: ServingModel, query: AgainQuery, *, now: float) -> Answer:
        """List what a person may need again; arguments as of `rank`."""
        return self._paged(self._again, model, query, now=now)

    def complete_basket(self, model: ServingModel, query: BasketQuery, *, now: float) -> Answer:
        """Suggest what completes a basket; arguments as of `rank`."""
        return self._paged(self._complete, model, query, now=now)

    def trending(self, model: ServingModel, query: TrendingQuery, *, now: float) -> Answer:
        """List what is asked for more than usual; arguments as of `rank`."""
        return self._paged(self._rising, model, query, now=now)

    def page(self, model: ServingModel, query: PageQuery, *, now: float) -> Sequence[Answer]:
        """Fill the slots of a page, no item twice; arguments as of `rank`.

        Returns:
            An answer for each slot. What had to be done without of the person is noted
            in the first.
        """
        notes: set[str] = set()
        known = self._acquaintance.known(model, query, notes, now=now)
        shown = NO_ROWS
        answers = []
        for slot in query.slots:
            asked = msgspec.structs.replace(slot, identifiers=query.identifiers)
            before = Before(slots=shown)
            answer = self._slot(model, asked, known, notes, before=before, now=now)
            answers.append(answer)
            shown = union(shown, answer.results.ranking.rows)
            notes = set()
        return answers

    def _paged(
        self,
        list_of: _ListOf[ListT_contra],
        model: ServingModel,
        query: ListT_contra,
        *,
        now: float,
    ) -> Answer:
        """Answer a question that is no slot, with the token of the next page."""
        notes: set[str] = set()
        before = pages_before(model, query)
        known = self._acquaintance.known(model, query, notes, now=now)
        answer = list_of(model, query, known, notes, before=before, now=now)
        return with_next_page(model, query, before, answer)

    def _slot(
        self,
        model: ServingModel,
        slot: SlotQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        match slot:
            case RecommendQuery():
                return self._recommender.recommend_to(
                    model, slot, known, notes, before=before, now=now
                )
            case RecentQuery():
                return self._recent(model, slot, known, notes, before=before, now=now)
            case AgainQuery():
                return self._again(model, slot, known, notes, before=before, now=now)
            case BasketQuery():
                return self._complete(model, slot, known, notes, before=before, now=now)
            case TrendingQuery():
                return self._rising(model, slot, known, notes, before=before, now=now)
            case SimilarQuery():
                return self._similar(model, slot, known, notes, before=before, now=now)

    def _similar(
        self,
        model: ServingModel,
        slot: SimilarQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        try:
            return self._recommender.similar_to(
                model, slot, known.history, notes, before=before, now=now
            )
        except ItemNotFound:
            # A page does not go dark because one item on it is new.
            return Answer(
                results=Results.of(model.items, NO_ROWS, np.empty(0), ()),
                shortfall=shortfall(slot.result_count, {ShortfallCause.CATALOG: 1}),
                model_version=model.version,
                notes=frozenset({*notes, NOTE_UNKNOWN_ITEM}),
                explanation=AnswerExplanation(splits=(), filtered=()) if slot.explains else None,
            )

    def _recent(
        self,
        model: ServingModel,
        query: RecentQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        in_force = self._recommender.in_force(model, query, known.history, notes, now=now)
        # Time has its own order.
        in_force = replace(in_force, arrangement=None)
        source = recently_viewed(model, known.history, query.event_types, cause=known.cause)
        return listed_answer(model, query, source, in_force, notes, before)

    def _again(
        self,
        model: ServingModel,
        query: AgainQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        in_force = self._recommender.in_force(model, query, known.history, notes, now=now)
        source = buy_again(model, known.history, cause=known.cause, now=now)
        return listed_answer(model, query, source, in_force, notes, before)

    def _complete(
        self,
        model: ServingModel,
        query: BasketQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        in_force = self._recommender.in_force(model, query, known.history, notes, now=now)
        basket = basket_of(model, query, known.history, now=now)
        # What she knows may be missing in her basket all the same.
        popular = _popular(model, query, known, in_force)
        complements = Complements(model=model, basket=basket, seen=popular.seen)
        source = Followed(first=complements, popular=popular)
        left_out = LeftOut(seen=popular.seen, itself=basket, before=before)
        return answered(model, query, source, in_force, notes, left_out)

    def _rising(
        self,
        model: ServingModel,
        query: TrendingQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before,
        now: float,
    ) -> Answer:
        try:
            self._trends.refresh(now=now)
        except StorageUnavailable:
            # What was on the rise a moment ago still is.
            notes.add(NOTE_STORAGE_UNAVAILABLE)
        in_force = self._recommender.in_force(model, query, known.history, notes, now=now)
        popular = _popular(model, query, known, in_force)
        rising = rising_here(
            model, self._trends, channel=query.channel, store_id=query.store_id, now=now
        )
        left_out = LeftOut(seen=popular.seen, before=before)
        if len(popular.seen):
            unseen = ~np.isin(rising.rows, popular.seen)
            rising = rising.taken(unseen)
        source = Followed(first=rising, popular=popular)
        return answered(model, query, source, in_force, notes, left_out)


def _popular(
    model: ServingModel, query: BasketQuery | TrendingQuery, known: Known, in_force: InForce
) -> Popular:
    """Return what is popular here, without what she knows where that is asked for."""
    return Popular(
        model=model,
        channel=query.channel,
        store_id=query.store_id,
        seen=seen_rows(model, known) if in_force.rules.include_seen is False else NO_ROWS,
        cause=known.cause,
    )


def _unknown(model: ServingModel, item_ids: Sequence[ItemId]) -> tuple[ItemId, ...]:
    """Return the distinct ids that a model does not know, in the order given."""
    _, positions = model.items.find(item_ids)
    is_unknown = np.ones(len(item_ids), dtype=np.bool_)
    is_unknown[positions] = False
    return tuple(dict.fromkeys(item_ids[at] for at in np.flatnonzero(is_unknown).tolist()))
