"""A large catalogue through a real server: how long, how many bytes, how much memory.

    python benchmarks/catalog/load.py                           1M items, 2,000 stores, 50M cells
    python benchmarks/catalog/load.py --cells 5_000_000         the same shop with less in stock
    python benchmarks/catalog/load.py --direct                  stock written beside the server
    python benchmarks/catalog/load.py --store postgresql://me@host/db

Every store has its own random items. Counts go over `ImportInventory` by the client of the command
line, on the same machine, or with --direct into the storage while the server runs; then some answers are asked for, so that workers hold what they need.
"""

import argparse
import contextlib
import itertools
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from serving.shop import publish

from recsys.bundle import BundleStore
from recsys.catalog import Attribute, Item, Price, StockCell, StockOutcome, Store
from recsys.domain import ItemId, StoreId
from recsys.server_process import running_server
from recsys.serving.client import Client, connect
from recsys.storage.catalog import Catalog
from recsys.storage.sessions import SqliteSessions

STORES_ASKED = 50
TOGETHER = 20_000


def items(count: int) -> Iterator[tuple[ItemId, Item, None]]:
    """Make up items as large as those of a usual shop."""
    for row in range(count):
        item = Item(
            title=f"Brand {row % 997} thing number {row} in a size that fits",
            category_paths=(f"Department {row % 13} > Group {row % 211} > Kind {row % 1_999}",),
            brand=f"Brand {row % 997}",
            prices=(Price(amount=str(row % 500 + 1), currency="EUR"),),
            page_url=f"https://shop.example/items/{row}",
            image_url=f"https://shop.example/images/{row}.jpg",
            attributes={
                "color": Attribute((f"color-{row % 17}",)),
                "size": Attribute((f"{row % 9}",)),
            },
        )
        yield ItemId(f"item-{row:07d}"), item, None


def cells(*, items: int, stores: int, count: int, now: float) -> Iterator[StockCell]:
    """Count each store's own items, as a nightly feed does."""
    rng = np.random.default_rng(1)
    for store in range(stores):
        carried = rng.choice(items, count // stores, replace=False)
        carried.sort()
        quantities = rng.integers(0, 20, len(carried)).tolist()
        for row, quantity in zip(carried.tolist(), quantities, strict=True):
            yield StockCell(
                item_id=ItemId(f"item-{row:07d}"),
                store_id=StoreId(f"s{store:04d}"),
                quantity=float(quantity),
                stock_time=float(int(now)),
            )


def memory_mib(pid: int) -> float:
    """Proportional share of memory of a process and its children, in MiB."""
    total = 0
    for one in [pid, *children(pid)]:
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def file_bytes(path: Path) -> int:
    """Size of an SQLite store, with what is in its write-ahead log only."""
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages * page_bytes)


def load(client: Client, args: argparse.Namespace, place: Path | None, pid: int) -> None:
    """Send everything, and say what it took."""

    def size() -> int:
        return file_bytes(place) if place else 0

    began, before = time.perf_counter(), size()
    client.catalog.send_items(items(args.items), patience_seconds=60.0)
    seconds = time.perf_counter() - began
    print(
        f"items: {args.items:,} in {seconds:.0f} s, {args.items / seconds:,.0f}/s;"
        f" {(size() - before) / args.items:.0f} bytes each; server {memory_mib(pid):,.0f} MiB",
        flush=True,
    )
    client.catalog.upsert_stores(
        Store(store_id=StoreId(f"s{row:04d}"), latitude=50.0, longitude=row / 100)
        for row in range(args.stores)
    )
    began, before = time.perf_counter(), size()
    stock = cells(items=args.items, stores=args.stores, count=args.cells, now=time.time())
    if args.direct and place is not None:
        written = write(place, stock)
    else:
        written = client.catalog.send_stock(stock, patience_seconds=60.0).written
    seconds = time.perf_counter() - began
    print(
        f"stock: {written:,} cells in {seconds:.0f} s, {written / seconds:,.0f}/s;"
        f" {(size() - before) / written:.1f} bytes each; server {memory_mib(pid):,.0f} MiB",
        flush=True,
    )


def write(place: Path, stock: Iterator[StockCell]) -> int:
    """Write counts into the storage of a running server; returns how many were new."""
    sessions = SqliteSessions(place)
    catalog, written = Catalog(sessions), 0
    while some := list(itertools.islice(stock, TOGETHER)):
        outcomes = catalog.set_stock(some, now=time.time())
        written += outcomes.count(StockOutcome.WRITTEN)
    sessions.close()
    return written


def answers(client: Client, stores: int, pid: int) -> None:
    """Ask in several stores, each for the first time and once more."""
    took: list[list[float]] = [[], []]
    for times in took:
        for store in range(min(stores, STORES_ASKED)):
            began = time.perf_counter()
            client.recommend(user_id="somebody", store_id=f"s{store:04d}", result_count=20)
            times.append(1e3 * (time.perf_counter() - began))
    first, again = (np.median(times) for times in took)
    print(
        f"answers: p50 {first:.1f} ms for a store's first, longest {max(took[0]):,.0f} ms;"
        f" {again:.1f} ms for the next; server {memory_mib(pid):,.0f} MiB",
        flush=True,
    )


def look(path: Path) -> None:
    """Time what workers ask the storage for."""
    sessions = SqliteSessions(path)
    catalog = Catalog(sessions)
    for name, ask, repeats in (
        ("last_seq", catalog.last_seq, 10_000),
        ("stock of a store", lambda: catalog.stock(StoreId("s0001")), 20),
        ("stores of an item", lambda: catalog.quantities(ItemId("item-0000017")), 20),
        ("snapshot", lambda: sum(len(some) for _, some in catalog.snapshot()), 1),
    ):
        ask()
        began = time.perf_counter()
        for _ in range(repeats):
            ask()
        print(f"{name}: {1e6 * (time.perf_counter() - began) / repeats:,.1f} us", flush=True)
    sessions.close()


def main() -> None:
    """Load a catalogue."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--stores", type=int, default=2_000)
    parser.add_argument("--cells", type=int, default=50_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--direct", action="store_true", help="write stock into the storage")
    parser.add_argument("--store", default="", help="postgresql:// address; a new SQLite file else")
    args = parser.parse_args()
    print(machine.describe())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = None if args.store else folder / "store.sqlite"
        bundles = BundleStore(folder / "bundles")
        bundle = publish(bundles, item_count=args.items, factor_count=16, seed=1)
        bundles.set_current(bundle.manifest.model_version)
        settings = {
            "server": {"workers": args.workers},
            "bundles": {"folder": str(folder / "bundles")},
            "storage": {"histories": args.store or str(place)},
        }
        with running_server(folder, settings=settings) as server:
            pid = server.ready.pid
            with connect(server.ready.address, timeout_seconds=120.0) as client:
                client.recommend(user_id="somebody")
                print(f"server with an empty catalogue: {memory_mib(pid):,.0f} MiB", flush=True)
                load(client, args, place, pid)
                answers(client, args.stores, pid)
        if place:
            look(place)


if __name__ == "__main__":
    main()
