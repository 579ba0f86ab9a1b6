"""The decision: personal where anything is known, else what is popular here."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import store_segment
from recsys.catalog import CatalogFeed
from recsys.consent import Permission, Purpose
from recsys.domain import (
    FallbackCause,
    ItemId,
    Reason,
    ReasonKind,
    Shortfall,
    ShortfallCause,
    StoreId,
)
from recsys.errors import ItemNotFound, StorageUnavailable
from recsys.events import EMPTY_HISTORY, History, HistoryReader
from recsys.person_ranker import ItemWeights
from recsys.recommend.fallback import POPULAR, popular_results
from recsys.recommend.model import ServingModel
from recsys.recommend.permissions import Permissions
from recsys.recommend.permitted import Permitted, allows
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

_PERSONAL = Reason(kind=ReasonKind.PERSONAL)
_ONE_PERSONAL: Sequence[Reason] = (_PERSONAL,)
_NO_NOTES: frozenset[str] = frozenset()
_NO_ROWS = np.empty(0, dtype=np.int32)


class Recommender:
    """Answers queries with a model and the stored histories. Stateless between calls."""

    def __init__(
        self,
        *,
        histories: HistoryReader,
        personalises_by_default: bool = True,
        catalog: CatalogFeed | None = None,
    ) -> None:
        """Answer from stored histories.

        Args:
            histories: Finds what people did.
            personalises_by_default: Whether answers are made for those who have not
                said that they want it, nor that they do not.
            catalog: Says what is offered and in stock; None for everything always.
        """
        self._histories = histories
        self._personalises_by_default = personalises_by_default
        self._permissions = Permissions(catalog)

    def prepare(self, model: ServingModel, *, now: float) -> None:
        """Read what the catalogue says of a model's items, so that no answer has to wait.

        Raises:
            StorageUnavailable: It is read by the first answer then.
        """
        self._permissions.prepare(model, now=now)

    def recommend(self, model: ServingModel, query: RecommendQuery, *, now: float) -> Answer:
        """Rank the catalogue for a person.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.
        """
        notes: set[str] = set()
        stored, cause = self._stored_history(query, notes)
        history = EMPTY_HISTORY if stored is None else stored
        if query.recent_events and stored is not None:
            history = stored.joined(History.from_events(query.recent_events))
        weights = model.item_weights(history, now=now)
        if weights.unknown_count:
            notes.add(NOTE_UNKNOWN_ITEM)
        _note_unknown_store(model, query.store_id, notes)
        excluded = model.items.known_rows(query.excluded) if query.excluded else None
        permitted = self._permissions.of(
            model, query.rules, store_id=query.store_id, notes=notes, now=now
        )
        if weights.kept_count:
            results = _personal_results(
                model,
                query,
                weights,
                excluded=excluded,
                permitted=permitted,
                from_storage=bool(stored),
                cause=cause,
            )
        else:
            results = popular_results(
                model,
                channel=query.channel,
                store_id=query.store_id,
                result_count=query.result_count,
                blocked=_blocked(query, weights, excluded),
                permitted=permitted,
                cause=cause,
            )
        return Answer(
            results=results,
            shortfall=_shortfall(
                model,
                query.result_count,
                results,
                excluded=excluded,
                left_out=None if query.include_seen else weights,
                permitted=permitted,
            ),
            model_version=model.version,
            notes=frozenset(notes) if notes else _NO_NOTES,
        )

    def similar(self, model: ServingModel, query: SimilarQuery, *, now: float) -> Answer:
        """Rank the catalogue by similarity to one item.

        The similarity is the score for a person whose whole history is that
        item (Hu, Koren, Volinsky 2008, section 5), so it follows what people do
        with the items and not only how their vectors point.

        Args:
            model: The model to answer with.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            ItemNotFound: The model does not know the item.
        """
        row = model.items.row(query.item_id)
        if row is None:
            raise ItemNotFound(item_id=query.item_id)
        notes: set[str] = set()
        _note_unknown_store(model, query.store_id, notes)
        itself = np.array([row], dtype=np.int32)
        excluded = model.items.known_rows((*query.excluded, query.item_id))
        permitted = self._permissions.of(
            model, query.rules, store_id=query.store_id, notes=notes, now=now
        )
        weights = ItemWeights.of(itself, np.ones(1, dtype=np.float32), itself)
        ranking = model.rank(
            weights,
            result_count=query.result_count,
            excluded=excluded,
            prior_row=model.prior_row(channel=query.channel, store_id=query.store_id),
            allowed=permitted.masks,
        )
        reason = Reason(kind=ReasonKind.SIMILAR, similar_to=query.item_id)
        personal = model.is_personal(ranking.rows, weights)
        reasons = [reason if mine else POPULAR for mine in personal.tolist()]
        results = Results(model.items, ranking, reasons)
        return Answer(
            results=results,
            shortfall=_shortfall(
                model,
                query.result_count,
                results,
                excluded=excluded,
                left_out=None,
                permitted=permitted,
            ),
            model_version=model.version,
            notes=frozenset(notes),
        )

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


def _personal_results(
    model: ServingModel,
    query: RecommendQuery,
    weights: ItemWeights,
    *,
    excluded: NDArray[np.int32] | None,
    permitted: Permitted,
    from_storage: bool,
    cause: FallbackCause | None,
) -> Results:
    ranking = model.rank(
        weights,
        result_count=query.result_count,
        excluded=excluded,
        without_seen=not query.include_seen,
        prior_row=model.prior_row(channel=query.channel, store_id=query.store_id),
        allowed=permitted.masks,
    )
    reasons = _ONE_PERSONAL
    if not (from_storage and model.has_vectors):
        reasons = _reasons(model, ranking.rows, weights, from_storage=from_storage, cause=cause)
    return Results(model.items, ranking, reasons)


def _reasons(
    model: ServingModel,
    rows: NDArray[np.int32],
    weights: ItemWeights,
    *,
    from_storage: bool,
    cause: FallbackCause | None,
) -> Sequence[Reason]:
    personal = model.is_personal(rows, weights)
    if from_storage:
        return [_PERSONAL if mine else POPULAR for mine in personal.tolist()]
    if not len(rows):
        return []
    sources = model.most_influential(rows, weights)
    by_source = {
        row: Reason(
            kind=ReasonKind.SIMILAR,
            similar_to=ItemId(model.items.id(row)),
            fallback_cause=cause,
        )
        for row in set(sources.tolist())
    }
    popular = Reason(kind=ReasonKind.POPULAR, fallback_cause=cause) if cause else POPULAR
    return [
        by_source[source] if mine else popular
        for source, mine in zip(sources.tolist(), personal.tolist(), strict=True)
    ]


def _blocked(
    query: RecommendQuery, weights: ItemWeights, excluded: NDArray[np.int32] | None
) -> NDArray[np.int32]:
    seen = _NO_ROWS if query.include_seen else weights.seen
    return seen if excluded is None else np.union1d(excluded, seen)


def _note_unknown_store(model: ServingModel, store_id: StoreId | None, notes: set[str]) -> None:
    if store_id is not None and store_segment(store_id) not in model.popular:
        notes.add(NOTE_UNKNOWN_STORE)


def _shortfall(
    model: ServingModel,
    result_count: int,
    results: Results,
    *,
    excluded: NDArray[np.int32] | None,
    left_out: ItemWeights | None,
    permitted: Permitted,
) -> Shortfall | None:
    missing_count = result_count - len(results)
    if missing_count <= 0:
        return None
    excluded = _NO_ROWS if excluded is None else excluded
    seen = _NO_ROWS if left_out is None else left_out.seen
    bitmap = permitted.bitmap()
    if bitmap is not None:
        excluded, seen = excluded[allows(bitmap, excluded)], seen[allows(bitmap, seen)]
    counts = dict(permitted.counts()) | {
        ShortfallCause.EXCLUDED: len(excluded),
        ShortfallCause.SEEN: len(np.setdiff1d(seen, excluded, assume_unique=True)),
        ShortfallCause.CATALOG: max(0, result_count - len(model.items)),
    }
    parts = [(cause, count) for cause, count in counts.items() if count]
    return Shortfall(
        missing_count=missing_count,
        parts=tuple(sorted(parts, key=lambda part: -part[1])),
    )
