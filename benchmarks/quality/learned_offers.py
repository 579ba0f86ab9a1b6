"""Learned propensity of offers, end to end: Complete Journey's coupons through a store and a server.

    python benchmarks/quality/learned_offers.py FOLDER [--test]

FOLDER holds the tables of Complete Journey. Purchases, coupons sent (as views on a campaign's first
day) and redemptions (through the ledger, on their days) go into a store as they happened. At the
cut, `recsys train` and `recsys offers learn` do what they do for anybody. Then time goes on: on the
first day of each later campaign, the propensity port of serving is asked for every household and
coupon of it, with what the store knows by then. Without --test the cut is one campaign earlier
(VALIDATION of coupons.py): settings were chosen there.

Campaigns that began before the log does are left out of the views: nobody knows what their
households had bought. What they redeemed counts as used.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from coupons import TEST, VALIDATION

sys.path.append(str(Path(__file__).resolve().parents[1]))
import machine
from numpy.typing import NDArray

from recsys.bundle import BundleStore, open_bundle
from recsys.catalog import Attribute, Item
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.offers import AmountOff, Commit, Offer, Reservation, Reserve, Scope
from recsys.offers.affinity import Affinity
from recsys.offers.learned import Learned, LearnedPropensity
from recsys.offers.ledger import Ledger
from recsys.offers.propensity import PropensityModel, PropensityQuestion
from recsys.offers.query import OfferQuery
from recsys.offers.tastes import Tastes
from recsys.recommend import Recommender, ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from recsys.storage.log_snapshot import open_snapshot
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.open_sessions import open_sessions
from training import TrackingConfig, load_shop, publish_model, read_config
from training.log_dataset import dataset_of_log
from training.propensity.judge import Judged, judge
from training.propensity.learn import learn
from training.propensity.table import LearnSettings

F64 = NDArray[np.float64]
HORIZON_DAYS = 28.0
"""The command's own. Of 60, on the validation, the order was the same and the level twice too high."""
MODEL = """
[model]
type = "cooccurrence"
neighbours = 500
user_exponent = 0.5
history_exponent = 0.5
target_exponent = 0.0
"""
PEOPLE_AT_ONCE = 256
ROWS_AT_ONCE = 5_000
# Tills say how much a coupon takes off; the tables do not.
BENEFIT = AmountOff(1_000_000)


def seconds(day: dt.date, hour: int = 0) -> float:
    """Return a moment, seconds since 1970-01-01 UTC."""
    return dt.datetime(day.year, day.month, day.day, hour, tzinfo=dt.UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign.

    Attributes:
        number: Its id.
        start: First day.
        households: Whom it was sent to.
        coupons: Of what.
    """

    number: int
    start: dt.date
    households: list[int]
    coupons: list[int]


class Tables:
    """Complete Journey."""

    def __init__(self, folder: Path) -> None:
        """Read it."""

        def table(name: str) -> pl.DataFrame:
            return pl.read_parquet(folder / f"{name}.parquet")

        self.lines = table("transactions_sample").sort("transaction_timestamp", "basket_id")
        self.products = table("products")
        coupons = table("coupons").unique().sort("campaign_id", "coupon_upc", "product_id")
        self.coupons = coupons
        self.redemptions = (
            table("coupon_redemptions")
            .filter(pl.col("coupon_upc").is_in(coupons["coupon_upc"].unique().to_list()))
            .group_by("household_id", "campaign_id", "coupon_upc")
            .agg(pl.col("redemption_date").min())
            .sort("redemption_date", "household_id", "coupon_upc")
        )
        sent, days = table("campaigns"), table("campaign_descriptions")
        self.campaigns = [
            Campaign(
                number=number,
                start=start,
                households=sorted(
                    sent.filter(pl.col("campaign_id") == number)["household_id"].unique()
                ),
                coupons=sorted(
                    coupons.filter(pl.col("campaign_id") == number)["coupon_upc"].unique()
                ),
            )
            for number, start in days.sort("start_date", "campaign_id")
            .select("campaign_id", "start_date")
            .iter_rows()
        ]


def who(household: int) -> Identifier:
    """Return the card of a household."""
    return Identifier("loyalty_card", str(household))


def tag(campaign: int, coupon: int) -> str:
    """Name a coupon of a campaign: of other campaigns it may be for other products."""
    return f"{campaign}/{coupon}"


class Replay:
    """A store into which things come as they happened."""

    def __init__(self, tables: Tables, storage: Storage, ledger: OfferLedger) -> None:
        """Write the catalogue."""
        self.tables, self.storage, self.ledger = tables, storage, ledger
        self.now = 0.0
        self._events = self._happened()
        self._next = next(self._events, None)
        assert storage.catalog_store is not None
        tags = dict(
            tables.coupons.group_by("product_id")
            .agg(pl.concat_str(pl.col("campaign_id"), pl.lit("/"), pl.col("coupon_upc")))
            .iter_rows()
        )
        known = tables.products.filter(
            pl.col("product_id").is_in(
                pl.concat([tables.lines["product_id"], tables.coupons["product_id"]])
                .unique()
                .to_list()
            )
        )
        items = {
            ItemId(str(row["product_id"])): Item(
                title=row["product_type"] or "",
                category_paths=(
                    tuple(filter(None, [" > ".join(filter(None, [row["department"], row["product_category"]]))]))
                ),
                brand=row["brand"] or "",
                attributes={"coupon": Attribute(texts=tuple(tags.get(row["product_id"], ())))},
            )
            for row in known.iter_rows(named=True)
        }  # fmt: skip
        names = list(items)
        for first in range(0, len(names), ROWS_AT_ONCE):
            some = {name: items[name] for name in names[first : first + ROWS_AT_ONCE]}
            storage.catalog_store.upsert_items(some, now=0.0)

    def until(self, end: float) -> None:
        """Let everything happen that happened before a moment."""
        waiting: list[Event] = []
        assert self.storage.log is not None
        while self._next is not None and self._next[0] < end:
            self.now, thing = self._next
            if isinstance(thing, Event):
                waiting.append(thing)
            elif isinstance(thing, Campaign):
                self.offer(thing)
            else:
                self._use(thing)
            if len(waiting) == ROWS_AT_ONCE:
                self.storage.log.append(waiting)
                waiting = []
            self._next = next(self._events, None)
        self.storage.log.append(waiting)
        self.now = end

    def offer(self, campaign: Campaign) -> None:
        """Write the coupons of a campaign as offers."""
        assert self.storage.offers is not None
        offers = {
            str(coupon): Offer(
                benefit=BENEFIT, currency="USD",
                scope=Scope(filter=f'attributes.coupon = "{tag(campaign.number, coupon)}"'),
            )
            for coupon in campaign.coupons
        }  # fmt: skip
        self.storage.offers.store.upsert_offers(offers, now=self.now)

    def _use(self, used: Reserve) -> None:
        for asked in (used, Commit(used.reservation_id)):
            (settled,) = self.ledger.settle([asked])
            assert isinstance(settled, Reservation), settled

    def _happened(self) -> Iterator[tuple[float, Event | Reserve | Campaign]]:
        """Yield everything in the order of time."""
        things: list[tuple[float, Event | Reserve | Campaign]] = []
        first_day = self.tables.lines["transaction_timestamp"].min()
        assert isinstance(first_day, dt.datetime)
        for campaign in self.tables.campaigns:
            at = seconds(campaign.start)
            things.append((at, campaign))
            if campaign.start > first_day.date():
                things += [(at, one) for one in _views(campaign, at)]
        things += _purchases(self.tables.lines)
        for row in self.tables.redemptions.iter_rows(named=True):
            at = seconds(row["redemption_date"], 12)
            name = f"{row['household_id']}/{tag(row['campaign_id'], row['coupon_upc'])}"
            asked = Reserve(name, str(row["coupon_upc"]), (who(row["household_id"]),), 60.0)
            things.append((at, asked))
        yield from sorted(things, key=lambda one: one[0])


def _views(campaign: Campaign, at: float) -> Iterator[Event]:
    for household in campaign.households:
        for coupon in campaign.coupons:
            content = EventContent(
                event_type=EventType.OFFER_VIEW, event_time=at, identifiers=(who(household),),
                offer_id=str(coupon),
            )  # fmt: skip
            name = f"view/{household}/{tag(campaign.number, coupon)}"
            yield Event.of(content, event_id=name, now=at)


def _purchases(lines: pl.DataFrame) -> Iterator[tuple[float, Event]]:
    baskets = lines.group_by("basket_id", "household_id", maintain_order=True).agg(
        pl.col("transaction_timestamp").first().dt.epoch("s").alias("at"),
        pl.col("store_id").first(),
        pl.col("product_id"),
    )
    for basket, household, at, store, products in baskets.iter_rows():
        content = EventContent(
            event_type=EventType.PURCHASE_COMPLETE, event_time=float(at), channel=Channel.STORE,
            identifiers=(who(household),), store_id=str(store),
            lines=tuple(EventLine(ItemId(str(one))) for one in products),
        )  # fmt: skip
        yield float(at), Event.of(content, event_id=f"basket/{basket}", now=float(at))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What ports said of households and coupons.

    Attributes:
        scores: By port, shape (m,).
        redeemed: Whether the household redeemed the coupon in the campaign.
        households: Of each.
        groups: A number for household and campaign.
    """

    scores: dict[str, F64]
    redeemed: NDArray[np.bool_]
    households: NDArray[np.int64]
    groups: NDArray[np.int64]


def ask(
    replay: Replay, model: ServingModel, learned: Learned, campaigns: Sequence[Campaign]
) -> Asked:
    """Ask on the first day of each campaign."""
    storage, ledger = replay.storage, replay.ledger
    recommender = Recommender(histories=storage.histories, catalog=storage.catalog)
    tastes = Tastes(recommender)
    ports: dict[str, PropensityModel] = {
        "learned": LearnedPropensity(recommender, learned), "affinity": Affinity(tastes)
    }  # fmt: skip
    rng = np.random.default_rng(0)
    found: dict[str, list[F64]] = {name: [] for name in (*ports, "popularity", "random")}
    redeemed, households, groups = [], [], []
    for number, campaign in enumerate(campaigns):
        replay.until(seconds(campaign.start))
        replay.offer(campaign)
        hits = set(
            replay.tables.redemptions.filter(pl.col("campaign_id") == campaign.number)
            .select("household_id", "coupon_upc")
            .iter_rows()
        )
        for first in range(0, len(campaign.households), PEOPLE_AT_ONCE):
            some = campaign.households[first : first + PEOPLE_AT_ONCE]
            asked = _questions(replay, recommender, ledger, model, campaign, some)
            for name, port in ports.items():
                found[name] += [one.probabilities for one in port.propensities(asked)]
            found["popularity"] += [one.popular for one in tastes.of(asked)]
            redeemed += [[(one, coupon) in hits for coupon in campaign.coupons] for one in some]
            households += [np.full(len(campaign.coupons), one) for one in some]
            groups += [np.full(len(campaign.coupons), one * 100 + number) for one in some]
    names = np.concatenate(groups)
    count = len(names)
    scores = {name: np.concatenate(parts) for name, parts in found.items() if parts}
    return Asked(
        scores={**scores, "random": rng.random(count)},
        redeemed=np.concatenate([np.array(one, dtype=np.bool_) for one in redeemed]),
        households=np.concatenate(households),
        groups=np.unique(names, return_inverse=True)[1].astype(np.int64),
    )


def _questions(
    replay: Replay,
    recommender: Recommender,
    ledger: Ledger,
    model: ServingModel,
    campaign: Campaign,
    households: Sequence[int],
) -> list[PropensityQuestion]:
    assert replay.storage.offers is not None
    wanted = [str(coupon) for coupon in campaign.coupons]
    offers = dict(replay.storage.offers.store.find_offers(wanted))
    queries = [OfferQuery(identifiers=(who(one),)) for one in households]
    standings = ledger.standings([one.identifiers for one in queries], wanted)
    return [
        PropensityQuestion(
            model=model,
            query=query,
            known=recommender.acquaintance.known(model, query, set(), now=replay.now),
            offers=offers,
            wanted=wanted,
            now=replay.now,
            redeemed_count=standing.redeemed_count,
        )
        for query, standing in zip(queries, standings, strict=True)
    ]


def main() -> None:
    """Replay, learn, ask and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", action="store_true", help="measure on the test campaigns")
    parser.add_argument("--horizon-days", type=float, default=HORIZON_DAYS)
    parser.add_argument("--default-model", action="store_true", help="the usual configuration")
    options = parser.parse_args()
    print(machine.describe())
    tables = Tables(options.folder)
    cut = TEST if options.test else VALIDATION
    later = [
        one for one in tables.campaigns
        if one.start >= cut and (options.test or one.start == cut) and one.households and one.coupons
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        place = str(folder / "store.sqlite")
        storage = open_storage(StorageConfig(histories=place))
        with open_sessions(place) as sessions:
            replay: Replay
            replay = Replay(tables, storage, OfferLedger(sessions, clock=lambda _: replay.now))
            replay.until(seconds(cut))
            dataset_of_log(place, folder / "dataset")
            published = publish_model(
                load_shop(folder / "dataset"),
                read_config("" if options.default_model else MODEL),
                bundles=folder / "bundles",
                tracking=TrackingConfig(tracking_uri=f"sqlite:///{folder}/mlflow.db"),
            )
            # Whether it would become champion does not matter here: there is no other.
            bundle = open_bundle(BundleStore(folder / "bundles").path(published.model_version))
            model = ServingModel.from_bundle(bundle)
            with open_snapshot(place) as log:
                learning = learn(log, model, LearnSettings(horizon_days=options.horizon_days))
            show_learned(
                learning.file.pair_count, learning.file.redemption_count, learning.measured.judged
            )
            print({one.name: round(one.weight, 3) for one in learning.file.columns if one.weight})
            asked = ask(replay, model, Learned(learning.file), later)
        storage.close()
    show_asked(asked)


def show_learned(pairs: int, redemptions: int, judged: dict[str, Judged]) -> None:
    """Print what the command would."""
    print(
        f"learned from {pairs:,} views with {redemptions:,} redemptions; measured by the command:"
    )
    _show(judged)


def show_asked(asked: Asked) -> None:
    """Print what came of the later campaigns."""
    print(f"{len(asked.redeemed):,} households and coupons, {asked.redeemed.sum():,} redeemed")
    rng = np.random.default_rng(0)
    _show(judge(asked.scores, asked.redeemed, asked.households, groups=asked.groups, rng=rng))
    mean = float(asked.scores["learned"].mean())
    print(f"expected of all {mean:.3%}, redeemed {asked.redeemed.mean():.3%}")


def _show(judged: dict[str, Judged]) -> None:
    print(f"{'':14}AUC                     within                  lift of the top tenth")
    for name, one in judged.items():
        texts = [
            f"{each.mean:.4f} [{each.low:.4f}, {each.high:.4f}]"
            for each in (one.auc, one.within, one.lift)
        ]
        print(f"{name:14}{'  '.join(texts)}")


if __name__ == "__main__":
    main()
