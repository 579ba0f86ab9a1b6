"""One of each item and its variants, and what is missing for that."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from recsys.catalog import Item
from recsys.domain import EventType, Identifier, ItemId, ShortfallCause
from recsys.events import NoHistories
from recsys.recommend import (
    PageQuery,
    RankQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    Widgets,
)
from recsys.rules import Cap, Pin, Placements, Rebuy, Rules
from support.bundles import make_bundle
from support.catalogs import MemoryCatalog
from support.remembered import NOW, event, rows

ITEM_COUNT = 30
ALL = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]
EVERY_OTHER = Rules(one_variant=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Thirty items with vectors."""
    factors = np.random.default_rng(8).normal(size=(ITEM_COUNT, 3))
    return ServingModel.from_bundle(
        make_bundle(tmp_path_factory.mktemp("bundle") / "v1", ALL, factors=factors)
    )


def shop(primaries: dict[int, int]) -> MemoryCatalog:
    """All items, of which some are variants of others; -1 is a primary item nobody sells."""
    catalog = MemoryCatalog()
    for row, name in enumerate(ALL):
        primary = primaries.get(row)
        catalog.put(name, Item(primary_item_id="" if primary is None else f"item-{primary}"))
    return catalog


@settings(max_examples=60)
@given(
    primaries=st.dictionaries(st.integers(5, 29), st.integers(-1, 4), max_size=25)
    | st.dictionaries(st.integers(0, 29), st.integers(-1, 29), max_size=25),
    seen=st.one_of(st.none(), st.integers(0, 29)),
    count=st.integers(1, 30),
    pinned=st.one_of(st.none(), st.integers(0, 29)),
)
def test_the_best_of_each_item_and_its_variants_is_shown(
    model: ServingModel,
    primaries: dict[int, int],
    seen: int | None,
    count: int,
    pinned: int | None,
) -> None:
    """As going through the ranking of all one by one, and what is missing is said.

    Also of variants of variants, and of circles of them.
    """
    primaries = {row: primary for row, primary in primaries.items() if row != primary}
    recommender = Recommender(histories=NoHistories(), catalog=shop(primaries))
    session = () if seen is None else (event(seen),)
    everything = RecommendQuery(recent_events=session, result_count=30, rules=EVERY_OTHER)
    ranked = rows(recommender.recommend(model, everything, now=NOW))
    pins = () if pinned is None or pinned == seen else (Pin(item_id=ALL[pinned], position=1),)
    rules = Rules(pins=pins or None)
    query = RecommendQuery(recent_events=session, result_count=count, rules=rules)
    answer = recommender.recommend(model, query, now=NOW)
    whole = set(primaries.values())

    def group(row: int) -> int | str:
        path = [row]
        while path[-1] in primaries and path[-1] not in path[:-1]:
            path.append(primaries[path[-1]])
        if path[-1] in path[:-1]:
            return min(path[path.index(path[-1]) :])
        return path[-1] if row in primaries or row in whole else f"alone {row}"

    expected: list[int] = [pinned] if pins and pinned is not None else []
    for row in ranked:
        if len(expected) < count and group(row) not in {group(one) for one in expected}:
            expected.append(row)
    assert rows(answer) == expected
    if len(expected) < count:
        assert answer.shortfall is not None
        left_out = len(ranked) - len(expected)
        assert dict(answer.shortfall.parts).get(ShortfallCause.VARIANT, 0) == left_out


def test_caps_say_what_they_left_out(model: ServingModel) -> None:
    """Variants first, then what is above a cap."""
    catalog = MemoryCatalog()
    for row, name in enumerate(ALL):
        primary = "item-0" if row in {1, 2} else ""
        catalog.put(name, Item(brand="ours" if row < 25 else "", primary_item_id=primary))
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    rules = Rules(caps=(Cap(field="brand", count_max=4),))
    answer = recommender.recommend(model, RecommendQuery(rules=rules, result_count=30), now=NOW)
    assert len(answer.results) == 4 + 5
    assert answer.shortfall is not None
    assert dict(answer.shortfall.parts) == {ShortfallCause.VARIANT: 2, ShortfallCause.CAPPED: 19}


def test_staff_are_told_what_outdid_an_item(model: ServingModel) -> None:
    """Another variant, or as many of its brand; what is on the page is not refused."""
    catalog = MemoryCatalog()
    for row, name in enumerate(ALL):
        primary = "item-0" if row in {1, 2} else ""
        catalog.put(name, Item(brand="ours" if row > 20 else "", primary_item_id=primary))
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(rules=Rules(caps=(Cap(field="brand", count_max=2),)))
    found = {
        row: recommender.explain(model, query, ALL[row], now=NOW).refusals
        for row in (0, 1, 5, 21, 29)
    }
    assert found[0] == found[5] == found[21] == ()
    assert [one.cause for one in found[1]] == [ShortfallCause.VARIANT]
    assert [(one.cause, one.detail) for one in found[29]] == [(ShortfallCause.CAPPED, "brand: 2")]


def test_similar_items_are_no_variants_of_the_item(model: ServingModel) -> None:
    """Whichever of them was asked for; a placement may want them."""
    recommender = Recommender(
        histories=NoHistories(),
        catalog=shop({1: 0, 2: 0}),
        placements=Placements({"colours": EVERY_OTHER}),
    )
    for asked in (0, 1):
        query = SimilarQuery(item_id=ALL[asked], result_count=30)
        assert not {0, 1, 2} & set(rows(recommender.similar(model, query, now=NOW)))
    colours = SimilarQuery(item_id=ALL[0], result_count=30, placement="colours")
    assert {1, 2} <= set(rows(recommender.similar(model, colours, now=NOW)))


def test_later_pages_and_other_slots_have_no_variants_of_what_is_shown(
    model: ServingModel,
) -> None:
    """Whoever scrolls on sees other items; where all variants are wanted, all of them come."""
    primaries = {row: row // 3 * 3 for row in range(ITEM_COUNT) if row % 3}
    recommender = Recommender(
        histories=NoHistories(),
        catalog=shop(primaries),
        placements=Placements({"colours": EVERY_OTHER}),
    )
    for placement, count in (("home", ITEM_COUNT // 3), ("colours", ITEM_COUNT)):
        query = RecommendQuery(recent_events=(), result_count=4, placement=placement)
        found: list[int] = []
        while True:
            answer = recommender.recommend(model, query, now=NOW)
            found += rows(answer)
            if not answer.next_page_token:
                break
            query = replace(query, page_token=answer.next_page_token)
        assert len(found) == len(set(found)) == count
        assert len({row // 3 for row in found}) == ITEM_COUNT // 3
    slot = RecommendQuery(result_count=3)
    page = Widgets(recommender).page(model, PageQuery(slots=(slot, slot, slot)), now=NOW)
    groups = [row // 3 for answer in page for row in rows(answer)]
    assert len(groups) == len(set(groups)) == 9


def test_given_items_all_stay(model: ServingModel) -> None:
    """They are put into order and not chosen."""
    recommender = Recommender(histories=NoHistories(), catalog=shop({1: 0, 2: 0}))
    answer = Widgets(recommender).rank(model, RankQuery(item_ids=tuple(ALL[:4])), now=NOW)
    assert sorted(rows(answer)) == [0, 1, 2, 3]


def test_a_new_variant_counts_in_the_next_answer(model: ServingModel) -> None:
    """Also where nobody asked for any rules before there were variants."""
    catalog = shop({})
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    query = RecommendQuery(result_count=30)
    assert len(recommender.recommend(model, query, now=NOW).results) == 30
    catalog.put(ALL[7], Item(primary_item_id=ALL[3]))
    assert 7 not in rows(recommender.recommend(model, query, now=NOW))


def test_similar_items_follow_what_rules_say_of_the_person(model: ServingModel) -> None:
    """What lies in her basket and what she bought is left out, alone and on a page."""
    rules = Rules(exclude_basket=True, rebuys=(Rebuy(days=10.0),))
    session = (
        event(4, EventType.ADD_TO_CART),
        event(9, EventType.PURCHASE_COMPLETE),
        event(11),
    )
    recommender = Recommender(histories=NoHistories())
    query = SimilarQuery(
        item_id=ALL[2],
        identifiers=(Identifier("account", "anna"),),
        recent_events=session,
        rules=rules,
        result_count=30,
    )
    found = set(rows(recommender.similar(model, query, now=NOW)))
    assert found == set(range(ITEM_COUNT)) - {2, 4, 9}
    page = PageQuery(
        recent_events=session,
        slots=(SimilarQuery(item_id=ALL[2], rules=rules, result_count=30),),
    )
    (slot,) = Widgets(recommender).page(model, page, now=NOW)
    assert set(rows(slot)) == found
