"""Why answers are as they are: exact, with keys that frontends translate."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from recsys.catalog import Item
from recsys.domain import (
    Channel,
    EventType,
    ItemId,
    Reason,
    ReasonKind,
    ShortfallCause,
    StoreId,
)
from recsys.events import NoHistories
from recsys.recommend import (
    AgainQuery,
    Answer,
    BasketQuery,
    RankQuery,
    RecentQuery,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
    TrendingQuery,
    Widgets,
)
from recsys.recommend.message_keys import BECAUSE, message_key
from recsys.rules import Boost, Cap, Pin, Rules
from support.bundles import make_bundle, sparse
from support.catalogs import MemoryCatalog
from support.remembered import ANNA, NOW, Memory, event

ITEM_COUNT = 30
IDS = [ItemId(f"item-{row}") for row in range(ITEM_COUNT)]
KINDS = tuple(BECAUSE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Thirty items with every part of a score."""
    rng = np.random.default_rng(3)
    links = rng.random((ITEM_COUNT, ITEM_COUNT)).astype(np.float32)
    return ServingModel.from_bundle(
        make_bundle(
            tmp_path_factory.mktemp("bundle") / "v1",
            IDS,
            factors=rng.normal(size=(ITEM_COUNT, 4)),
            item_item=sparse(links * (rng.random(links.shape) < 0.3)),
            prior=rng.normal(size=ITEM_COUNT).astype(np.float32),
            basket_links=sparse(links * (rng.random(links.shape) < 0.3)),
        )
    )


SESSION = tuple(
    event(row, kind, age=60.0 + row, channel=None)
    for row, kind in [*enumerate(KINDS), (0, KINDS[-1])]
)


def test_parts_add_up_and_influences_are_those_of_every_item(model: ServingModel) -> None:
    """To the last bit, as explaining each item by itself says."""
    recommender = Recommender(histories=NoHistories())
    query = RecommendQuery(recent_events=SESSION, result_count=12, explains=True)
    answer = recommender.recommend(model, query, now=NOW)
    assert answer.explanation is not None
    assert len(answer.explanation.splits) == 12
    contacts = dict(zip(IDS, KINDS, strict=False))
    for one, split in zip(answer.results, answer.explanation.splits, strict=True):
        assert split is not None
        assert math.fsum(split.parts.values()) == pytest.approx(split.score, rel=1e-12)
        assert split.score == pytest.approx(one.score, rel=1e-6)
        alone = recommender.explain(model, query, one.item_id, now=NOW)
        assert (alone.score, alone.parts) == (split.score, split.parts)
        assert alone.influences == split.influences
        assert 1 <= len(split.influences) <= 3
        values = [influence.value for influence in split.influences]
        assert values == sorted(values, reverse=True)
        # A view after a purchase is still "because you bought".
        assert all(each.contact is contacts[each.item_id] for each in split.influences)
        assert one.reason.similar_to == split.influences[0].item_id
        assert message_key(one.reason) == BECAUSE[contacts[split.influences[0].item_id]]


def test_nothing_is_explained_unless_asked(model: ServingModel) -> None:
    """The answers are the same otherwise."""
    recommender = Recommender(histories=NoHistories())
    plain, explained = (
        recommender.recommend(
            model, RecommendQuery(recent_events=SESSION, explains=explains), now=NOW
        )
        for explains in (False, True)
    )
    assert plain.explanation is None
    assert list(plain.results) == list(explained.results)


def explained(answer: Answer) -> dict[tuple[ShortfallCause, str], int]:
    """What each rule took away."""
    assert answer.explanation is not None
    return {(one.cause, one.rule): one.item_count for one in answer.explanation.filtered}


def test_what_was_left_out_is_counted_rule_by_rule(model: ServingModel) -> None:
    """Also on a full page, each item under the first rule that applies."""
    catalog = MemoryCatalog()
    for row, name in enumerate(IDS[:-2]):
        brand = f"b{row % 2}"
        catalog.put(name, Item(brand=brand, primary_item_id="item-10" if row == 12 else ""))
    catalog.add_store("s-1")
    for name in IDS[:20]:
        catalog.stock_up("s-1", name, is_in_stock=True)
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    rules = Rules(
        filter="brand = b0",
        caps=(Cap(field="brand", count_max=4),),
        pins=(Pin(item_id=IDS[10], position=1),),
        boosts=(Boost(filter="brand = b0", factor=2.0),),
    )
    query = RecommendQuery(
        recent_events=SESSION,
        store_id=StoreId("s-1"),
        excluded=(IDS[8], IDS[21]),
        rules=rules,
        result_count=4,
        explains=True,
    )
    answer = recommender.recommend(model, query, now=NOW)
    assert answer.shortfall is None
    # Even items to 18: one is excluded, three are seen, four are shown, one is a variant.
    assert explained(answer) == {
        (ShortfallCause.NOT_OFFERED, ""): 2,
        (ShortfallCause.OUT_OF_STOCK, "s-1"): 8,
        (ShortfallCause.FILTERED, "brand = b0"): 10,
        (ShortfallCause.EXCLUDED, ""): 1,
        (ShortfallCause.SEEN, ""): 3,
        (ShortfallCause.VARIANT, ""): 1,
        (ShortfallCause.CAPPED, "brand: 4"): 1,
    }
    assert answer.results[0].reason.kind is ReasonKind.EDITORIAL
    assert answer.explanation is not None
    assert answer.explanation.splits[0] is not None


def test_every_widget_can_be_explained(model: ServingModel) -> None:
    """What is ordered by counts or time has no parts."""
    recommender = Recommender(histories=NoHistories())
    widgets = Widgets(recommender)
    asked = {"recent_events": SESSION, "explains": True}
    basket = widgets.complete_basket(
        model, BasketQuery(item_ids=(IDS[3], IDS[4]), **asked), now=NOW
    )
    assert basket.explanation is not None
    split = basket.explanation.splits[0]
    assert split is not None
    assert split.parts == {"basket": split.score}
    assert math.fsum(one.value for one in split.influences) == pytest.approx(split.score)
    assert split.influences[0].item_id == basket.results[0].reason.goes_with
    similar = recommender.similar(model, SimilarQuery(item_id=IDS[5], **asked), now=NOW)
    assert similar.explanation is not None
    for found in similar.explanation.splits:
        assert found is not None
        assert {one.item_id for one in found.influences} <= {IDS[5]}
    ranked = widgets.rank(model, RankQuery(item_ids=tuple(IDS[7:10]), **asked), now=NOW)
    assert ranked.explanation is not None
    assert all(ranked.explanation.splits)
    for answer in (
        widgets.recently_viewed(model, RecentQuery(**asked), now=NOW),
        widgets.buy_again(model, AgainQuery(**asked), now=NOW),
        widgets.trending(model, TrendingQuery(**asked), now=NOW),
        recommender.recommend(model, RecommendQuery(explains=True), now=NOW),
    ):
        assert answer.explanation is not None
        assert answer.explanation.splits == (None,) * len(answer.results)
        assert len(answer.results)


REASONS = [
    Reason(kind=ReasonKind.SIMILAR, similar_to=IDS[0]),
    *(Reason(kind=ReasonKind.SIMILAR, similar_to=IDS[0], contact=kind) for kind in KINDS),
    Reason(kind=ReasonKind.POPULAR_HERE, store_id=StoreId("s-1")),
    Reason(kind=ReasonKind.POPULAR_HERE),
    Reason(kind=ReasonKind.TRENDING, store_id=StoreId("s-1")),
    Reason(kind=ReasonKind.TRENDING, channel=Channel.WEB),
    Reason(kind=ReasonKind.BUY_AGAIN, purchase_time=1.0, usual_days=2.0),
    *(Reason(kind=kind) for kind in ReasonKind),
]


def test_every_key_is_documented(repo_root: Path) -> None:
    """And none but these."""
    text = (repo_root / "docs" / "reasons.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(reason\.[a-z_]+)`", text, flags=re.MULTILINE))
    assert documented == {message_key(reason) for reason in REASONS}


def test_somebody_stored_is_told_what_she_bought(model: ServingModel) -> None:
    """The reason is that it fits; the explanation says what it fits."""
    recommender = Recommender(histories=Memory({ANNA: SESSION}))
    query = RecommendQuery(identifiers=(ANNA,), explains=True)
    answer = recommender.recommend(model, query, now=NOW)
    assert {message_key(one.reason) for one in answer.results} == {"reason.fits_your_history"}
    assert answer.explanation is not None
    contacts = {
        one.contact
        for split in answer.explanation.splits
        if split is not None
        for one in split.influences
    }
    assert EventType.PURCHASE_COMPLETE in contacts
