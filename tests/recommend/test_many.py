"""Many people at once get the answers that each would get alone, to the last bit."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from recsys.bundle import PriorRows
from recsys.catalog import Item, Price
from recsys.consent import ALWAYS, Permission
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId
from recsys.errors import InvalidRequest, RecsysError, StorageUnavailable
from recsys.events import History, OneByOne
from recsys.recommend import Answer, ManyPeople, Recommender, RecommendQuery, ServingModel
from recsys.rules import Boost, Cap, Pin, Rebuy, Rules, Share
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog

NOW = 1_800_000_000.0
ITEM_COUNT = 60
IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]


class Histories(OneByOne):
    """Histories in a dictionary; `shy` allows nothing, and what `broken` did cannot be read."""

    def __init__(self, lines: Mapping[str, Sequence[tuple[int, EventType]]]) -> None:
        self._lines = lines

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """As `HistoryReader.history`."""
        del permission, event_count_max
        (who,) = identifiers
        if who.value == "shy":
            return None
        if who.value == "broken":
            raise StorageUnavailable(storage="test", problem="a page is damaged")
        return History.from_events(
            ItemEvent(
                item_id=ItemId(f"item-{row}"), event_type=kind, channel=Channel.WEB,
                event_time=NOW - 3_600.0 * (place + 1),
            )
            for place, (row, kind) in enumerate(self._lines.get(who.value, ()))
        )  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ServingModel]:
    """Models of each kind of score."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(5)
    factors = rng.normal(size=(ITEM_COUNT, 8)).astype(np.float32)
    links = rng.random((ITEM_COUNT, ITEM_COUNT)) * (rng.random((ITEM_COUNT, ITEM_COUNT)) < 0.1)
    priors = PriorRows.from_rows({"channel:web": rng.random(ITEM_COUNT).astype(np.float32)})
    parts: dict[str, dict[str, Any]] = {
        "vectors": {"factors": factors},
        "links": {"item_item": sparse(links)},
        "all": {
            "factors": factors,
            "item_item": sparse(links),
            "prior": rng.random(ITEM_COUNT).astype(np.float32),
            "priors": priors,
        },
        "popular": {},
    }
    return {
        name: ServingModel.from_bundle(make_bundle(folder / name, IDS, **given))
        for name, given in parts.items()
    }


def forty_people() -> Histories:
    """Histories of many lengths."""
    rng = np.random.default_rng(3)
    kinds = [EventType.DETAIL_PAGE_VIEW, EventType.PURCHASE_COMPLETE, EventType.IMPRESSION]
    return Histories(
        {
            f"u{person}": [
                (int(row), kinds[int(kind)])
                for row, kind in zip(
                    rng.integers(0, ITEM_COUNT + 5, person % 9), rng.integers(0, 3, 9), strict=False
                )
            ]
            for person in range(40)
        }
    )


@pytest.fixture(scope="module")
def known() -> Recommender:
    """Forty people, and no catalogue."""
    return Recommender(histories=forty_people())


def shop(*, of_each: int) -> MemoryCatalog:
    """All items, so many variants of each; five brands, every third item cheap."""
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS):
        catalog.put(
            name,
            Item(
                brand=f"b{row % 5}",
                prices=(Price(amount="1" if row % 3 else "9", currency="EUR"),),
                primary_item_id=IDS[row // of_each * of_each],
            ),
        )
    return catalog


@pytest.fixture(scope="module", params=[2, 20], ids=["pairs", "twenties"])
def varied(request: pytest.FixtureRequest) -> Recommender:
    """The same people where items have variants; of twenties a page has three."""
    return Recommender(histories=forty_people(), catalog=shop(of_each=request.param))


ARRANGED = {
    "plain": RecommendQuery(),
    "excluded": RecommendQuery(result_count=5, excluded=(ItemId("item-1"), ItemId("item-2"))),
    "seen": RecommendQuery(include_seen=True, result_count=7),
    "filtered": RecommendQuery(rules=Rules(filter="price > 5")),
    "caps": RecommendQuery(rules=Rules(caps=(Cap(field="brand", count_max=2),)), result_count=9),
    "pins": RecommendQuery(
        rules=Rules(
            pins=(Pin(item_id=ItemId("item-7"), position=2), Pin(item_id=IDS[8], position=90))
        )
    ),
    "a pin that is excluded": RecommendQuery(
        rules=Rules(pins=(Pin(item_id=ItemId("item-7"), position=2),)),
        excluded=(ItemId("item-7"),),
    ),
    "shares": RecommendQuery(rules=Rules(shares=(Share(filter="price > 5", share=0.5),))),
    "diversity": RecommendQuery(rules=Rules(diversity=0.4), result_count=6),
    "boosts": RecommendQuery(rules=Rules(boosts=(Boost(filter="price > 5", factor=3.0),))),
    "explained": RecommendQuery(explains=True),
}
QUERIES = {
    "plain": RecommendQuery(channel=Channel.WEB),
    "few": RecommendQuery(result_count=3, excluded=(ItemId("item-1"), ItemId("item-2"))),
    "seen": RecommendQuery(include_seen=True),
    "rebuys": RecommendQuery(include_seen=True, rules=Rules(rebuys=(Rebuy(days=9.0),))),
    "arranged": RecommendQuery(
        rules=Rules(
            caps=(Cap(field="brand", count_max=2),), boosts=(Boost(filter="price > 1", factor=2.0),)
        )
    ),
}


def plain(answer: Answer | RecsysError) -> object:
    """What an answer says, to compare."""
    if isinstance(answer, RecsysError):
        return repr(answer)
    return list(answer.results), answer.shortfall, answer.notes


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("name", ["vectors", "links", "all", "popular"])
def test_together_is_as_alone(
    models: dict[str, ServingModel], known: Recommender, name: str, query: RecommendQuery
) -> None:
    """Rows, scores, reasons, shortfall and notes."""
    model = models[name]
    asked = [
        msgspec.structs.replace(query, identifiers=(Identifier("account", who),))
        for who in [*(f"u{person}" for person in range(40)), "shy", "broken", "nobody"]
    ]
    together = ManyPeople(known).recommend(model, asked, now=NOW, threads=2)
    alone = [known.recommend(model, one, now=NOW) for one in asked]
    assert list(map(plain, together)) == list(map(plain, alone))


def test_what_is_wrong_with_one_is_hers_alone(
    models: dict[str, ServingModel], known: Recommender
) -> None:
    """The others have their answers."""
    model = models["vectors"]
    fine = RecommendQuery(identifiers=(Identifier("account", "u3"),))
    wrong = msgspec.structs.replace(fine, rules=Rules(filter="nonsense ="))
    first, second, third = ManyPeople(known).recommend(model, [fine, wrong, fine], now=NOW)
    assert isinstance(second, InvalidRequest)
    assert plain(first) == plain(third) == plain(known.recommend(model, fine, now=NOW))


@pytest.mark.parametrize("query", ARRANGED.values(), ids=ARRANGED)
@pytest.mark.parametrize("name", ["vectors", "links", "all"])
def test_together_is_as_alone_where_items_have_variants(
    models: dict[str, ServingModel], varied: Recommender, name: str, query: RecommendQuery
) -> None:
    """Whether the page is full with what was found for all at once, or not."""
    model = models[name]
    asked = [
        msgspec.structs.replace(query, identifiers=(Identifier("account", f"u{person}"),))
        for person in range(20)
    ]
    together = ManyPeople(varied).recommend(model, asked, now=NOW)
    alone = [varied.recommend(model, one, now=NOW) for one in asked]
    assert list(map(plain, together)) == list(map(plain, alone))
    if query.explains:
        assert [one.explanation for one in together if isinstance(one, Answer)] == [
            one.explanation for one in alone
        ]


def test_nobody_whose_page_is_full_is_searched_for_alone(
    models: dict[str, ServingModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variants of items leave a batch what it is: one search for all."""
    varied = Recommender(histories=forty_people(), catalog=shop(of_each=2))
    query = RecommendQuery(result_count=5)
    asked = [
        msgspec.structs.replace(query, identifiers=(Identifier("account", f"u{person}"),))
        for person in range(40)
    ]
    model = models["vectors"]
    alone = [varied.recommend(model, one, now=NOW) for one in asked]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(ServingModel, "rank", refuse)
    together = ManyPeople(varied).recommend(model, asked, now=NOW)
    assert list(map(plain, together)) == list(map(plain, alone))
