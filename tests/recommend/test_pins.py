"""A pin that is left out is said, with what forbids it."""

from pathlib import Path
from typing import Any

import pytest

from recsys.catalog import Item, Price
from recsys.domain import Channel, EventType, ItemEvent, ItemId, StockRule, StoreId
from recsys.domain import ShortfallCause as Cause
from recsys.events import NoHistories
from recsys.recommend import (
    AgainQuery,
    Answer,
    PageQuery,
    RankQuery,
    RecentQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    Widgets,
)
from recsys.rules import Pin, Rules
from support.bundles import make_bundle, two_worlds
from support.catalogs import MemoryCatalog

NOW = 1_800_000_000.0
IDS = [ItemId(f"item-{row}") for row in range(12)]
SHOP = StoreId("s7")


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """Twelve items."""
    bundle = make_bundle(
        tmp_path / "v1", IDS, factors=two_worlds(12), popular={"all": list(range(12))}
    )
    return ServingModel.from_bundle(bundle)


@pytest.fixture
def recommender() -> Recommender:
    """The price of an item is its number; the last is not offered, and the shop lacks item 3."""
    catalog = MemoryCatalog()
    for row, item_id in enumerate(IDS[:-1]):
        catalog.put(item_id, Item(prices=(Price(amount=str(row), currency="EUR"),)))
    catalog.add_store(SHOP)
    for row, item_id in enumerate(IDS[:-1]):
        catalog.stock_up(SHOP, item_id, is_in_stock=row != 3)
    return Recommender(histories=NoHistories(), catalog=catalog)


def pinned(*rows: int | str, **rules: Any) -> Rules:
    """Pin items one after the other."""
    ids = [ItemId(row) if isinstance(row, str) else IDS[row] for row in rows]
    pins = tuple(Pin(item_id=one, position=at) for at, one in enumerate(ids, start=1))
    return Rules(pins=pins, **rules)


def said(answer: Answer) -> dict[tuple[str, int], dict[Cause, str]]:
    """What is said of pins: by item and place, the rules."""
    assert answer.explanation is not None
    return {
        (pin.item_id, pin.position): {one.cause: one.detail for one in pin.refusals}
        for pin in answer.explanation.pins_left_out
    }


def test_each_pin_that_is_left_out_is_said_with_every_rule(
    model: ServingModel, recommender: Recommender
) -> None:
    """Unknown, not offered, out of stock, filtered, excluded; the others have their places."""
    query = RecommendQuery(
        store_id=SHOP,
        excluded=(IDS[2],),
        rules=pinned("nothing", 11, 3, 9, 2, 1, filter="price < 9", in_stock=StockRule.STORE),
        result_count=6,
        explains=True,
    )
    answer = recommender.recommend(model, query, now=NOW)
    assert said(answer) == {
        ("nothing", 1): {
            Cause.CATALOG: "neither the model nor, as a new item, the catalogue has it"
        },
        ("item-11", 2): {
            Cause.NOT_OFFERED: "",
            Cause.OUT_OF_STOCK: "s7",
            Cause.FILTERED: "price < 9",
        },
        ("item-3", 3): {Cause.OUT_OF_STOCK: "s7"},
        ("item-9", 4): {Cause.FILTERED: "price < 9"},
        ("item-2", 5): {Cause.EXCLUDED: ""},
    }
    assert answer.results[5].item_id == "item-1"


def test_pins_of_other_pages_are_not_said(model: ServingModel, recommender: Recommender) -> None:
    """Each page says those of its own places."""
    rules = pinned("one", 1, "three", 2)
    query = RecommendQuery(rules=rules, result_count=2, explains=True)
    first = recommender.recommend(model, query, now=NOW)
    assert list(said(first)) == [("one", 1)]
    query = RecommendQuery(
        rules=rules, result_count=2, explains=True, page_token=first.next_page_token
    )
    second = recommender.recommend(model, query, now=NOW)
    assert list(said(second)) == [("three", 3)]


def test_what_an_earlier_slot_shows_is_said_of_the_pin(
    model: ServingModel, recommender: Recommender
) -> None:
    """A later slot goes without it."""
    slot = RecommendQuery(rules=pinned(5), result_count=1, explains=True)
    one, other = Widgets(recommender).page(model, PageQuery(slots=(slot, slot)), now=NOW)
    assert said(one) == {}
    assert said(other) == {("item-5", 1): {Cause.SHOWN: ""}}


def test_lists_say_pins_that_are_not_on_them(model: ServingModel, recommender: Recommender) -> None:
    """Of given items and of what she bought; time has its own order, without pins."""
    widgets = Widgets(recommender)
    bought = ItemEvent(
        item_id=IDS[4],
        event_type=EventType.PURCHASE_COMPLETE,
        channel=Channel.WEB,
        event_time=NOW - 60.0,
    )
    asked: dict[str, Any] = {"rules": pinned(4, 5), "explains": True}
    ranked = widgets.rank(model, RankQuery(item_ids=(IDS[4], IDS[6]), **asked), now=NOW)
    assert said(ranked) == {("item-5", 2): {Cause.EXCLUDED: ""}}
    again = AgainQuery(recent_events=(bought,), **asked)
    assert said(widgets.buy_again(model, again, now=NOW)) == {("item-5", 2): {Cause.HISTORY: ""}}
    recent = RecentQuery(recent_events=(bought,), **asked)
    assert said(widgets.recently_viewed(model, recent, now=NOW)) == {}
    similar = SimilarQuery(item_id=IDS[4], **asked)
    assert said(recommender.similar(model, similar, now=NOW)) == {
        ("item-4", 1): {Cause.EXCLUDED: ""}
    }


def test_one_item_says_where_it_is_pinned(model: ServingModel, recommender: Recommender) -> None:
    """Whether it is shown there, refused, or not known at all."""
    query = RecommendQuery(rules=pinned("nothing", 9, 1, filter="price < 9"))

    def place(item_id: str) -> tuple[int | None, bool, bool]:
        found = recommender.explain(model, query, ItemId(item_id), now=NOW)
        return found.pinned_position, found.is_known, bool(found.refusals)

    assert place("nothing") == (1, False, False)
    assert place("item-9") == (2, True, True)
    assert place("item-1") == (3, True, False)
    assert place("item-4") == (None, True, False)
