"""On which channel, and at which hour of her day, somebody answers messages.

Few people have clicked often enough to tell by themselves. So each is drawn towards what
everybody does, by as much as she has not said herself: the posterior means of a Beta
distribution (of clicks among messages, by channel) and of a Dirichlet distribution (of
clicks over the hours of the day), whose priors are all people's.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from recsys.campaigns.people import EventNeeds
from recsys.catalog import Store
from recsys.domain import CHANNEL_BY_CODE, SECONDS_PER_DAY, Channel, EventType
from recsys.profiles import LoggedEvent
from recsys.time_zones import zone_of

HABIT_DAYS: Final = 365.0
"""How long what she did counts."""

_RATE_STRENGTH: Final = 20.0
"""How many messages of her own weigh as much as what everybody does."""
_HOUR_STRENGTH: Final = 10.0
"""How many clicks of her own weigh as much as the hours of everybody."""
_HOUR_COUNT: Final = 24
_SHOWN: Final = EventType.IMPRESSION.code
# What is done on the page that a message leads to is done on its channel.
_ANSWERS: Final = frozenset({EventType.CLICK.code, EventType.DETAIL_PAGE_VIEW.code})
_SHOPPING: Final = frozenset({EventType.PURCHASE_COMPLETE.code, EventType.STORE_VISIT.code})


def habit_needs(*, now: float) -> EventNeeds:
    """Return which events habits are seen in."""
    return EventNeeds(
        types=frozenset(
            {
                EventType.IMPRESSION,
                EventType.CLICK,
                EventType.DETAIL_PAGE_VIEW,
                EventType.PURCHASE_COMPLETE,
                EventType.STORE_VISIT,
            }
        ),
        since=now - HABIT_DAYS * SECONDS_PER_DAY,
    )


@dataclass(frozen=True, slots=True)
class Habits:
    """What was shown and answered, of one person or of many.

    Attributes:
        shown: Messages, by channel.
        answered: Clicks, by channel.
        hours: Clicks, by channel and hour of the day.
    """

    shown: Counter[Channel] = field(default_factory=Counter)
    answered: Counter[Channel] = field(default_factory=Counter)
    hours: Counter[tuple[Channel, int]] = field(default_factory=Counter)

    def add(self, events: Iterable[LoggedEvent], time_zone: dt.tzinfo, *, now: float) -> None:
        """Count what somebody was shown and did, up to `HABIT_DAYS` before a moment."""
        since = now - HABIT_DAYS * SECONDS_PER_DAY
        for one in events:
            channel = CHANNEL_BY_CODE.get(one.channel)
            if channel is None or not since < one.event_time <= now:
                continue
            if one.event_type == _SHOWN:
                self.shown[channel] += 1
            elif one.event_type in _ANSWERS:
                self.answered[channel] += 1
                hour = dt.datetime.fromtimestamp(one.event_time, time_zone).hour
                self.hours[channel, hour] += 1


def preferred_channel(
    hers: Habits, everybody: Habits, allowed: Collection[Channel]
) -> Channel | None:
    """Return the channel on which she answers most of what she is sent.

    Args:
        hers: Of herself.
        everybody: Of all people.
        allowed: Where she may be messaged.

    Returns:
        The channel; None where nothing is known of any, or none is allowed.
    """
    known = [one for one in Channel if one in allowed and _said(one, hers, everybody)]
    return max(known, key=lambda one: _rate(one, hers, everybody), default=None)


def preferred_hour(hers: Habits, everybody: Habits, channel: Channel | None) -> int | None:
    """Return the hour of her day, 0 to 23, in which she answers most.

    Args:
        hers: Of herself.
        everybody: Of all people.
        channel: Where; None for all channels together.

    Returns:
        The hour, the earliest of equals; None where nothing is known.
    """
    own, all_of_them = _by_hour(hers, channel), _by_hour(everybody, channel)
    total = sum(all_of_them)
    if not total and not sum(own):
        return None
    weights = [
        count + (_HOUR_STRENGTH * common / total if total else 0.0)
        for count, common in zip(own, all_of_them, strict=True)
    ]
    return max(range(_HOUR_COUNT), key=lambda hour: (weights[hour], -hour))


def store_zones(stores: Iterable[Store]) -> dict[str, dt.tzinfo]:
    """Return the time zones of stores by their ids, of those that say one this machine knows."""
    return {
        one.store_id: zone
        for one in stores
        if one.time_zone and (zone := zone_of(one.time_zone)) is not None
    }


def time_zone_of(
    events: Sequence[LoggedEvent], zones: Mapping[str, dt.tzinfo], default: dt.tzinfo
) -> dt.tzinfo:
    """Return somebody's time zone: that of the store she was in last, if one is known.

    Args:
        events: Hers, in any order. Only visits and purchases say where she was, so that it does
            not depend on what else was read of her.
        zones: By store.
        default: Else.
    """
    placed = [one for one in events if one.store_id in zones and one.event_type in _SHOPPING]
    if not placed:
        return default
    last = max(placed, key=lambda one: (one.event_time, str(one.store_id)))
    return zones[str(last.store_id)]


def _said(channel: Channel, *habits: Habits) -> bool:
    return any(one.shown[channel] or one.answered[channel] for one in habits)


def _rate(channel: Channel, hers: Habits, everybody: Habits) -> float:
    # Clicks of which no message is known count as messages that were clicked.
    shown = max(everybody.shown[channel], everybody.answered[channel])
    common = (everybody.answered[channel] + 1.0) / (shown + 2.0)
    own_shown = max(hers.shown[channel], hers.answered[channel])
    return (hers.answered[channel] + _RATE_STRENGTH * common) / (own_shown + _RATE_STRENGTH)


def _by_hour(habits: Habits, channel: Channel | None) -> list[int]:
    if channel is not None:
        return [habits.hours[channel, hour] for hour in range(_HOUR_COUNT)]
    return [sum(habits.hours[one, hour] for one in Channel) for hour in range(_HOUR_COUNT)]
