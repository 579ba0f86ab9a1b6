"""The fields of a person that filters may name; docs/campaigns.md lists them."""

import functools
from collections.abc import Mapping
from typing import Final

from recsys import limits
from recsys.consent import Purpose, effective
from recsys.domain import Channel
from recsys.filters import FieldType, Filter, Record, Schema, read_filter
from recsys.profiles.lifecycle import rfm_scores
from recsys.profiles.people import Person
from recsys.profiles.traits import Traits

PEOPLE_SCHEMA: Final = Schema(
    fields={
        "known_by": FieldType.TEXT,
        "consent": FieldType.TEXT,
        "refused": FieldType.TEXT,
        "loyalty_tier": FieldType.TEXT,
        "lifecycle_stage": FieldType.TEXT,
        "rfm_segment": FieldType.TEXT,
        "recency_score": FieldType.NUMBER,
        "frequency_score": FieldType.NUMBER,
        "order_count": FieldType.NUMBER,
        "recent_order_count": FieldType.NUMBER,
        "first_order_time": FieldType.TIME,
        "last_order_time": FieldType.TIME,
        "last_activity_time": FieldType.TIME,
        "preferred_channel": FieldType.TEXT,
        "active_on": FieldType.TEXT,
        "top_stores": FieldType.TEXT,
        "top_categories": FieldType.PATH,
    },
    maps=frozenset({"recent_value", "event_count"}),
)
"""What a filter of people may name."""

_WITHOUT_EVENTS: Final = frozenset({"known_by", "consent", "refused", "loyalty_tier"})
"""Fields that need nothing of what she did."""


@functools.lru_cache(maxsize=limits.PERSON_FILTER_KEPT_COUNT)
def people_filter(expression: str) -> Filter:
    """Read a filter of people; the same one for the same text.

    Raises:
        InvalidFilter: It is none, or names what people do not have.
    """
    return read_filter(expression, PEOPLE_SCHEMA)


def needs_events(which: Filter) -> bool:
    """Whether a filter of people asks for anything that she did, and so for her traits."""
    return not which.fields <= _WITHOUT_EVENTS


def person_record(person: Person, traits: Traits, *, now: float) -> Record:
    """Return what filters see of a person.

    Args:
        person: Her identifiers and consents.
        traits: What her events say of her; not looked at where the filter needs no events.
        now: Seconds since 1970-01-01 UTC.
    """
    orders = traits.orders
    scores = rfm_scores(orders.last_time, orders.recent_count, now=now)
    active = {place.value: time for place, time in traits.last_activity.items() if place}
    return {
        "known_by": sorted({one.namespace for one in person.identifiers}),
        **_consents(person),
        "loyalty_tier": person.loyalty_tier or None,
        "lifecycle_stage": traits.stage,
        "rfm_segment": traits.rfm,
        "recency_score": None if scores is None else float(scores[0]),
        "frequency_score": None if scores is None else float(scores[1]),
        "order_count": float(orders.count),
        "recent_order_count": float(orders.recent_count),
        "first_order_time": orders.first_time,
        "last_order_time": orders.last_time,
        "last_activity_time": max(traits.last_activity.values(), default=None),
        "preferred_channel": traits.preferred_channel,
        "active_on": sorted(active),
        "top_stores": [one.name for one in traits.top_stores],
        "top_categories": [one.name for one in traits.top_categories],
        "recent_value": {name: float(amount) for name, amount in orders.recent_value.items()},
        "event_count": {kind.value: float(count) for kind, count in traits.event_counts.items()},
    }


def _consents(person: Person) -> Mapping[str, list[str]]:
    """Say what she allows and refuses, as `marketing:email`; of no channel, as `marketing`."""
    said: dict[str, list[str]] = {"consent": [], "refused": []}
    if not any(person.consents.values()):
        return said
    for purpose in Purpose:
        places: tuple[Channel | None, ...] = (None, *Channel)
        for place in places:
            found = effective(person.consents.values(), purpose, place)
            if found is not None:
                name = purpose.value if place is None else f"{purpose.value}:{place.value}"
                said["consent" if found.is_granted else "refused"].append(name)
    return said
