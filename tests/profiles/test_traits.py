"""What a person's events say of her: worked examples, and laws over made-up histories."""

import datetime as dt
import random
from collections import Counter
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.domain import Channel, EventType, ItemId
from recsys.events import ID_SEPARATOR, EventContent, EventLine
from recsys.profiles import LifecycleStage, LoggedEvent, Preference, RfmSegment, Traits, traits
from recsys.profiles.lifecycle import rfm_segment, stage

DAY = 86_400.0
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC).timestamp()
VIEW, BUY, RETURN = EventType.DETAIL_PAGE_VIEW, EventType.PURCHASE_COMPLETE, EventType.RETURN
CATEGORIES = {"mug": "kitchen", "pan": "kitchen", "lamp": "light"}


def logged(
    kind: EventType,
    *items: str,
    days_ago: float = 1.0,
    channel: Channel | None = Channel.WEB,
    store: str | None = None,
    price: str = "10",
    quantity: float = 1.0,
    currency: str = "EUR",
) -> LoggedEvent:
    """Make an event as the log gives it."""
    lines = tuple(EventLine(ItemId(item), quantity, price, currency) for item in items)
    content = EventContent(event_type=kind, lines=lines)
    return LoggedEvent(
        NOW - days_ago * DAY,
        kind.code,
        channel.code if channel else 0,
        store,
        ID_SEPARATOR.join(items),
        msgspec.json.encode(content).decode() if kind in {BUY, RETURN} else None,
    )


def summed(*events: LoggedEvent, zone: dt.tzinfo = dt.UTC) -> Traits:
    """Sum events up."""
    return traits(
        events,
        now=NOW,
        time_zone=zone,
        categories_of=lambda ids: {one: CATEGORIES[one] for one in ids if one in CATEGORIES},
    )


def test_somebody_without_events_is_a_prospect() -> None:
    """Nothing is known, and nothing is made up."""
    assert summed() == Traits()
    assert Traits().stage is LifecycleStage.PROSPECT


def test_what_was_shown_is_not_what_she_did() -> None:
    """It is counted and says nothing of her activity."""
    found = summed(
        logged(EventType.IMPRESSION, "mug", channel=Channel.EMAIL),
        logged(VIEW, "mug", days_ago=3),
        logged(VIEW, "mug", days_ago=2, channel=None),
    )
    assert found.event_counts == {VIEW: 2, EventType.IMPRESSION: 1}
    assert found.last_activity == {None: NOW - 2 * DAY, Channel.WEB: NOW - 3 * DAY}
    assert found.preferred_channel is Channel.WEB


def test_money_is_counted_in_decimals_by_currency_and_returns_are_taken_off() -> None:
    """Ten times ten cents is one; what is older than a year or has no price does not count."""
    found = summed(
        *[logged(BUY, "mug", price="0.1", quantity=0.1, days_ago=n + 1) for n in range(10)],
        logged(BUY, "lamp", "pan", price="19.99", currency="USD"),
        logged(RETURN, "pan", price="19.99", currency="USD"),
        logged(RETURN, "mug", price="5", currency="CHF"),
        logged(BUY, "mug", days_ago=366),
        logged(BUY, "mug", price=""),
    )
    orders = found.orders
    assert orders.recent_value == {
        "CHF": Decimal(-5), "EUR": Decimal("0.1"), "USD": Decimal("19.99"),
    }  # fmt: skip
    assert (orders.count, orders.recent_count, orders.unpriced_line_count) == (13, 12, 1)
    assert (orders.first_time, orders.last_time) == (NOW - 366 * DAY, NOW - DAY)


def test_days_decide_the_preferred_channel_and_hours() -> None:
    """A hundred clicks in a minute are one visit."""
    clicks = [logged(VIEW, "mug", channel=Channel.MOBILE_APP) for _ in range(100)]
    visits = [
        logged(EventType.STORE_VISIT, days_ago=day + 0.25, channel=Channel.STORE)
        for day in range(2)
    ]
    found = summed(*clicks, *visits)
    assert found.preferred_channel is Channel.STORE
    assert found.preferred_hours == (6, 12)
    assert summed(*visits, zone=ZoneInfo("Asia/Kathmandu")).preferred_hours == (11,)
    old = [logged(VIEW, "mug", days_ago=400 + day, channel=Channel.KIOSK) for day in range(9)]
    assert summed(*clicks, *visits, *old).preferred_channel is Channel.STORE


def test_top_categories_and_stores_come_by_purchases_then_by_interest() -> None:
    """Returns are taken off; items without a category do not count."""
    found = summed(
        logged(BUY, "mug", "pan", "no-such", store="s-2"),
        logged(BUY, "lamp", store="s-1"),
        logged(RETURN, "lamp", store="s-1"),
        logged(VIEW, "lamp"),
        logged(EventType.STORE_VISIT, store="s-1", channel=Channel.STORE),
    )
    assert found.top_categories == (Preference("kitchen", 2, 0), Preference("light", 0, 1))
    assert found.top_stores == (Preference("s-2", 1, 0), Preference("s-1", 0, 1))


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        ([], LifecycleStage.PROSPECT),
        ([5], LifecycleStage.FIRST_BUYER),
        ([5, 5], LifecycleStage.FIRST_BUYER),
        ([181], LifecycleStage.AT_RISK),
        ([361], LifecycleStage.LAPSED),
        ([5, 40], LifecycleStage.REGULAR),
        ([5, 40, 75, 110], LifecycleStage.LOYAL),
        ([61, 91, 121, 151], LifecycleStage.AT_RISK),
        ([121, 151, 181], LifecycleStage.LAPSED),
        ([300, 480, 660], LifecycleStage.REGULAR),
        ([700, 880, 1060], LifecycleStage.AT_RISK),
        ([400, 401, 402, 403], LifecycleStage.LAPSED),
    ],
    ids=[
        "nothing", "one", "twice on one day", "one, long ago", "one, very long ago", "two", "monthly",
        "monthly, silent for two", "monthly, silent for four", "half-yearly, 300 days ago",
        "half-yearly, silent for two years", "one week, a year ago",
    ],
)  # fmt: skip
def test_stages_go_by_her_own_rhythm(days_ago: list[int], expected: LifecycleStage) -> None:
    """Silence that is usual for one is a farewell for another."""
    days = np.unique(np.array([1_000_000 - day for day in days_ago], dtype=np.int64))
    assert stage(days, today=1_000_000) is expected


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        ([], None),
        ([1], RfmSegment.NEW),
        ([1, 2], RfmSegment.PROMISING),
        ([1, 2, 3], RfmSegment.LOYAL),
        ([1, 2, 3, 4, 5], RfmSegment.CHAMPION),
        ([100], RfmSegment.NEEDS_ATTENTION),
        ([100] * 5, RfmSegment.LOYAL),
        ([200], RfmSegment.HIBERNATING),
        ([200] * 3, RfmSegment.AT_RISK),
        ([366] * 20, RfmSegment.LOST),
    ],
)
def test_segments_go_by_recency_and_frequency(
    days_ago: list[int], expected: RfmSegment | None
) -> None:
    """The grid of the documentation."""
    bought = np.array(sorted(NOW - day * DAY for day in days_ago))
    assert rfm_segment(bought, now=NOW) is expected


EVENTS = st.lists(
    st.builds(
        logged,
        st.sampled_from([VIEW, BUY, RETURN, EventType.IMPRESSION, EventType.SEARCH]),
        st.sampled_from(["mug", "lamp", "other"]),
        days_ago=st.one_of(st.floats(0, 800), st.just(700_000.0)),
        channel=st.sampled_from([None, Channel.WEB, Channel.STORE]),
        store=st.sampled_from([None, "s-1", "s-2"]),
        price=st.sampled_from(["", "1", "2.50"]),
    ),
    max_size=15,
)


@settings(max_examples=30)
@given(EVENTS, st.randoms())
def test_the_order_of_events_decides_nothing(
    events: list[LoggedEvent], random: random.Random
) -> None:
    """They arrive late and out of order."""
    assert summed(*random.sample(events, len(events))) == summed(*events)


@settings(max_examples=30)
@given(EVENTS, EVENTS)
def test_counts_and_values_add_up(some: list[LoggedEvent], more: list[LoggedEvent]) -> None:
    """Of two people who turn out to be one."""
    one, other, both = summed(*some), summed(*more), summed(*some, *more)
    assert Counter(one.event_counts) + Counter(other.event_counts) == Counter(both.event_counts)
    for currency, value in both.orders.recent_value.items():
        parts = (found.orders.recent_value.get(currency, Decimal(0)) for found in (one, other))
        assert value == sum(parts)
    for channel, time in both.last_activity.items():
        times = [found.last_activity.get(channel, -np.inf) for found in (one, other)]
        assert time == max(times)
