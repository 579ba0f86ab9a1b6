"""A shop in which it is known who redeems what: a store with views and redemptions of offers."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from recsys.domain import SECONDS_PER_DAY, Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.offers import Offer, PercentOff, Scope
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from support.identity import account

DAY = SECONDS_PER_DAY
BEGIN = 1_750_000_000.0
ITEM_COUNT = 40
OFFER_COUNT = 12
ITEM_IDS = [f"i{row}" for row in range(ITEM_COUNT)]
"""Even ones are of one world, odd ones of another."""


@dataclasses.dataclass(frozen=True)
class Shop:
    """What was written.

    Attributes:
        place: Of the store.
        end: When the last event happened.
        offers: By id; `offer-N` is of the world N % 2, and a dud where N % 4 > 1.
        events: All events, in the order of time.
    """

    place: str
    end: float
    offers: dict[str, Offer]
    events: list[Event]


def planted_offers() -> dict[str, Offer]:
    """Offers of five items of one world each."""
    rng = np.random.default_rng(5)
    offers = {}
    for number in range(OFFER_COUNT):
        world = np.arange(number % 2, ITEM_COUNT, 2)
        items = tuple(ItemId(ITEM_IDS[row]) for row in rng.choice(world, 5, replace=False))
        offers[f"offer-{number}"] = Offer(
            benefit=PercentOff(10.0), currency="EUR", scope=Scope(item_ids=items),
            value_micros=5_000_000, cost_micros=1_000_000,
        )  # fmt: skip
    return offers


def planted_shop(place: str, *, people: int = 200, seed: int = 0) -> Shop:
    """Write people who redeem what is of their world, unless it is a dud."""
    offers = planted_offers()
    events = sorted(_events(people, offers, seed), key=lambda one: one.event_time)
    storage = open_storage(StorageConfig(histories=place))
    try:
        write(storage, offers, events)
    finally:
        storage.close()
    return Shop(place=place, end=events[-1].event_time, offers=offers, events=events)


def write(storage: Storage, offers: dict[str, Offer], events: list[Event]) -> None:
    """Write offers and events."""
    assert storage.offers is not None
    assert storage.log is not None
    storage.offers.store.upsert_offers(offers, now=BEGIN)
    for first in range(0, len(events), 500):
        storage.log.append(events[first : first + 500])


def _events(people: int, offers: dict[str, Offer], seed: int) -> Iterator[Event]:
    rng = np.random.default_rng(seed)
    for person in range(people):
        who, world = account(f"u{person}"), person % 2
        for at in range(int(rng.integers(1, 6))):
            item = ITEM_IDS[2 * int(rng.integers(ITEM_COUNT // 2)) + world]
            time = BEGIN + float(rng.uniform(0, 5)) * DAY
            yield event(who, EventType.PURCHASE_COMPLETE, time, f"buy-{at}", items=(item,))
        for number, name in enumerate(offers):
            seen = BEGIN + float(rng.uniform(6, 60)) * DAY
            yield event(who, EventType.OFFER_VIEW, seen, f"see-{name}", offer_id=name)
            likely = (0.5 if number % 2 == world else 0.05) * (0.1 if number % 4 > 1 else 1.0)
            if rng.random() < likely:
                used = seen + float(rng.uniform(0.1, 6)) * DAY
                items = (offers[name].scope.item_ids[0],)
                yield event(
                    who, EventType.OFFER_REDEEM, used, f"use-{name}", items=items, offer_id=name
                )
    # Long after all else, so that it is known what became of every view.
    yield event(account("late"), EventType.DETAIL_PAGE_VIEW, BEGIN + 75 * DAY, "", items=("i0",))


def event(
    who: Identifier,
    kind: EventType,
    time: float,
    name: str,
    *,
    items: tuple[str, ...] = (),
    offer_id: str = "",
) -> Event:
    """Build an event on the web."""
    content = EventContent(
        event_type=kind,
        event_time=time,
        channel=Channel.WEB,
        identifiers=(who,),
        lines=tuple(EventLine(ItemId(item)) for item in items),
        offer_id=offer_id,
    )
    return Event.of(content, event_id=f"{who.value}/{name}", now=BEGIN + 1_000 * DAY)


def store_of(folder: Path) -> str:
    """Name an SQLite store in a folder."""
    return str(folder / "store.sqlite")
