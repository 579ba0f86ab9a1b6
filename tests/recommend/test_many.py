"""Many people at once get the answers that each would get alone, to the last bit."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from recsys.bundle import PriorRows
from recsys.consent import ALWAYS, Permission
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId
from recsys.errors import InvalidRequest, RecsysError
from recsys.events import History
from recsys.recommend import Answer, ManyPeople, Recommender, RecommendQuery, ServingModel
from recsys.rules import Boost, Cap, Rebuy, Rules
from support.bundles import make_bundle, sparse

NOW = 1_800_000_000.0
ITEM_COUNT = 60
IDS = [f"item-{row}" for row in range(ITEM_COUNT)]


class Histories:
    """Histories in a dictionary; whoever is named `shy` allows nothing."""

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


@pytest.fixture(scope="module")
def known() -> Recommender:
    """Forty people with histories of many lengths."""
    rng = np.random.default_rng(3)
    kinds = [EventType.DETAIL_PAGE_VIEW, EventType.PURCHASE_COMPLETE, EventType.IMPRESSION]
    lines = {
        f"u{person}": [
            (int(row), kinds[int(kind)])
            for row, kind in zip(
                rng.integers(0, ITEM_COUNT + 5, person % 9), rng.integers(0, 3, 9), strict=False
            )
        ]
        for person in range(40)
    }
    return Recommender(histories=Histories(lines))


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
        for who in [*(f"u{person}" for person in range(40)), "shy", "nobody"]
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
