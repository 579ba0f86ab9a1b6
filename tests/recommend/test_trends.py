"""What is on the rise: the laws of counting people, and of the widget."""

from collections.abc import Iterator, Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from recsys import limits
from recsys.bundle import ItemIndex
from recsys.catalog import Item
from recsys.domain import (
    SECONDS_PER_DAY,
    Channel,
    EventType,
    ItemEvent,
    ItemId,
    ReasonKind,
    ShortfallCause,
    StoreId,
)
from recsys.errors import StorageUnavailable
from recsys.events import FeedEvent, NoHistories
from recsys.recommend import (
    NOTE_STORAGE_UNAVAILABLE,
    Answer,
    PageQuery,
    Recommender,
    ServingModel,
    TrendingQuery,
    Trends,
    Widgets,
)
from recsys.recommend import trends as trends_module
from recsys.rules import Rules
from support.bundles import make_bundle
from support.catalogs import MemoryCatalog

NOW = 1_800_000_000.0
IDS = [ItemId(f"item-{row}") for row in range(20)]
VIEW, CART, BUY = EventType.DETAIL_PAGE_VIEW, EventType.ADD_TO_CART, EventType.PURCHASE_COMPLETE
SHOP = StoreId("s-1")


class MemoryFeed:
    """Gives what was put there since the last look; can be down."""

    def __init__(self, events: Sequence[FeedEvent] = ()) -> None:
        self.waiting = list(events)
        self.is_down = False

    def news(self, *, now: float) -> Iterator[Sequence[FeedEvent]]:
        """As the port, three at a time."""
        del now
        if self.is_down:
            raise StorageUnavailable(storage="test", problem="is down")
        waiting, self.waiting = self.waiting, []
        for first in range(0, len(waiting), 3):
            yield waiting[first : first + 3]


def event(
    *rows: int,
    person: int | None,
    days: float = 0.0,
    kind: EventType = VIEW,
    channel: Channel = Channel.WEB,
    store: str | None = None,
) -> FeedEvent:
    """What somebody did some days ago."""
    ids = "\x1f".join(f"item-{row}" for row in rows)
    return FeedEvent(NOW - days * SECONDS_PER_DAY, kind.code, channel.code, store, ids, person)


def usual() -> list[FeedEvent]:
    """A month in which low items are asked for more than high ones, every day alike."""
    return [
        event(row, person=1_000 * day + 50 * row + one, days=30.0 - day)
        for day in range(30)
        for row in range(10)
        for one in range(20 - 2 * row)
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Twenty items; popular are the first."""
    folder = tmp_path_factory.mktemp("bundle") / "v1"
    return ServingModel.from_bundle(make_bundle(folder, IDS, factors=np.eye(20, 3)))


def asked(model: ServingModel, feed: MemoryFeed, **query: object) -> Answer:
    """Ask somebody who has just begun to count."""
    widgets = Widgets(Recommender(histories=NoHistories()), Trends(feed))
    return widgets.trending(model, TrendingQuery(**query), now=NOW)  # type: ignore[arg-type]  # as each test says


def rising(answer: Answer) -> list[int]:
    """Rows on the rise, in order."""
    return [
        int(one.item_id.removeprefix("item-"))
        for one in answer.results
        if one.reason.kind is ReasonKind.TRENDING
    ]


def test_what_is_popular_as_ever_is_no_trend(model: ServingModel) -> None:
    """However much it is asked for; it follows as what it is."""
    answer = asked(model, MemoryFeed(usual()), result_count=3)
    assert rising(answer) == []
    assert [one.item_id for one in answer.results] == IDS[:3]
    assert {one.reason.kind for one in answer.results} == {ReasonKind.POPULAR}


def test_what_more_people_ask_for_than_usual_rises(model: ServingModel) -> None:
    """Also against items that are asked for more at all times."""
    more = [event(9, person=one) for one in range(30)] + [event(15, person=5)]
    answer = asked(model, MemoryFeed([*usual(), *more]), result_count=4)
    assert rising(answer) == [9]
    assert answer.results[0].reason.store_id is None
    assert [one.item_id for one in answer.results[1:]] == IDS[:3]
    assert answer.results[0].score > 3.0


def test_one_person_is_no_trend(model: ServingModel) -> None:
    """Nor two, however often they click; those of whom nothing is known are a third."""
    clicks = [
        event(15, person=one, kind=kind) for one in (1, 2, None) for kind in (VIEW, CART, BUY)
    ]
    answer = asked(model, MemoryFeed([*usual(), *clicks * 1_000]), result_count=4)
    assert rising(answer) == [15]
    two = [one for one in clicks if one.person != 1]
    assert rising(asked(model, MemoryFeed([*usual(), *two * 1_000]), result_count=4)) == []
    third = asked(model, MemoryFeed([*usual(), *clicks]), result_count=4)
    assert [one.score for one in answer.results] == [one.score for one in third.results]


def test_a_trend_passes() -> None:
    """A week later it is over, and what rises then has risen."""
    trends = Trends(MemoryFeed([*usual(), *(event(9, person=one) for one in range(30))]))
    trends.refresh(now=NOW)
    items = ItemIndex.from_ids(IDS)
    assert trends.rising("all", items, now=NOW)[0].tolist() == [9]
    assert not len(trends.rising("all", items, now=NOW + 7 * SECONDS_PER_DAY)[0])


def test_stores_and_channels_have_their_own(model: ServingModel) -> None:
    """The store's first, then the channel's, then everybody's; each says which."""
    there = [event(3, person=100 + one, store=SHOP, channel=Channel.STORE) for one in range(9)]
    online = [event(12, person=200 + one) for one in range(60)]
    old = [
        event(row, person=1 + 40 * day + row, days=20.0 - day, store=SHOP, channel=Channel.STORE)
        for day in range(20)
        for row in range(5)
    ]
    feed = [*usual(), *old, *there, *online]
    feed.sort(key=lambda one: one.event_time)
    answer = asked(model, MemoryFeed(feed), store_id=SHOP, channel=Channel.STORE, result_count=2)
    assert rising(answer) == [3, 12]
    assert [one.reason.store_id for one in answer.results] == [SHOP, None]
    answer = asked(model, MemoryFeed(feed), channel=Channel.WEB, result_count=1)
    assert (rising(answer), answer.results[0].reason.channel) == ([12], Channel.WEB)
    assert asked(model, MemoryFeed(feed), channel=Channel.EMAIL).results[0].reason.channel is None


def test_rules_and_slots_share_the_list(model: ServingModel) -> None:
    """Filters choose a category, what is on the page already is not shown again."""
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS):
        catalog.put(name, Item(category_paths=("Shoes" if row % 2 else "Hats",)))
    more = [event(8, 9, 11, person=one) for one in range(40)]
    trends = Trends(MemoryFeed([*usual(), *more]))
    widgets = Widgets(Recommender(histories=NoHistories(), catalog=catalog), trends)
    shoes = Rules(filter="category:Shoes")
    answer = widgets.trending(model, TrendingQuery(rules=shoes), now=NOW)
    assert set(rising(answer)) == {9, 11}
    assert len(answer.results) == 10
    assert answer.shortfall is not None
    assert dict(answer.shortfall.parts) == {ShortfallCause.FILTERED: 10}
    slots = (TrendingQuery(rules=shoes, result_count=1), TrendingQuery(result_count=3))
    first, second = widgets.page(model, PageQuery(slots=slots), now=NOW)
    assert set(rising(first)) < {9, 11}
    assert set(rising(second)) == {8, 9, 11} - set(rising(first))
    seen = ItemEvent(item_id=IDS[9], event_type=VIEW, channel=None, event_time=NOW)
    unseen = TrendingQuery(recent_events=(seen,), rules=Rules(include_seen=False))
    assert 9 not in rising(widgets.trending(model, unseen, now=NOW))
    assert 9 in rising(widgets.trending(model, TrendingQuery(recent_events=(seen,)), now=NOW))


def test_what_was_counted_stays_while_the_storage_is_down(model: ServingModel) -> None:
    """And the answer says so."""
    feed = MemoryFeed([*usual(), *(event(9, person=one) for one in range(30))])
    widgets = Widgets(Recommender(histories=NoHistories()), Trends(feed))
    before = widgets.trending(model, TrendingQuery(), now=NOW)
    feed.is_down = True
    after = widgets.trending(model, TrendingQuery(), now=NOW)
    assert list(after.results) == list(before.results)
    assert after.notes == before.notes | {NOTE_STORAGE_UNAVAILABLE}


@settings(max_examples=50)
@given(
    events=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 6),
            st.floats(0.0, 40.0),
            st.sampled_from([VIEW, CART, BUY, EventType.RETURN]),
        ),
        max_size=60,
    ),
    cut=st.integers(0, 60),
    later=st.floats(0.0, 15.0),
)
def test_when_it_was_read_makes_no_difference(
    events: list[tuple[int, int, float, EventType]], cut: int, later: float
) -> None:
    """Whether in one piece or in two, or with a landmark moved in between."""
    log = sorted(
        (event(row, person=one, days=days, kind=kind) for row, one, days, kind in events),
        key=lambda one: one.event_time,
    )
    items = ItemIndex.from_ids(IDS)
    whole, pieces = Trends(MemoryFeed(log)), MemoryFeed(log[:cut])
    parts = Trends(pieces)
    parts.refresh(now=NOW)
    pieces.waiting = log[cut:]
    moment = NOW + later * SECONDS_PER_DAY
    whole.refresh(now=NOW)
    whole.refresh(now=moment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trends_module, "_LANDMARK_SECONDS_MAX", SECONDS_PER_DAY)
        parts.refresh(now=moment)
    rows, scores = whole.rising("all", items, now=moment)
    again, same = parts.rising("all", items, now=moment)
    assert again.tolist() == rows.tolist()
    assert same == pytest.approx(scores, rel=1e-9)
    assert list(scores) == sorted(scores, reverse=True)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many items, places or people of a day are counted less well, not without end."""
    monkeypatch.setattr(limits, "TREND_ITEM_COUNT_MAX", 5)
    monkeypatch.setattr(limits, "TREND_PLACE_COUNT_MAX", 3)
    monkeypatch.setattr(limits, "TREND_PAIR_COUNT_MAX", 50)
    log = [event(row, person=one, store=f"s-{one}") for one in range(30) for row in range(20)]
    trends = Trends(MemoryFeed(log))
    trends.refresh(now=NOW)
    assert trends.size == (5, 3)


def test_old_items_are_forgotten() -> None:
    """What nobody has asked for in months takes no room, and new sums go on."""
    feed = MemoryFeed([event(1, person=one) for one in range(5)])
    trends = Trends(feed)
    trends.refresh(now=NOW)
    later = NOW + 200.0 * SECONDS_PER_DAY
    feed.waiting = [
        FeedEvent(later - age * SECONDS_PER_DAY, VIEW.code, 1, None, f"item-{row}", one + 100 * age)
        for age in range(20, -1, -1)
        for row in ((2, 3, 4) if age else (2,))
        for one in range(8 if age else 80)
    ]
    trends.refresh(now=later)
    rows, _ = trends.rising("all", ItemIndex.from_ids(IDS), now=later)
    assert rows.tolist() == [2]
