"""The event log, as capabilities see it: append once, purge, and nothing else."""

import enum
from collections.abc import Sequence
from typing import Protocol

import msgspec

from recsys.domain import Channel, EventType, Identifier, StoreId
from recsys.events.event import Event, EventContent, strongest


class Outcome(enum.Enum):
    """What became of an event that was to be appended."""

    WRITTEN = enum.auto()
    """It is in the log, durably."""

    DUPLICATE = enum.auto()
    """It was there already; nothing changed."""

    CONFLICT = enum.auto()
    """Another event of this id was there already and stays."""

    ERASED = enum.auto()
    """It belongs to somebody who was erased, and is not kept."""


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are meant: those for which everything said here is true.

    Attributes:
        identifier: One that the event was sent with and belongs to.
        event_types: Any of these; empty for all.
        channels: Any of these; empty for all.
        store_ids: Any of these; empty for all.
        start_time: Not before; seconds since 1970-01-01 UTC.
        end_time: Before; seconds since 1970-01-01 UTC.
    """

    identifier: Identifier | None = None
    event_types: tuple[EventType, ...] = ()
    channels: tuple[Channel, ...] = ()
    store_ids: tuple[StoreId, ...] = ()
    start_time: float | None = None
    end_time: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said, so that every event is meant."""
        return self == EventFilter()

    def matches(self, event_time: float, content: EventContent) -> bool:
        """Say whether an event is meant."""
        return (
            (self.identifier is None or strongest(content.identifiers) == self.identifier)
            and (not self.event_types or content.event_type in self.event_types)
            and (not self.channels or content.channel in self.channels)
            and (not self.store_ids or content.store_id in self.store_ids)
            and (self.start_time is None or event_time >= self.start_time)
            and (self.end_time is None or event_time < self.end_time)
        )


class EventLog(Protocol):
    """Keeps events. Safe to share by threads and processes."""

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Keep events, all of them in one step that survives any crash.

        Returns:
            The outcome of each event, in their order.

        Raises:
            StorageUnavailable: None of them is kept.
        """
        ...

    def purge(self, which: EventFilter, *, validate_only: bool) -> int:
        """Forget events.

        Args:
            which: Not empty.
            validate_only: Whether to count only.

        Returns:
            How many were forgotten (or would be).

        Raises:
            StorageUnavailable: Some may be forgotten and some not; do it again.
        """
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...
