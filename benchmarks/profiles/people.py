"""What people cost: a profile, an erasure and a consent, of somebody with 10,000 events.

python benchmarks/profiles/people.py                          an SQLite store
python benchmarks/profiles/people.py postgresql://host/db     an empty PostgreSQL database
"""

import datetime as dt
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recsys.consent import Consent, ConsentStatus, Permission, Purpose
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import Event, EventContent, EventLine
from recsys.profiles import traits
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage

EVENT_COUNT = 10_000
OTHERS = 400
EVENTS_OF_OTHERS = 500
REPEATS = 9
READS = 500
TYPES = [
    *[EventType.DETAIL_PAGE_VIEW] * 16, *[EventType.ADD_TO_CART] * 2, EventType.SEARCH,
    EventType.PURCHASE_COMPLETE,
]  # fmt: skip
PLACES = [Channel.WEB, Channel.MOBILE_APP, Channel.STORE]


def person(name: str) -> Identifier:
    """Name somebody."""
    return Identifier("account", name)


def live(name: str, count: int, *, now: float, rng: random.Random) -> list[Event]:
    """Make up what somebody did within 300 days."""
    events = []
    for number in range(count):
        kind = rng.choice(TYPES)
        line_count = {EventType.SEARCH: 0, EventType.PURCHASE_COMPLETE: 3}.get(kind, 1)
        content = EventContent(
            event_type=kind,
            event_time=now - rng.random() * 300 * 86_400,
            channel=rng.choice(PLACES),
            identifiers=(person(name),),
            lines=tuple(
                EventLine(ItemId(f"i{rng.randrange(5_000)}"), 1.0, "9.99", "EUR")
                for _ in range(line_count)
            ),
            store_id=StoreId("s-1"),
        )
        events.append(Event.of(content, event_id=f"{name}-{number}", now=now))
    return events


def milliseconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def write(storage: Storage, events: list[Event]) -> None:
    """Keep events as a server does."""
    assert storage.log is not None
    for first in range(0, len(events), 1_000):
        storage.log.append(events[first : first + 1_000])


def measure_busy(storage: Storage, *, now: float, rng: random.Random) -> None:
    """Time what is done for somebody with many events."""
    people = storage.people
    assert people is not None
    shown, erased = [], []
    for number in range(REPEATS):
        who = [person(f"busy-{number}")]
        write(storage, live(f"busy-{number}", EVENT_COUNT, now=now, rng=rng))

        def show(who: list[Identifier] = who) -> None:
            found = people.person(who, event_count_max=100_000)
            traits(found.events, now=now, time_zone=dt.UTC, categories_of=lambda _: {})

        shown.append(milliseconds(show))
        erased.append(milliseconds(lambda who=who: people.erase(who, now=now)))
    print(f"profile of {EVENT_COUNT:,} events: {statistics.median(shown):.0f} ms")
    print(f"erasing {EVENT_COUNT:,} events: {statistics.median(erased):.0f} ms")


def measure_reads(storage: Storage, *, now: float) -> None:
    """Time the read of a request for people who have said different things."""
    assert storage.people is not None
    said = {"nothing": None, "granted": ConsentStatus.GRANTED, "denied": ConsentStatus.DENIED}
    who = {name: [person(f"other-{number}")] for number, name in enumerate(said)}
    for name, status in said.items():
        if status is not None:
            statement = Consent(purpose=Purpose.PERSONALISE, status=status, time=now)
            storage.people.record_consents(who[name], [statement], now=now)
        storage.histories.history(who[name], event_count_max=200)
    if storage.pack is not None:
        # As a server does in the background.
        storage.pack(list(storage.unpacked))
    may = Permission.to(Purpose.PERSONALISE, Channel.WEB, by_default=True)
    times: dict[str, list[float]] = {name: [] for name in said}
    for _ in range(READS):
        for name, identifiers in who.items():

            def read(identifiers: list[Identifier] = identifiers) -> None:
                storage.histories.history(identifiers, event_count_max=200, permission=may)

            times[name].append(milliseconds(read))
    for name, found in times.items():
        print(f"history of somebody who said {name}: {statistics.median(found) * 1e3:.1f} us")


def main() -> None:
    """Measure and print."""
    place = sys.argv[1] if sys.argv[1:] else str(Path(tempfile.mkdtemp()) / "people.sqlite")
    storage = open_storage(StorageConfig(histories=place))
    now, rng = time.time(), random.Random(1)
    for number in range(OTHERS):
        write(storage, live(f"other-{number}", EVENTS_OF_OTHERS, now=now, rng=rng))
    measure_busy(storage, now=now, rng=rng)
    measure_reads(storage, now=now)
    storage.close()


if __name__ == "__main__":
    main()
