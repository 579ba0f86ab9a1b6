"""Triggers through a real server: how soon a message is there, and what that costs ingest.

    python benchmarks/triggers/run.py                                an SQLite file
    python benchmarks/triggers/run.py --store postgresql://me@host/db

The database must be empty. People with a history each enter a shop, one after the other; each wait
is from the acknowledged event to the message in the hands of whoever watches, 1,000 live offers
looked at twice. Then all enter at once. In the end the same events, a tenth of them of the types
that triggers look at, are imported into servers with triggers and without, in turns, each into a
new SQLite file. A message that is missing or comes twice ends the run.
"""

import argparse
import contextlib
import queue
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
import machine
from events.run import written_per_second
from offers.run import PERSON_COUNT, write_shop
from serving.shop import publish

from recsys.bundle import BundleStore
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import EventContent, EventLine
from recsys.server_process import running_server
from recsys.serving.client import connect
from recsys.serving.client_errors import CallFailed
from recsys.serving.client_events import encode_event
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.v1 import event_service_pb2, event_service_pb2_grpc

RULES = """
[welcome]
on = "store-visit"
channel = "push"
again_hours = 0
[cart]
on = "cart-left"
channel = "push"
offer = "if-any"
"""
IMPORTED_COUNT = 40_000


def visit(person: int) -> EventContent:
    """Let somebody enter a shop."""
    return EventContent(
        event_type=EventType.STORE_VISIT,
        event_time=time.time(),
        channel=Channel.MOBILE_APP,
        identifiers=(Identifier("account", f"u{person}"),),
        store_id=StoreId("s-1"),
    )


class Watcher(threading.Thread):
    """Takes messages as they come and notes when."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.came: queue.Queue[tuple[str, float]] = queue.Queue()

    def run(self) -> None:
        """Take messages until the server ends."""
        # It ends by itself when the server does.
        with contextlib.suppress(CallFailed), connect(self._address) as client:
            for message in client.triggers.watch("bench", lease_seconds=600.0):
                self.came.put((message.identifiers[0].value, time.perf_counter()))


def waits_ms(address: str, watcher: Watcher) -> list[float]:
    """Let people enter one after the other; return how long each message took."""
    waits = []
    with grpc.insecure_channel(address) as channel:
        stub = event_service_pb2_grpc.EventServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        for person in range(PERSON_COUNT):
            event = encode_event(f"alone-{person}", visit(person))
            stub.WriteEvent(event_service_pb2.WriteEventRequest(event=event))
            written = time.perf_counter()
            who, came = watcher.came.get(timeout=60.0)
            assert who == f"u{person}"
            waits.append((came - written) * 1e3)
            # Not in step with whoever looks.
            time.sleep(random.random() * 0.05)
    return sorted(waits)


def together_seconds(address: str, watcher: Watcher) -> float:
    """Let all people enter at once; return how long it took until the last message was there."""
    events = [encode_event(f"all-{person}", visit(person)) for person in range(PERSON_COUNT)]
    with grpc.insecure_channel(address) as channel:
        stub = event_service_pb2_grpc.EventServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        stub.WriteEvents(event_service_pb2.WriteEventsRequest(events=events))
    written = time.perf_counter()
    came = [watcher.came.get(timeout=120.0) for _ in events]
    assert len({who for who, _ in came}) == PERSON_COUNT
    return came[-1][1] - written


def imported() -> list[EventContent]:
    """Draw what is imported: a tenth visits and carts, the rest views."""
    draw = random.Random(3)
    now = time.time()
    types = (EventType.STORE_VISIT, EventType.ADD_TO_CART, *[EventType.DETAIL_PAGE_VIEW] * 18)
    return [
        EventContent(
            event_type=types[number % len(types)],
            event_time=now - draw.random(),
            channel=Channel.WEB,
            identifiers=(Identifier("account", f"new-{draw.randrange(5_000)}"),),
            lines=(EventLine(ItemId(f"item-{draw.randrange(20_000)}")),),
            store_id=StoreId("s-1"),
            session_id=f"{number}",
        )
        for number in range(IMPORTED_COUNT)
    ]


def ingest(folder: Path, settings: dict[str, dict[str, object]], *, rounds: int) -> None:
    """Import the same into servers with triggers and without, in turns."""
    contents = imported()
    rates: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * rounds):
        has_triggers = turn % 2 == 0
        own = settings | {"storage": {"histories": str(folder / f"ingest-{turn}.sqlite")}}
        if not has_triggers:
            own = own | {"triggers": {}}
        with running_server(folder, settings=own) as server:
            rates[has_triggers].append(
                written_per_second(server.ready.address, contents, streams=2)
            )
    pairs = zip(rates[True], rates[False], strict=True)
    for one, other in pairs:
        print(
            f"ImportEvents: {one:,.0f}/s with triggers, {other:,.0f}/s without: {one / other:.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="", help="an empty SQLite file unless given")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--offers", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine.describe())
    with tempfile.TemporaryDirectory(prefix="recsys-triggers-") as name:
        folder = Path(name)
        publish(
            BundleStore(folder / "bundles"),
            item_count=args.items, factor_count=args.factors, seed=1,
        )  # fmt: skip
        (folder / "triggers.toml").write_text(RULES)
        place = args.store or str(folder / "store.sqlite")
        settings: dict[str, dict[str, object]] = {
            "server": {"workers": args.workers},
            "bundles": {"folder": str(folder / "bundles")},
            "storage": {"histories": place},
            "triggers": {"rules": str(folder / "triggers.toml")},
            "log": {"format": "json"},
        }
        storage = open_storage(StorageConfig(histories=place))
        write_shop(storage, item_count=args.items, offer_count=args.offers, now=time.time())
        said = Consent(
            purpose=Purpose.MARKETING, status=ConsentStatus.GRANTED, time=0.0, channel=Channel.PUSH
        )
        assert storage.people is not None
        for person in range(PERSON_COUNT):
            who = [Identifier("account", f"u{person}")]
            storage.people.record_consents(who, [said], now=time.time())
        storage.close()
        with running_server(folder, settings=settings) as server:
            watcher = Watcher(server.ready.address)
            watcher.start()
            waits = waits_ms(server.ready.address, watcher)
            print(
                f"event acknowledged to message: p50 {statistics.median(waits):.0f} ms, "
                f"p99 {waits[len(waits) * 99 // 100]:.0f} ms, longest {waits[-1]:.0f} ms"
            )
            seconds = together_seconds(server.ready.address, watcher)
            print(f"{PERSON_COUNT} at once: {PERSON_COUNT / seconds:,.0f} messages/s")
        if not args.store:
            ingest(folder, settings, rounds=args.rounds)


if __name__ == "__main__":
    main()
