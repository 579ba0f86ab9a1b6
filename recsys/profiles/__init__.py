"""Who a person is to us: what she allows, what is known of her, and how she is forgotten."""

from recsys.profiles.people import Erasure, LoggedEvent, PeopleStore, Person

__all__ = ["Erasure", "LoggedEvent", "PeopleStore", "Person"]
