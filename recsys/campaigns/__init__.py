"""Batches of recommendations for e-mail and its like: to whom, whether, when, and what."""

from recsys.campaigns.people import (
    ALL_EVENTS,
    NO_EVENTS,
    EventNeeds,
    FoundPerson,
    PeopleSample,
    PeopleSource,
    Versions,
    WalkPart,
    WalkPosition,
)
from recsys.campaigns.segments import (
    PEOPLE_SCHEMA,
    SavedSegment,
    SegmentNotFound,
    SegmentStore,
    needs_of,
    people_filter,
    person_record,
)

__all__ = [
    "ALL_EVENTS",
    "NO_EVENTS",
    "PEOPLE_SCHEMA",
    "EventNeeds",
    "FoundPerson",
    "PeopleSample",
    "PeopleSource",
    "SavedSegment",
    "SegmentNotFound",
    "SegmentStore",
    "Versions",
    "WalkPart",
    "WalkPosition",
    "needs_of",
    "people_filter",
    "person_record",
]
