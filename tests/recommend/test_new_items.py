"""Items that the catalogue has and the model does not know are recommended by what they are like."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from recsys import limits
from recsys.bundle import Rebuys
from recsys.catalog import Item
from recsys.domain import EventType, ItemEvent, ItemId, ReasonKind, StoreId
from recsys.events import NoHistories
from recsys.recommend import (
    AgainQuery,
    Answer,
    BasketQuery,
    ManyPeople,
    RankQuery,
    RecentQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    Widgets,
)
from recsys.recommend.newcomers import vector_like
from recsys.rules import Boost, Cap, Pin, Rules, Share
from recsys.sparse import CsrMatrix
from support.bundles import make_bundle
from support.catalogs import MemoryCatalog
from support.new_items import KNOWN, NOW, item_of, shop_model


@pytest.fixture
def catalog() -> MemoryCatalog:
    """All that the model knows, two teas and a pen."""
    feed = MemoryCatalog()
    for name in [*KNOWN, "tea-new", "tea-newer", "pen-new"]:
        feed.put(name, item_of(name))
    return feed


@pytest.fixture
def recommender(catalog: MemoryCatalog) -> Recommender:
    """Answers by the session alone."""
    return Recommender(histories=NoHistories(), catalog=catalog)


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """New items point as far as known ones, and so are in the midst of them."""
    return shop_model(tmp_path / "bundle")


def seen(*names: str) -> tuple[ItemEvent, ...]:
    """Views of items, just now."""
    return tuple(
        ItemEvent(
            item_id=ItemId(name),
            event_type=EventType.DETAIL_PAGE_VIEW,
            channel=None,
            event_time=NOW - 60.0,
        )
        for name in names
    )


def kinds(answer: Answer) -> dict[str, ReasonKind]:
    """Why each item is in an answer."""
    return {one.item_id: one.reason.kind for one in answer.results}


def test_they_are_where_their_scores_are(recommender: Recommender, model: ServingModel) -> None:
    """One list of known and new items, by the same score, to the last bit."""
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=22)
    answer = recommender.recommend(model, query, now=NOW)
    assert len(answer.results) == 22
    scores = [one.score for one in answer.results]
    assert scores == sorted(scores, reverse=True)
    found = kinds(answer)
    assert found["tea-new"] is found["pen-new"] is ReasonKind.NEW
    assert found["tea-2"] is ReasonKind.SIMILAR
    order = list(found)
    assert order.index("tea-new") < order.index("pen-new")
    rows = answer.results.ranking.rows
    known = recommender.acquaintance.known(model, query, set(), now=NOW)
    vector = model.vector(known.weights).astype(np.float64)
    np.testing.assert_allclose(scores, model.vectors_of(rows).astype(np.float64) @ vector)
    # Of equal scores the one that came first is first.
    assert order.index("tea-new") + 1 == order.index("tea-newer")


def test_without_a_live_catalogue_there_are_none(model: ServingModel) -> None:
    """What a data set says of items is no offer."""
    feed = MemoryCatalog()
    feed.put("tea-new", item_of("tea-new"))
    feed.log.clear()
    recommender = Recommender(histories=NoHistories(), catalog=feed)
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=30)
    assert "tea-new" not in kinds(recommender.recommend(model, query, now=NOW))
    # The first thing that is written makes it one, without reading all again.
    feed.put("pen-new", item_of("pen-new"))
    assert set(kinds(recommender.recommend(model, query, now=NOW))) == {"tea-new", "pen-new"}
    assert feed.snapshot_count == 1


def test_changes_count_in_the_next_answer(
    recommender: Recommender, model: ServingModel, catalog: MemoryCatalog
) -> None:
    """Written, changed to another kind, deleted, and there again."""
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=12)
    recommender.recommend(model, query, now=NOW)
    catalog.put("late", item_of("tea-late"))
    assert "late" in kinds(recommender.recommend(model, query, now=NOW))
    catalog.put("late", item_of("pen-late"))
    assert "late" not in kinds(recommender.recommend(model, query, now=NOW))
    catalog.put("late", item_of("tea-late"))
    assert "late" in kinds(recommender.recommend(model, query, now=NOW))
    catalog.put("late", None)
    assert "late" not in kinds(recommender.recommend(model, query, now=NOW))


def test_what_she_has_seen_is_left_out(recommender: Recommender, model: ServingModel) -> None:
    """As of known items; and it is among what she looked at."""
    events = seen("tea-1", "tea-new")
    query = RecommendQuery(recent_events=events, result_count=23)
    recommender.recommend(model, query, now=NOW)
    answer = recommender.recommend(model, query, now=NOW)
    assert not answer.notes
    assert "tea-new" not in kinds(answer)
    assert "tea-newer" in kinds(answer)
    shown = replace(query, include_seen=True)
    assert "tea-new" in kinds(recommender.recommend(model, shown, now=NOW))
    recent = Widgets(recommender).recently_viewed(model, RecentQuery(recent_events=events), now=NOW)
    assert kinds(recent) == {
        "tea-1": ReasonKind.RECENTLY_VIEWED,
        "tea-new": ReasonKind.RECENTLY_VIEWED,
    }


def test_pages_never_repeat_also_on_another_worker(
    recommender: Recommender, model: ServingModel, catalog: MemoryCatalog
) -> None:
    """Each worker numbers new items as it learns of them; tokens hold what is the same on all."""
    recommender.prepare(model, now=NOW)
    for name in ("late-1", "late-2"):
        catalog.put(name, item_of("tea-late"))
    other = Recommender(histories=NoHistories(), catalog=catalog)
    elsewhere = ServingModel.from_bundle(model.bundle)
    # The other one learns of everything at once, and of the deleted one never.
    catalog.put("tea-newer", None)
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=4)
    found: list[str] = []
    for turn in range(8):
        who, where = ((recommender, model), (other, elsewhere))[turn % 2]
        answer = who.recommend(where, query, now=NOW)
        found += list(kinds(answer))
        if not answer.next_page_token:
            break
        query = replace(query, page_token=answer.next_page_token)
    assert len(found) == len(set(found))
    assert set(found) == {*KNOWN, "tea-new", "pen-new", "late-1", "late-2"} - {"tea-1"}


@pytest.mark.parametrize("item_id", ["tea-1", "tea-new"])
def test_similar_items_ask_and_answer_with_new_ones(
    recommender: Recommender, model: ServingModel, item_id: str
) -> None:
    """A new tea is like teas, known and new."""
    query = SimilarQuery(item_id=ItemId(item_id), result_count=11)
    found = kinds(recommender.similar(model, query, now=NOW))
    assert all(name.startswith("tea") for name in found)
    assert item_id not in found
    assert found["tea-newer"] is ReasonKind.NEW
    assert ReasonKind.SIMILAR in found.values()


def test_like_one_new_item_is_what_fold_in_says(model: ServingModel) -> None:
    """The vector for a new item is that of a known item with the same vector."""
    assert model.fold_in is not None
    config = model.bundle.manifest.fold_in
    assert config is not None
    itself = np.array([3], dtype=np.int32)
    solved = model.fold_in.solve(itself, np.ones(1, dtype=np.float32))
    like = vector_like(model.vectors_of(itself)[0], model.fold_in.gram, config, len(KNOWN))
    np.testing.assert_allclose(like, solved, rtol=1e-5)


def test_given_items_are_put_into_one_order(recommender: Recommender, model: ServingModel) -> None:
    """New items are not unknown ones."""
    query = RankQuery(
        item_ids=tuple(map(ItemId, ["pen-new", "tea-new", "tea-2", "nowhere"])),
        recent_events=seen("tea-1"),
    )
    answer = Widgets(recommender).rank(model, query, now=NOW)
    assert answer.unknown == ("nowhere",)
    assert set(kinds(answer)) == {"tea-2", "tea-new", "pen-new"}
    assert next(reversed(kinds(answer))) == "pen-new"


def test_baskets_and_purchases_with_new_items_are_answered(
    recommender: Recommender, tmp_path: Path
) -> None:
    """What goes with a new item is not known; what was bought of it may be bought again."""
    count = len(KNOWN)
    links = CsrMatrix(
        np.r_[0, 1, np.ones(count - 1)].astype(np.int64),
        np.array([3], dtype=np.int32),
        np.ones(1, dtype=np.float32),
    )
    rebuys = Rebuys(
        shares=np.full(count, 0.5, np.float32),
        days=np.full(count, 30.0, np.float32),
        ratios=(1.0,),
        rates=(0.1, 0.2),
    )
    model = shop_model(tmp_path / "widgets", basket_links=links, rebuys=rebuys)
    recommender.prepare(model, now=NOW)
    widgets = Widgets(recommender)
    basket = BasketQuery(item_ids=(ItemId("tea-0"), ItemId("tea-new")), result_count=23)
    found = kinds(widgets.complete_basket(model, basket, now=NOW))
    assert next(iter(found)) == "tea-3"
    assert not {"tea-0", "tea-new"} & set(found)
    assert found["tea-newer"] is ReasonKind.NEW
    bought = tuple(
        dataclasses.replace(one, event_type=EventType.PURCHASE_COMPLETE)
        for one in seen("tea-1", "tea-new")
    )
    again = widgets.buy_again(model, AgainQuery(recent_events=bought), now=NOW)
    assert kinds(again) == {"tea-1": ReasonKind.BUY_AGAIN, "tea-new": ReasonKind.BUY_AGAIN}


def test_rules_hold_for_new_items(
    recommender: Recommender, model: ServingModel, catalog: MemoryCatalog
) -> None:
    """Filters, stock, pins, caps, shares, boosts, diversity and what is excluded."""

    def asked(rules: Rules, **changes: object) -> dict[str, ReasonKind]:
        query = RecommendQuery(recent_events=seen("tea-1"), result_count=5, rules=rules)
        answer = recommender.recommend(model, replace(query, **changes), now=NOW)
        return kinds(answer)

    only = Rules(filter='brand = "maker of pen-new"')
    assert asked(only) == {"pen-new": ReasonKind.NEW}
    assert asked(only, excluded=(ItemId("pen-new"),)) == {}
    boosted = Rules(boosts=(Boost(filter='brand = "maker of pen-new"', factor=50.0),))
    assert next(iter(asked(boosted, recent_events=seen("pen-1")))) == "pen-new"
    pinned = asked(Rules(pins=(Pin(item_id=ItemId("pen-new"), position=2),)))
    assert list(pinned).index("pen-new") == 1
    assert pinned["pen-new"] is ReasonKind.EDITORIAL
    shared = asked(Rules(shares=(Share(filter='brand = "maker of pen-new"', share=0.2),)))
    assert shared["pen-new"] is ReasonKind.NEW
    capped = asked(Rules(caps=(Cap(field="category", count_max=2),)))
    assert sorted(name.split("-")[0] for name in capped) == ["pen", "pen", "tea", "tea"]
    assert len(asked(Rules(diversity=0.5))) == 5
    catalog.add_store("s1")
    for name in ("tea-4", "pen-new"):
        catalog.stock_up("s1", name, is_in_stock=True)
    assert set(asked(Rules(), store_id=StoreId("s1"))) == {"tea-4", "pen-new"}
    catalog.stock_up("s1", "pen-new", is_in_stock=False)
    assert set(asked(Rules(), store_id=StoreId("s1"))) == {"tea-4"}


def test_nobody_gets_them_where_popular_items_run_out(
    recommender: Recommender, model: ServingModel
) -> None:
    """Nobody is known to want them, so they come last."""
    answer = recommender.recommend(model, RecommendQuery(result_count=23), now=NOW)
    found = list(kinds(answer).items())
    assert [name for name, _ in found[:20]] == KNOWN
    assert {kind for _, kind in found[20:]} == {ReasonKind.NEW}
    assert answer.shortfall is None


def test_a_new_item_is_explained(recommender: Recommender, model: ServingModel) -> None:
    """Its place, its score in parts, and what of her history is behind it."""
    query = RecommendQuery(recent_events=seen("tea-1", "pen-1"))
    found = recommender.explain(model, query, ItemId("tea-new"), now=NOW)
    assert found.is_known
    assert found.position is not None
    answer = recommender.recommend(model, replace(query, result_count=30), now=NOW)
    placed = answer.results[found.position - 1]
    assert (placed.item_id, placed.score) == ("tea-new", found.score)
    assert found.score == sum(found.parts.values())
    assert found.influences[0].item_id == "tea-1"
    known = recommender.acquaintance.known(model, query, set(), now=NOW)
    row = model.items.row("tea-new")
    assert row is not None
    parts = model.influences_of_new(known.weights, row)
    assert parts.sum() == pytest.approx(found.score, rel=1e-5)
    blocked = RecommendQuery(rules=Rules(filter='category:"pen"'))
    refusals = recommender.explain(model, blocked, ItemId("tea-new"), now=NOW).refusals
    assert [one.cause.value for one in refusals] == ["filtered"]


def test_many_people_get_what_each_gets(recommender: Recommender, model: ServingModel) -> None:
    """Batches know new items, too."""
    queries = [
        RecommendQuery(recent_events=seen(*names), result_count=22)
        for names in (("tea-1",), ("pen-2", "tea-new"), ("pen-new", "pen-3"))
    ]
    together = ManyPeople(recommender).recommend(model, queries, now=NOW)
    for query, answer in zip(queries, together, strict=True):
        alone = recommender.recommend(model, query, now=NOW)
        assert isinstance(answer, Answer)
        assert list(answer.results) == list(alone.results)


def test_more_than_there_was_room_for(
    recommender: Recommender,
    model: ServingModel,
    catalog: MemoryCatalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bitmaps grow with the catalogue; beyond the limit new items wait for the next model."""
    monkeypatch.setattr("recsys.rules.assortment._NEW_ROWS_MIN", 4)
    monkeypatch.setattr(limits, "NEW_ITEM_COUNT_MAX", 25)
    catalog.add_store("s1")
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=60, store_id=StoreId("s1"))
    for number in range(40):
        name = f"late-{number}"
        catalog.put(name, item_of("tea-late"))
        catalog.stock_up("s1", name, is_in_stock=True)
        found = kinds(recommender.recommend(model, query, now=NOW))
        assert len(found) == min(number + 1, 22)


def test_old_bundles_take_no_new_items(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Without a map the model has what it had."""
    bundle = make_bundle(tmp_path / "old", KNOWN, factors=np.ones((len(KNOWN), 2)))
    model = ServingModel.from_bundle(bundle)
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(recent_events=seen("tea-1"), result_count=30)
    assert set(kinds(recommender.recommend(model, query, now=NOW))) == {*KNOWN} - {"tea-1"}


def test_a_deleted_item_says_so(
    recommender: Recommender, model: ServingModel, catalog: MemoryCatalog
) -> None:
    """It is known still, and not offered."""
    recommender.prepare(model, now=NOW)
    catalog.put("tea-new", None)
    found = recommender.explain(model, RecommendQuery(), ItemId("tea-new"), now=NOW)
    assert [one.cause.value for one in found.refusals] == ["not-offered"]
    catalog.put("tea-new", Item(title="again"))
    assert not recommender.explain(model, RecommendQuery(), ItemId("tea-new"), now=NOW).refusals
