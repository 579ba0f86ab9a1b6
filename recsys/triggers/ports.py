"""Where triggers read what is done, and keep what was decided. All raise StorageUnavailable."""

import enum
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from recsys.domain import Channel, EventType, Identifier
from recsys.triggers.cart import CartEvent
from recsys.triggers.message import Message, MessageState, Proposal, TriggerCause


class TriggerEvent(NamedTuple):
    """An event that may set something off.

    Attributes:
        seq: Its place in the log.
        event_id: Its name.
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        store_id: The shop, or None.
        owner: To whom it belongs; None for nobody.
    """

    seq: int
    event_id: str
    event_time: float
    event_type: int
    store_id: str | None
    owner: Identifier | None


class News(NamedTuple):
    """What has arrived.

    Attributes:
        events: Each once, until it is accepted.
        last: The last place that was looked at.
        place: Up to where everything has been given, these events included.
        is_all: Whether there is nothing more just now.
    """

    events: Sequence[TriggerEvent]
    last: int
    place: int
    is_all: bool


class TriggerFeed(Protocol):
    """The end of an event log for one who must miss nothing. Not safe between threads."""

    def begin(self, place: int | None) -> None:
        """Begin behind a place; None for the newest part of the log."""
        ...

    def news(self, types: Collection[EventType], *, now: float) -> News:
        """Return what has arrived; the same again until it is accepted.

        Args:
            types: Events of these.
            now: Seconds on any clock that goes forward.
        """
        ...

    def accept(self, news: News) -> None:
        """Say that what was read has been seen to."""
        ...


class Wait(NamedTuple):
    """A cart that is looked at later.

    Attributes:
        trigger: Of which trigger.
        owner: To whom the cart's events belong.
        due_time: When it is looked at, seconds since 1970-01-01 UTC.
    """

    trigger: str
    owner: Identifier
    due_time: float


class Round(NamedTuple):
    """What follows from one look at the log, to be kept in one step.

    Attributes:
        proposals: What is to be decided.
        waits: Carts to look at; a later time takes the place of an earlier one.
        done_waits: Carts that were looked at. One that waits for a later time by now stays.
        place: Up to where the log has been seen to; None for as it was.
    """

    proposals: Sequence[Proposal] = ()
    waits: Sequence[Wait] = ()
    done_waits: Sequence[Wait] = ()
    place: int | None = None


Judge = Callable[[Proposal, Sequence[Message]], TriggerCause | None]
"""Has the last word where nobody else can come between: it is given all that counts of her."""


class AckOutcome(enum.StrEnum):
    """What whoever sends says of a message."""

    SENT = "sent"
    REFUSED = "refused"
    """It cannot be sent; nobody tries again."""
    RELEASED = "released"
    """It was not sent; somebody else may try."""


class Turn(NamedTuple):
    """That it is somebody's turn to decide.

    Attributes:
        place: Up to where the log has been seen to; None for the very first one.
    """

    place: int | None


class Decision(NamedTuple):
    """What became of a proposal.

    Attributes:
        cause: Why there is no message; None if there is.
        is_new: Whether it was decided just now, and not before.
    """

    cause: TriggerCause | None
    is_new: bool


class TriggerStore(Protocol):
    """Keeps what was decided. Safe to share by threads and processes.

    Whatever processes do at once and whenever they die, a trigger and an event are decided
    once, and two decisions about one person come one after the other.
    """

    def take_turn(self, holder: str, *, seconds: float) -> Turn | None:
        """Be the one who decides, for some time by the storage's clock; None if another one is."""
        ...

    def end_turn(self, holder: str) -> None:
        """Let somebody else decide."""
        ...

    def due(self, *, now: float, count_max: int) -> list[Wait]:
        """Return the carts that are to be looked at, the longest due first."""
        ...

    def cart_events(
        self, owners: Sequence[Identifier], *, since: float, count_max: int
    ) -> list[list[CartEvent]]:
        """Return the newest that each has done with carts, over all identifiers of the person."""
        ...

    def robots(
        self, owners: Collection[Identifier], *, since: float, count_max: int
    ) -> set[Identifier]:
        """Return those of whom more events than that have come since a moment."""
        ...

    def decided(self, names: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of these triggers and events that have been decided already."""
        ...

    def decide(self, what: Round, judge: Judge, *, holder: str, now: float) -> list[Decision]:
        """Keep a round in one step that survives any crash.

        Args:
            what: What to keep.
            judge: Has the last word.
            holder: Whose turn it is; of another one, the place in the log is not kept.
            now: Seconds since 1970-01-01 UTC.

        Returns:
            What became of each proposal.
        """
        ...

    def lease(
        self,
        consumer: str,
        *,
        channels: Collection[Channel],
        triggers: Collection[str],
        seconds: float,
        count_max: int,
        is_resuming: bool,
    ) -> tuple[list[Message], list[Message]]:
        """Take messages that nobody has, for some time by the storage's clock.

        Args:
            consumer: Who takes them.
            channels: Of these; empty for all.
            triggers: Of these; empty for all.
            seconds: For how long.
            count_max: How many, at most.
            is_resuming: Whether those that the consumer has already come again.

        Returns:
            The messages, in the order of decision; and those that have expired, which nobody
            gets.
        """
        ...

    def before(self, messages: Sequence[Message], *, now: float) -> list[list[Message]]:
        """Return for each message what counts of its person and was decided before it."""
        ...

    def withdraw(self, causes: Sequence[tuple[str, TriggerCause]]) -> None:
        """Say that messages must not be sent, unless they were already."""
        ...

    def find(self, message_ids: Sequence[str]) -> dict[str, Message]:
        """Return those of these messages that there are."""
        ...

    def acknowledge(self, outcomes: Sequence[tuple[str, AckOutcome]]) -> dict[str, MessageState]:
        """Keep what became of messages. What was sent stays sent.

        Returns:
            Where each stands now; unknown ones are missing.
        """
        ...
