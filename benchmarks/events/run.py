"""Events through a real server: how many a second, how fresh, at what price, how large.

    python benchmarks/events/run.py                                  an empty SQLite store
    python benchmarks/events/run.py --store dataset/history.sqlite   one that holds a lot
    python benchmarks/events/run.py --store postgresql://me@host/db

The store is written to: people of its own (`bench-...`) with a history each. The floor is what
the same SQLite store (or an empty PostgreSQL table with the same indexes) does with the same rows
by plain `executemany`, a commit for each message, without server, checks or idempotency; everything
is measured in the same run. `large_store.py` builds a store that holds a lot.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from serving.load import generate
from serving.shop import publish

from recsys.bundle import Bundle, BundleStore
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.server_process import running_server
from recsys.serving.client_events import EVENTS_PER_MESSAGE, EventSender, encode_event
from recsys.storage.event_rows import EVENT_COLUMNS, EventRow, Keys
from recsys.v1 import event_service_pb2, recommendation_service_pb2
from recsys.v1.result_pb2 import REASON_KIND_PERSONAL

RECOMMEND = "/recsys.v1.RecommendationService/Recommend"
WRITE = "/recsys.v1.EventService/WriteEvent"
WIDTH = len(EventRow._fields)


def contents_of(bundle: Bundle, *, name: str, users: int, lines: int) -> list[EventContent]:
    """Draw what people do, the newest last; one event of one item each."""
    draw = random.Random(1)
    now = time.time() - 3_600.0
    items = [bundle.items.id(row) for row in range(len(bundle.items))]
    return [
        EventContent(
            event_type=EventType.PURCHASE_COMPLETE,
            event_time=now - (lines - line) * 86_400.0 + user % 1_000,
            channel=Channel.WEB,
            identifiers=(Identifier("account", f"{name}-{user}"),),
            lines=(EventLine(ItemId(draw.choice(items))),),
        )
        for line in range(lines)
        for user in range(users)
    ]


def written_per_second(address: str, contents: list[EventContent], *, streams: int) -> float:
    """Send events in streams and wait for all acknowledgements; returns events a second."""
    parts = [contents[number::streams] for number in range(streams)]

    def send(part: list[EventContent]) -> None:
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            sender = EventSender(channel, patience_seconds=30.0)
            sent = sender.send(("", content) for content in part)
            assert sent.written == len(part), sent

    began = time.perf_counter()
    threads = [threading.Thread(target=send, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(contents) / (time.perf_counter() - began)


def floor_per_second(place: str, contents: list[EventContent]) -> float:
    """Insert the same rows by `executemany`; returns rows a second."""
    events = [Event.of(content, event_id="", now=time.time()) for content in contents]
    _, rows = Keys("00" * 16).rows(events)
    parts = [
        rows[first : first + EVENTS_PER_MESSAGE]
        for first in range(0, len(rows), EVENTS_PER_MESSAGE)
    ]
    insert = _postgres_floor if place.startswith("postgres") else _sqlite_floor
    return len(rows) / insert(place, parts)


def _sqlite_floor(place: str, parts: list[list[EventRow]]) -> float:
    # Keys of another salt, so that no row is there already.
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    marks = ", ".join("?" * WIDTH)
    began = time.perf_counter()
    for part in parts:
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})", part)
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - began
    connection.close()
    return elapsed


def _postgres_floor(place: str, parts: list[list[EventRow]]) -> float:
    import psycopg  # noqa: PLC0415 - only where it is asked for

    marks = ", ".join(["%s"] * WIDTH)
    with psycopg.connect(place) as connection:
        # Not the log's own rows: another salt, and gone with the transaction's table.
        connection.execute("CREATE TABLE bench_floor (LIKE events INCLUDING ALL)")
        connection.commit()
        began = time.perf_counter()
        for part in parts:
            connection.cursor().executemany(
                f"INSERT INTO bench_floor ({EVENT_COLUMNS}) VALUES ({marks})", part
            )
            connection.commit()
        elapsed = time.perf_counter() - began
        connection.execute("DROP TABLE bench_floor")
    return elapsed


def freshness_ms(address: str, contents: list[EventContent]) -> list[float]:
    """Write for people nobody knows, each time ask another connection; returns waits."""
    channels = [
        grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)
    ]
    writes = [channel.unary_unary(WRITE) for channel in channels]
    asks = [channel.unary_unary(RECOMMEND) for channel in channels]
    waits = []
    for number, content in enumerate(contents):
        request = event_service_pb2.WriteEventRequest(event=encode_event("", content))
        (who,) = content.identifiers
        asked = recommendation_service_pb2.RecommendRequest(
            subject={"user_id": who.value}, page_size=20
        ).SerializeToString()
        writes[number % 8](request.SerializeToString())
        acknowledged = time.perf_counter()
        for turn in range(1_000):
            raw = asks[(number * 3 + turn + 1) % 8](asked)
            answer = recommendation_service_pb2.RecommendResponse.FromString(raw)
            if answer.results[0].reason.kind == REASON_KIND_PERSONAL:
                break
        waits.append((time.perf_counter() - acknowledged) * 1e3)
    for channel in channels:
        channel.close()
    return sorted(waits)


def asked_by(contents: list[EventContent], *, users: int) -> Iterator[tuple[bytes, bytes]]:
    """For some people: asked by name, and with the same history brought along."""
    for user in range(min(users, 500)):
        who = contents[user].identifiers[0].value
        events = [encode_event("", content) for content in contents[user::users]]
        for event in events:
            event.ClearField("subject")
        brought = recommendation_service_pb2.RecommendRequest(
            context={"recent_events": events}, page_size=20
        )
        named = recommendation_service_pb2.RecommendRequest(subject={"user_id": who}, page_size=20)
        yield named.SerializeToString(), brought.SerializeToString()


def price(
    address: str, contents: list[EventContent], *, users: int, args: argparse.Namespace
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Ask both ways in turn; returns pairs of figures."""
    named, brought = zip(*asked_by(contents, users=users), strict=True)
    found = []
    for _ in range(args.rounds):
        pair = [
            asyncio.run(
                generate(
                    target=address, method=RECOMMEND, requests=list(requests),
                    in_flight=args.in_flight, seconds=args.seconds,
                )
            )
            for requests in (named, brought)
        ]  # fmt: skip
        found.append((pair[0], pair[1]))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="", help="an empty SQLite file unless given")
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--history", type=int, default=30)
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recsys-events-") as name:
        measure(Path(name), args)


def measure(folder: Path, args: argparse.Namespace) -> None:
    """Run a server on the store and take every figure."""
    place = args.store or str(folder / "store.sqlite")
    bundle = publish(
        BundleStore(folder / "bundles"),
        item_count=args.items, factor_count=args.factors, seed=1,
    )  # fmt: skip
    run = f"bench-{uuid.uuid4().hex[:8]}"
    contents = contents_of(bundle, name=run, users=args.users, lines=args.history)
    settings = {
        "server": {"workers": args.workers},
        "bundles": {"folder": str(folder / "bundles")},
        "storage": {"histories": place},
        "log": {"format": "json"},
    }
    print(machine.describe())
    print(f"{place}: {len(contents):,} events of {args.users:,} people, {args.workers} workers")
    with running_server(folder, settings=settings) as server:
        address = server.ready.address
        before = size_bytes(place)
        rate = written_per_second(address, contents, streams=args.streams)
        grown = size_bytes(place) - before
        floor = floor_per_second(place, contents)
        print(f"ImportEvents: {rate:,.0f} acknowledged events/s; executemany {floor:,.0f} rows/s")
        if grown > 0:
            print(f"growth: {grown / len(contents):,.0f} MB per million events of these people")
        fresh = contents_of(bundle, name=f"{run}-new", users=300, lines=1)
        waits = freshness_ms(address, fresh)
        print(
            f"freshness: p50 {statistics.median(waits):.1f} ms, "
            f"p99 {waits[len(waits) * 99 // 100]:.1f} ms, longest {waits[-1]:.1f} ms"
        )
        pairs = price(address, contents, users=args.users, args=args)
        for named, brought in pairs:
            print(
                f"Recommend: stored {named['calls_per_second']:,.0f}/s p50 {named['p50_ms']:.2f} ms, "
                f"recent_events {brought['calls_per_second']:,.0f}/s p50 {brought['p50_ms']:.2f} ms, "
                f"stored takes {named['p50_ms'] / brought['p50_ms']:.2f} of the other"
            )


def size_bytes(place: str) -> int:
    """Pages of an SQLite store, those in the write-ahead log included, or of a database."""
    if place.startswith("postgres"):
        return _database_bytes(place)
    if not Path(place).exists():
        return 0
    connection = sqlite3.connect(place)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    return int(pages * page_bytes)


def _database_bytes(place: str) -> int:
    import psycopg  # noqa: PLC0415 - only where it is asked for

    from recsys.storage.postgres_schema import migrate  # noqa: PLC0415 - as above

    migrate(place)
    with psycopg.connect(place) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found is not None  # A sum is one row.
    return int(found[0])


if __name__ == "__main__":
    main()
