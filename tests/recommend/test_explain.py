"""What is said of an item is what has happened to it."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from recsys.bundle import PriorRows
from recsys.catalog import Attribute, Item, Price
from recsys.domain import (
    Channel,
    EventType,
    ItemEvent,
    ItemId,
    ShortfallCause,
    StoreId,
)
from recsys.events import NoHistories
from recsys.features import HistoryConfig
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.rules import Boost, Cap, Pin, Rules
from support.bundles import make_bundle, sparse, two_worlds
from support.catalogs import MemoryCatalog

NOW = 1_800_000_000.0
IDS = [f"item-{row}" for row in range(12)]


def bought(*rows: int) -> tuple[ItemEvent, ...]:
    """A session."""
    return tuple(
        ItemEvent(
            item_id=ItemId(IDS[row]),
            event_type=EventType.PURCHASE_COMPLETE,
            channel=Channel.WEB,
            event_time=NOW - 60.0 * (at + 1),
        )
        for at, row in enumerate(rows)
    )


@pytest.fixture(params=["vectors", "links", "both"])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> ServingModel:
    """Every part that a score can have."""
    rng = np.random.default_rng(3)
    dense = np.where(rng.random((12, 12)) < 0.4, rng.random((12, 12)), 0.0).astype(np.float32)
    bundle = make_bundle(
        tmp_path / "v1",
        IDS,
        factors=None if request.param == "links" else two_worlds(12),
        item_item=None if request.param == "vectors" else sparse(dense),
        prior=rng.random(12).astype(np.float32),
        priors=PriorRows.from_rows({"store:s7": rng.random(12).astype(np.float32)}),
        history=HistoryConfig(newest_boost=0.5),
    )
    return ServingModel.from_bundle(bundle)


def test_the_parts_are_those_of_the_score_in_the_answer(model: ServingModel) -> None:
    """Bit for bit, and the strongest item of the history is the one that the reason names."""
    recommender = Recommender(histories=NoHistories())
    query = RecommendQuery(
        recent_events=bought(0, 3, 4), store_id=StoreId("s7"), result_count=12, include_seen=True
    )
    answer = recommender.recommend(model, query, now=NOW)
    for place, one in enumerate(answer.results, start=1):
        found = recommender.explain(model, query, one.item_id, now=NOW)
        assert found.position == place
        assert found.score == one.score
        assert sum(found.parts.values()) == pytest.approx(one.score, abs=1e-12)
        assert found.refusals == ()
        if found.influences and one.reason.similar_to:
            assert found.influences[0].item_id == one.reason.similar_to


def test_each_rule_that_refuses_says_why(tmp_path: Path) -> None:
    """With what it asks for and what the item has."""
    model = ServingModel.from_bundle(make_bundle(tmp_path / "v1", IDS, factors=two_worlds(12)))
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS[:-1]):
        price = Price(amount=str(row), currency="EUR")
        catalog.put(
            name,
            Item(prices=(price,), brand="acme", attributes={"color": Attribute(texts=("red",))},
                 age_min=18 if row == 8 else 0,
                 available_until_time=NOW - 1.0 if row == 9 else None),
        )  # fmt: skip
    catalog.add_store("s7")
    catalog.stock_up("s7", "item-3", is_in_stock=False)
    for row in (0, 1, 2, 6, 8):
        catalog.stock_up("s7", IDS[row], is_in_stock=True)
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(
        recent_events=bought(0),
        store_id=StoreId("s7"),
        buyer_age=17,
        excluded=(ItemId("item-2"),),
        rules=Rules(filter='price < 5 AND attributes.color = "red"'),
    )

    def why(item_id: str) -> dict[ShortfallCause, str]:
        found = recommender.explain(model, query, ItemId(item_id), now=NOW)
        assert (found.position is None) == bool(found.refusals)
        return {one.cause: one.detail for one in found.refusals}

    assert why("item-1") == {}
    assert why("item-11") == {
        ShortfallCause.NOT_OFFERED: "is not in the catalogue",
        ShortfallCause.OUT_OF_STOCK: "s7 has never had it",
        ShortfallCause.FILTERED: 'price < 5: price is missing; attributes.color = "red": '
        "attributes.color is missing",
    }
    assert why("item-9")[ShortfallCause.NOT_OFFERED].startswith("is offered until 2027-01-15T07:59")
    assert why("item-3") == {ShortfallCause.OUT_OF_STOCK: "s7 had 0 at 1970-01-01T00:00:00+00:00"}
    assert why("item-6") == {ShortfallCause.FILTERED: "price < 5: price is 6.0"}
    assert why("item-8") == {
        ShortfallCause.FILTERED: "price < 5: price is 8.0",
        ShortfallCause.AGE: "NOT age_min > 17: age_min is 18.0",
    }
    assert why("item-2") == {ShortfallCause.EXCLUDED: "the request excludes it"}
    assert why("item-0") == {ShortfallCause.SEEN: "the person has had contact with it"}
    unknown = recommender.explain(model, query, ItemId("nothing"), now=NOW)
    assert not unknown.is_known


def test_an_arranged_page_is_explained_as_it_is(tmp_path: Path) -> None:
    """The place is the one after boosts, pins and caps."""
    model = ServingModel.from_bundle(make_bundle(tmp_path / "v1", IDS, factors=two_worlds(12)))
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS):
        catalog.put(name, Item(brand=f"b{row % 3}"))
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(
        recent_events=bought(0),
        rules=Rules(
            boosts=(Boost(filter="brand = b1", factor=3.0),),
            pins=(Pin(item_id=ItemId("item-11"), position=2),),
            caps=(Cap(field="brand", count_max=2),),
        ),
        result_count=12,
    )
    answer = recommender.recommend(model, query, now=NOW)
    placed = {one.item_id: place for place, one in enumerate(answer.results, start=1)}
    for item_id in map(ItemId, IDS):
        found = recommender.explain(model, query, item_id, now=NOW)
        assert found.position == placed.get(item_id)
    longer = msgspec.structs.replace(query, result_count=2)
    assert recommender.explain(model, longer, ItemId("item-11"), now=NOW).position == 2
