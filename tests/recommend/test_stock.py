"""Answers hold only what is offered, and what the store asked for has, at this moment."""

from pathlib import Path

import numpy as np
import pytest

from recsys.catalog import STORE_ONLINE, Item, Place
from recsys.catalog.distance import great_circle_km
from recsys.domain import (
    Channel,
    EventType,
    Identifier,
    ItemEvent,
    ItemId,
    ReasonKind,
    ShortfallCause,
    StockRule,
    StoreId,
)
from recsys.errors import InvalidRequest
from recsys.events import NoHistories
from recsys.recommend import (
    NOTE_STOCK_UNAVAILABLE,
    Answer,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
)
from recsys.rules.asked import NOTE_CATALOG_UNAVAILABLE
from recsys.rules.rules import Rules
from support.bundles import make_bundle, two_worlds
from support.catalogs import MemoryCatalog

NOW = 1_800_000_000.0
IDS = [f"item-{row}" for row in range(12)]
HERE = StoreId("s7")


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """Twelve items: even ones alike, odd ones alike; few are on a list of popular ones."""
    return ServingModel.from_bundle(
        make_bundle(
            tmp_path / "v1",
            IDS,
            factors=two_worlds(12),
            popular={"all": [1, 2, 3], "store:s7": [11, 10]},
        )
    )


@pytest.fixture
def catalog() -> MemoryCatalog:
    """All items but the last are offered; the store has items 1, 4 and 10."""
    catalog = MemoryCatalog()
    for name in IDS[:-1]:
        catalog.put(name, Item())
    catalog.add_store(HERE)
    for row in (1, 4, 10):
        catalog.stock_up(HERE, IDS[row], is_in_stock=True)
    return catalog


def asked(
    model: ServingModel, catalog: MemoryCatalog | None, **query: object
) -> tuple[Answer, list[str]]:
    """Ask for somebody unknown."""
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    answer = recommender.recommend(model, RecommendQuery(**query), now=NOW)  # type: ignore[arg-type]  # as each test says
    return answer, [one.item_id for one in answer.results]


def test_a_store_shows_what_it_has(model: ServingModel, catalog: MemoryCatalog) -> None:
    """First what is popular there, then everywhere, then whatever else it has."""
    answer, found = asked(model, catalog, store_id=HERE, result_count=3)
    assert found == ["item-10", "item-1", "item-4"]
    assert [one.reason.kind for one in answer.results] == [
        ReasonKind.POPULAR_HERE, ReasonKind.POPULAR, ReasonKind.POPULAR,
    ]  # fmt: skip
    assert answer.shortfall is None


def test_what_is_missing_is_put_down_to_its_cause(
    model: ServingModel, catalog: MemoryCatalog
) -> None:
    """Each item counts under the first cause that applies."""
    answer, found = asked(
        model, catalog, store_id=HERE, result_count=5,
        excluded=(ItemId("item-1"), ItemId("item-2"), ItemId("item-11")),
    )  # fmt: skip
    assert found == ["item-10", "item-4"]
    assert answer.shortfall is not None
    assert answer.shortfall.missing_count == 3
    assert dict(answer.shortfall.parts) == {
        ShortfallCause.NOT_OFFERED: 1,
        ShortfallCause.OUT_OF_STOCK: 8,
        ShortfallCause.EXCLUDED: 1,
    }


def test_a_sale_counts_in_the_next_answer(model: ServingModel, catalog: MemoryCatalog) -> None:
    """What a store sells out of is gone, what arrives is there."""
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(store_id=HERE, result_count=12)

    def found() -> set[str]:
        return {one.item_id for one in recommender.recommend(model, query, now=NOW).results}

    assert found() == {"item-1", "item-4", "item-10"}
    catalog.stock_up(HERE, "item-4", is_in_stock=False)
    catalog.stock_up(HERE, "item-6", is_in_stock=True)
    assert found() == {"item-1", "item-6", "item-10"}
    catalog.put("item-1", None)
    assert found() == {"item-6", "item-10"}


def test_similar_items_are_those_of_the_store(model: ServingModel, catalog: MemoryCatalog) -> None:
    """Similarity orders what there is."""
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = SimilarQuery(item_id=ItemId("item-8"), store_id=HERE, result_count=4)
    answer = recommender.similar(model, query, now=NOW)
    assert [one.item_id for one in answer.results] == ["item-4", "item-10", "item-1"]
    assert answer.shortfall is not None


@pytest.mark.parametrize(
    ("rule", "store_id", "count"),
    [
        (None, None, 11),
        (None, "elsewhere", 11),
        (StockRule.AUTO, HERE, 3),
        (StockRule.STORE, HERE, 3),
        (StockRule.STORE, "elsewhere", 0),
        (StockRule.ONLINE, HERE, 1),
        (StockRule.ANYWHERE, HERE, 11),
    ],
)
def test_the_rule_says_whose_stock_counts(
    model: ServingModel,
    catalog: MemoryCatalog,
    rule: StockRule | None,
    store_id: str | None,
    count: int,
) -> None:
    """Unless told otherwise, that of the store named, if the catalogue knows it."""
    catalog.stock_up(STORE_ONLINE, "item-5", is_in_stock=True)
    store = None if store_id is None else StoreId(store_id)
    _, found = asked(model, catalog, store_id=store, rules=Rules(in_stock=rule), result_count=12)
    assert len(found) == count


def test_a_rule_that_needs_a_store_says_so(model: ServingModel, catalog: MemoryCatalog) -> None:
    """The field that is missing is named."""
    with pytest.raises(InvalidRequest, match=r"context\.store_id is missing"):
        asked(model, catalog, rules=Rules(in_stock=StockRule.STORE))


def test_without_a_catalogue_nothing_is_promised_in_a_store(model: ServingModel) -> None:
    """Everything is offered, but nothing is known to be in stock."""
    assert len(asked(model, None, store_id=HERE, result_count=12)[1]) == 5
    answer, found = asked(
        model, None, store_id=HERE, rules=Rules(in_stock=StockRule.STORE), result_count=12
    )
    assert found == []
    assert NOTE_STOCK_UNAVAILABLE in answer.notes
    assert answer.shortfall is not None
    assert answer.shortfall.parts[0] == (ShortfallCause.OUT_OF_STOCK, 12)


def test_while_the_storage_is_down_the_last_state_counts(
    model: ServingModel, catalog: MemoryCatalog
) -> None:
    """A store that was never looked at has nothing for those who insist."""
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    known = RecommendQuery(store_id=HERE, result_count=12)
    assert len(recommender.recommend(model, known, now=NOW).results) == 3
    catalog.add_store("s8")
    recommender.recommend(model, RecommendQuery(), now=NOW)
    catalog.is_down = True
    answer = recommender.recommend(model, known, now=NOW)
    assert len(answer.results) == 3
    assert NOTE_CATALOG_UNAVAILABLE in answer.notes
    for rule, count in ((StockRule.STORE, 0), (StockRule.AUTO, 11)):
        answer = recommender.recommend(
            model,
            RecommendQuery(store_id=StoreId("s8"), rules=Rules(in_stock=rule), result_count=12),
            now=NOW,
        )
        assert len(answer.results) == count
        assert NOTE_STOCK_UNAVAILABLE in answer.notes


def test_a_personal_answer_obeys_as_well(tmp_path: Path, catalog: MemoryCatalog) -> None:
    """Ranked by taste among what the store has."""
    model = ServingModel.from_bundle(make_bundle(tmp_path / "v1", IDS, factors=two_worlds(12)))
    seen = ItemEvent(
        item_id=ItemId("item-8"),
        event_type=EventType.PURCHASE_COMPLETE,
        channel=Channel.WEB,
        event_time=NOW - 9.0,
    )
    _, found = asked(
        model, catalog,
        identifiers=(Identifier("account", "anna"),), store_id=HERE, recent_events=(seen,),
        result_count=3,
    )  # fmt: skip
    assert found == ["item-4", "item-10", "item-1"]


def test_near_is_as_the_crow_flies(model: ServingModel, catalog: MemoryCatalog) -> None:
    """Of the place said, else of the store; the nearest ones within the distance count."""
    places = {"paris": (48.8566, 2.3522), "london": (51.5074, -0.1278), "lille": (50.6292, 3.0573)}
    for row, (name, place) in enumerate(places.items()):
        catalog.add_store(name, place=place)
        catalog.stock_up(name, IDS[row], is_in_stock=True)

    def found(km: float, count: int, **where: object) -> list[str]:
        rules = Rules(in_stock=StockRule.NEARBY, nearby_km=km, nearby_count=count)
        return sorted(asked(model, catalog, rules=rules, result_count=12, **where)[1])

    assert found(300.0, 5, store_id=StoreId("paris")) == ["item-0", "item-2"]
    assert found(350.0, 5, store_id=StoreId("paris")) == ["item-0", "item-1", "item-2"]
    assert found(350.0, 2, store_id=StoreId("paris")) == ["item-0", "item-2"]
    at_calais = Place(50.9513, 1.8587)
    assert found(150.0, 1, place=at_calais, store_id=StoreId("paris")) == ["item-2"]
    assert found(1.0, 5, place=at_calais) == []
    with pytest.raises(InvalidRequest, match=r"context\.place is missing"):
        found(1.0, 5)
    # A store that nobody has placed is near itself.
    assert found(1.0, 5, store_id=HERE) == ["item-1", "item-10", "item-4"]


def test_distances_are_those_of_a_sphere() -> None:
    """Paris to London, around the date line, and to the other side."""
    north = np.array([51.5074, 0.0, -48.8566, 48.8566])
    east = np.array([-0.1278, 0.0, -177.6478, 2.3522])
    far = great_circle_km(Place(48.8566, 2.3522), north, east)
    assert far.round(0).tolist() == [344.0, 5_437.0, 20_015.0, 0.0]
    (line,) = great_circle_km(Place(0.0, 179.9), np.array([0.0]), np.array([-179.9]))
    assert line == pytest.approx(22.24, abs=0.01)
