"""Segments: people by a filter over what is known of them, saved under a name.

A filter is about traits (docs/profiles.md), consents and identifiers; docs/campaigns.md lists
the fields. Nothing about a person is kept in a segment: who is in it is found when it is asked.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from recsys.campaigns.people import ALL_EVENTS, NO_EVENTS, EventNeeds
from recsys.filters import Filter
from recsys.profiles import needs_events


class SavedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """People by a filter, under a name.

    Attributes:
        name: Lower case letters, digits and hyphens, starting with a letter.
        filter: Over `recsys.profiles.PEOPLE_SCHEMA`; empty for everybody.
        description: For people.
        update_time: When it was written, seconds since 1970-01-01 UTC.
    """

    name: str
    filter: str
    description: str = ""
    update_time: float = 0.0


class SegmentStore(Protocol):
    """Keeps saved segments. Safe to share by threads; raises StorageUnavailable."""

    def upsert(self, segments: Sequence[SavedSegment]) -> None:
        """Write segments, all or none; those of the same names are replaced."""
        ...

    def segment(self, name: str) -> SavedSegment:
        """Return one; raises SegmentNotFound."""
        ...

    def segments(self) -> list[SavedSegment]:
        """Return all, by name."""
        ...

    def delete(self, names: Sequence[str]) -> int:
        """Delete some; returns how many there were."""
        ...


def needs_of(which: Filter) -> EventNeeds:
    """Return which events a filter of people needs to see."""
    return ALL_EVENTS if needs_events(which) else NO_EVENTS
