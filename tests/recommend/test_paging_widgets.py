"""Lists of widgets go on page by page, as plain recommendations do."""

from collections.abc import Callable, Iterable
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from recsys.catalog import Item
from recsys.domain import (
    Channel,
    EventType,
    ItemId,
    Reason,
    ReasonKind,
    Recommendation,
    StoreId,
)
from recsys.errors import InvalidRequest
from recsys.events import FeedEvent
from recsys.recommend import (
    AgainQuery,
    Answer,
    BasketQuery,
    RecentQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    TrendingQuery,
    Trends,
    Widgets,
)
from recsys.recommend.query import ListQuery
from recsys.rules import Cap, Pin, Rules
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog
from support.remembered import ANNA, NOW, Memory, event

ITEM_COUNT = 40
ITEM_IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]


def anna() -> Memory:
    """She has looked at every second item, and bought it a day before."""
    looked = [event(row, age=3_600.0 * (row + 1)) for row in range(0, 24, 2)]
    bought = [
        event(row, EventType.PURCHASE_COMPLETE, age=86_400.0 * (row + 1)) for row in range(0, 24, 2)
    ]
    return Memory({ANNA: looked + bought})


class Feed:
    """Three people who look at some items today, once."""

    def __init__(self) -> None:
        self.waiting = [
            FeedEvent(NOW - 60.0 - row, EventType.DETAIL_PAGE_VIEW.code, Channel.WEB.code, None,
                      f"item-{row}", 100 * row + person)
            for row in range(1, 30, 3)
            for person in range(3 + row)
        ] + [
            FeedEvent(NOW - 864_000.0, EventType.DETAIL_PAGE_VIEW.code, Channel.WEB.code, None,
                      f"item-{row}", person)
            for row in range(ITEM_COUNT)
            for person in range(30)
        ]  # fmt: skip

    def news(self, *, now: float) -> Any:
        """As the port."""
        del now
        waiting, self.waiting = self.waiting, []
        yield waiting


def make_model(folder: Any, version: str) -> ServingModel:
    """Random vectors and item-item weights; every second item is on the list."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(ITEM_COUNT, ITEM_COUNT)) * (rng.random((ITEM_COUNT,) * 2) < 0.2)
    return ServingModel.from_bundle(
        make_bundle(
            folder / version,
            ITEM_IDS,
            factors=rng.normal(size=(ITEM_COUNT, 4)),
            item_item=sparse(weights.astype(np.float32)),
            prior=rng.normal(size=ITEM_COUNT).astype(np.float32),
            popular={"all": list(range(0, ITEM_COUNT, 2)), "channel:web": [7, 3, 9]},
            model_version=version,
        )
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Forty items."""
    return make_model(tmp_path_factory.mktemp("paging"), "v1")


Ask = Callable[..., Answer]
LISTS: dict[str, tuple[Callable[[Recommender, Widgets], Ask], ListQuery]] = {
    "similar": (lambda one, _: one.similar, SimilarQuery(item_id=ITEM_IDS[3])),
    "similar for her": (
        lambda one, _: one.similar,
        SimilarQuery(item_id=ITEM_IDS[3], identifiers=(ANNA,)),
    ),
    "trending": (lambda _, one: one.trending, TrendingQuery()),
    "trending for her": (
        lambda _, one: one.trending,
        TrendingQuery(identifiers=(ANNA,), rules=Rules(include_seen=False)),
    ),
    "recently viewed": (lambda _, one: one.recently_viewed, RecentQuery(identifiers=(ANNA,))),
    "buy again": (lambda _, one: one.buy_again, AgainQuery(identifiers=(ANNA,))),
    "basket": (
        lambda _, one: one.complete_basket,
        BasketQuery(item_ids=(ITEM_IDS[3], ITEM_IDS[5])),
    ),
}
lists = pytest.mark.parametrize("name", LISTS)
RULES = [
    Rules(),
    Rules(filter="brand != b1"),
    Rules(pins=(Pin(item_id=ITEM_IDS[8], position=2), Pin(item_id=ITEM_IDS[12], position=9))),
]


def shop(memory: Memory | None = None) -> tuple[Recommender, Widgets]:
    """A recommender and its widgets, with items of five brands; item 20 to 29 are variants."""
    catalog = MemoryCatalog()
    for row, item_id in enumerate(ITEM_IDS):
        primary = ITEM_IDS[row - 20] if 20 <= row < 30 else None
        catalog.put(item_id, Item(brand=f"b{row % 5}", primary_item_id=primary))
    recommender = Recommender(histories=memory or anna(), catalog=catalog)
    return recommender, Widgets(recommender, Trends(Feed()))


def asking(name: str, memory: Memory | None = None) -> tuple[Ask, ListQuery]:
    """Return what answers a list, and the question."""
    of, query = LISTS[name]
    return of(*shop(memory)), query


def with_rules(query: ListQuery, rules: Rules) -> ListQuery:
    """Return the question under further rules."""
    return msgspec.structs.replace(query, rules=rules.over(query.rules))


def told(results: Iterable[Recommendation]) -> list[tuple[ItemId, Reason, float | None]]:
    """Return what is compared; of what is popular, a score is only a place in what is left."""
    return [
        (one.item_id, one.reason, None if one.reason.kind is ReasonKind.POPULAR else one.score)
        for one in results
    ]


@lists
@settings(max_examples=10)
@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=6),
    rules=st.sampled_from(RULES),
)
def test_pages_are_the_long_list_when_nothing_changes(
    model: ServingModel, name: str, counts: list[int], rules: Rules
) -> None:
    """The same items, reasons and scores; full pages have a token, others not."""
    ask, query = asking(name)
    query = with_rules(query, rules)
    pages, token = [], ""
    for count in counts:
        page = msgspec.structs.replace(query, result_count=count, page_token=token)
        answer = ask(model, page, now=NOW)
        pages += list(answer.results)
        token = answer.next_page_token
        assert bool(token) == (answer.shortfall is None)
        if not token:
            break
    long = msgspec.structs.replace(query, result_count=len(pages) or 1)
    assert told(pages) == told(ask(model, long, now=NOW).results)


@lists
@settings(max_examples=10)
@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=6),
    done=st.lists(st.integers(0, ITEM_COUNT - 1), min_size=6, max_size=6),
    rules=st.sampled_from([*RULES, Rules(caps=(Cap(field="brand", count_max=2),))]),
)
def test_no_item_comes_twice_whatever_she_does_in_between(
    model: ServingModel, name: str, counts: list[int], done: list[int], rules: Rules
) -> None:
    """Nor does a variant of one that was shown, where one of each is shown."""
    memory = anna()
    ask, query = asking(name, memory)
    query = with_rules(query, rules)
    shown: list[int] = []
    token = ""
    for count, row in zip(counts, done, strict=False):
        page = msgspec.structs.replace(query, result_count=count, page_token=token)
        answer = ask(model, page, now=NOW)
        shown += [int(one.item_id.removeprefix("item-")) for one in answer.results]
        # What she looked at is shown as it was, in all its variants.
        primaries = [row - 20 if 20 <= row < 30 and "viewed" not in name else row for row in shown]
        assert len(primaries) == len(set(primaries))
        token = answer.next_page_token
        if not token:
            break
        memory.of[ANNA] += [
            event(row, age=30.0), event(row, EventType.PURCHASE_COMPLETE, age=20.0)
        ]  # fmt: skip


def first_token(model: ServingModel, name: str) -> str:
    """Ask for the first page of two."""
    ask, query = asking(name)
    answer = ask(model, msgspec.structs.replace(query, result_count=2), now=NOW)
    return answer.next_page_token


@lists
def test_a_token_of_another_list_or_question_is_refused(model: ServingModel, name: str) -> None:
    """Whichever; also that of plain recommendations for the same person."""
    ask, query = asking(name)
    plain = RecommendQuery(identifiers=query.identifiers, rules=query.rules, result_count=2)
    tokens = [first_token(model, other) for other in LISTS if other != name]
    tokens.append(shop()[0].recommend(model, plain, now=NOW).next_page_token)
    for token in tokens:
        with pytest.raises(InvalidRequest, match="page_token is of another question"):
            ask(model, msgspec.structs.replace(query, page_token=token), now=NOW)
    elsewhere = msgspec.structs.replace(
        query, store_id=StoreId("s"), page_token=first_token(model, name)
    )
    with pytest.raises(InvalidRequest, match="page_token is of another question"):
        ask(model, elsewhere, now=NOW)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("similar", {"item_id": ITEM_IDS[4]}),
        ("recently viewed", {"event_types": frozenset({EventType.CLICK})}),
        ("basket", {"item_ids": (ITEM_IDS[3],)}),
        ("basket", {"adds_stored": True}),
    ],
)
def test_what_a_list_is_asked_for_is_part_of_the_question(
    model: ServingModel, name: str, changed: dict[str, Any]
) -> None:
    """The item, the basket, what counts as contact."""
    ask, query = asking(name)
    token = first_token(model, name)
    with pytest.raises(InvalidRequest, match="page_token is of another question"):
        ask(model, msgspec.structs.replace(query, page_token=token, **changed), now=NOW)


def test_a_basket_is_the_same_in_every_order(model: ServingModel) -> None:
    """Whoever keeps it as a set may go on."""
    ask, query = asking("basket")
    token = first_token(model, "basket")
    turned = (ITEM_IDS[5], ITEM_IDS[3], ITEM_IDS[5])
    page = msgspec.structs.replace(query, item_ids=turned, page_token=token, result_count=3)
    assert len(ask(model, page, now=NOW).results) == 3


@lists
def test_damaged_tokens_and_those_of_another_model_are_refused(
    model: ServingModel, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As those of plain recommendations."""
    ask, query = asking(name)
    token = first_token(model, name)
    for damaged in ("hello", token[:-1], "B" + token[1:]):
        with pytest.raises(InvalidRequest, match="page_token is not a token of this service"):
            ask(model, msgspec.structs.replace(query, page_token=damaged), now=NOW)
    newer = make_model(tmp_path_factory.mktemp("paging"), "v2")
    with pytest.raises(InvalidRequest, match="is not of the model v2, which answers now"):
        ask(newer, msgspec.structs.replace(query, page_token=token), now=NOW)
