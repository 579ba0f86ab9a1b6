"""What rules cost: `Recommend` in one process, with and without them, beside peers.

    python benchmarks/rules/run.py --items 200000 --factors 64 --peers-python peers/bin/python

A bundle of decaying factors, a catalogue in an SQLite store with a shop that has 5 % of the
items and one that has 0.5 %, sessions of eight items for histories. Every answer's rules are
checked in the same run. Peers rank the same user vectors: faiss with `IDSelectorBitmap`, HNSW
with post-filtering, implicit with `filter_items`. Needs the peers of benchmarks/kernel.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from bundle_details import bundle_details

from recsys.bundle import (
    SEGMENT_ALL,
    BundleContents,
    ItemIndex,
    PopularLists,
    open_bundle,
    write_bundle,
)
from recsys.catalog import Item, Price, StockCell, Store
from recsys.consent import Permission
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId, StockRule, StoreId
from recsys.events import History, NoHistories, OneByOne
from recsys.features import FeatureConfig, FoldInConfig, HistoryConfig
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.rules import Boost, Cap, Rules
from recsys.rules.filtered import item_filter
from recsys.storage.catalog import Catalog
from recsys.storage.sessions import SqliteSessions

F32 = NDArray[np.float32]
Seconds = list[float]

HISTORY_LENGTH = 8
AT_ONCE = 1_000
STOCKED = {StoreId("five-percent"): 0.05, StoreId("half-percent"): 0.005}
FILTER = 'price < 50 AND brand != "b3" AND category:"Shoes"'


def decaying(rng: np.random.Generator, item_count: int, factor_count: int) -> F32:
    """Make factors whose energy falls off, as those of trained models do."""
    scale = np.exp(-np.arange(factor_count) / (factor_count / 6.0))
    factors = rng.standard_normal((item_count, factor_count)) * scale
    factors *= rng.lognormal(0.0, 0.6, (item_count, 1))
    return factors.astype(np.float32)


def make_model(folder: Path, factors: F32) -> ServingModel:
    """Publish the factors."""
    ids = [f"i{row}" for row in range(len(factors))]
    rows = np.arange(min(1_000, len(ids)), dtype=np.int32)
    popular = PopularLists.from_lists({SEGMENT_ALL: (rows, 1.0 / (1.0 + rows.astype(np.float32)))})
    contents = BundleContents(
        items=ItemIndex.from_ids(ids),
        item_factors=factors,
        fold_in=FoldInConfig(alpha=1.0, regularization=10_000.0),
        features=FeatureConfig(),
        history=HistoryConfig(),
        details=bundle_details("v1"),
        popular=popular,
    )
    write_bundle(folder, contents)
    return ServingModel.from_bundle(open_bundle(folder))


def item(row: int) -> Item:
    """Eight categories, fifty brands, prices up to 100."""
    return Item(
        title=f"Item {row}",
        category_paths=(("Shoes", "Shirts", "Hats", "Bags")[row % 4] + f" > {row % 8}",),
        brand=f"b{row % 50}",
        prices=(Price(amount=str(row % 100), currency="EUR"),),
    )


def make_catalog(path: Path, item_count: int, rng: np.random.Generator) -> Catalog:
    """Write the items, and what the shops have."""
    catalog = Catalog(SqliteSessions(path))
    now = time.time()
    for first in range(0, item_count, AT_ONCE):
        rows = range(first, min(first + AT_ONCE, item_count))
        catalog.upsert_items({ItemId(f"i{row}"): item(row) for row in rows}, now=now)
    catalog.upsert_stores([Store(store_id=store) for store in STOCKED], now=now)
    for store, share in STOCKED.items():
        had = np.flatnonzero(rng.random(item_count) < share).tolist()
        for first in range(0, len(had), AT_ONCE):
            cells = [
                StockCell(item_id=ItemId(f"i{row}"), store_id=store, quantity=1, stock_time=now)
                for row in had[first : first + AT_ONCE]
            ]
            catalog.set_stock(cells, now=now)
    return catalog


def sessions(rng: np.random.Generator, item_count: int, count: int) -> list[tuple[ItemEvent, ...]]:
    """Make up what people did a moment ago."""
    now = time.time()
    return [
        tuple(
            ItemEvent(
                item_id=ItemId(f"i{row}"),
                event_type=EventType.DETAIL_PAGE_VIEW,
                channel=Channel.WEB,
                event_time=now - at,
            )
            for at, row in enumerate(rng.choice(item_count, HISTORY_LENGTH, replace=False).tolist())
        )
        for _ in range(count)
    ]


class Remembered(OneByOne):
    """Histories in memory: what is read from a storage is measured elsewhere."""

    def __init__(self, visits: list[tuple[ItemEvent, ...]]) -> None:
        self._histories = [History.from_events(visit) for visit in visits]

    def history(
        self, identifiers: Sequence[Identifier], *, event_count_max: int, permission: Permission
    ) -> History:
        """Return what somebody did."""
        del event_count_max, permission
        return self._histories[int(identifiers[0].value)]


CASES: dict[str, dict[str, Any]] = {
    "no catalogue": {},
    "catalogue, no rules": {},
    "stock 5 %": {"store_id": StoreId("five-percent")},
    "stock 0.5 %": {"store_id": StoreId("half-percent")},
    "filter": {"rules": Rules(filter=FILTER)},
    "stock 5 %, filter, exclusions": {
        "store_id": StoreId("five-percent"),
        "rules": Rules(filter=FILTER, in_stock=StockRule.STORE),
        "excluded": tuple(ItemId(f"i{row}") for row in range(0, 1_000, 10)),
    },
    "the same, and at most 3 of a brand": {
        "store_id": StoreId("five-percent"),
        "rules": Rules(filter=FILTER, caps=(Cap(field="brand", count_max=3),)),
        "excluded": tuple(ItemId(f"i{row}") for row in range(0, 1_000, 10)),
    },
    "the same, and diversity": {
        "store_id": StoreId("five-percent"),
        "rules": Rules(filter=FILTER, caps=(Cap(field="brand", count_max=3),), diversity=0.3),
        "excluded": tuple(ItemId(f"i{row}") for row in range(0, 1_000, 10)),
    },
    "a boost": {"rules": Rules(boosts=(Boost(filter="brand = b7", factor=2.0),))},
}


def check(answer: Any, case: dict[str, Any], stocked: dict[StoreId, set[str]]) -> None:
    """Hold an answer to its rules, item by item."""
    for one in answer.results:
        row = int(one.item_id[1:])
        assert "store_id" not in case or one.item_id in stocked[case["store_id"]]
        assert one.item_id not in case.get("excluded", ())
        if case.get("rules", Rules()).filter:
            assert row % 100 < 50
            assert row % 4 == 0
            assert row % 50 != 3


def timed(ask: Callable[[int], Any], count: int) -> Seconds:
    """Time single calls."""
    taken = []
    for at in range(count):
        started = time.perf_counter()
        ask(at)
        taken.append(time.perf_counter() - started)
    return taken


def quantiles(taken: Seconds) -> str:
    """Say a median and a tail in microseconds."""
    return f"{np.median(taken) * 1e6:9.1f} {np.quantile(taken, 0.99) * 1e6:9.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers-python", help="Python that has the peers; none without")
    asked = parser.parse_args()
    rng = np.random.default_rng(7)
    print(machine.describe())
    print(f"{asked.items} items x {asked.factors}, k = 20; microseconds of one call in one process")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        factors = decaying(rng, asked.items, asked.factors)
        model = make_model(folder / "v1", factors)
        catalog = make_catalog(folder / "store.sqlite", asked.items, rng)
        stocked = {store: stock_of(catalog, store) for store in STOCKED}
        visits = sessions(rng, asked.items, asked.calls)
        ours(model, catalog, visits, stocked, rounds=asked.rounds)
        effect(model, catalog)
        if asked.peers_python:
            peers(folder, asked.peers_python, model, factors, visits, stocked)


def stock_of(catalog: Catalog, store: StoreId) -> set[str]:
    """Name what a shop has."""
    keys = set(catalog.stock(store)[1].tolist())
    return {one.item_id for _, some in catalog.snapshot() for one in some if one.item_key in keys}


def ours(
    model: ServingModel,
    catalog: Catalog,
    visits: list[tuple[ItemEvent, ...]],
    stocked: dict[StoreId, set[str]],
    *,
    rounds: int,
) -> None:
    """Time each case, in turns, and check every answer of the first turn."""
    plain = Recommender(histories=Remembered(visits))
    ruled = Recommender(histories=Remembered(visits), catalog=catalog)
    people = [(Identifier("account", str(at)),) for at in range(len(visits))]
    now = time.time()
    started = time.perf_counter()
    ruled.prepare(model, now=now)
    print(f"reading the catalogue: {time.perf_counter() - started:.2f} s")
    started = time.perf_counter()
    item_filter.__wrapped__(FILTER)
    print(f"reading the filter: {(time.perf_counter() - started) * 1e6:.0f} us")
    taken: dict[str, Seconds] = {case: [] for case in CASES}
    for turn in range(rounds + 1):
        for case, query in CASES.items():
            recommender = plain if case == "no catalogue" else ruled

            def ask(at: int, query: dict[str, Any] = query, by: Recommender = recommender) -> Any:
                return by.recommend(model, RecommendQuery(identifiers=people[at], **query), now=now)

            if turn == 0:
                first = time.perf_counter()
                ask(0)
                if query:
                    print(f"first call with {case}: {(time.perf_counter() - first) * 1e3:.2f} ms")
                for at in range(len(visits)):
                    check(ask(at), query, stocked)
            else:
                taken[case] += timed(ask, len(visits))
    base = np.median(taken["no catalogue"])
    print(f"{'':36} {'p50':>9} {'p99':>9}  ratio")
    for case, times in taken.items():
        print(f"{case:36} {quantiles(times)}  {np.median(times) / base:5.2f}")


def effect(model: ServingModel, catalog: Catalog) -> None:
    """Time from before a count is written to the answer without the item, one process."""
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    store = StoreId("five-percent")
    query = RecommendQuery(store_id=store, result_count=1)
    writes, reads = [], []
    for _ in range(50):
        now = time.time()
        top = recommender.recommend(model, query, now=now).results[0].item_id
        started = time.perf_counter()
        cell = StockCell(item_id=top, store_id=store, quantity=0, stock_time=now)
        catalog.set_stock([cell], now=now)
        written = time.perf_counter()
        assert recommender.recommend(model, query, now=now).results[0].item_id != top
        writes.append(written - started)
        reads.append(time.perf_counter() - written)
    print(f"a count: written and durable {np.median(writes) * 1e3:.2f} ms, then the first answer"
          f" without the item {np.median(reads) * 1e3:.2f} ms")  # fmt: skip


def peers(
    folder: Path,
    python: str,
    model: ServingModel,
    factors: F32,
    visits: list[tuple[ItemEvent, ...]],
    stocked: dict[StoreId, set[str]],
) -> None:
    """Let the others rank the same vectors."""
    assert model.fold_in is not None
    vectors = []
    for visit in visits:
        rows = np.array(sorted(int(one.item_id[1:]) for one in visit), dtype=np.int32)
        vectors.append(model.fold_in.solve(rows, np.ones(len(rows), dtype=np.float32)))
    np.save(folder / "items.npy", factors)
    np.save(folder / "vectors.npy", np.array(vectors, dtype=np.float32))
    for store, names in stocked.items():
        bits = np.zeros(len(factors), dtype=np.bool_)
        bits[[int(name[1:]) for name in names]] = True
        np.save(folder / f"{store}.npy", bits)
    script = Path(__file__).with_name("peers.py")
    done = subprocess.run(
        [python, str(script), str(folder), *STOCKED], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2_000:])
    for line in done.stdout.splitlines():
        found = json.loads(line)
        print(f"{found['name']:36} {quantiles(found['seconds'])}  {found['note']}")


if __name__ == "__main__":
    main()
