"""What completes a basket, and what is bought again: the laws of both."""

from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from recsys.bundle import Rebuys
from recsys.catalog import Item
from recsys.domain import (
    SECONDS_PER_DAY,
    EventType,
    ItemEvent,
    ItemId,
    ReasonKind,
    ShortfallCause,
)
from recsys.events import NoHistories
from recsys.recommend import (
    AgainQuery,
    BasketQuery,
    PageQuery,
    Recommender,
    ServingModel,
    Widgets,
)
from recsys.rules import Boost, Cap, Pin, Rebuy, Rules
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog
from support.remembered import NOW, causes, rows

ITEM_COUNT = 40
IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]
BUY, CART, RETURN = EventType.PURCHASE_COMPLETE, EventType.ADD_TO_CART, EventType.RETURN
RATIOS, RATES = (0.5, 1.0, 2.0), (0.01, 0.5, 1.0, 0.2)


@pytest.fixture(scope="module")
def links() -> np.ndarray:
    """What goes with what."""
    rng = np.random.default_rng(11)
    found = rng.random((ITEM_COUNT, ITEM_COUNT)) * (rng.random((ITEM_COUNT, ITEM_COUNT)) < 0.15)
    np.fill_diagonal(found, 0.0)
    return found.astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, links: np.ndarray) -> ServingModel:
    """Forty items with links of baskets; even ones are bought again every ten days."""
    even = np.arange(ITEM_COUNT) % 2 == 0
    bundle = make_bundle(
        tmp_path_factory.mktemp("bundle") / "v1",
        IDS,
        factors=np.random.default_rng(5).normal(size=(ITEM_COUNT, 4)),
        basket_links=sparse(links),
        rebuys=Rebuys(
            shares=np.where(even, 0.8, 0.1).astype(np.float32),
            days=np.where(even, 10.0, 100.0).astype(np.float32),
            ratios=RATIOS,
            rates=RATES,
        ),
    )
    return ServingModel.from_bundle(bundle)


@pytest.fixture
def widgets() -> Widgets:
    """Nobody is stored, and there is no catalogue."""
    return Widgets(Recommender(histories=NoHistories()))


def event(row: int, kind: EventType, *, days: float) -> ItemEvent:
    """What somebody did some days ago."""
    return ItemEvent(
        item_id=IDS[row], event_type=kind, channel=None, event_time=NOW - days * SECONDS_PER_DAY
    )


@settings(max_examples=60)
@given(basket=st.sets(st.integers(0, ITEM_COUNT - 1), max_size=6), count=st.integers(1, 40))
def test_suggestions_are_those_with_the_strongest_links(
    model: ServingModel, links: np.ndarray, basket: set[int], count: int
) -> None:
    """As summing all links one by one; then what is popular, each with its reason."""
    widgets = Widgets(Recommender(histories=NoHistories()))
    query = BasketQuery(item_ids=(*(IDS[row] for row in basket), ItemId("new")), result_count=count)
    answer = widgets.complete_basket(model, query, now=NOW)
    scores = links[sorted(basket)].astype(np.float64).sum(axis=0)
    scores[sorted(basket)] = 0.0
    linked = [row for row in np.argsort(-scores, kind="stable").tolist() if scores[row] > 0.0]
    popular = [row for row in range(ITEM_COUNT) if row not in {*linked, *basket}]
    assert rows(answer) == [*linked, *popular][:count]
    for one, row in zip(answer.results, rows(answer), strict=True):
        if row in linked:
            assert one.reason.kind is ReasonKind.COMPLEMENT
            assert one.score == pytest.approx(scores[row])
            strongest = max(basket, key=lambda item: links[item, row])
            assert (
                links[int(str(one.reason.goes_with).removeprefix("item-")), row]
                == (links[strongest, row])
            )
        else:
            assert one.reason.kind is ReasonKind.POPULAR
    assert causes(answer).get(ShortfallCause.EXCLUDED, 0) == (
        len(basket) if len(answer.results) < count else 0
    )


def test_an_empty_basket_is_explained_like_any_other(model: ServingModel, widgets: Widgets) -> None:
    """All of the page is popular, and nothing of that is a sum of items."""
    query = BasketQuery(result_count=5, explains=True)
    answer = widgets.complete_basket(model, query, now=NOW)
    assert answer.explanation is not None
    assert answer.explanation.splits == (None,) * 5


def test_the_basket_is_what_was_put_there_and_not_bought_since(
    model: ServingModel, widgets: Widgets
) -> None:
    """Unless items are given; then her events count where that is asked for."""
    session = (
        event(3, CART, days=1.0),
        event(4, CART, days=2.0),
        event(4, BUY, days=1.0),
        event(5, CART, days=40.0),
    )

    def asked(*items: int, adds_stored: bool = False) -> list[int]:
        query = BasketQuery(
            item_ids=tuple(IDS[row] for row in items),
            adds_stored=adds_stored,
            recent_events=session,
            result_count=5,
        )
        return rows(widgets.complete_basket(model, query, now=NOW))

    def given(*items: int) -> list[int]:
        query = BasketQuery(item_ids=tuple(IDS[row] for row in items), result_count=5)
        return rows(widgets.complete_basket(model, query, now=NOW))

    assert asked() == given(3)
    assert asked(7) == given(7)
    assert asked(7, adds_stored=True) == given(3, 7)


def test_rules_arrange_suggestions_too(model: ServingModel, links: np.ndarray) -> None:
    """Boosts and caps are exact, pins have their places, and variants of the basket stay away."""
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS):
        brand = f"b{row % 3}"
        catalog.put(name, Item(brand=brand, primary_item_id="item-2" if row == 9 else ""))
    widgets = Widgets(Recommender(histories=NoHistories(), catalog=catalog))
    rules = Rules(
        boosts=(Boost(filter="brand = b1", factor=3.0),),
        caps=(Cap(field="brand", count_max=2),),
        pins=(Pin(item_id=IDS[30], position=2),),
    )
    query = BasketQuery(item_ids=(IDS[2], IDS[6]), result_count=6, rules=rules)
    answer = widgets.complete_basket(model, query, now=NOW)
    scores = links[[2, 6]].astype(np.float64).sum(axis=0)
    scores[1::3] *= 3.0
    scores[[2, 6, 9, 30]] = 0.0
    expected: list[int] = []
    brands = [30 % 3]
    for row in np.argsort(-scores, kind="stable").tolist():
        if scores[row] > 0.0 and brands.count(row % 3) < 2 and len(expected) < 5:
            brands.append(row % 3)
            expected.append(row)
    assert rows(answer) == [expected[0], 30, *expected[1:]]
    assert 9 not in rows(answer)


def test_a_model_without_links_suggests_what_is_popular(tmp_path: Path, widgets: Widgets) -> None:
    """As models of older formats are."""
    bundle = make_bundle(tmp_path / "v0", IDS[:6], factors=np.eye(6, 2))
    model = ServingModel.from_bundle(bundle)
    query = BasketQuery(item_ids=(IDS[0],), result_count=3)
    answer = widgets.complete_basket(model, query, now=NOW)
    assert rows(answer) == [1, 2, 3]
    assert {one.reason.kind for one in answer.results} == {ReasonKind.POPULAR}
    again = AgainQuery(recent_events=(event(1, BUY, days=4), event(1, BUY, days=2)))
    (found,) = widgets.buy_again(model, again, now=NOW).results
    assert found.reason.usual_days == pytest.approx(2.0)


HISTORY = (
    event(0, BUY, days=30.0), event(0, BUY, days=20.0), event(0, BUY, days=12.0),
    event(2, BUY, days=1.0), event(4, BUY, days=12.0), event(5, BUY, days=12.0),
    event(6, BUY, days=12.0), event(6, RETURN, days=3.0),
    event(8, BUY, days=30.0), event(8, BUY, days=12.0), event(8, RETURN, days=3.0),
    event(10, EventType.DETAIL_PAGE_VIEW, days=1.0),
)  # fmt: skip


def test_what_is_due_and_bought_often_comes_first(model: ServingModel, widgets: Widgets) -> None:
    """By her own rhythm and everybody's; what she brought back counts no more."""
    answer = widgets.buy_again(model, AgainQuery(recent_events=HISTORY), now=NOW)
    # 2 was bought yesterday, 5 is bought again by few; of 8 the first purchase is left.
    assert rows(answer) == [0, 4, 8, 2, 5]
    by_row = dict(zip(rows(answer), answer.results, strict=True))
    assert {one.reason.kind for one in answer.results} == {ReasonKind.BUY_AGAIN}
    assert by_row[0].reason.purchase_time == NOW - 12.0 * SECONDS_PER_DAY
    assert by_row[0].reason.usual_days == pytest.approx((10.0 * 10.0 * 10.0 * 8.0) ** 0.25)
    assert by_row[8].reason.purchase_time == NOW - 30.0 * SECONDS_PER_DAY
    assert by_row[5].reason.usual_days == pytest.approx(100.0)
    amount = sum(2.0 ** (-days / 240.0) for days in (30.0, 20.0, 12.0))
    ratio = 12.0 / (10.0 * 10.0 * 10.0 * 8.0) ** 0.25
    rate = RATES[int(np.searchsorted(RATIOS, ratio, side="right"))]
    assert by_row[0].score == pytest.approx(amount * 0.8 * rate**0.25)
    assert causes(answer) == {ShortfallCause.HISTORY: 15}


def test_rules_of_buying_again_are_kept(model: ServingModel, widgets: Widgets) -> None:
    """What was bought not long ago and what lies in the basket is left out; pins are hers."""
    rules = Rules(
        rebuys=(Rebuy(days=10.0),),
        exclude_basket=True,
        pins=(Pin(item_id=IDS[5], position=1), Pin(item_id=IDS[33], position=2)),
    )
    session = (*HISTORY, event(4, CART, days=0.5))
    query = AgainQuery(recent_events=session, rules=rules)
    answer = widgets.buy_again(model, query, now=NOW)
    assert rows(answer) == [5, 0, 8]
    assert answer.results[0].reason.kind is ReasonKind.EDITORIAL
    assert causes(answer) == {ShortfallCause.EXCLUDED: 2, ShortfallCause.HISTORY: 15}


def test_both_fill_slots_of_a_page(model: ServingModel, widgets: Widgets) -> None:
    """No item twice, and what is above is named as a cause."""
    again = AgainQuery(result_count=2)
    slots: Sequence[AgainQuery | BasketQuery] = (
        again,
        BasketQuery(item_ids=(IDS[4],), result_count=5),
        AgainQuery(result_count=5),
    )
    query = PageQuery(recent_events=HISTORY, slots=tuple(slots))
    first, second, third = widgets.page(model, query, now=NOW)
    assert rows(first) == [0, 4]
    assert not {0, 4} & set(rows(second))
    shown = {*rows(first), *rows(second)}
    assert rows(third) == [row for row in (0, 4, 8, 2, 5) if row not in shown]
    assert causes(third)[ShortfallCause.SHOWN] == len({0, 4, 8, 2, 5} & shown)
