"""What may be known of the person who asks: read once, whatever is asked then."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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


class Stored(NamedTuple):
    """What is stored of somebody.

    Attributes:
        history: What she did; None if nothing may be known of her.
        cause: Why nothing stored is used; None if it is, or there is nothing.
        note: What had to be done without; None for nothing.
    """

    history: History | None
    cause: FallbackCause | None = None
    note: str | None = None


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

    def known(
        self,
        model: ServingModel,
        asking: Asking,
        notes: set[str],
        *,
        now: float,
        stored: Stored | None = None,
    ) -> Known:
        """Look up who asks.

        Args:
            model: Weighs what she did.
            asking: Who, and from where.
            notes: Gets what had to be done without.
            now: Seconds since 1970-01-01 UTC.
            stored: What `read` has said of her; None to read it.
        """
        if stored is None:
            (stored,) = self.read([asking])
        if stored.note is not None:
            notes.add(stored.note)
        history = EMPTY_HISTORY if stored.history is None else stored.history
        if asking.recent_events and stored.history is not None:
            history = history.joined(History.from_events(asking.recent_events))
        weights = model.item_weights(history, now=now)
        if weights.unknown_count and not model.knows_all(history):
            notes.add(NOTE_UNKNOWN_ITEM)
        return Known(
            history=history,
            weights=weights,
            from_storage=bool(stored.history),
            is_allowed=stored.history is not None,
            cause=stored.cause,
        )

    def may_know(self, asking: Asking) -> bool:
        """Whether what is known of somebody may be used for her."""
        (stored,) = self.read([asking])
        return stored.history is not None

    def read(self, asking: Sequence[Asking]) -> list[Stored]:
        """Read what is stored of people, of all of them in few looks."""
        # Nobody in particular can neither allow nor refuse.
        found = [Stored(EMPTY_HISTORY)] * len(asking)
        places: dict[Permission, list[int]] = defaultdict(list)
        for at, one in enumerate(asking):
            if one.identifiers:
                permission = Permission.to(
                    Purpose.PERSONALISE, one.channel, by_default=self._personalises_by_default
                )
                places[permission].append(at)
        for permission, those in places.items():
            read = self._read([asking[at].identifiers for at in those], permission)
            for at, stored in zip(those, read, strict=True):
                found[at] = stored
        return found

    def _read(
        self, asked: Sequence[tuple[Identifier, ...]], permission: Permission
    ) -> list[Stored]:
        try:
            histories = self._histories.histories(
                asked, event_count_max=limits.HISTORY_EVENT_COUNT_MAX, permission=permission
            )
        except StorageUnavailable:
            if len(asked) > 1:
                # It may be what is stored of one of them that cannot be read.
                return [stored for who in asked for stored in self._read([who], permission)]
            # A shop must not go dark with its database: the session and the
            # popular lists still answer, and operators see the note.
            history = EMPTY_HISTORY if self._personalises_by_default else None
            cause = FallbackCause.STORAGE_UNAVAILABLE
            return [Stored(history, cause, NOTE_STORAGE_UNAVAILABLE)]
        return list(map(_stored, histories))


def _stored(history: History | None) -> Stored:
    if history is None:
        return Stored(None, FallbackCause.NO_CONSENT, NOTE_NO_CONSENT)
    return Stored(history, None, None if len(history) else NOTE_UNKNOWN_SUBJECT)
