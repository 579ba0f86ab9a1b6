"""What may be known of the person who asks: read once, whatever is asked then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from recsys import limits
from recsys.consent import Permission, Purpose
from recsys.domain import Channel, FallbackCause, Identifier, ItemEvent
from recsys.errors import StorageUnavailable
from recsys.events import EMPTY_HISTORY, History, HistoryReader
from recsys.person_ranker import ItemWeights
from recsys.recommend.model import ServingModel
from recsys.recommend.query import (
    NOTE_NO_CONSENT,
    NOTE_STORAGE_UNAVAILABLE,
    NOTE_UNKNOWN_ITEM,
    NOTE_UNKNOWN_SUBJECT,
)


class Asking(Protocol):
    """Who asks, and from where."""

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """How she is known; empty for an anonymous person."""
        ...

    @property
    def channel(self) -> Channel | None:
        """Where the answer is shown; None if not said."""
        ...

    @property
    def recent_events(self) -> Sequence[ItemEvent]:
        """What the caller knows of the session, in any order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What is known of somebody and may be used.

    Attributes:
        history: What she did, stored and in the session; empty if it may not be used.
        weights: What that says to the model.
        from_storage: Whether any of it is stored, else it is the session alone.
        is_allowed: Whether what is known of her may be used; not where nobody can say whether
            she wants it, and has to want it.
        cause: Why nothing stored was used; None if it was, or there is nothing.
    """

    history: History
    weights: ItemWeights
    from_storage: bool
    is_allowed: bool
    cause: FallbackCause | None


class Acquaintance:
    """Looks up what may be known of people. Safe to share between threads."""

    def __init__(self, histories: HistoryReader, *, personalises_by_default: bool) -> None:
        """Answer from stored histories.

        Args:
            histories: Finds what people did.
            personalises_by_default: Whether what is known may be used of those who have
                not said that they want it, nor that they do not.
        """
        self._histories = histories
        self._personalises_by_default = personalises_by_default

    def known(self, model: ServingModel, asking: Asking, notes: set[str], *, now: float) -> Known:
        """Look up who asks.

        Args:
            model: Weighs what she did.
            asking: Who, and from where.
            notes: Gets what had to be done without.
            now: Seconds since 1970-01-01 UTC.
        """
        stored, cause = self._stored(asking, notes)
        history = EMPTY_HISTORY if stored is None else stored
        if asking.recent_events and stored is not None:
            history = stored.joined(History.from_events(asking.recent_events))
        weights = model.item_weights(history, now=now)
        if weights.unknown_count and not model.knows_all(history):
            notes.add(NOTE_UNKNOWN_ITEM)
        return Known(
            history=history,
            weights=weights,
            from_storage=bool(stored),
            is_allowed=stored is not None,
            cause=cause,
        )

    def may_know(self, asking: Asking) -> bool:
        """Whether what is known of somebody may be used for her."""
        stored, _ = self._stored(asking, set())
        return stored is not None

    def _stored(
        self, asking: Asking, notes: set[str]
    ) -> tuple[History | None, FallbackCause | None]:
        """Return what is stored, and why not; no history if nothing may be known of her."""
        if not asking.identifiers:
            # Nobody in particular can neither allow nor refuse.
            return EMPTY_HISTORY, None
        permission = Permission.to(
            Purpose.PERSONALISE, asking.channel, by_default=self._personalises_by_default
        )
        try:
            stored = self._histories.history(
                asking.identifiers,
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
