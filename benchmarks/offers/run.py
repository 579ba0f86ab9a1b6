"""What offers cost: `RecommendOffers` with many live ones, and uses of the ledger per second.

    python benchmarks/offers/run.py                                an SQLite file
    python benchmarks/offers/run.py --store postgresql://me@host/db

The database must be empty. People with a history each ask for their offers, one after the other,
in this process and without a network: who, what she did, which offers are for her, what is used of
each, her best items, the order. Then threads reserve and commit as fast as they can, each use in a
transaction of its own or many that share one, as the server shares them. What was counted must be
what was acknowledged, or there are no figures.
"""

import argparse
import datetime as dt
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
import machine

from recsys.catalog import Item, Price
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.offers import (
    MICROS_PER_UNIT,
    Cap,
    Commit,
    Eligibility,
    Offer,
    PercentOff,
    Reservation,
    Reserve,
    Scope,
)
from recsys.offers.features import FEATURE_NAMES
from recsys.offers.learned import LearnedPropensity, read_propensity
from recsys.offers.live import LiveOffers
from recsys.offers.query import OfferQuery
from recsys.offers.recommender import OfferRecommender, OfferSources
from recsys.recommend import Recommender, ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from support.bundles import make_bundle
from support.propensities import propensity_text

FACTOR_COUNT = 64
BRAND_COUNT = 500
PERSON_COUNT = 200
LINES_EACH = 30
HOLD_SECONDS = 900.0
THREADS = 4
SHARED = 50


def write_shop(storage: Storage, *, item_count: int, offer_count: int, now: float) -> None:
    """Write items, offers about brands, items and filters, and what people did."""
    assert storage.catalog_store is not None
    assert storage.offers is not None
    assert storage.log is not None
    rng = random.Random(7)
    for first in range(0, item_count, 5_000):
        items = {
            ItemId(f"item-{row}"): Item(
                brand=f"brand-{row % BRAND_COUNT}",
                prices=(Price(amount=str(5 + row % 95), currency="EUR"),),
            )
            for row in range(first, min(first + 5_000, item_count))
        }
        storage.catalog_store.upsert_items(items, now=now)
    offers = {}
    for number in range(offer_count):
        scope = [
            Scope(brands=(f"brand-{rng.randrange(BRAND_COUNT)}",)),
            Scope(filter=f"price < {rng.randrange(10, 90)}"),
            Scope(item_ids=tuple(ItemId(f"item-{rng.randrange(item_count)}") for _ in range(20))),
            Scope(),
        ][number % 4]
        offers[f"offer-{number}"] = Offer(
            benefit=PercentOff(10.0),
            currency="EUR",
            scope=scope,
            eligibility=Eligibility(channels=(Channel.WEB, Channel.STORE)),
            value_micros=rng.randrange(1, 9) * MICROS_PER_UNIT,
            cost_micros=MICROS_PER_UNIT // 2,
            budget_micros=10**12 * MICROS_PER_UNIT // 10**6,
            caps=(Cap(3, 30.0),),
            holdout_share=0.1,
        )
    storage.offers.store.upsert_offers(offers, now=now)
    events = [
        Event.of(
            EventContent(
                event_type=EventType.DETAIL_PAGE_VIEW,
                event_time=now - 60.0 * at,
                channel=Channel.WEB,
                identifiers=(Identifier("account", f"u{person}"),),
                lines=(EventLine(ItemId(f"item-{rng.randrange(item_count)}")),),
            ),
            event_id=f"{person}/{at}",
            now=now,
        )
        for person in range(PERSON_COUNT)
        for at in range(LINES_EACH)
    ]
    storage.log.append(events)


def measure_recommend(
    storage: Storage, model: ServingModel, *, offer_count: int, now: float
) -> None:
    """Ask for each person by affinity and by what was learned, in turn."""
    assert storage.offers is not None
    assert storage.people is not None
    assert storage.items is not None
    recommender = Recommender(histories=storage.histories, catalog=storage.catalog)
    recommender.prepare(model, now=now)
    sources = OfferSources(
        offers=LiveOffers(storage.offers.feed),
        ledger=storage.offers.ledger,
        people=storage.people,
        items=storage.items,
        time_zone=dt.UTC,
    )
    rng = np.random.default_rng(7)
    weights = dict(
        zip(FEATURE_NAMES, rng.normal(0.0, 0.1, len(FEATURE_NAMES)).tolist(), strict=True)
    )
    # The worst case: all of them have taught something by their holdouts.
    shares = {f"offer-{number}": 0.9 for number in range(offer_count)}
    learned = read_propensity(propensity_text(shares=shares, **weights), source="made up")
    ways = {
        "affinity": OfferRecommender(recommender, sources),
        "learned": OfferRecommender(
            recommender, sources, propensity=LearnedPropensity(recommender, learned)
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    for person in range(PERSON_COUNT):
        query = OfferQuery(
            identifiers=(Identifier("account", f"u{person}"),), channel=Channel.WEB, explains=True
        )
        for name, offers in ways.items():
            began, began_busy = time.perf_counter(), time.thread_time()
            answer = offers.recommend(model, query, now=now)
            seconds[name].append(time.perf_counter() - began)
            busy[name].append(time.thread_time() - began_busy)
            expected = [one.expected_micros for one in answer.offers]
            assert len(expected) == query.result_count
            assert expected == sorted(expected, reverse=True)
            rules = {one.refusal.rule.value for one in answer.refused}
            assert rules <= {"HOLDOUT", "UPLIFT"}, rules
            assert {one.basis.value for one in answer.offers} == {name}
    for name in ways:
        p50, p99 = np.percentile(np.array(seconds[name][1:]) * 1e3, [50, 99])
        processor = np.percentile(np.array(busy[name][1:]) * 1e3, [50, 99])
        print(
            f"RecommendOffers by {name}: first {seconds[name][0] * 1e3:.0f} ms, "
            f"then p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )
        print(f"  of the processor: p50 {processor[0]:.1f} ms, p99 {processor[1]:.1f} ms")
    ratio = np.median(busy["learned"][1:]) / np.median(busy["affinity"][1:])
    print(f"  learned takes {ratio:.2f} times the processor time of affinity")


def measure_ledger(storage: Storage, *, seconds: float, shared: int) -> None:
    """Reserve and commit in threads; check the sums."""
    assert storage.offers is not None
    ledger = storage.offers.ledger
    name = f"ledger-{shared}"
    plain = [f"{name}-{number}" for number in range(20)]
    offer = Offer(
        benefit=PercentOff(10.0), currency="EUR", cost_micros=MICROS_PER_UNIT,
        budget_micros=10**6 * MICROS_PER_UNIT, caps=(Cap(10_000, 30.0),),
    )  # fmt: skip
    storage.offers.store.upsert_offers(dict.fromkeys(plain, offer), now=time.time())
    before = ledger.standing((), plain).spends
    counts = [0] * THREADS
    until = time.perf_counter() + seconds

    def work(thread: int) -> None:
        rng = random.Random(thread)
        turn = 0
        while time.perf_counter() < until:
            ids = [f"{name}/{thread}/{turn}/{at}" for at in range(shared)]
            turn += 1
            asked = [
                Reserve(
                    one, rng.choice(plain), (Identifier("account", f"p{rng.randrange(10_000)}"),),
                    HOLD_SECONDS,
                )
                for one in ids
            ]  # fmt: skip
            held = ledger.settle(asked)
            assert all(isinstance(one, Reservation) for one in held)
            done = ledger.settle([Commit(one) for one in ids])
            assert all(isinstance(one, Reservation) for one in done)
            counts[thread] += len(done)

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    spends = ledger.standing((), plain).spends
    counted = sum(one.committed_count for one in spends.values()) - sum(
        one.committed_count for one in before.values()
    )
    assert counted == sum(counts), f"{counted} counted, {sum(counts)} acknowledged"
    assert not any(one.reserved_count for one in spends.values())
    print(
        f"ledger, {shared} in a commit: {counted / took:,.0f} uses/s (reserve and commit), all counted"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", default="", help="postgresql:// address; a new SQLite file else")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--offers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each ledger figure")
    options = parser.parse_args()
    print(machine.describe())
    with tempfile.TemporaryDirectory() as folder:
        place = options.store or str(Path(folder) / "store.sqlite")
        storage = open_storage(StorageConfig(histories=place))
        now = time.time()
        rng = np.random.default_rng(7)
        bundle = make_bundle(
            Path(folder) / "bundle",
            [f"item-{row}" for row in range(options.items)],
            factors=rng.standard_normal((options.items, FACTOR_COUNT)).astype(np.float32),
        )
        model = ServingModel.from_bundle(bundle)
        write_shop(storage, item_count=options.items, offer_count=options.offers, now=now)
        print(f"{options.items:,} items x {FACTOR_COUNT}, {options.offers:,} live offers, "
              f"{'PostgreSQL' if options.store else 'SQLite'}")  # fmt: skip
        measure_recommend(storage, model, offer_count=options.offers, now=now)
        for shared in (1, SHARED):
            measure_ledger(storage, seconds=options.seconds, shared=shared)
        storage.close()


if __name__ == "__main__":
    main()
