"""Given items in order, what was looked at last, pages: the laws of widgets."""

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from recsys.catalog import Item, Price
from recsys.consent import Consent, ConsentStatus, Purpose, consent_bits
from recsys.domain import (
    Channel,
    EventType,
    Identifier,
    ItemId,
    ReasonKind,
    Recommendation,
    ShortfallCause,
    StoreId,
)
from recsys.recommend import (
    NOTE_NO_CONSENT,
    NOTE_UNKNOWN_ITEM,
    NOTE_UNKNOWN_SUBJECT,
    PageQuery,
    RankQuery,
    RecentQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    SlotQuery,
    Widgets,
)
from recsys.recommend.query import CONTACT_TYPES
from recsys.rules import Boost, Cap, Pin, Placements, Rules, Share
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog
from support.remembered import ANNA, NOW, Memory, causes, event, rows

ITEM_COUNT = 60
ITEM_IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Sixty items with vectors, item-item weights and priors; some are nowhere popular."""
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(ITEM_COUNT, ITEM_COUNT)) * (rng.random((ITEM_COUNT,) * 2) < 0.2)
    return ServingModel.from_bundle(
        make_bundle(
            tmp_path_factory.mktemp("bundle") / "v1",
            ITEM_IDS,
            factors=rng.normal(size=(ITEM_COUNT, 4)),
            item_item=sparse(weights.astype(np.float32)),
            prior=rng.normal(size=ITEM_COUNT).astype(np.float32),
            popular={"all": list(range(0, ITEM_COUNT, 2)), "channel:web": [7, 3]},
        )
    )


VIEWED = [
    event(4, age=100.0),
    event(9, age=50.0),
    event(4, age=10.0),
    event("gone", age=5.0),
    event(11, EventType.PURCHASE_COMPLETE, age=20.0),
    event(12, EventType.IMPRESSION, age=1.0),
    event(20, age=50.0),
]
DENIED = consent_bits([Consent(purpose=Purpose.PERSONALISE, status=ConsentStatus.DENIED, time=0.0)])


def catalog() -> MemoryCatalog:
    """All items; brands by fives, prices by row, the store has the even ones."""
    catalog = MemoryCatalog()
    catalog.add_store("s1")
    for row, item_id in enumerate(ITEM_IDS):
        price = Price(amount=str(row), currency="EUR")
        catalog.put(item_id, Item(brand=f"b{row % 5}", prices=(price,)))
        catalog.stock_up("s1", item_id, is_in_stock=row % 2 == 0)
    return catalog


def shop(**parts: Any) -> tuple[Recommender, Widgets]:
    """Make both, with Anna's history and a catalogue."""
    recommender = Recommender(
        **{"histories": Memory({ANNA: VIEWED}), "catalog": catalog(), **parts}
    )
    return recommender, Widgets(recommender)


SOME_ROWS = st.lists(st.integers(0, ITEM_COUNT - 1), min_size=1, max_size=ITEM_COUNT)
WHO = st.sampled_from([(ANNA,), ()])
SESSIONS = st.lists(st.integers(0, ITEM_COUNT - 1), max_size=3)
RULES = st.sampled_from(
    [
        Rules(),
        Rules(filter="price < 40"),
        Rules(boosts=(Boost(filter="brand = b1", factor=3.0),)),
        Rules(filter="price > 5", boosts=(Boost(filter="brand = b2", factor=0.1),)),
    ]
)


@settings(max_examples=30)
@given(given_rows=SOME_ROWS, session=SESSIONS, rules=RULES, who=WHO)
def test_given_items_have_the_scores_and_the_order_of_recommend(
    model: ServingModel,
    given_rows: list[int],
    session: list[int],
    rules: Rules,
    who: tuple[Identifier, ...],
) -> None:
    """To the last bit, for known people, visitors and nobody, with filters and boosts."""
    recommender, widgets = shop()
    asked: dict[str, Any] = {
        "identifiers": who,
        "channel": Channel.WEB,
        "recent_events": tuple(event(row, age=1.0) for row in session),
        "rules": rules,
    }
    everything = RecommendQuery(include_seen=True, result_count=ITEM_COUNT, **asked)
    expected = [
        one
        for one in recommender.recommend(model, everything, now=NOW).results
        if int(one.item_id.removeprefix("item-")) in given_rows
    ]
    query = RankQuery(item_ids=tuple(ITEM_IDS[row] for row in given_rows), **asked)
    answer = widgets.rank(model, query, now=NOW)
    if who or session:
        assert list(answer.results) == expected
    else:
        # By places on the lists, and a list of some items alone has other places.
        assert [(one.item_id, one.reason) for one in answer.results] == [
            (one.item_id, one.reason) for one in expected
        ]
    assert len(answer.results) + sum(causes(answer).values()) == len(set(given_rows))
    assert answer.unknown == ()


def test_given_items_that_are_unknown_or_may_not_be_shown_are_named(model: ServingModel) -> None:
    """Unknown ones in the order given, once; the rest by cause, among the given only."""
    _, widgets = shop()
    given_ids = ("x", "item-5", "item-6", "y", "item-8", "x", "item-6", "item-50")
    query = RankQuery(
        item_ids=tuple(map(ItemId, given_ids)),
        identifiers=(ANNA,),
        store_id=StoreId("s1"),
        rules=Rules(filter="price < 10"),
    )
    answer = widgets.rank(model, query, now=NOW)
    assert set(rows(answer)) == {6, 8}
    assert answer.unknown == ("x", "y")
    assert causes(answer) == {
        ShortfallCause.CATALOG: 2,
        ShortfallCause.OUT_OF_STOCK: 1,
        ShortfallCause.FILTERED: 1,
    }
    assert NOTE_UNKNOWN_ITEM in answer.notes
    nothing = widgets.rank(model, RankQuery(item_ids=(ItemId("x"),)), now=NOW)
    assert not nothing.results
    assert causes(nothing) == {ShortfallCause.CATALOG: 1}


def test_what_she_knows_is_ranked_unless_it_is_said_otherwise(model: ServingModel) -> None:
    """A search may well be for what she has seen; the placement or the request decides."""
    ids = tuple(ITEM_IDS[row] for row in (4, 9, 30))
    query = RankQuery(item_ids=ids, identifiers=(ANNA,), placement="search")
    _, widgets = shop()
    assert set(rows(widgets.rank(model, query, now=NOW))) == {4, 9, 30}
    _, strict = shop(placements=Placements({"search": Rules(include_seen=False)}))
    answer = strict.rank(model, query, now=NOW)
    assert rows(answer) == [30]
    assert causes(answer) == {ShortfallCause.SEEN: 2}


def test_rules_of_the_page_leave_no_given_item_out(model: ServingModel) -> None:
    """Pins of other items, caps, shares and diversity are for pages that choose."""
    rules = Rules(
        pins=(
            Pin(item_id=ItemId("item-15"), position=2),
            Pin(item_id=ItemId("item-1"), position=1),
        ),
        caps=(Cap(field="brand", count_max=1),),
        shares=(Share(filter="brand = b3", share=0.5),),
        diversity=0.9,
    )
    given_rows = [0, 5, 10, 15, 20]
    ids = tuple(ITEM_IDS[row] for row in given_rows)
    _, widgets = shop()
    free = widgets.rank(model, RankQuery(item_ids=ids, identifiers=(ANNA,)), now=NOW)
    ruled = widgets.rank(model, RankQuery(item_ids=ids, identifiers=(ANNA,), rules=rules), now=NOW)
    rest = [row for row in rows(free) if row != 15]
    assert rows(ruled) == [rest[0], 15, *rest[1:]]
    assert ruled.results[1].reason.kind is ReasonKind.EDITORIAL
    only_caps = msgspec.structs.replace(rules, pins=None)
    capped = RankQuery(item_ids=ids, identifiers=(ANNA,), rules=only_caps)
    assert list(widgets.rank(model, capped, now=NOW).results) == list(free.results)


def test_many_masks_still_rank_given_items(model: ServingModel) -> None:
    """As many rules as the kernel takes masks, and the given items on top."""
    boosts = tuple(Boost(filter=f"price > {50 - row}", factor=1.5) for row in range(8))
    rules = Rules(filter="price < 58", boosts=boosts, age_restricted=False, newer_than_days=None)
    recommender, widgets = shop()
    query = RecommendQuery(
        identifiers=(ANNA,), rules=rules, include_seen=True, result_count=ITEM_COUNT
    )
    ranked = RankQuery(item_ids=tuple(ITEM_IDS), identifiers=(ANNA,), rules=rules)
    expected = recommender.recommend(model, query, now=NOW).results
    assert list(widgets.rank(model, ranked, now=NOW).results) == list(expected)


def test_what_was_looked_at_comes_back_the_latest_first(model: ServingModel) -> None:
    """Each item once, by its last contact; of the same moment, in the model's order."""
    _, widgets = shop()
    answer = widgets.recently_viewed(
        model, RecentQuery(identifiers=(ANNA,), result_count=3), now=NOW
    )
    assert rows(answer) == [4, 9, 20]
    assert [one.score for one in answer.results] == [NOW - 10.0, NOW - 50.0, NOW - 50.0]
    assert {one.reason.kind for one in answer.results} == {ReasonKind.RECENTLY_VIEWED}
    assert answer.shortfall is None
    session = (event(9, age=2.0), event(33, EventType.CLICK, age=1.0))
    more = RecentQuery(
        identifiers=(ANNA,),
        recent_events=session,
        event_types=frozenset(CONTACT_TYPES),
        result_count=10,
    )
    answer = widgets.recently_viewed(model, more, now=NOW)
    assert rows(answer) == [33, 9, 4, 11, 20]
    assert answer.shortfall is not None
    assert answer.shortfall.missing_count == 5
    assert causes(answer) == {ShortfallCause.HISTORY: 4, ShortfallCause.CATALOG: 1}


def test_what_was_looked_at_and_may_not_be_shown_is_left_out(model: ServingModel) -> None:
    """Stock, filters and exclusions count, and are counted; rules of order do not."""
    _, widgets = shop()
    query = RecentQuery(
        identifiers=(ANNA,),
        store_id=StoreId("s1"),
        excluded=(ItemId("item-20"), ItemId("item-50")),
        result_count=4,
        rules=Rules(
            include_seen=False,
            diversity=1.0,
            boosts=(Boost(filter="price > 10", factor=9.0),),
            caps=(Cap(field="brand", count_max=1),),
        ),
    )
    answer = widgets.recently_viewed(model, query, now=NOW)
    assert rows(answer) == [4]
    assert answer.shortfall is not None
    assert causes(answer) == {
        ShortfallCause.OUT_OF_STOCK: 1,
        ShortfallCause.EXCLUDED: 1,
        ShortfallCause.CATALOG: 1,
    }


@pytest.mark.parametrize("allows", [True, False], ids=["nobody", "no consent"])
def test_nothing_is_said_of_those_of_whom_nothing_may_be_known(
    model: ServingModel, *, allows: bool
) -> None:
    """No fallback: what is popular is not what she looked at."""
    _, widgets = shop(histories=Memory({ANNA: VIEWED}, consents=0 if allows else DENIED))
    who = () if allows else (ANNA,)
    session = () if allows else (event(3),)
    query = RecentQuery(identifiers=who, recent_events=session, result_count=2)
    answer = widgets.recently_viewed(model, query, now=NOW)
    assert not answer.results
    assert causes(answer) == {ShortfallCause.HISTORY: 2}
    assert answer.notes == (set() if allows else {NOTE_NO_CONSENT})


SLOTS = st.lists(
    st.one_of(
        st.builds(
            RecommendQuery,
            result_count=st.integers(1, 30),
            include_seen=st.booleans(),
            rules=st.sampled_from(
                [Rules(), Rules(pins=(Pin(item_id=ITEM_IDS[3], position=1),)),
                 Rules(caps=(Cap(field="brand", count_max=2),), diversity=0.5)]
            ),
        ),
        st.builds(RecentQuery, result_count=st.integers(1, 5)),
        st.builds(
            SimilarQuery,
            item_id=st.sampled_from([*ITEM_IDS, ItemId("gone")]),
            result_count=st.integers(1, 30),
        ),
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


@settings(max_examples=30)
@given(slots=SLOTS, who=WHO)
def test_no_item_is_twice_on_a_page_and_each_slot_is_what_is_left(
    model: ServingModel, slots: list[SlotQuery], who: tuple[Identifier, ...]
) -> None:
    """Each slot equals the call of its own that leaves out what came before; one read."""
    recommender, widgets = shop()
    histories = Memory({ANNA: VIEWED})
    _, counted = shop(histories=histories)
    answers = counted.page(model, PageQuery(identifiers=who, slots=tuple(slots)), now=NOW)
    assert histories.read_count == len(who)
    shown: list[ItemId] = []
    for slot, answer in zip(slots, answers, strict=True):
        alone = alone_of(recommender, widgets, who, slot, shown, model)
        if alone is not None:
            assert list(answer.results) == list(alone)
        else:
            assert causes(answer) == {ShortfallCause.CATALOG: 1}
        found = [one.item_id for one in answer.results]
        assert not set(found) & set(shown)
        missing = slot.result_count - len(found)
        assert (answer.shortfall.missing_count if answer.shortfall else 0) == missing
        shown += found


def alone_of(
    recommender: Recommender,
    widgets: Widgets,
    who: tuple[Identifier, ...],
    slot: SlotQuery,
    shown: Sequence[ItemId],
    model: ServingModel,
) -> Sequence[Recommendation] | None:
    """Answer a slot by a call of its own; None for an unknown item."""
    one = msgspec.structs.replace(slot, excluded=tuple(shown))
    if isinstance(one, SimilarQuery):
        if one.item_id not in ITEM_IDS:
            return None
        return recommender.similar(model, one, now=NOW).results
    one = msgspec.structs.replace(one, identifiers=who)
    if isinstance(one, RecentQuery):
        return widgets.recently_viewed(model, one, now=NOW).results
    return recommender.recommend(model, one, now=NOW).results


def test_what_an_earlier_slot_took_is_named(model: ServingModel) -> None:
    """As shown already, not as excluded."""
    _, widgets = shop()
    rules = Rules(filter="price < 8")
    slots = (
        RecommendQuery(identifiers=(ANNA,), rules=rules, include_seen=True, result_count=5),
        RecommendQuery(rules=rules, include_seen=True, result_count=5),
        RecentQuery(result_count=3, excluded=(ItemId("item-20"),)),
    )
    first, second, third = widgets.page(model, PageQuery(identifiers=(ANNA,), slots=slots), now=NOW)
    assert first.shortfall is None
    assert len(second.results) == 3
    assert causes(second) == {
        ShortfallCause.FILTERED: ITEM_COUNT - 8,
        ShortfallCause.SHOWN: 5,
    }
    assert rows(third) == [9]
    assert causes(third) == {
        ShortfallCause.SHOWN: 1,
        ShortfallCause.EXCLUDED: 1,
        ShortfallCause.CATALOG: 1,
    }


def test_what_is_unknown_of_her_is_noted_once_on_a_page(model: ServingModel) -> None:
    """Operators count people, not slots."""
    _, widgets = shop()
    who = (Identifier("account", "nobody"),)
    answers = widgets.page(
        model, PageQuery(identifiers=who, slots=(RecommendQuery(), RecommendQuery())), now=NOW
    )
    assert [answer.notes for answer in answers] == [{NOTE_UNKNOWN_SUBJECT}, set()]
