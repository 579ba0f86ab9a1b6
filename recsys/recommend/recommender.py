"""The decision: personal where anything is known, else what is popular here."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import store_segment
from recsys.catalog import CatalogFeed, NoCatalog
from recsys.consent import Permission, Purpose
from recsys.domain import FallbackCause, ItemId, Shortfall, ShortfallCause, StoreId
from recsys.errors import ItemNotFound, StorageUnavailable
from recsys.events import EMPTY_HISTORY, History, HistoryReader
from recsys.person_ranker import ItemWeights
from recsys.recommend.explain import Explanation, Influence, score_parts, strongest
from recsys.recommend.locate import Located, LocateQuery, equivalents_query, stores_with_item
from recsys.recommend.model import ServingModel
from recsys.recommend.query import (
    NOTE_NO_CONSENT,
    NOTE_STORAGE_UNAVAILABLE,
    NOTE_UNKNOWN_ITEM,
    NOTE_UNKNOWN_STORE,
    NOTE_UNKNOWN_SUBJECT,
    Answer,
    RecommendQuery,
    SimilarQuery,
)
from recsys.recommend.results import Results
from recsys.recommend.sources import Personal, Popular, Similar, Source, page
from recsys.rules import Asked, InForce, Permissions, Permitted, Placements, allows
from recsys.rules.refusals import Refusal

I32 = NDArray[np.int32]

_NO_NOTES: frozenset[str] = frozenset()
_NO_ROWS = np.empty(0, dtype=np.int32)


class _Question(NamedTuple):
    """A question, as far as it can be answered without a model's scores.

    Attributes:
        source: Finds items.
        in_force: What may be shown.
        seen: What is left out for having been seen; None for nothing.
    """

    source: Source
    in_force: InForce
    seen: ItemWeights | None


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
        self._histories = histories
        self._personalises_by_default = personalises_by_default
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
            InvalidRequest: The rules cannot be followed.
        """
        notes: set[str] = set()
        question = self._question(model, query, notes, now=now)
        return _answer(model, query, question.source, question.in_force, notes, seen=question.seen)

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
        row = model.items.row(item_id)
        if row is None:
            return Explanation(item_id=item_id, is_known=False, model_version=model.version)
        notes: set[str] = set()
        longest = msgspec.structs.replace(query, result_count=limits.RESULT_COUNT_MAX)
        question = self._question(model, longest, notes, now=now)
        source = question.source
        answer = _answer(model, longest, source, question.in_force, notes, seen=question.seen)
        ids = [one.item_id for one in answer.results]
        score: float | None = None
        parts: dict[str, float] = {}
        strong: tuple[Influence, ...] = ()
        if isinstance(source, Personal):
            score, parts = score_parts(model, source.weights, row, prior_row=source.prior_row)
            strong = strongest(model, source.weights, row)
        return Explanation(
            item_id=item_id,
            is_known=True,
            position=ids.index(item_id) + 1 if item_id in ids else None,
            score=score,
            parts=parts,
            influences=strong,
            refusals=tuple(self._refusals(query, question, row, item_id, now=now)),
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
        self, query: RecommendQuery, question: "_Question", row: int, item_id: ItemId, *, now: float
    ) -> Iterator[Refusal]:
        yield from self.permissions.refusals(question.in_force, row, item_id, now=now)
        if item_id in query.excluded:
            yield Refusal(ShortfallCause.EXCLUDED, "the request excludes it")
        if row in question.in_force.excluded:
            yield Refusal(ShortfallCause.EXCLUDED, "is in the basket, or was bought not long ago")
        if question.seen is not None and row in question.seen.seen:
            yield Refusal(ShortfallCause.SEEN, "the person has had contact with it")

    def _question(
        self, model: ServingModel, query: RecommendQuery, notes: set[str], *, now: float
    ) -> "_Question":
        """Find out who asks, what she did and what may be shown."""
        stored, cause = self._stored_history(query, notes)
        history = EMPTY_HISTORY if stored is None else stored
        if query.recent_events and stored is not None:
            history = stored.joined(History.from_events(query.recent_events))
        weights = model.item_weights(history, now=now)
        if weights.unknown_count:
            notes.add(NOTE_UNKNOWN_ITEM)
        in_force = self._in_force(model, query, history, notes, now=now)
        seen = None if query.include_seen or in_force.rules.include_seen else weights
        source: Source
        if weights.kept_count:
            source = Personal(
                model=model,
                weights=weights,
                prior_row=model.prior_row(channel=query.channel, store_id=query.store_id),
                without_seen=seen is not None,
                from_storage=bool(stored),
                cause=cause,
            )
        else:
            source = Popular(
                model=model,
                channel=query.channel,
                store_id=query.store_id,
                seen=_NO_ROWS if seen is None else seen.seen,
                cause=cause,
            )
        return _Question(source=source, in_force=in_force, seen=seen)

    def similar(self, model: ServingModel, query: SimilarQuery, *, now: float) -> Answer:
        """Rank the catalogue by similarity to one item.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            ItemNotFound: The model does not know the item.
            InvalidRequest: The rules cannot be followed.
        """
        row = model.items.row(query.item_id)
        if row is None:
            raise ItemNotFound(item_id=query.item_id)
        notes: set[str] = set()
        in_force = self._in_force(model, query, EMPTY_HISTORY, notes, now=now)
        source = Similar(
            model=model,
            row=row,
            item_id=query.item_id,
            prior_row=model.prior_row(channel=query.channel, store_id=query.store_id),
        )
        return _answer(model, query, source, in_force, notes, itself=row)

    def _in_force(
        self,
        model: ServingModel,
        query: RecommendQuery | SimilarQuery,
        history: History,
        notes: set[str],
        *,
        now: float,
    ) -> InForce:
        _note_unknown_store(model, query.store_id, notes)
        asked = Asked(
            placement=query.placement,
            rules=query.rules,
            store_id=query.store_id,
            place=query.place,
            buyer_age=query.buyer_age,
            history=history,
            now=now,
        )
        return self.permissions.in_force(model, asked, count=query.result_count, notes=notes)

    def _stored_history(
        self, query: RecommendQuery, notes: set[str]
    ) -> tuple[History | None, FallbackCause | None]:
        """Return what is stored, and why not; no history if nothing may be known of her."""
        if not query.identifiers:
            # Nobody in particular can neither allow nor refuse.
            return EMPTY_HISTORY, None
        permission = Permission.to(
            Purpose.PERSONALISE, query.channel, by_default=self._personalises_by_default
        )
        try:
            stored = self._histories.history(
                query.identifiers,
                event_count_max=limits.HISTORY_EVENT_COUNT_MAX,
                permission=permission,
            )
        except StorageUnavailable:
            # A shop must not go dark with its database: the session and the
            # popular lists still answer, and operators see the note.
            notes.add(NOTE_STORAGE_UNAVAILABLE)
            history = EMPTY_HISTORY if self._personalises_by_default else None
            return history, FallbackCause.STORAGE_UNAVAILABLE
        if stored is None:
            notes.add(NOTE_NO_CONSENT)
            return None, FallbackCause.NO_CONSENT
        if not len(stored):
            notes.add(NOTE_UNKNOWN_SUBJECT)
        return stored, None


def _answer(
    model: ServingModel,
    query: RecommendQuery | SimilarQuery,
    source: Source,
    in_force: InForce,
    notes: set[str],
    *,
    seen: ItemWeights | None = None,
    itself: int | None = None,
) -> Answer:
    excluded = model.items.known_rows(query.excluded) if query.excluded else None
    if len(in_force.excluded):
        excluded = np.union1d(_NO_ROWS if excluded is None else excluded, in_force.excluded)
    if itself is not None:
        excluded = np.union1d(_NO_ROWS if excluded is None else excluded, [itself])
        excluded = excluded.astype(np.int32)
    results = page(
        source,
        model,
        in_force.permitted,
        in_force.arrangement,
        count=query.result_count,
        excluded=excluded,
    )
    return Answer(
        results=results,
        shortfall=_shortfall(
            model,
            query.result_count,
            results,
            excluded=_NO_ROWS if excluded is None else excluded,
            seen=_NO_ROWS if seen is None else seen.seen,
            permitted=in_force.permitted,
        ),
        model_version=model.version,
        notes=frozenset(notes) if notes else _NO_NOTES,
    )


def _note_unknown_store(model: ServingModel, store_id: StoreId | None, notes: set[str]) -> None:
    if store_id is not None and store_segment(store_id) not in model.popular:
        notes.add(NOTE_UNKNOWN_STORE)


def _shortfall(
    model: ServingModel,
    result_count: int,
    results: Results,
    *,
    excluded: I32,
    seen: I32,
    permitted: Permitted,
) -> Shortfall | None:
    missing_count = result_count - len(results)
    if missing_count <= 0:
        return None
    bitmap = permitted.bitmap()
    if bitmap is not None:
        excluded, seen = excluded[allows(bitmap, excluded)], seen[allows(bitmap, seen)]
    counts = permitted.counts() | {
        ShortfallCause.EXCLUDED: len(excluded),
        ShortfallCause.SEEN: len(np.setdiff1d(seen, excluded, assume_unique=True)),
        ShortfallCause.CATALOG: max(0, result_count - len(model.items)),
    }
    parts = [(cause, count) for cause, count in counts.items() if count]
    return Shortfall(
        missing_count=missing_count,
        parts=tuple(sorted(parts, key=lambda part: -part[1])),
    )
