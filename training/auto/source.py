"""What a search learns from, for people and for MLflow."""

import datetime as dt

import msgspec
import numpy as np

from training.published import Order, TrainingLines


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a search learns from.

    Attributes:
        name: What people see.
        uri: Where it lies.
        fingerprint: The same data have the same.
        line_count: Lines.
        user_count: Users.
        item_count: Items.
        first: Oldest line, where times are known.
        last: Newest line, where times are known.
    """

    name: str
    uri: str
    fingerprint: str
    line_count: int
    user_count: int
    item_count: int
    first: dt.datetime | None
    last: dt.datetime | None


def describe_lines(lines: TrainingLines, *, name: str, uri: str, fingerprint: str) -> Source:
    """Count lines, users and items."""
    events = lines.events
    timed = lines.order is Order.TIMES and len(events) > 0
    return Source(
        name=name,
        uri=uri,
        fingerprint=fingerprint,
        line_count=len(events),
        user_count=len(np.unique(events.users)),
        item_count=len(np.unique(events.items)),
        first=dt.datetime.fromtimestamp(float(events.times.min()), dt.UTC) if timed else None,
        last=dt.datetime.fromtimestamp(float(events.times.max()), dt.UTC) if timed else None,
    )
