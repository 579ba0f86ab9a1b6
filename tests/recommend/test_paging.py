"""Pages that never repeat an item, whatever happens between them, with nothing kept."""

import base64
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from recsys import limits
from recsys.catalog import Item
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.errors import InvalidRequest
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.rules import Boost, Cap, Pin, Rules
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog
from support.remembered import ANNA, NOW, Memory, event

ITEM_COUNT = 50
ITEM_IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]


def anna(*rows: int) -> Memory:
    """What she has looked at."""
    return Memory({ANNA: map(event, rows)})


def make_model(folder: Any, version: str, item_count: int) -> ServingModel:
    """Random vectors, item-item weights and priors; every second item is on the list."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(item_count, item_count)) * (rng.random((item_count,) * 2) < 0.1)
    bundle = make_bundle(
        folder / version,
        [f"item-{row}" for row in range(item_count)],
        factors=rng.normal(size=(item_count, 4)),
        item_item=sparse(weights.astype(np.float32)),
        prior=rng.normal(size=item_count).astype(np.float32),
        popular={"all": list(range(0, item_count, 2)), "channel:web": [7, 3, 9]},
        model_version=version,
    )
    return ServingModel.from_bundle(bundle)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Fifty items."""
    return make_model(tmp_path_factory.mktemp("paging"), "v1", ITEM_COUNT)


def five_brands() -> MemoryCatalog:
    """All items, ten of each brand."""
    catalog = MemoryCatalog()
    for row, item_id in enumerate(ITEM_IDS):
        catalog.put(item_id, Item(brand=f"b{row % 5}"))
    return catalog


KNOWN = {"identifiers": (ANNA,)}
ASKED: list[dict[str, Any]] = [
    {},
    {"channel": Channel.WEB},
    KNOWN,
    {**KNOWN, "include_seen": True, "excluded": (ITEM_IDS[8], ITEM_IDS[9])},
    {**KNOWN, "rules": Rules(boosts=(Boost(filter="brand = b1", factor=3.0),))},
    {
        **KNOWN,
        "rules": Rules(
            pins=(
                Pin(item_id=ITEM_IDS[40], position=3),
                Pin(item_id=ITEM_IDS[41], position=14),
                Pin(item_id=ITEM_IDS[42], position=27),
            )
        ),
    },
]


@pytest.mark.parametrize("asked", ASKED)
@settings(max_examples=15)
@given(counts=st.lists(st.integers(1, 12), min_size=3, max_size=8))
def test_pages_are_the_long_list_when_nothing_changes(
    model: ServingModel, asked: dict[str, Any], counts: list[int]
) -> None:
    """The same items with the same scores and reasons, pins in their places."""
    recommender = Recommender(histories=anna(2, 5, 11), catalog=five_brands())
    pages, token = [], ""
    for count in counts:
        query = RecommendQuery(result_count=count, page_token=token, **asked)
        answer = recommender.recommend(model, query, now=NOW)
        pages += list(answer.results)
        token = answer.next_page_token
        assert bool(token) == (answer.shortfall is None)
        if not token:
            break
    query = RecommendQuery(result_count=len(pages), **asked)
    assert pages == list(recommender.recommend(model, query, now=NOW).results)


@settings(max_examples=40)
@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=8),
    done=st.lists(st.integers(0, ITEM_COUNT - 1), min_size=8, max_size=8),
    rules=st.sampled_from(
        [
            Rules(),
            Rules(include_seen=True),
            Rules(diversity=0.7, include_seen=True),
            Rules(caps=(Cap(field="brand", count_max=2),)),
            Rules(pins=(Pin(item_id=ITEM_IDS[7], position=1),), include_seen=True),
        ]
    ),
)
def test_no_item_comes_twice_whatever_she_does_in_between(
    model: ServingModel, counts: list[int], done: list[int], rules: Rules
) -> None:
    """She buys between the pages, which moves every score."""
    memory = anna(2)
    recommender = Recommender(histories=memory, catalog=five_brands())
    shown: list[str] = []
    token = ""
    for count, row in zip(counts, done, strict=False):
        query = RecommendQuery(
            identifiers=(ANNA,), result_count=count, page_token=token, rules=rules
        )
        answer = recommender.recommend(model, query, now=NOW)
        shown += [one.item_id for one in answer.results]
        assert len(shown) == len(set(shown))
        token = answer.next_page_token
        if not token:
            break
        memory.of[ANNA].append(event(row, EventType.PURCHASE_COMPLETE))


def first_token(model: ServingModel, **asked: Any) -> str:
    """Ask for the first page of five."""
    query = RecommendQuery(result_count=5, **{**KNOWN, **asked})
    recommender = Recommender(histories=anna(2, 5))
    return recommender.recommend(model, query, now=NOW).next_page_token


@pytest.mark.parametrize(
    "changed",
    [
        {"identifiers": (Identifier("account", "bert"),)},
        {"identifiers": ()},
        {"placement": "cart"},
        {"channel": Channel.EMAIL},
        {"store_id": StoreId("s")},
        {"buyer_age": 17},
        {"include_seen": True},
        {"rules": Rules(filter="price < 5")},
    ],
)
def test_a_token_of_another_question_is_refused(
    model: ServingModel, changed: dict[str, Any]
) -> None:
    """With what may change."""
    query = RecommendQuery(page_token=first_token(model), **{**KNOWN, **changed})
    with pytest.raises(InvalidRequest, match="page_token is of another question; only page_size"):
        Recommender(histories=anna(2)).recommend(model, query, now=NOW)


def test_what_may_change_between_pages_may(model: ServingModel) -> None:
    """How much, what is left out, and what happened in the session; and the order of names."""
    other = Identifier("visitor", "v")
    token = first_token(model, identifiers=(ANNA, other))
    query = RecommendQuery(
        identifiers=(other, ANNA),
        page_token=token,
        result_count=3,
        excluded=(ITEM_IDS[1],),
        recent_events=(event(3),),
    )
    recommender = Recommender(histories=anna(2))
    assert len(recommender.recommend(model, query, now=NOW).results) == 3


def test_a_token_of_another_model_is_refused(
    model: ServingModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its rows mean other items."""
    newer = make_model(tmp_path_factory.mktemp("paging"), "v2", ITEM_COUNT)
    query = RecommendQuery(page_token=first_token(model), **KNOWN)
    with pytest.raises(InvalidRequest, match="is not of the model v2, which answers now"):
        Recommender(histories=anna(2)).recommend(newer, query, now=NOW)


def forged(token: str, rows: Sequence[int], *, rest: bytes = b"") -> str:
    """Put other rows into a token."""
    head = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:13]
    body = head + np.array(rows, dtype="<i4").tobytes() + rest
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "make",
    [
        lambda _: "hello",
        lambda _: "ü",
        lambda _: "%%%%",
        lambda token: token[:-1],
        lambda token: "B" + token[1:],
        lambda token: forged(token, []),
        lambda token: forged(token, [3, 2]),
        lambda token: forged(token, [3, 3]),
        lambda token: forged(token, [-1, 3]),
        lambda token: forged(token, [3, ITEM_COUNT]),
        lambda token: forged(token, [3], rest=b"x"),
        lambda token: forged(token, range(limits.PAGED_COUNT_MAX + 1)),
    ],
    ids=["text", "letter", "signs", "cut", "format", "empty", "descending", "twice", "negative",
         "too far", "rest", "too many"],
)  # fmt: skip
def test_what_is_no_token_is_refused(model: ServingModel, make: Any) -> None:
    """Whatever it is; nothing of it reaches the ranking."""
    query = RecommendQuery(page_token=make(first_token(model)), **KNOWN)
    with pytest.raises(InvalidRequest, match="page_token is not a token of this service"):
        Recommender(histories=anna(2)).recommend(model, query, now=NOW)
    good = msgspec.structs.replace(query, page_token=forged(first_token(model), [3, 4]))
    Recommender(histories=anna(2)).recommend(model, good, now=NOW)


def test_all_pages_have_a_thousand_items_at_most(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The last token still fits; the page that fills the thousand has none."""
    count = limits.PAGED_COUNT_MAX + 150
    model = make_model(tmp_path_factory.mktemp("paging"), "large", count)
    recommender = Recommender(histories=anna(2))
    shown: set[str] = set()
    token, longest, pages = "", 0, 0
    while pages == 0 or token:
        query = RecommendQuery(result_count=99, page_token=token, include_seen=True, **KNOWN)
        answer = recommender.recommend(model, query, now=NOW)
        shown |= {one.item_id for one in answer.results}
        token, pages = answer.next_page_token, pages + 1
        longest = max(longest, len(token))
    assert (pages, len(shown)) == (11, 11 * 99)
    assert longest <= limits.PAGE_TOKEN_BYTES_MAX
