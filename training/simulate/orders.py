"""Orders that nobody browsed for: at the till, on the phone; and what comes back."""

from typing import Final

import numpy as np

from recsys.domain import Channel, EventType
from training.simulate.block import Block
from training.simulate.calendar import MICROSECONDS
from training.simulate.draw import F64, I64, spread
from training.simulate.lines import NONE, Lines

_TRIP_RATE: Final = 8.0
_CALL_RATE: Final = 0.25
_LINE_COUNT_MAX: Final = 15
_STORE_NOISE_SHARE: Final = 0.2
_PHONE_NOISE_SHARE: Final = 0.1
_HOME_STORE_SHARE: Final = 0.88
_CARD_SHOWN_SHARE: Final = 0.92
_REDUCED_SHARE: Final = 0.15
_RETURN_SHARE: Final = 0.04
_RETURN_IN_STORE_SHARE: Final = 0.3
_RETURN_DAYS: Final = (2, 21)
_DAY: Final = 86_400 * MICROSECONDS
# Baskets are numbered apart from those of online visits, which count from 0.
_TILL_BASKETS: Final = 1 << 33
_PHONE_BASKETS: Final = 1 << 34


def store_trips(block: Block) -> Lines:
    """Let people shop in stores: receipts carry the loyalty card, never the account."""
    rng, people = block.rng, block.people
    trips = block.happenings(_TRIP_RATE, people.shops_in_store)
    start = block.calendar.moments(rng, Channel.STORE, len(trips))
    elsewhere = rng.integers(0, block.config.store_count, len(trips))
    store = np.where(
        rng.random(len(trips)) < _HOME_STORE_SHARE, people.home_store[trips], elsewhere
    )
    shown = people.has_card[trips] & (rng.random(len(trips)) < _CARD_SHOWN_SHARE)
    of, _ = spread(np.minimum(1 + rng.poisson(1.8, len(trips)), _LINE_COUNT_MAX))
    item = block.items(block.themes(people=trips[of], moments=start[of]), noise=_STORE_NOISE_SHARE)
    lines = Lines.build(
        kind=EventType.PURCHASE_COMPLETE,
        channel=Channel.STORE,
        event=of,
        time=start[of],
        item=item,
        card=np.where(shown, people.rows[trips], NONE)[of],
        store=store[of],
        basket=of + _TILL_BASKETS,
        quantity=_quantities(rng, len(of)),
        price=_paid(block, item),
    )
    carried = block.stores.carries(stores=store[of], items=item)
    return once_per_event(lines[carried])


def phone_orders(block: Block) -> Lines:
    """Let account holders order by phone."""
    rng, people = block.rng, block.people
    calls = block.happenings(_CALL_RATE, people.has_account)
    start = block.calendar.moments(rng, Channel.CALL_CENTER, len(calls))
    of, _ = spread(1 + rng.poisson(0.5, len(calls)))
    item = block.items(block.themes(people=calls[of], moments=start[of]), noise=_PHONE_NOISE_SHARE)
    lines = Lines.build(
        kind=EventType.PURCHASE_COMPLETE,
        channel=Channel.CALL_CENTER,
        event=of,
        time=start[of],
        item=item,
        user=people.rows[calls[of]],
        basket=of + _PHONE_BASKETS,
        quantity=_quantities(rng, len(of)),
        price=_paid(block, item),
    )
    return once_per_event(lines)


def returns(block: Block, lines: Lines) -> Lines:
    """Let people bring back some of what these lines say they bought."""
    rng = block.rng
    bought = np.flatnonzero(lines.type == EventType.PURCHASE_COMPLETE.code)
    back = lines[bought[rng.random(len(bought)) < _RETURN_SHARE]]
    days = rng.integers(*_RETURN_DAYS, len(back))
    in_store = (back.channel == Channel.STORE.code) | (
        rng.random(len(back)) < _RETURN_IN_STORE_SHARE
    )
    home = block.people.home_store[np.clip(back.user - block.people.rows[0], 0, None)]
    # Online orders of guests go back by post: nobody knows them in a shop.
    in_store &= (back.card != NONE) | (back.user != NONE) | (back.store != NONE)
    came_from_web = back.channel != Channel.STORE.code
    return Lines.build(
        kind=EventType.RETURN,
        channel=np.where(in_store, Channel.STORE.code, back.channel),
        event=np.arange(len(back)),
        time=back.time + days * _DAY,
        item=back.item,
        user=back.user,
        card=back.card,
        visitor=np.where(in_store, np.uint64(0), back.visitor),
        store=np.where(in_store & came_from_web, home, np.where(in_store, back.store, NONE)),
        basket=back.basket,
        quantity=back.quantity,
        price=back.price,
    )


def once_per_event(lines: Lines) -> Lines:
    """Keep one line per item of an event: a till sums up what is scanned twice."""
    order = np.lexsort((lines.item, lines.event))
    event, item = lines.event[order], lines.item[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (event[1:] != event[:-1]) | (item[1:] != item[:-1])
    return lines[np.sort(order[first])]


def _quantities(rng: np.random.Generator, count: int) -> F64:
    return np.minimum(rng.geometric(0.75, count), 12).astype(np.float64)


def _paid(block: Block, items: I64) -> F64:
    """Return list prices, one in seven of them reduced."""
    rng = block.rng
    factors = np.where(
        rng.random(len(items)) < _REDUCED_SHARE, rng.choice([0.9, 0.8, 0.7], len(items)), 1.0
    )
    return np.round(block.catalog.price[items] * factors, 2)
