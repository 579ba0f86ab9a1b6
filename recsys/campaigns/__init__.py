"""Batches of recommendations for e-mail and its like: to whom, whether, when, and what."""

from recsys.campaigns.audience import Audience, AudienceQuery, Fan
from recsys.campaigns.batch import Batch
from recsys.campaigns.batch_types import (
    BatchOffers,
    BatchPart,
    BatchPerson,
    BatchQuery,
    CampaignSettings,
    CategoriesOf,
    Checked,
    Sent,
)
from recsys.campaigns.cards import ItemCards
from recsys.campaigns.estimate import SizeEstimate, estimate
from recsys.campaigns.frequency import MESSAGE_CHANNELS, FrequencyRules, read_frequency
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
from recsys.campaigns.recheck import withdrawn
from recsys.campaigns.resume import Resume, decode_resume, encode_resume, fingerprint
from recsys.campaigns.segments import SavedSegment, SegmentStore, needs_of
from recsys.campaigns.suppression import SuppressionCause, may_be_messaged
from recsys.profiles import PEOPLE_SCHEMA, people_filter, person_record

__all__ = [
    "ALL_EVENTS",
    "MESSAGE_CHANNELS",
    "NO_EVENTS",
    "PEOPLE_SCHEMA",
    "Audience",
    "AudienceQuery",
    "Batch",
    "BatchOffers",
    "BatchPart",
    "BatchPerson",
    "BatchQuery",
    "CampaignSettings",
    "CategoriesOf",
    "Checked",
    "EventNeeds",
    "Fan",
    "FoundPerson",
    "FrequencyRules",
    "ItemCards",
    "PeopleSample",
    "PeopleSource",
    "Resume",
    "SavedSegment",
    "SegmentStore",
    "Sent",
    "SizeEstimate",
    "SuppressionCause",
    "Versions",
    "WalkPart",
    "WalkPosition",
    "decode_resume",
    "encode_resume",
    "estimate",
    "fingerprint",
    "may_be_messaged",
    "needs_of",
    "people_filter",
    "person_record",
    "read_frequency",
    "withdrawn",
]
