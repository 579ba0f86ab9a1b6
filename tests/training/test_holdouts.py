"""What holdouts teach: no discount for those who would buy anyway, where that is known."""

import datetime as dt
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from recsys.domain import EventType, ItemId
from recsys.events import Event
from recsys.offers import Offer, PercentOff, Scope, is_held_out
from recsys.offers.features import FEATURE_NAMES
from recsys.offers.learned import Learned, LearnedPropensity, read_propensity
from recsys.offers.live import LiveOffers
from recsys.offers.query import OfferQuery
from recsys.offers.recommender import OfferRecommender, OfferSources
from recsys.offers.uplift import Uplift
from recsys.recommend import Recommender, ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.storage.log_snapshot import open_snapshot
from support.bundles import make_bundle, two_worlds
from support.exposures import BEGIN, DAY, ITEM_COUNT, ITEM_IDS, event, write
from support.identity import account
from training.propensity.learn import Learning, learn
from training.propensity.table import LearnSettings
from training.propensity.units import Units
from training.propensity.uplift import Taught, taught_by

PEOPLE = 1_200
START = BEGIN + 10 * DAY
END = BEGIN + 90 * DAY
SCOPE = Scope(item_ids=tuple(map(ItemId, ITEM_IDS[:4:2])))


@pytest.fixture(autouse=True)
def _two_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the people learn for the others: the same laws with a fifth of the fits."""
    monkeypatch.setattr("training.uplift.learners.FOLDS", 2)


def units(count: int, rng: np.random.Generator, *, share: float = 0.4) -> Units:
    """People of whom some were held out by lot."""
    return Units(
        offer_id="deal", held_out_share=share, people=np.arange(count), times=np.zeros(count),
        is_held_out=rng.random(count) < share,
    )  # fmt: skip


def taught(
    *, sure: NDArray[np.bool_], redeem_sure: float, seed: int = 0, recorded: float = 1.0
) -> tuple[Taught, NDArray[np.float32]]:
    """Teach by people of whom some buy anyway; the others buy if they redeem.

    A fifth never redeem anything, and buy or not.
    """
    rng = np.random.default_rng(seed)
    some = units(len(sure), rng)
    idle = rng.random(len(sure)) < 0.2
    likely = np.where(sure, redeem_sure, 0.4) * ~idle
    redeemed = ~some.is_held_out & (rng.random(len(sure)) < likely)
    anyway = rng.random(len(sure)) < np.where(idle, 0.3, np.where(sure, 0.9, 0.0))
    bought = (redeemed | anyway) & (rng.random(len(sure)) < recorded)
    features = np.zeros((len(sure), len(FEATURE_NAMES)), dtype=np.float32)
    features[:, FEATURE_NAMES.index("lines_bought_in_scope")] = sure + rng.normal(0, 0.1, len(sure))
    features[:, 0] = rng.normal(size=len(sure))
    return taught_by(some, features, bought, redeemed, rng=rng), features


def shares(found: Taught, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What serving makes of it."""
    assert found.uplift is not None
    ends = np.full(len(FEATURE_NAMES), 50.0)
    made = Uplift({"deal": found.uplift}, -ends, ends).shares(
        ["deal"] * len(features), features.astype(np.float64)
    )
    assert made is not None
    return made


def test_sure_buyers_are_told_from_those_who_can_be_persuaded() -> None:
    """By what was known of them before."""
    sure = np.arange(4_000) % 2 == 0
    found, features = taught(sure=sure, redeem_sure=0.6)
    assert found.learner == "linear"
    made = shares(found, features)
    assert made[sure].mean() < 0.25
    assert made[~sure].mean() > 0.85
    # Six of ten redemptions are by sure buyers, of whom one in ten would not have bought.
    assert found.share == pytest.approx(0.4 + 0.6 * 0.1, abs=0.08)


def test_where_nothing_tells_them_apart_one_share_holds_for_all() -> None:
    """The features say nothing of who is sure."""
    sure = np.ones(4_000, dtype=np.bool_)
    found, features = taught(sure=sure, redeem_sure=0.5)
    assert found.learner == "equal"
    made = shares(found, features)
    assert np.ptp(made) == 0.0
    assert made[0] == pytest.approx(0.1, abs=0.08)


@pytest.mark.parametrize("seed", range(3))
def test_where_nobody_would_have_bought_nothing_changes(seed: int) -> None:
    """However many redeem, and whoever they are."""
    found, _ = taught(sure=np.zeros(3_000, dtype=np.bool_), redeem_sure=0.0, seed=seed)
    assert found.uplift is None
    assert found.why == "what is wasted cannot be told from nothing"
    assert found.share == pytest.approx(1.0, abs=0.1)


def test_nothing_changes_where_purchases_are_missing_or_few_redeem() -> None:
    """A shop that does not send its purchases would seem to waste everything."""
    sure = np.arange(3_000) % 2 == 0
    missing, _ = taught(sure=sure, redeem_sure=0.6, recorded=0.3)
    assert missing.uplift is None
    assert "purchases are missing" in missing.why
    few, _ = taught(sure=np.ones(3_000, dtype=np.bool_), redeem_sure=0.005)
    assert few.uplift is None
    assert "needed are 20" in few.why


def offers(*, holdout_share: float) -> dict[str, Offer]:
    """A deal, and three that nobody wants though they are about the same."""
    deal = Offer(
        benefit=PercentOff(10.0), currency="EUR", scope=SCOPE, from_time=START,
        value_micros=5_000_000, cost_micros=3_000_000, holdout_share=holdout_share,
    )  # fmt: skip
    dud = Offer(benefit=PercentOff(1.0), currency="EUR", scope=SCOPE, value_micros=1_000_000)
    return {"deal": deal} | dict.fromkeys(("dud-1", "dud-2", "dud-3"), dud)


def before(person: int) -> list[Event]:
    """What was done before the offer: sure buyers have always bought it."""
    kind = EventType.PURCHASE_COMPLETE if is_sure(person) else EventType.DETAIL_PAGE_VIEW
    who = account(f"u{person}")
    return [
        event(who, kind, BEGIN + at * DAY, f"early-{at}", items=(ITEM_IDS[0],)) for at in range(4)
    ]


def is_sure(person: int) -> bool:
    """Whether somebody buys anyway."""
    return person % 2 == 0


def after(person: int, *, held_out: bool, rng: np.random.Generator) -> list[Event]:
    """What was done while the offer was there."""
    who, came = account(f"u{person}"), START + float(rng.uniform(0, 60)) * DAY
    found = [event(who, EventType.DETAIL_PAGE_VIEW, came, "come", items=(ITEM_IDS[1],))]
    seen = [name for name in offers(holdout_share=0.5) if name != "deal" or not held_out]
    found += [
        event(who, EventType.OFFER_VIEW, came + 10.0, f"see-{name}", offer_id=name) for name in seen
    ]
    redeems = not held_out and rng.random() < (0.7 if is_sure(person) else 0.5)
    if redeems:
        use = event(who, EventType.OFFER_REDEEM, came + DAY, "use", offer_id="deal")
        found.append(use)
    if redeems or (is_sure(person) and rng.random() < 0.95):
        bought = event(
            who, EventType.PURCHASE_COMPLETE, came + DAY, "buy", items=(ITEM_IDS[0], ITEM_IDS[5])
        )
        found.append(bought)
    return found


def played(place: str, *, holdout_share: float) -> None:
    """Write a shop whose ledger draws who is held out."""
    storage = open_storage(StorageConfig(histories=place))
    try:
        rng = np.random.default_rng(8)
        early = [one for p in range(PEOPLE) for one in before(p)]
        write(storage, offers(holdout_share=holdout_share), early)
        assert storage.offers is not None
        who = [(account(f"u{person}"),) for person in range(PEOPLE)]
        held_out = [
            one.person_key is not None
            and is_held_out(offer_id="deal", person_key=one.person_key, share=holdout_share)
            for one in storage.offers.ledger.standings(who, ["deal"])
        ]
        late = event(account("late"), EventType.DETAIL_PAGE_VIEW, END, "", items=("i0",))
        events = [one for p in range(PEOPLE) for one in after(p, held_out=held_out[p], rng=rng)]
        write(storage, {}, [*events, late])
    finally:
        storage.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Knows two worlds of items."""
    folder = tmp_path_factory.mktemp("bundle") / "v1"
    return ServingModel.from_bundle(make_bundle(folder, ITEM_IDS, factors=two_worlds(ITEM_COUNT)))


def learned_of(place: str, model: ServingModel) -> Learning:
    """Learn from a store."""
    with open_snapshot(place) as log:
        return learn(log, model, LearnSettings(horizon_days=5.0))


def rules(place: str, model: ServingModel, learning: Learning) -> dict[int, str]:
    """Ask a server's offers for some people: by which rule each does not get the deal."""
    storage = open_storage(StorageConfig(histories=place))
    assert storage.offers is not None
    assert storage.people is not None
    assert storage.items is not None
    try:
        recommender = Recommender(histories=storage.histories, catalog=storage.catalog)
        sources = OfferSources(
            offers=LiveOffers(storage.offers.feed), ledger=storage.offers.ledger,
            people=storage.people, items=storage.items, time_zone=dt.UTC,
        )  # fmt: skip
        learned = LearnedPropensity(recommender, Learned(learning.file))
        asked = OfferRecommender(recommender, sources, propensity=learned)
        found = {}
        for person in range(100):
            query = OfferQuery(identifiers=(account(f"u{person}"),), explains=True)
            answer = asked.recommend(model, query, now=END)
            refused = {one.offer_id: one.refusal for one in answer.refused}
            got = {one.offer_id: one for one in answer.offers}
            assert ("deal" in got) is not ("deal" in refused)
            found[person] = refused["deal"].rule.value if "deal" in refused else ""
            if found[person] == "UPLIFT":
                assert "would not have been bought without it" in refused["deal"].detail
    finally:
        storage.close()
    return found


def test_a_sure_buyer_does_not_get_the_discount_and_others_do(
    tmp_path: Path, model: ServingModel
) -> None:
    """From a store with a holdout to the answers of a server."""
    place = str(tmp_path / "store.sqlite")
    played(place, holdout_share=0.5)
    learning = learned_of(place, model)
    (found,) = learning.taught
    assert found.learner == "linear"
    assert learning.file.uplift["deal"].held_out + learning.file.uplift["deal"].others == PEOPLE
    by_person = rules(place, model, learning)
    sure = Counter(rule for person, rule in by_person.items() if is_sure(person))
    others = Counter(rule for person, rule in by_person.items() if not is_sure(person))
    assert set(sure) == {"HOLDOUT", "UPLIFT"}
    assert set(others) == {"HOLDOUT", ""}
    assert (
        read_propensity(msgspec.json.encode(learning.file).decode(), source="x").file
        == learning.file
    )


def test_without_a_holdout_nothing_changes(tmp_path: Path, model: ServingModel) -> None:
    """Nobody knows who would have bought anyway, and the declared value counts."""
    place = str(tmp_path / "store.sqlite")
    played(place, holdout_share=0.0)
    learning = learned_of(place, model)
    assert learning.taught == []
    assert learning.file.uplift == {}
    assert set(rules(place, model, learning).values()) == {""}
