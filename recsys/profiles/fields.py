"""The fields of a person that filters may name; docs/offers.md lists them."""

from typing import Final

from recsys.filters import FieldType, Record, Schema
from recsys.profiles.traits import Traits

PERSON_SCHEMA: Final = Schema(
    fields={
        "rfm_segment": FieldType.TEXT,
        "lifecycle_stage": FieldType.TEXT,
        "order_count": FieldType.NUMBER,
        "recent_order_count": FieldType.NUMBER,
        "first_order_time": FieldType.TIME,
        "last_order_time": FieldType.TIME,
        "last_activity_time": FieldType.TIME,
        "preferred_channel": FieldType.TEXT,
        "top_categories": FieldType.PATH,
        "top_stores": FieldType.TEXT,
        "loyalty_tier": FieldType.TEXT,
    },
)


def person_record(found: Traits, *, loyalty_tier: str = "") -> Record:
    """Return what filters see of a person.

    Args:
        found: What her events say.
        loyalty_tier: What the caller says; empty if nothing.
    """
    return {
        "rfm_segment": None if found.rfm is None else found.rfm.value,
        "lifecycle_stage": found.stage.value,
        "order_count": float(found.orders.count),
        "recent_order_count": float(found.orders.recent_count),
        "first_order_time": found.orders.first_time,
        "last_order_time": found.orders.last_time,
        "last_activity_time": max(found.last_activity.values(), default=None),
        "preferred_channel": found.preferred_channel.value if found.preferred_channel else None,
        "top_categories": tuple(one.name for one in found.top_categories),
        "top_stores": tuple(one.name for one in found.top_stores),
        "loyalty_tier": loyalty_tier,
    }
