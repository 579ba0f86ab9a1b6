"""People per second of `RecommendBatch` and `recsys export`, beside `implicit.recommend`.

    python benchmarks/campaigns/run.py --people 10000 --threads 2 [--store postgresql://...]

A server process on an SQLite store, or on an empty database of PostgreSQL: people with stored histories, items with stock. People
are folded in from their histories and ranked without what they have seen and what is not in
stock. implicit gets the same factors, and the histories as a matrix that is ready: it solves
for all of a batch, asks for three times k without what was seen, and Python leaves out what is
not in stock. Answers are checked against single ones in the same run.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "rules"))
sys.path.append(str(Path(__file__).resolve().parent))
import machine
from campaign_server import resident_mib, serve
from run import decaying, make_model  # of benchmarks/rules

from recsys.catalog import STORE_ONLINE, Item, StockCell
from recsys.commands.export_job import ExportJob
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.offers import MICROS_PER_UNIT, Cap, Offer, PercentOff, Scope
from recsys.serving.client import connect
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.v1 import rules_pb2
from recsys.v1.campaign_pb2 import Batch

K = 20
HISTORY_LENGTH = 20
OFFER_ITEM_COUNT = 500
STOCKED = 0.6
AT_ONCE = 5_000
PLAIN = Batch(
    purpose="PURPOSE_PERSONALISE",
    channel="CHANNEL_EMAIL",
    page_size=K,
    rules=rules_pb2.Rules(in_stock="STOCK_RULE_ONLINE"),
)


def fill(store: str, histories: np.ndarray, stocked: np.ndarray, *, now: float) -> None:
    """Write items, stock and what people did."""
    storage = open_storage(StorageConfig(histories=store))
    assert storage.log is not None
    assert storage.catalog_store is not None
    for first in range(0, len(stocked), AT_ONCE):
        rows = range(first, min(first + AT_ONCE, len(stocked)))
        items = {ItemId(f"i{row}"): Item(title=f"Item {row}") for row in rows}
        storage.catalog_store.upsert_items(items, now=now)
        cells = [
            StockCell(item_id=ItemId(f"i{row}"), store_id=STORE_ONLINE, quantity=1, stock_time=now)
            for row in rows
            if stocked[row]
        ]
        storage.catalog_store.set_stock(cells, now=now)
    for first in range(0, len(histories), 500):
        events = []
        for person in range(first, min(first + 500, len(histories))):
            content = EventContent(
                event_type=EventType.DETAIL_PAGE_VIEW,
                event_time=now - 3_600.0,
                channel=Channel.WEB,
                identifiers=(Identifier("account", f"u{person}"),),
                lines=tuple(EventLine(ItemId(f"i{row}")) for row in histories[person]),
            )
            events.append(Event.of(content, event_id=f"e{person}", now=now))
        storage.log.append(events)
    storage.close()


def put_offers(store: str, offer_count: int, item_count: int, *, now: float) -> None:
    """Write offers about some items each; some with caps, some with holdouts, some in groups."""
    rng = np.random.default_rng(11)
    offers = {}
    for number in range(offer_count):
        rows = rng.choice(item_count, OFFER_ITEM_COUNT, replace=False)
        offers[f"offer-{number}"] = Offer(
            benefit=PercentOff(10.0),
            currency="EUR",
            scope=Scope(item_ids=tuple(ItemId(f"i{row}") for row in rows)),
            value_micros=int(rng.integers(2, 9)) * MICROS_PER_UNIT,
            cost_micros=MICROS_PER_UNIT,
            budget_micros=1_000_000 * MICROS_PER_UNIT,
            caps=(Cap(1, 7.0),) if number % 2 else (),
            holdout_share=0.1 if number % 10 == 0 else 0.0,
            stacking_group=f"group-{number % 7}" if number % 5 == 0 else "",
        )
    storage = open_storage(StorageConfig(histories=store))
    assert storage.offers is not None
    storage.offers.store.upsert_offers(offers, now=now)
    storage.close()


def timed(name: str, count: int, work: Callable[[], object]) -> float:
    """Print how many people a second."""
    started = time.perf_counter()
    work()
    rate = count / (time.perf_counter() - started)
    print(f"{name:<44}{rate:>10,.0f} people/s", flush=True)
    return rate


def with_implicit(
    factors: np.ndarray, histories: np.ndarray, stocked: np.ndarray, *, batch: int, threads: int
) -> None:
    """Solve, rank and leave out what is not in stock, in batches."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - the peer

    model = AlternatingLeastSquares(
        factors=factors.shape[1], regularization=10_000.0, alpha=1.0, num_threads=threads
    )
    model.item_factors = factors
    model.user_factors = np.zeros((len(histories), factors.shape[1]), dtype=np.float32)
    people = np.repeat(np.arange(len(histories)), histories.shape[1])
    ones = np.ones(len(people), dtype=np.float32)
    matrix = csr_matrix((ones, (people, histories.ravel())), shape=(len(histories), len(factors)))
    for first in range(0, len(histories), batch):
        some = np.arange(first, min(first + batch, len(histories)))
        ids, _ = model.recommend(
            some, matrix[some], N=3 * K, filter_already_liked_items=True, recalculate_user=True
        )
        pages = [row[stocked[row]][:K] for row in ids]
        assert all(len(page) == K for page in pages)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--store", default="", help="address of an empty database")
    parser.add_argument("--peer-people", type=int, default=2_000)
    parser.add_argument("--peer-batch", type=int, default=1_000)
    asked = parser.parse_args()
    rng = np.random.default_rng(7)
    print(machine.describe())
    print(
        f"{asked.items} items x {asked.factors}, {asked.people} people with {HISTORY_LENGTH} lines"
        f" each, k = {K}, {STOCKED:.0%} in stock, {asked.threads} threads"
    )
    factors = decaying(rng, asked.items, asked.factors)
    histories = np.stack(
        [rng.choice(asked.items, HISTORY_LENGTH, replace=False) for _ in range(asked.people)]
    )
    stocked = rng.random(asked.items) < STOCKED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "v1", factors)
        store = asked.store or str(folder / "store.sqlite")
        fill(store, histories, stocked, now=time.time())
        put_offers(store, asked.offers, asked.items, now=time.time())
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=serve, args=(name, store, asked.threads, theirs))
        server.start()
        try:
            measure(ours.recv(), server.pid or 0, folder, asked)
        finally:
            ours.send("enough")
            server.join()
        some = histories[: asked.peer_people]
        timed(
            f"implicit {asked.peer_batch} at once, post-filtered", len(some),
            lambda: with_implicit(
                factors, some, stocked, batch=asked.peer_batch, threads=asked.threads
            ),
        )  # fmt: skip


def measure(port: int, pid: int, folder: Path, asked: argparse.Namespace) -> None:
    """Ask for everybody, once as a stream and once as files; look at memory on the way."""
    memory: list[float] = []
    sample: dict[str, list[str]] = {}
    with connect(f"127.0.0.1:{port}") as client:

        def drain() -> None:
            for response in client.campaigns.batch(PLAIN):
                memory.append(resident_mib(pid))
                for one in response.people[:1]:
                    sample[one.identifiers[0].value] = [each.item_id for each in one.results]

        timed("RecommendBatch", asked.people, drain)
        for user_id, found in list(sample.items())[:20]:
            from recsys.domain import StockRule  # noqa: PLC0415 - as above
            from recsys.rules import Rules  # noqa: PLC0415 - beside its one use

            alone = client.recommend(
                user_id=user_id, channel=Channel.EMAIL, result_count=K,
                rules=Rules(in_stock=StockRule.ONLINE),
            )  # fmt: skip
            assert [each.item_id for each in alone.results] == found

        def with_offers() -> None:
            batch = Batch()
            batch.CopyFrom(PLAIN)
            batch.offers.page_size = 1
            for response in client.campaigns.batch(batch):
                assert all(one.offer_id for one in response.people)

        timed(f"RecommendBatch, best of {asked.offers} offers", asked.people, with_offers)

        def export() -> None:
            batch = Batch()
            batch.CopyFrom(PLAIN)
            batch.with_items = batch.with_habits = True
            job = ExportJob(folder / "out", format_="jsonl", item_count=K, rows_per_part=50_000)
            job.run(job.begin({}, ""), client.campaigns.batch(batch), on_progress=lambda *_: None)

        timed("recsys export, JSON lines", asked.people, export)
    quarter = len(memory) // 4
    print(
        f"memory of the server: {memory[quarter]:.0f} MiB after a quarter, {memory[-1]:.0f} at the end"
    )


if __name__ == "__main__":
    main()
