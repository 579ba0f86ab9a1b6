"""A part of a page is kept for new items, and each of them has its turn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from recsys.bitmaps import allows
from recsys.domain import Identifier, ItemId, ReasonKind
from recsys.errors import InvalidConfig
from recsys.events import EMPTY_HISTORY, NoHistories
from recsys.recommend import (
    Answer,
    PageQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    Widgets,
)
from recsys.rules import Rules, Share
from recsys.rules.placements import read_placements
from recsys.serving.wire_rules import parse_rules, rules_message
from recsys.violations import Violations
from support.catalogs import MemoryCatalog
from support.new_items import KNOWN, NOW, item_of, shop_model

DAY = 86_400.0
NEW = [f"tea-new-{number}" for number in range(40)]


@pytest.fixture
def catalog() -> MemoryCatalog:
    """All that the model knows, and forty teas."""
    feed = MemoryCatalog()
    for name in [*KNOWN, *NEW]:
        feed.put(name, item_of(name.replace("-new-", "-")))
    return feed


@pytest.fixture
def recommender(catalog: MemoryCatalog) -> Recommender:
    """Nobody is known."""
    return Recommender(histories=NoHistories(), catalog=catalog)


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """New items are so far behind that none is ever among the best."""
    return shop_model(tmp_path / "bundle", strength=0.001)


def asked(user: str = "anna", **changes: object) -> RecommendQuery:
    """Ask for ten items, two of which should be new."""
    base: dict[str, object] = {
        "identifiers": (Identifier("account", user),),
        "result_count": 10,
        "rules": Rules(new_share=0.2),
    }
    return RecommendQuery(**(base | changes))  # type: ignore[arg-type]  # as each test says


def new_of(answer: Answer) -> list[str]:
    """The new items of an answer; each says so."""
    found = [one.item_id for one in answer.results if one.item_id in NEW]
    kinds = {one.item_id: one.reason.kind for one in answer.results}
    assert all((kinds[name] is ReasonKind.NEW) == (name in NEW) for name in kinds)
    return found


def test_the_share_is_kept(recommender: Recommender, model: ServingModel) -> None:
    """Of ten places two, rounded up; without it none; with all of it every one."""
    for share, count in ((0.2, 2), (0.11, 2), (0.0, 0), (1.0, 10)):
        query = asked(rules=Rules(new_share=share))
        answer = recommender.recommend(model, query, now=NOW)
        assert len(answer.results) == 10
        assert len(new_of(answer)) == count


def test_the_same_day_has_the_same_answer_everywhere(
    recommender: Recommender, model: ServingModel, catalog: MemoryCatalog
) -> None:
    """Also on a worker that has learned of the items in another order."""
    first = new_of(recommender.recommend(model, asked(), now=NOW))
    other = ServingModel.from_bundle(model.bundle)
    elsewhere = Recommender(histories=NoHistories(), catalog=catalog)
    assert new_of(elsewhere.recommend(other, asked(), now=NOW + 60.0)) == first
    assert new_of(recommender.recommend(model, asked(), now=NOW + 60.0)) == first


def test_each_new_item_has_its_turn(recommender: Recommender, model: ServingModel) -> None:
    """Forty items, two places: two groups, one a day, each item in one of them."""
    recommender.prepare(model, now=NOW)
    for user in ("anna", "bert"):
        query, turns = asked(user), Counter[int]()
        for day in range(2):
            now = NOW + day * DAY
            in_force = recommender.in_force(model, query, EMPTY_HISTORY, set(), now=now)
            assert in_force.arrangement is not None
            ((drawn, place_count),) = in_force.arrangement.shares
            assert place_count == 2
            turns.update(np.flatnonzero(np.unpackbits(drawn, bitorder="little")).tolist())
            shown = recommender.recommend(model, query, now=now).results.ranking.rows
            new = shown[model.items.is_new(shown)]
            assert allows(drawn, new).all()
        first = model.items.row(NEW[0])
        assert turns == dict.fromkeys(range(first or 0, (first or 0) + len(NEW)), 1)


def test_people_and_placements_have_turns_of_their_own(
    recommender: Recommender, model: ServingModel
) -> None:
    """Or a whole shop would look at the same two items all day."""
    people = {
        tuple(new_of(recommender.recommend(model, asked(f"user-{user}"), now=NOW)))
        for user in range(20)
    }
    places = {
        tuple(new_of(recommender.recommend(model, asked(placement=f"place-{at}"), now=NOW)))
        for at in range(20)
    }
    assert len(people) > 3
    assert len(places) > 3


def test_other_rules_come_first(recommender: Recommender, model: ServingModel) -> None:
    """Only what may be shown is drawn, and another share keeps its own part."""
    only = 'brand = "maker of tea-3" OR brand = "maker of pen-1"'
    rules = Rules(new_share=0.5, filter=only)
    # The model knows a tea-3, too.
    answer = recommender.recommend(model, asked(rules=rules, result_count=3), now=NOW)
    assert new_of(answer) == ["tea-new-3"]
    assert len(answer.results) == 3
    both = Rules(new_share=0.2, shares=(Share(filter='brand = "maker of pen-9"', share=0.1),))
    answer = recommender.recommend(model, asked(rules=both), now=NOW)
    assert len(new_of(answer)) == 2
    assert "pen-9" in {one.item_id for one in answer.results}


def test_similar_items_and_pages_keep_it_too(recommender: Recommender, model: ServingModel) -> None:
    """Pages ask for the person of the page, whoever a slot names."""
    like = SimilarQuery(item_id=ItemId("tea-1"), result_count=5, rules=Rules(new_share=0.2))
    assert len(new_of(recommender.similar(model, like, now=NOW))) == 1
    alone = recommender.recommend(model, asked(), now=NOW)
    slot = asked(identifiers=())
    page = PageQuery(identifiers=asked().identifiers, slots=(slot, slot))
    first, second = Widgets(recommender).page(model, page, now=NOW)
    assert new_of(first) == new_of(alone)
    assert not set(new_of(first)) & set(new_of(second))


def test_without_new_items_there_is_nothing_to_keep(
    model: ServingModel,
) -> None:
    """The page is full of the others."""
    feed = MemoryCatalog()
    for name in KNOWN:
        feed.put(name, item_of(name))
    recommender = Recommender(histories=NoHistories(), catalog=feed)
    answer = recommender.recommend(model, asked(), now=NOW)
    assert len(answer.results) == 10
    assert not new_of(answer)


def test_it_is_said_in_placements_and_on_the_wire() -> None:
    """From 0 to 1, with all other shares together."""
    placed = read_placements("[home]\nnew_share = 0.25\n", source="test").of("home")
    assert placed.new_share == 0.25
    wrong = Violations()
    assert parse_rules(rules_message(placed), wrong).new_share == 0.25
    assert not wrong.any
    with pytest.raises(InvalidConfig, match=r"new_share is 1\.5; allowed 0 to 1"):
        read_placements("[home]\nnew_share = 1.5\n", source="test")
    both = '[home]\nnew_share = 0.6\nshares = [{ filter = "price > 1", share = 0.5 }]\n'
    with pytest.raises(InvalidConfig, match=r"add up to 1\.1"):
        read_placements(both, source="test")
