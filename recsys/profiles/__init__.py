"""Who is who, what a person allows, what is known of her, and how she is forgotten."""

from recsys.profiles.exports import Export, ExportKind, place_of
from recsys.profiles.fields import PEOPLE_SCHEMA, needs_events, people_filter, person_record
from recsys.profiles.joining import Refusal
from recsys.profiles.lifecycle import LifecycleStage, RfmSegment
from recsys.profiles.link import (
    CONFIDENCE_SURE,
    SOURCE_IMPORT,
    Link,
    LinkKind,
    LinkName,
    links_of_events,
    merged,
    pairs_of,
    stated,
)
from recsys.profiles.people import DecidedConsent, Erasure, LoggedEvent, PeopleStore, Person
from recsys.profiles.resolution import Resolution, resolve
from recsys.profiles.rules import IdentityRules
from recsys.profiles.sharing import ALWAYS_DAY, Segment, always
from recsys.profiles.store import (
    Evidence,
    Profile,
    ProfileGraph,
    ProfileStore,
    profile_of,
)
from recsys.profiles.tier import Tier, TierOutcome, TierStatement, tier_of
from recsys.profiles.traits import CategoriesOf, Orders, Preference, Traits, traits
from recsys.profiles.update import Change, LinkGraph, LinkOutcomes, outcomes_of, update

__all__ = [
    "ALWAYS_DAY",
    "CONFIDENCE_SURE",
    "PEOPLE_SCHEMA",
    "SOURCE_IMPORT",
    "CategoriesOf",
    "Change",
    "DecidedConsent",
    "Erasure",
    "Evidence",
    "Export",
    "ExportKind",
    "IdentityRules",
    "LifecycleStage",
    "Link",
    "LinkGraph",
    "LinkKind",
    "LinkName",
    "LinkOutcomes",
    "LoggedEvent",
    "Orders",
    "PeopleStore",
    "Person",
    "Preference",
    "Profile",
    "ProfileGraph",
    "ProfileStore",
    "Refusal",
    "Resolution",
    "RfmSegment",
    "Segment",
    "Tier",
    "TierOutcome",
    "TierStatement",
    "Traits",
    "always",
    "links_of_events",
    "merged",
    "needs_events",
    "outcomes_of",
    "pairs_of",
    "people_filter",
    "person_record",
    "place_of",
    "profile_of",
    "resolve",
    "stated",
    "tier_of",
    "traits",
    "update",
]
