"""The decision: personal where anything is known, else what is popular here."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import store_segment
from recsys.catalog import CatalogFeed, NoCatalog
from recsys.domain import ItemId, ShortfallCause, StoreId
from recsys.errors import ItemNotFound
from recsys.events import EMPTY_HISTORY, History, HistoryReader
from recsys.recommend.answering import LeftOut, answered
from recsys.recommend.explain import Explanation
from recsys.recommend.known import Acquaintance, Known
from recsys.recommend.locate import Located, LocateQuery, equivalents_query, stores_with_item
from recsys.recommend.model import ServingModel
from recsys.recommend.paging import NOTHING_BEFORE, Before, pages_before, with_next_page
from recsys.recommend.pins import pinned_position
from recsys.recommend.query import (
    NOTE_UNKNOWN_STORE,
    Answer,
    Placed,
    RecommendQuery,
    SimilarQuery,
)
from recsys.recommend.sources import Similar, Source, of_person
from recsys.rules import Asked, InForce, Permissions, Placements
from recsys.rules.refusals import Refusal

I32 = NDArray[np.int32]


class Question(NamedTuple):
    """A question, as far as it can be answered without a model's scores.

    Attributes:
        source: Finds items.
        in_force: What may be shown.
        seen: Rows that are left out for having been seen, ascending.
    """

    source: Source
    in_force: InForce
    seen: I32


class Recommender:
    """Answers queries with a model and the stored histories. Stateless between calls."""

    def __init__(
        self,
        *,
        histories: HistoryReader,
        personalises_by_default: bool = True,
        catalog: CatalogFeed | None = None,
        placements: Placements | None = None,
    ) -> None:
        """Answer from stored histories.

        Args:
            histories: Finds what people did.
            personalises_by_default: Whether answers are made for those who have not
                said that they want it, nor that they do not.
            catalog: Says what is offered and in stock; None for everything always.
            placements: The rules of each; None for none.
        """
        self.acquaintance = Acquaintance(histories, personalises_by_default=personalises_by_default)
        self.permissions = Permissions(catalog or NoCatalog(), placements or Placements())

    def prepare(self, model: ServingModel, *, now: float) -> None:
        """Read what the catalogue says of a model's items, so that no answer has to wait.

        Raises:
            StorageUnavailable: It is read by the first answer then.
        """
        self.permissions.prepare(model, now=now)

    def recommend(self, model: ServingModel, query: RecommendQuery, *, now: float) -> Answer:
        """Rank the catalogue for a person.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: The rules cannot be followed, or the page token is of another
                question or model.
        """
        notes: set[str] = set()
        before = pages_before(model, query)
        known = self.acquaintance.known(model, query, notes, now=now)
        answer = self.recommend_to(model, query, known, notes, before=before, now=now)
        return with_next_page(model, query, before, answer)

    def recommend_to(
        self,
        model: ServingModel,
        query: RecommendQuery,
        known: Known,
        notes: set[str],
        *,
        before: Before = NOTHING_BEFORE,
        now: float,
    ) -> Answer:
        """Rank the catalogue for somebody who has been looked up; else as `recommend`.

        Args:
            model: The model to answer with.
            query: The question.
            known: What is known of her.
            notes: What had to be done without so far.
            before: What is shown already.
            now: Seconds since 1970-01-01 UTC.
        """
        question = self.question(model, query, known, notes, now=now)
        left_out = LeftOut(seen=question.seen, before=before)
        return answered(model, query, question.source, question.in_force, notes, left_out)

    def explain(
        self, model: ServingModel, query: RecommendQuery, item_id: ItemId, *, now: float
    ) -> Explanation:
        """Say why an item is where it is in an answer, or why it is not in it.

        Args:
            model: The model to answer with.
            query: The question; how many results it wants does not matter.
            item_id: The item.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: The rules cannot be followed.
            StorageUnavailable: What the catalogue says of the item cannot be read.
        """
        self.permissions.prepare(model, now=now)
        row = model.items.row(item_id)
        notes: set[str] = set()
        if row is None:
            in_force = self.in_force(model, query, EMPTY_HISTORY, notes, now=now)
            return Explanation(
                item_id=item_id,
                is_known=False,
                pinned_position=pinned_position(in_force, item_id),
                model_version=model.version,
            )
        longest = msgspec.structs.replace(query, result_count=limits.RESULT_COUNT_MAX)
        known = self.acquaintance.known(model, longest, notes, now=now)
        question = self.question(model, longest, known, notes, now=now)
        source = question.source
        left_out = LeftOut(seen=question.seen)
        answer = answered(model, longest, source, question.in_force, notes, left_out)
        ids = [one.item_id for one in answer.results]
        (split,) = source.split(np.array([row], dtype=np.int32))
        return Explanation(
            item_id=item_id,
            is_known=True,
            position=ids.index(item_id) + 1 if item_id in ids else None,
            score=None if split is None else split.score,
            parts={} if split is None else split.parts,
            influences=() if split is None else split.influences,
            refusals=(
                *self._refusals(query, question, row, item_id, now=now),
                *_outdone(question.in_force, answer.results.ranking.rows, row),
            ),
            pinned_position=pinned_position(question.in_force, item_id),
            model_version=model.version,
        )

    def locate(self, model: ServingModel, query: LocateQuery, *, now: float) -> Located:
        """Say where an item is, and what the shop asked for has in its place.

        Args:
            model: Knows what is similar.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            ItemNotFound: Neither the catalogue nor the model knows the item.
            InvalidRequest: The rules cannot be followed.
            StorageUnavailable: The stock cannot be read: nothing is said then.
        """
        catalog = self.permissions.catalog
        item = catalog.find_items([query.item_id]).get(query.item_id)
        self.permissions.prepare(model, now=now)
        is_known = model.items.row(query.item_id) is not None
        if item is None and not is_known:
            raise ItemNotFound(item_id=query.item_id)
        rows = catalog.quantities(query.item_id) if item is not None else ()
        located = Located(
            here=next((row for row in rows if row.store_id == query.store_id), None),
            stores=stores_with_item(query, rows, catalog),
            equivalents=None,
        )
        if query.store_id is None or located.is_here:
            return located
        asked = equivalents_query(query, item, now=now)
        if is_known:
            answer = self.similar(model, asked, now=now)
        else:
            # Nothing is known to be similar to what nobody has touched yet.
            popular = RecommendQuery(
                placement=asked.placement,
                channel=asked.channel,
                store_id=asked.store_id,
                result_count=asked.result_count,
                rules=asked.rules,
            )
            answer = self.recommend(model, popular, now=now)
        return msgspec.structs.replace(located, equivalents=answer)

    def _refusals(
        self, query: RecommendQuery, question: Question, row: int, item_id: ItemId, *, now: float
    ) -> Iterator[Refusal]:
        yield from self.permissions.refusals(question.in_force, row, item_id, now=now)
        if item_id in query.excluded:
            yield Refusal(ShortfallCause.EXCLUDED, "the request excludes it")
        if row in question.in_force.excluded:
            yield Refusal(ShortfallCause.EXCLUDED, "is in the basket, or was bought not long ago")
        if row in question.seen:
            yield Refusal(ShortfallCause.SEEN, "the person has had contact with it")

    def question(
        self,
        model: ServingModel,
        query: RecommendQuery,
        known: Known,
        notes: set[str],
        *,
        now: float,
    ) -> Question:
        """Find out what may be shown to somebody, and where it comes from."""
        in_force = self.in_force(model, query, known.history, notes, now=now)
        shows_seen = query.include_seen or bool(in_force.rules.include_seen)
        source = of_person(
            model,
            known,
            channel=query.channel,
            store_id=query.store_id,
            without_seen=not shows_seen,
        )
        return Question(source=source, in_force=in_force, seen=source.seen)

    def similar(self, model: ServingModel, query: SimilarQuery, *, now: float) -> Answer:
        """Rank the catalogue by similarity to one item.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            ItemNotFound: The model does not know the item.
            InvalidRequest: The rules cannot be followed, or the page token is of another
                question or model.
        """
        notes: set[str] = set()
        before = pages_before(model, query)
        history = EMPTY_HISTORY
        if query.identifiers or query.recent_events:
            history = self.acquaintance.known(model, query, notes, now=now).history
        answer = self.similar_to(model, query, history, notes, before=before, now=now)
        return with_next_page(model, query, before, answer)

    def similar_to(
        self,
        model: ServingModel,
        query: SimilarQuery,
        history: History,
        notes: set[str],
        *,
        before: Before = NOTHING_BEFORE,
        now: float,
    ) -> Answer:
        """Rank by similarity for somebody who has been looked up; else as `similar`.

        Args:
            model: The model to answer with.
            query: The question.
            history: What she did, as far as it may be used; what rules look at.
            notes: What had to be done without so far.
            before: What is shown already.
            now: Seconds since 1970-01-01 UTC.
        """
        in_force = self.in_force(model, query, history, notes, now=now)
        row = model.items.row(query.item_id)
        if row is None:
            raise ItemNotFound(item_id=query.item_id)
        source = Similar(
            model=model,
            row=row,
            item_id=query.item_id,
            prior_row=model.prior_row(channel=query.channel, store_id=query.store_id),
        )
        left_out = LeftOut(itself=np.array([row], dtype=np.int32), before=before)
        return answered(model, query, source, in_force, notes, left_out)

    def in_force(
        self, model: ServingModel, query: Placed, history: History, notes: set[str], *, now: float
    ) -> InForce:
        """Resolve what may be shown as of this moment.

        Args:
            model: Whose items.
            query: Where and how much.
            history: What she did, as far as it may be used.
            notes: Gets what had to be done without.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: The rules cannot be followed.
        """
        _note_unknown_store(model, query.store_id, notes)
        asked = Asked(
            placement=query.placement,
            rules=query.rules,
            store_id=query.store_id,
            place=query.place,
            buyer_age=query.buyer_age,
            history=history,
            now=now,
            identifiers=query.identifiers,
        )
        return self.permissions.in_force(model, asked, count=query.result_count, notes=notes)


def _outdone(in_force: InForce, page: I32, row: int) -> Iterator[Refusal]:
    """Say of which kind as many are on the page already as may be."""
    if in_force.arrangement is None or row in page:
        return
    for cap in in_force.arrangement.caps:
        (group,) = cap.groups.of(np.array([row], dtype=np.int32))
        if cap.is_full(group, cap.held(page)):
            said = cap.text or "it is a variant of what is shown"
            yield Refusal(cap.cause, said)


def _note_unknown_store(model: ServingModel, store_id: StoreId | None, notes: set[str]) -> None:
    if store_id is not None and store_segment(store_id) not in model.popular:
        notes.add(NOTE_UNKNOWN_STORE)
