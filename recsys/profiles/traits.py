"""What a person's events say of her: computed from the log whenever somebody asks.

So traits change with the event that changes them, and there is nothing to erase.
Definitions and their sources are in docs/profiles.md; the windows are those of a year.
"""

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import (
    CHANNEL_BY_CODE,
    CHANNEL_UNKNOWN_CODE,
    EVENT_TYPE_BY_CODE,
    SECONDS_PER_DAY,
    Channel,
    EventType,
    ItemId,
    StoreId,
)
from recsys.events import EventContent
from recsys.profiles.lifecycle import WINDOW_DAYS, LifecycleStage, RfmSegment, rfm_segment, stage
from recsys.profiles.people import LoggedEvent

TOP_COUNT: Final = 5
HOUR_COUNT: Final = 3
CATEGORY_ITEM_COUNT_MAX: Final = 1_000

_PURCHASE: Final = EventType.PURCHASE_COMPLETE.code
_RETURN: Final = EventType.RETURN.code
_PAID: Final = (_PURCHASE, _RETURN)
# What somebody was shown is not what she did.
_SHOWN: Final = (EventType.IMPRESSION.code, EventType.OFFER_VIEW.code)
# Some time zones are a quarter of an hour off the hour.
_QUARTER_SECONDS: Final = 900.0
_TIME_MAX: Final = 4e9

CategoriesOf = Callable[[Collection[ItemId]], Mapping[ItemId, str]]


class Preference(msgspec.Struct, frozen=True):
    """Something that a person comes back to.

    Attributes:
        name: A category or a store.
        purchase_count: Purchases less returns: of item lines in a category, of orders
            in a store.
        activity_count: What else she did there.
    """

    name: str
    purchase_count: int
    activity_count: int


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has bought.

    Attributes:
        count: Orders ever.
        first_time: The first one, seconds since 1970-01-01 UTC; None if there is none.
        last_time: The last one.
        recent_count: Orders within the window (the F of RFM).
        recent_value: What she paid within the window less what she got back, by
            currency (the M of RFM).
        unpriced_line_count: Lines within the window that say no price.
    """

    count: int = 0
    first_time: float | None = None
    last_time: float | None = None
    recent_count: int = 0
    recent_value: dict[str, Decimal] = {}
    unpriced_line_count: int = 0


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a person's events say of her.

    Attributes:
        last_activity: By channel (None for unknown), the last time that she did
            something there, seconds since 1970-01-01 UTC.
        event_counts: How many events of each type there are.
        orders: What she has bought.
        rfm: Segment by recency and frequency; None without an order.
        stage: Where she stands in her time as a customer.
        preferred_channel: Where she is on most days of the window.
        preferred_hours: Up to three hours of her day, 0 to 23, the most usual first.
        top_categories: Up to five.
        top_stores: Up to five.
    """

    last_activity: dict[Channel | None, float] = {}
    event_counts: dict[EventType, int] = {}
    orders: Orders = Orders()
    rfm: RfmSegment | None = None
    stage: LifecycleStage = LifecycleStage.PROSPECT
    preferred_channel: Channel | None = None
    preferred_hours: tuple[int, ...] = ()
    top_categories: tuple[Preference, ...] = ()
    top_stores: tuple[Preference, ...] = ()


def traits(
    events: Sequence[LoggedEvent],
    *,
    now: float,
    time_zone: dt.tzinfo,
    categories_of: CategoriesOf,
) -> Traits:
    """Sum a person's events up.

    Args:
        events: In any order.
        now: Seconds since 1970-01-01 UTC.
        time_zone: Whose days and hours count.
        categories_of: Finds the categories of items; those without one may be absent.
    """
    if not events:
        return Traits()
    times = np.array([one.event_time for one in events])
    types = np.array([one.event_type for one in events], dtype=np.uint8)
    channels = np.array([one.channel for one in events], dtype=np.uint8)
    active = ~np.isin(types, _SHOWN)
    recent = times > now - WINDOW_DAYS * SECONDS_PER_DAY
    places = np.flatnonzero(active & recent)
    days, hours = _local(times[places], time_zone)
    bought = np.sort(times[types == _PURCHASE])
    purchase_days = np.unique(_local(bought, time_zone)[0])
    return Traits(
        last_activity=_last_activity(times[active], channels[active]),
        event_counts={
            EVENT_TYPE_BY_CODE[code]: count
            for code, count in sorted(Counter(types.tolist()).items())
        },
        orders=_orders(events, bought, now=now),
        rfm=rfm_segment(bought, now=now),
        stage=stage(purchase_days, today=int(_local(np.array([now]), time_zone)[0][0])),
        preferred_channel=_preferred_channel(channels[places], days, times[places]),
        preferred_hours=_preferred_hours(days, hours),
        top_categories=_top_categories(events, places, categories_of),
        top_stores=_top_stores(events, places),
    )


def _local(
    times: NDArray[np.float64], time_zone: dt.tzinfo
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the days (since 0001-01-01) and hours of moments, both of shape (e,)."""
    # What an honest clock cannot say must not stop the others from being counted.
    possible = np.clip(times, 0.0, _TIME_MAX)
    quarters, where = np.unique(np.floor(possible / _QUARTER_SECONDS), return_inverse=True)
    local = [dt.datetime.fromtimestamp(one * _QUARTER_SECONDS, time_zone) for one in quarters]
    days = np.array([one.toordinal() for one in local], dtype=np.int64)
    hours = np.array([one.hour for one in local], dtype=np.int64)
    return days[where], hours[where]


def _last_activity(
    times: NDArray[np.float64], channels: NDArray[np.uint8]
) -> dict[Channel | None, float]:
    return {
        CHANNEL_BY_CODE.get(code): float(times[channels == code].max())
        for code in np.unique(channels).tolist()
    }


def _orders(events: Sequence[LoggedEvent], bought: NDArray[np.float64], *, now: float) -> Orders:
    if not len(bought) and not any(one.event_type == _RETURN for one in events):
        return Orders()
    since = now - WINDOW_DAYS * SECONDS_PER_DAY
    value: dict[str, Decimal] = {}
    unpriced_count = 0
    for one in events:
        if one.event_type not in _PAID or one.content is None or one.event_time <= since:
            continue
        sign = -1 if one.event_type == _RETURN else 1
        for line in _decoder.decode(one.content).lines:
            if not line.unit_price:
                unpriced_count += 1
                continue
            # A quantity is a binary number for which people have typed a decimal one.
            amount = Decimal(line.unit_price) * Decimal(repr(line.quantity)) * sign
            value[line.currency] = value.get(line.currency, Decimal(0)) + amount
    return Orders(
        count=len(bought),
        first_time=float(bought[0]) if len(bought) else None,
        last_time=float(bought[-1]) if len(bought) else None,
        recent_count=int((bought > since).sum()),
        recent_value=dict(sorted(value.items())),
        unpriced_line_count=unpriced_count,
    )


def _preferred_channel(
    channels: NDArray[np.uint8], days: NDArray[np.int64], times: NDArray[np.float64]
) -> Channel | None:
    """Days count and not events, or a minute of browsing would outweigh a year of visits."""
    known = channels != CHANNEL_UNKNOWN_CODE
    if not known.any():
        return None
    pairs = np.unique(np.stack([channels[known].astype(np.int64), days[known]]), axis=1)
    day_counts = Counter(pairs[0].tolist())
    last = {code: times[channels == code].max() for code in day_counts}
    return CHANNEL_BY_CODE[max(day_counts, key=lambda code: (day_counts[code], last[code], -code))]


def _preferred_hours(days: NDArray[np.int64], hours: NDArray[np.int64]) -> tuple[int, ...]:
    pairs = np.unique(np.stack([hours, days]), axis=1)
    day_counts = Counter(pairs[0].tolist())
    return tuple(sorted(day_counts, key=lambda hour: (-day_counts[hour], hour))[:HOUR_COUNT])


def _top_stores(events: Sequence[LoggedEvent], places: NDArray[np.intp]) -> tuple[Preference, ...]:
    def names(one: LoggedEvent) -> Iterable[str]:
        return () if one.store_id is None else (StoreId(one.store_id),)

    return _top(events, places, names)


def _top_categories(
    events: Sequence[LoggedEvent], places: NDArray[np.intp], categories_of: CategoriesOf
) -> tuple[Preference, ...]:
    touched = Counter(
        itertools.chain.from_iterable(events[place].ids() for place in places.tolist())
    )
    wanted = [item_id for item_id, _ in touched.most_common(CATEGORY_ITEM_COUNT_MAX)]
    if not wanted:
        return ()
    categories = categories_of(wanted)

    def names(one: LoggedEvent) -> Iterable[str]:
        return [categories[item_id] for item_id in one.ids() if item_id in categories]

    return _top(events, places, names)


def _top(
    events: Sequence[LoggedEvent],
    places: NDArray[np.intp],
    names: Callable[[LoggedEvent], Iterable[str]],
) -> tuple[Preference, ...]:
    purchases: Counter[str] = Counter()
    activities: Counter[str] = Counter()
    for place in places.tolist():
        one = events[place]
        for name in names(one):
            if one.event_type == _PURCHASE:
                purchases[name] += 1
            elif one.event_type == _RETURN:
                purchases[name] -= 1
            else:
                activities[name] += 1
    best = sorted(
        {*purchases, *activities}, key=lambda name: (-purchases[name], -activities[name], name)
    )
    return tuple(
        Preference(name, max(0, purchases[name]), activities[name]) for name in best[:TOP_COUNT]
    )


_decoder: Final = msgspec.json.Decoder(EventContent)
