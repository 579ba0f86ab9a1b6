"""Builds the store that the figures on a large one are taken on.

    python benchmarks/events/large_store.py var/large.sqlite

A million people, six in ten with a device of their own, and ten million events of a year: as an
import leaves them, so that a server can be put on top. Takes minutes and some gigabytes.
"""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.storage.sqlite_writer import SqliteWriter

ITEM_COUNT = 50_000
TYPES = [
    *[EventType.DETAIL_PAGE_VIEW] * 7,
    EventType.ADD_TO_CART,
    *[EventType.PURCHASE_COMPLETE] * 2,
]
CHANNELS = [Channel.WEB, Channel.MOBILE_APP, Channel.STORE]
DAYS = 365


def people(*, count: int) -> Iterator[tuple[Identifier, Identifier]]:
    """Return identifiers, each with the account that it belongs to."""
    for number in range(count):
        account = Identifier("account", f"a-{number:07d}")
        yield account, account
        if number % 10 < 6:
            yield Identifier("visitor", f"v-{number:07d}"), account


def events(owner: Identifier, *, count: int, draw: random.Random, now: float) -> Iterator[Event]:
    """Draw what an identifier did."""
    for number in range(count):
        content = EventContent(
            event_type=draw.choice(TYPES),
            event_time=now - draw.random() * DAYS * 86_400.0,
            channel=draw.choice(CHANNELS),
            identifiers=(owner,),
            lines=(
                EventLine(ItemId(f"item-{draw.randrange(ITEM_COUNT):07d}"), 1.0, "9.99", "EUR"),
            ),
        )
        yield Event.of(content, event_id=f"{owner.value}/{number}", now=now)


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    args = parser.parse_args()
    began, now, draw = time.perf_counter(), time.time(), random.Random(7)
    with SqliteWriter(args.path) as writer:
        owners = sorted(people(count=args.people), key=lambda pair: writer.key(pair[0]))
        writer.add_identifiers(owners)
        each, more = divmod(args.events, len(owners))
        for number, (owner, _) in enumerate(owners):
            count = each + (number < more)
            writer.add_events(events(owner, count=count, draw=draw, now=now))
    print(
        f"{args.path}: {args.events:,} events of {args.people:,} people, "
        f"{args.path.stat().st_size / 1e9:.1f} GB in {time.perf_counter() - began:,.0f} s"
    )


if __name__ == "__main__":
    main()
