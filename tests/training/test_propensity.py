"""Who redeems what, learned from a store: what was planted is found, and nothing looks ahead."""

import time
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from recsys.bundle import BundleStore
from recsys.commands import offers
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier
from recsys.errors import InvalidConfig
from recsys.events import Event
from recsys.offers import Commit, Reserve
from recsys.offers.features import FEATURE_NAMES, PairFeatures
from recsys.offers.learned import Column, LearnedPropensity, read_propensity
from recsys.offers.propensity import PropensityQuestion
from recsys.offers.query import OfferQuery, PropensityBasis
from recsys.offers.tastes import Tastes
from recsys.profiles import LinkKind
from recsys.recommend import Recommender, ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.storage.log_snapshot import open_snapshot
from support.bundles import make_bundle, two_worlds
from support.exposures import (
    BEGIN,
    DAY,
    ITEM_COUNT,
    ITEM_IDS,
    Shop,
    event,
    planted_offers,
    planted_shop,
    write,
)
from support.identity import account, card, link, visitor
from training.commands import offers_learn
from training.propensity.errors import NoBetterThanAffinity, TooFewRedemptions
from training.propensity.exposures import Happened, People, read_exposures
from training.propensity.fit import Fitted, fit
from training.propensity.judge import calibration, judge
from training.propensity.learn import AFFINITY, LEARNED, Learning, learn
from training.propensity.pairs import Pairs, Prior, pairs_of, prior_of, rates_by_day
from training.propensity.table import LearnSettings, table_of

SETTINGS = LearnSettings(horizon_days=7.0)
runner = CliRunner()
app = typer.Typer(rich_markup_mode="rich")
offers.register(app)
offers_learn.register(app)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """Knows two worlds of items."""
    folder = tmp_path_factory.mktemp("bundle") / "v1"
    return ServingModel.from_bundle(make_bundle(folder, ITEM_IDS, factors=two_worlds(ITEM_COUNT)))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop in which it is known who redeems what."""
    return planted_shop(str(tmp_path_factory.mktemp("shop") / "store.sqlite"))


@pytest.fixture(scope="module")
def learning(shop: Shop, model: ServingModel) -> Learning:
    """What was learned of it."""
    with open_snapshot(shop.place) as log:
        return learn(log, model, SETTINGS)


def test_what_was_planted_is_found(learning: Learning) -> None:
    """Better than affinity, which does not know that some offers are duds."""
    judged = learning.measured.judged
    assert judged[LEARNED].auc.low > judged["random"].auc.high
    assert judged[LEARNED].auc.mean > judged[AFFINITY].auc.mean
    assert judged[LEARNED].within.mean > judged[AFFINITY].within.mean + 0.03
    weights = {one.name: one.weight for one in learning.file.columns}
    assert min(weights["affinity"], weights["rate"]) > 0.3
    # Nothing of it differs between these offers and people.
    assert weights["channel_web"] == weights["benefit_percent"] == weights["share_off"] == 0.0
    assert learning.measured.loss < learning.measured.constant_loss


def test_the_file_says_what_serving_needs_and_names_nobody(
    learning: Learning, shop: Shop, model: ServingModel
) -> None:
    """It is read as it was written; people of whom nothing is known are judged by it, too."""
    text = msgspec.json.encode(learning.file).decode()
    learned = read_propensity(text, source="propensity.json")
    assert learned.file == learning.file
    names = {who.value for one in shop.events for who in one.content.identifiers}
    assert not [name for name in names if f'"{name}"' in text]
    counts = learning.file.offers
    assert {one.seen for one in counts.values()} == {200}
    duds = [one.redeemed for name, one in counts.items() if int(name.partition("-")[2]) % 4 > 1]
    others = [one.redeemed for name, one in counts.items() if int(name.partition("-")[2]) % 4 < 2]
    assert max(duds) < min(others)
    recommender = Recommender(histories=open_storage(StorageConfig()).histories)
    known = recommender.acquaintance.known(model, OfferQuery(), set(), now=shop.end)
    asked = PropensityQuestion(
        model=model, query=OfferQuery(), known=known, offers=shop.offers,
        wanted=["offer-0", "offer-2"], now=shop.end,
    )  # fmt: skip
    (judged,) = LearnedPropensity(recommender, learned).propensities([asked])
    assert set(judged.bases) == {PropensityBasis.LEARNED}
    assert judged.probabilities[0] > 2 * judged.probabilities[1] > 0


def test_training_sees_what_serving_would_have_seen(
    shop: Shop, model: ServingModel, tmp_path: Path
) -> None:
    """A store that ends just before a view gives the features that were learned from."""
    with open_snapshot(shop.place) as log:
        table = table_of(log, model, SETTINGS, rng=np.random.default_rng(0))
    views = table.pairs.views
    row = int(np.flatnonzero(views.times > BEGIN + 40 * DAY)[0])
    now, offer_id = float(views.times[row]), table.exposures.offer_ids[int(views.offers[row])]
    (seen,) = [one for one in shop.events if one.event_time == now]
    assert seen.content.offer_id == offer_id
    earlier = [one for one in shop.events if one.event_time < now]
    storage = open_storage(StorageConfig(histories=str(tmp_path / "then.sqlite")))
    try:
        write(storage, shop.offers, earlier)
        recommender = Recommender(histories=storage.histories, catalog=storage.catalog)
        query = OfferQuery(identifiers=seen.content.identifiers, channel=Channel.WEB)
        known = recommender.acquaintance.known(model, query, set(), now=now)
        asked = PropensityQuestion(
            model=model, query=query, known=known, offers=shop.offers, wanted=[offer_id], now=now
        )
        (rates,) = [
            rates
            for day, rates in rates_by_day(
                table.known, views.times, table.prior, table.exposures.offer_ids,
                horizon_seconds=SETTINGS.horizon_seconds,
            )
            if day.start <= row < day.stop
        ]  # fmt: skip
        (served,) = PairFeatures(Tastes(recommender)).of([asked], rates)
    finally:
        storage.close()
    np.testing.assert_allclose(served[0], table.features[row], rtol=1e-5, atol=1e-6)
    redeemed_before = [
        one for one in earlier
        if one.content.event_type is EventType.OFFER_REDEEM
        and one.content.identifiers == query.identifiers
    ]  # fmt: skip
    column = FEATURE_NAMES.index("offers_redeemed")
    assert served[0, column] == pytest.approx(np.log1p(len(redeemed_before)))


def happened(rows: list[tuple[int, int, float]]) -> Happened:
    """Build what happened, in the order of time."""
    people, things, times = zip(*sorted(rows, key=lambda row: row[2]), strict=True)
    return Happened(
        people=np.array(people, dtype=np.int64), offers=np.array(things, dtype=np.int64),
        times=np.array(times, dtype=np.float64), channels=np.zeros(len(times), dtype=np.uint8),
    )  # fmt: skip


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 40).map(float)),
    min_size=1,
    max_size=25,
)


@given(views=ROWS, redemptions=ROWS)
def test_pairs_are_first_views_and_what_came_of_them(
    views: list[tuple[int, int, float]], redemptions: list[tuple[int, int, float]]
) -> None:
    """One for each person, offer and horizon, as counted one by one."""
    horizon, end = 10.0, 40.0
    found = pairs_of(happened(views), happened(redemptions), horizon_seconds=horizon, end_time=end)
    kept: dict[tuple[int, int], list[float]] = {}
    for person, offer, moment in sorted(views, key=lambda row: row[2]):
        hers = kept.setdefault((person, offer), [])
        if not hers or moment >= hers[-1] + horizon:
            hers.append(moment)
    expected = {
        (*pair, moment): any(
            (who, what) == pair and moment <= then < moment + horizon
            for who, what, then in redemptions
        )
        for pair, moments in kept.items()
        for moment in moments
        if moment + horizon <= end
    }
    columns = found.views.people, found.views.offers, found.views.times, found.redeemed
    assert {
        row[:3]: row[3] for row in zip(*(one.tolist() for one in columns), strict=True)
    } == expected
    assert found.unripe_count == sum(map(len, kept.values())) - len(expected)


def test_rates_of_a_day_know_what_was_known_when_it_began() -> None:
    """A view counts once its horizon is over, and not a moment before."""
    days = [0.0, 3.0, 3.5, 4.2, 9.0]
    views = happened([(person, 0, day * DAY) for person, day in enumerate(days)])
    pairs = Pairs(views=views, redeemed=np.array([True, False, False, True, True]), unripe_count=0)
    asked = np.array([3.5, 4.0, 5.5, 9.9]) * DAY
    prior = Prior(rate=0.5, strength=2.0)
    found = list(rates_by_day(pairs, asked, prior, ["a"], horizon_seconds=1.5 * DAY))
    assert [(some.start, some.stop) for some, _ in found] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    shown = [rates.shown.get("a") for _, rates in found]
    assert shown == [(1, 1), (1, 1), (3, 1), (4, 2)]
    rates = [1 / (1 + np.exp(-rates.logits(["a", "b"]))) for _, rates in found]
    np.testing.assert_allclose(rates[0], [2 / 3, 0.5])
    np.testing.assert_allclose(rates[3], [0.5, 0.5])


def test_the_prior_is_strong_where_offers_are_alike() -> None:
    """Spread rates draw little; equal ones draw each other to their mean."""
    rng = np.random.default_rng(3)
    strengths = []
    for chances in (rng.uniform(0.02, 0.6, 30), np.full(30, 0.3)):
        views = happened([(0, offer, float(at)) for offer in range(30) for at in range(200)])
        redeemed = rng.random(len(views.times)) < chances[views.offers]
        prior = prior_of(Pairs(views=views, redeemed=redeemed, unripe_count=0))
        assert prior.rate == pytest.approx(chances.mean(), abs=0.06)
        strengths.append(prior.strength)
    assert strengths[0] < 10.0
    assert strengths[1] > 100.0


def test_figures_are_what_others_compute_and_parts_add_up() -> None:
    """AUC with ties, within people, the lift of a sure thing, and calibration in the large."""
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 20, 2_000).astype(np.float64)
    redeemed = rng.random(2_000) < scores / 40
    people = rng.integers(0, 100, 2_000)
    given_scores = {"some": scores, "sure": redeemed.astype(np.float64)}
    found = judge(given_scores, redeemed, people, rng=rng, count=50)
    assert found["some"].auc.mean == pytest.approx(roc_auc_score(redeemed, scores))
    inner = [
        roc_auc_score(redeemed[people == who], scores[people == who])
        for who in range(100)
        if 0 < redeemed[people == who].mean() < 1
    ]
    assert found["some"].within.mean == pytest.approx(np.mean(inner))
    assert found["sure"].auc.mean == found["sure"].within.low == 1.0
    assert found["sure"].lift.mean == pytest.approx(1 / redeemed.mean())
    assert found["some"].auc.low < found["some"].auc.mean < found["some"].auc.high
    features = rng.normal(size=(2_000, len(FEATURE_NAMES))).astype(np.float32)
    features[:, 0] += redeemed
    features[:, 3] = 7.0
    fitted = fit(features, redeemed, inverse_strength=1.0)
    likely = fitted.odds.probabilities(features)
    assert likely.mean() == pytest.approx(redeemed.mean(), abs=1e-3)
    assert fitted.columns[3].weight == 0.0
    parts = calibration(likely, redeemed)
    assert sum(part.count for part in parts) == 2_000
    assert sum(part.count * part.observed for part in parts) == pytest.approx(redeemed.sum())


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a storage that is not there yet."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "live.sqlite")


def seen(who: Identifier, at: float, name: str = "offer-0") -> Event:
    """A view."""
    return event(who, EventType.OFFER_VIEW, at, f"see-{at}-{name}", offer_id=name)


def test_only_those_count_who_allow_it_and_the_ledger_counts_too(place: str) -> None:
    """Who refused, who was erased, nobody in particular, and an offer that is gone are left out."""
    anna, ben, cleo, dora = map(account, ("anna", "ben", "cleo", "dora"))
    now = time.time()
    storage = open_storage(StorageConfig(histories=place))
    assert storage.offers is not None
    assert storage.people is not None
    try:
        write(storage, planted_offers(), [seen(one, now - DAY) for one in (anna, ben, cleo, dora)])
        used = event(anna, EventType.OFFER_REDEEM, now - DAY / 2, "use", offer_id="offer-0")
        write(storage, {}, [used, seen(anna, now - DAY, "gone")])
        storage.offers.ledger.settle([Reserve("r", "offer-0", (dora,), 60.0)])
        storage.offers.ledger.settle([Commit("r")])
        refusal = Consent(purpose=Purpose.TRAINING, status=ConsentStatus.DENIED, time=now)
        storage.people.record_consents([ben], [refusal], now=now)
        storage.people.erase([cleo], now=now)
    finally:
        storage.close()
    with open_snapshot(place) as log:
        found = read_exposures(log, learns_by_default=True)
        asked_first = read_exposures(log, learns_by_default=False)
    assert len(found.views.times) == 2
    assert found.unknown_count == 1
    assert len(asked_first.views.times) == 0
    pairs = pairs_of(
        found.views, found.redemptions, horizon_seconds=2 * DAY, end_time=now + 3 * DAY
    )
    assert pairs.redeemed.tolist() == [True, True]
    assert len(found.uses.times) == 1
    assert Counter(found.redemptions.offers.tolist()) == {0: 2}


def test_holdouts_are_drawn_by_the_keys_that_the_ledger_draws_by(place: str) -> None:
    """Alone, merged, and by a device of somebody's: else learning would mix the two sides."""
    who = [account("anna"), account("ben"), card("26001"), visitor("phone"), visitor("kiosk")]
    storage = open_storage(StorageConfig(histories=place))
    assert storage.offers is not None
    assert storage.profiles is not None
    try:
        kind = EventType.DETAIL_PAGE_VIEW
        at = BEGIN + DAY
        write(storage, {}, [event(one, kind, at, "x", items=("i0",)) for one in who])
        anna, ben, card_, phone, _ = who
        for pair in ((anna, card_), (ben, phone)):
            storage.profiles.link([link(*sorted(pair), kind=LinkKind.EXPLICIT)])
        standings = storage.offers.ledger.standings([(one,) for one in who], [])
    finally:
        storage.close()
    with open_snapshot(place) as log:
        people = People.of(log, learns_by_default=True)
        keys = {
            Identifier(namespace, value): key
            for rows in log.people()
            for key, namespace, value, _ in rows
        }
    heads = people.heads[people.numbers(np.array([keys[one] for one in who]))]
    assert heads.tolist() == [one.person_key for one in standings]
    assert len(set(heads.tolist())) == 3


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """Where bundles are, one of them current."""
    store = BundleStore(tmp_path / "bundles")
    make_bundle(store.path("v1"), ITEM_IDS, factors=two_worlds(ITEM_COUNT))
    store.set_current("v1")
    return tmp_path / "bundles"


def run(place: str, bundles: Path, folder: Path, *more: str) -> Result:
    """Run `recsys offers learn`."""
    words = ["offers", "learn", "--store", place, "--out", str(folder / "out"), *more]
    words += [
        "--bundle-store",
        str(bundles),
        "--tracking-uri",
        f"sqlite:///{folder}/ml.db",
    ]
    return runner.invoke(app, words)


def test_the_command_writes_a_file_and_a_run(
    shop: Shop, bundles: Path, learning: Learning, tmp_path: Path
) -> None:
    """What serving reads, a figure, and all numbers in MLflow."""
    result = run(shop.place, bundles, tmp_path, "--horizon-days", "7")
    assert result.exit_code == 0, result.output
    assert "affinity" in result.stdout
    text = (tmp_path / "out" / "propensity.json").read_text()
    file = read_propensity(text, source="propensity.json").file
    assert file.offers == learning.file.offers
    assert [one.weight for one in file.columns] == pytest.approx(
        [one.weight for one in learning.file.columns]
    )
    client = MlflowClient(f"sqlite:///{tmp_path}/ml.db")
    experiment = client.get_experiment_by_name("offers")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["model_version"] == "v1"
    assert found.data.metrics["learned_auc"] == pytest.approx(file.metrics["learned_auc"])
    names = {one.path for one in client.list_artifacts(found.info.run_id)}
    assert names == {"propensity.json", "propensity.png"}


def test_with_few_redemptions_nothing_is_learned(bundles: Path, tmp_path: Path, shop: Shop) -> None:
    """It says what is missing, writes nothing, and leaves what was there as it was."""
    few = planted_shop(str(tmp_path / "few.sqlite"), people=20)
    result = run(few.place, bundles, tmp_path, "--horizon-days", "7")
    assert isinstance(result.exception, TooFewRedemptions)
    assert result.exception.needed == 50
    assert "judged by affinity as before" in str(result.exception)
    assert not (tmp_path / "out").exists()
    # There are enough, but none within a minute of a view.
    short = run(shop.place, bundles, tmp_path, "--horizon-days", "0.01")
    assert isinstance(short.exception, TooFewRedemptions)
    assert "follow a view" in short.exception.missing
    # Redemptions alone say nothing of who was shown what.
    blind = [one for one in shop.events if one.content.event_type is not EventType.OFFER_VIEW]
    unseen = str(tmp_path / "unseen.sqlite")
    storage = open_storage(StorageConfig(histories=unseen))
    write(storage, shop.offers, blind)
    storage.close()
    found = run(unseen, bundles, tmp_path, "--horizon-days", "7")
    assert isinstance(found.exception, TooFewRedemptions)
    assert found.exception.found == 0
    # With a horizon as long as all of it, no moment parts earlier views from later ones.
    wide = run(shop.place, bundles, tmp_path, "--horizon-days", "40")
    assert isinstance(wide.exception, TooFewRedemptions)
    assert "part earlier views" in wide.exception.missing


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "4000"])
def test_a_horizon_out_of_bounds_is_refused_by_its_name(
    shop: Shop, bundles: Path, tmp_path: Path, days: str
) -> None:
    """Before anything is read."""
    result = run(shop.place, bundles, tmp_path, "--horizon-days", days)
    assert isinstance(result.exception, InvalidConfig)
    assert result.exception.source == "--horizon-days"


def test_what_is_no_better_than_affinity_is_not_written(
    shop: Shop, bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing that was seen has any weight."""
    nothing = [
        Column(name=name, mean=0.0, scale=1.0, low=0.0, high=0.0, weight=0.0)
        for name in FEATURE_NAMES
    ]
    monkeypatch.setattr(
        "training.propensity.learn.fit",
        lambda *_, **__: Fitted(intercept=0.0, columns=tuple(nothing)),
    )
    result = run(shop.place, bundles, tmp_path, "--horizon-days", "7")
    assert isinstance(result.exception, NoBetterThanAffinity)
    assert result.exception.learned == 0.5
    assert not (tmp_path / "out").exists()
