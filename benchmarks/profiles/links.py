"""What being one person costs: links, joined histories and erasure, through a real server.

    python benchmarks/profiles/links.py                               an empty SQLite store
    python benchmarks/profiles/links.py --store var/large.sqlite      one that holds a lot
    python benchmarks/profiles/links.py --store postgresql://me@host/db

The store is written to: people of its own. After each link, other connections ask until an answer
knows it. `Recommend` is asked by accounts with a history, by cards that are one with an account
(half of the history each), and with the same events brought along; in turn, in the same run.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "events"))
import machine
from run import RECOMMEND, asked_by, contents_of, written_per_second
from serving.load import generate
from serving.shop import publish

from recsys.bundle import BundleStore
from recsys.domain import NAMESPACE_LOYALTY_CARD, Identifier
from recsys.events import EventContent
from recsys.server_process import running_server
from recsys.v1 import profile_service_pb2 as profiles
from recsys.v1 import recommendation_service_pb2 as recommendation
from recsys.v1.result_pb2 import REASON_KIND_PERSONAL
from recsys.v1.subject_pb2 import Subject

CONNECTIONS = 8
BUSY_EVENT_COUNT = 10_000
ERASED_COUNT = 5


class Connections:
    """Connections of their own, which the kernel spreads over the workers; each in its turn."""

    def __init__(self, address: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._all = [grpc.insecure_channel(address, options) for _ in range(CONNECTIONS)]
        self._turn = 0

    def call(self, method: str, request: bytes) -> bytes:
        """Call a method on the next connection."""
        self._turn += 3
        raw: bytes = self._all[self._turn % CONNECTIONS].unary_unary(f"/recsys.v1.{method}")(
            request
        )
        return raw

    def close(self) -> None:
        """Close all."""
        for channel in self._all:
            channel.close()


def subject(namespace: str, value: str) -> Subject:
    """Name somebody."""
    return Subject(identifiers=[{"namespace": namespace, "value": value}])


def recommend(who: Subject) -> bytes:
    """Ask for somebody."""
    return recommendation.RecommendRequest(subject=who, page_size=20).SerializeToString()


def link(connections: Connections, name: str) -> None:
    """Say that the card of a name is that of the account of that name."""
    request = profiles.LinkIdentifiersRequest(
        identifiers=[
            {"namespace": "account", "value": name},
            {"namespace": NAMESPACE_LOYALTY_CARD, "value": name},
        ]
    )
    connections.call("ProfileService/LinkIdentifiers", request.SerializeToString())


def visible_ms(connections: Connections, names: list[str]) -> list[float]:
    """Link a card that nobody knows to a known account, and ask by it; returns the waits."""
    waits = []
    for name in names:
        link(connections, name)
        acknowledged = time.perf_counter()
        asked = recommend(subject(NAMESPACE_LOYALTY_CARD, name))
        while True:
            raw = connections.call("RecommendationService/Recommend", asked)
            answer = recommendation.RecommendResponse.FromString(raw)
            if answer.results[0].reason.kind == REASON_KIND_PERSONAL:
                break
        waits.append((time.perf_counter() - acknowledged) * 1e3)
    return sorted(waits)


def halved(contents: list[EventContent], *, users: int) -> Iterator[EventContent]:
    """Let every second event of each person be of the card of her name."""
    for number, content in enumerate(contents):
        (who,) = content.identifiers
        card = Identifier(NAMESPACE_LOYALTY_CARD, who.value)
        is_card = number // users % 2
        yield msgspec.structs.replace(content, identifiers=(card if is_card else who,))


def prices(
    address: str, asked: dict[str, list[bytes]], *, seconds: float, rounds: int
) -> dict[str, list[float]]:
    """Ask in several ways in turn; returns the median latencies of each, in ms."""
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, requests in asked.items():
            figures = asyncio.run(
                generate(
                    target=address, method=RECOMMEND, requests=requests, in_flight=2,
                    seconds=seconds,
                )
            )  # fmt: skip
            found[name].append(figures["p50_ms"])
    return found


def erase_ms(
    connections: Connections, write: Callable[[list[EventContent]], object], busy: EventContent
) -> list[float]:
    """Erase people of 10,000 events on two identifiers each."""
    waits = []
    for number in range(ERASED_COUNT):
        name = f"{busy.identifiers[0].value}-busy-{number}"
        contents = [
            msgspec.structs.replace(
                busy,
                identifiers=(Identifier("account", name),),
                event_time=(busy.event_time or 0.0) - event,
            )
            for event in range(BUSY_EVENT_COUNT)
        ]
        write(list(halved(contents, users=1)))
        link(connections, name)
        request = profiles.EraseProfileRequest(subject=subject("account", name))
        began = time.perf_counter()
        raw = connections.call("ProfileService/EraseProfile", request.SerializeToString())
        waits.append((time.perf_counter() - began) * 1e3)
        report = profiles.EraseProfileResponse.FromString(raw).erasure
        assert report.event_count == BUSY_EVENT_COUNT, report
    return sorted(waits)


def measure(folder: Path, args: argparse.Namespace) -> None:
    """Run a server on the store and take every figure."""
    place = args.store or str(folder / "store.sqlite")
    bundle = publish(BundleStore(folder / "bundles"), item_count=50_000, factor_count=64, seed=1)
    run, users = f"links-{uuid.uuid4().hex[:8]}", args.users
    alone = contents_of(bundle, name=f"{run}-alone", users=users, lines=args.history)
    joined = contents_of(bundle, name=f"{run}-joined", users=users, lines=args.history)
    settings = {
        "server": {"workers": 2},
        "bundles": {"folder": str(folder / "bundles")},
        "storage": {"histories": place},
        "log": {"format": "json"},
    }
    print(machine.describe())
    with running_server(folder, settings=settings) as server:
        address = server.ready.address

        def write(contents: list[EventContent]) -> float:
            return written_per_second(address, contents, streams=2)

        write([*alone, *halved(joined, users=users)])
        connections = Connections(address)
        waits = visible_ms(connections, [one.identifiers[0].value for one in alone[:users]])
        print(
            f"link to answer: p50 {statistics.median(waits):.1f} ms, "
            f"p99 {waits[len(waits) * 99 // 100]:.1f} ms, longest {waits[-1]:.1f} ms"
        )
        # Those whose cards were linked just now have nothing on them: of theirs, nothing changes.
        names = [one.identifiers[0].value for one in joined[:users]]
        rest = [f"{run}-lonely-{number}" for number in range(users)]
        lonely = contents_of(bundle, name=f"{run}-lonely", users=users, lines=args.history)
        write(lonely)
        for name in names:
            link(connections, name)
        asked = {
            "brought": [brought for _, brought in asked_by(lonely, users=users)],
            "unlinked": [recommend(subject("account", name)) for name in rest],
            "linked": [recommend(subject(NAMESPACE_LOYALTY_CARD, name)) for name in names],
        }
        found = prices(address, asked, seconds=args.seconds, rounds=args.rounds)
        base = found["brought"]
        for name, times in found.items():
            ratios = [mine / other for mine, other in zip(times, base, strict=True)]
            print(
                f"Recommend {name}: p50 {statistics.median(times):.2f} ms, "
                f"{statistics.median(ratios):.2f} of brought along "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )
        waits = erase_ms(connections, write, alone[0])
        print(
            f"erasing {BUSY_EVENT_COUNT:,} events on two identifiers: median "
            f"{statistics.median(waits):.0f} ms, longest {waits[-1]:.0f} ms"
        )
        connections.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="", help="an empty SQLite file unless given")
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--history", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recsys-links-") as name:
        measure(Path(name), args)


if __name__ == "__main__":
    main()
