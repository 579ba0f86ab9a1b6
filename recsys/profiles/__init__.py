"""Who a person is to us: what she allows, what is known of her, and how she is forgotten."""

from recsys.profiles.lifecycle import LifecycleStage, RfmSegment
from recsys.profiles.people import DecidedConsent, Erasure, LoggedEvent, PeopleStore, Person
from recsys.profiles.traits import CategoriesOf, Orders, Preference, Traits, traits

__all__ = [
    "CategoriesOf",
    "DecidedConsent",
    "Erasure",
    "LifecycleStage",
    "LoggedEvent",
    "Orders",
    "PeopleStore",
    "Person",
    "Preference",
    "RfmSegment",
    "Traits",
    "traits",
]
