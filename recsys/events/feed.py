"""Events as they arrive, for those who count what is asked for just now."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class FeedEvent(NamedTuple):
    """An event with items, as little of it as counting needs.

    Attributes:
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        channel: `Channel.code`, 0 for unknown.
        store_id: The shop, or None.
        item_ids: Joined by `ID_SEPARATOR`.
        person: A number for the identifier that it belongs to, which says nothing of it; None
            for nobody.
    """

    event_time: float
    event_type: int
    channel: int
    store_id: str | None
    item_ids: str
    person: int | None


class EventFeed(Protocol):
    """The end of an event log, read from where the last look ended. Not safe between threads."""

    def news(self, *, now: float) -> Iterator[Sequence[FeedEvent]]:
        """Give what has arrived since the last look, in pieces; first the newest part of the log.

        Args:
            now: Seconds on any clock that goes forward.

        Raises:
            StorageUnavailable: The storage does not answer; the next look goes on from there.
        """
        ...


class NoEvents:
    """A log that nobody writes to. Implements `EventFeed`."""

    def news(self, *, now: float) -> Iterator[Sequence[FeedEvent]]:
        """Give nothing."""
        del now
        yield from ()
