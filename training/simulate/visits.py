"""What people do: browse and buy online, shop in stores, call, click, bring back.

Everything a person does is drawn from the same planted taste, whatever the
channel; no purchase copies a view. That what is browsed tells about what is
bought in a store is therefore a fact to be found, not one written in.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.domain import Channel, EventType
from training.simulate.calendar import MICROSECONDS, Calendar
from training.simulate.catalog import Catalog
from training.simulate.config import WorldConfig
from training.simulate.draw import F64, I64, U64, Flags, spread, weighted_per_row
from training.simulate.lines import NONE, Lines
from training.simulate.people import People, app_marks, browser_marks
from training.simulate.stores import Stores

_RATE_DAYS: Final = 182.0  # The rates below are per person and half a year.
_WEB_RATE: Final = 8.0
_APP_RATE: Final = 6.0
_TRIP_RATE: Final = 8.0
_CALL_RATE: Final = 0.25
_VIEW_COUNT_MAX: Final = 20
_LINE_COUNT_MAX: Final = 15
_NOISE_SHARE: Final = 0.1
_STORE_NOISE_SHARE: Final = 0.2
_FOCUS_SHARE: Final = 0.8
_WEB_LOGIN_SHARE: Final = 0.3
_APP_LOGIN_SHARE: Final = 0.8
_BUYER_LOGIN_SHARE: Final = 0.85
_CARD_SHOWN_SHARE: Final = 0.92
_CLICK_SHARE: Final = 0.07
_RETURN_SHARE: Final = 0.04
_RETURN_DAYS: Final = (2, 21)
_REPEATED_SHARE: Final = 0.002
_DAY: Final = 86_400 * MICROSECONDS


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One block of people and all that they draw from."""

    config: WorldConfig
    catalog: Catalog
    stores: Stores
    calendar: Calendar
    people: People
    rng: np.random.Generator

    def happenings(self, rate: float, taking_part: Flags) -> I64:
        """Draw how often something happens; returns one person position each."""
        scale = rate * self.config.day_count / _RATE_DAYS
        counts = self.rng.poisson(self.people.activity * taking_part * scale)
        return spread(counts)[0]

    def themes(self, *, people: I64, moments: I64) -> I64:
        """Draw one liked theme per person and moment, seasons considered."""
        liked = self.people.themes[people]
        season = self.calendar.season(
            moments=np.repeat(moments, liked.shape[1]),
            kinds=self.catalog.theme_kinds[liked].ravel(),
        )
        slots = weighted_per_row(self.rng, self.people.taste[people] * season.reshape(liked.shape))
        return liked[np.arange(len(people)), slots]

    def items(self, themes: I64, *, noise: float) -> I64:
        """Draw one item per theme; a share of `noise` is whatever is popular."""
        items = self.catalog.choose(self.rng, themes)
        off_taste = self.rng.random(len(themes)) < noise
        items[off_taste] = self.catalog.choose_any(self.rng, int(off_taste.sum()))
        return items


def live(block: Block) -> Lines:
    """Let one block of people live through the whole period."""
    bought = [_store_trips(block), _phone_orders(block)]
    online = _online(block, Channel.WEB) + _online(block, Channel.MOBILE_APP)
    lines = Lines.joined([*bought, *online, _email_clicks(block)])
    lines = Lines.joined([lines, _returns(block, lines)])
    lines = lines[lines.time < block.calendar.end]
    # Delivery is at least once: some lines arrive twice, word for word.
    repeated = np.flatnonzero(block.rng.random(len(lines)) < _REPEATED_SHARE)
    return lines[np.concatenate([np.arange(len(lines)), repeated])]


def _online(block: Block, channel: Channel) -> list[Lines]:
    rng, people = block.rng, block.people
    on_web = channel is Channel.WEB
    visits = block.happenings(
        _WEB_RATE if on_web else _APP_RATE, people.shops_online & (on_web | people.has_app)
    )
    start = block.calendar.moments(rng, channel, len(visits))
    visitor = _visitors(block, visits, start, on_web=on_web)
    session = np.arange(len(visits)) + (0 if on_web else 1 << 32)
    theme = block.themes(people=visits, moments=start)

    view_counts = np.minimum(rng.geometric(0.28, len(visits)), _VIEW_COUNT_MAX)
    of, step = spread(view_counts)
    wandering = block.themes(people=visits[of], moments=start[of])
    focused = rng.random(len(of)) < _FOCUS_SHARE
    item = block.items(np.where(focused, theme[of], wandering), noise=_NOISE_SHARE)
    time = start[of] + (step * 50 + rng.integers(5, 50, len(of))) * MICROSECONDS

    liked = (block.people.themes[visits[of]] == block.catalog.theme[item][:, None]) & (
        block.people.taste[visits[of]] > 0
    )
    carted = rng.random(len(of)) < np.where(liked.any(axis=1), 0.24, 0.08)
    removed = carted & (rng.random(len(of)) < 0.12)
    wished = ~carted & (rng.random(len(of)) < 0.04)
    buys = rng.random(len(visits)) < 0.45
    bought = carted & ~removed & buys[of]
    in_basket = np.zeros(len(visits), dtype=np.bool_)
    in_basket[of[bought]] = True
    logs_in = rng.random(len(visits)) < (_WEB_LOGIN_SHARE if on_web else _APP_LOGIN_SHARE)
    logs_in |= in_basket & (rng.random(len(visits)) < _BUYER_LOGIN_SHARE)
    user = np.where(people.has_account[visits] & logs_in, people.rows[visits], NONE)

    def lines(kind: EventType, picks: I64, *, delay: int) -> Lines:
        return Lines.build(
            kind=kind,
            channel=channel,
            event=np.arange(len(picks)),
            time=time[picks] + delay * MICROSECONDS,
            item=item[picks],
            user=user[of[picks]],
            visitor=visitor[of[picks]],
            session=session[of[picks]],
            price=block.catalog.price[item[picks]],
        )

    searching = np.flatnonzero(rng.random(len(visits)) < 0.3)
    searches = Lines.build(
        kind=EventType.SEARCH,
        channel=channel,
        event=np.arange(len(searching)),
        time=start[searching],
        item=np.full(len(searching), NONE),
        user=user[searching],
        visitor=visitor[searching],
        session=session[searching],
    )
    end = start + view_counts * 50 * MICROSECONDS + 60 * MICROSECONDS
    purchases = lines(EventType.PURCHASE_COMPLETE, np.flatnonzero(bought), delay=0)
    purchases = _as_orders(purchases, orders=of[bought], time=end[of[bought]], basket=session)
    return [
        searches,
        lines(EventType.DETAIL_PAGE_VIEW, np.arange(len(of)), delay=0),
        lines(EventType.ADD_TO_CART, np.flatnonzero(carted), delay=12),
        lines(EventType.REMOVE_FROM_CART, np.flatnonzero(removed), delay=40),
        lines(EventType.ADD_TO_WISHLIST, np.flatnonzero(wished), delay=15),
        purchases,
    ]


def _visitors(block: Block, visits: I64, start: I64, *, on_web: bool) -> U64:
    people, seed = block.people, block.config.seed
    if not on_web:
        return app_marks(seed, owners=people.rows[visits])
    # Browsers forget: each of a person's cookies lives for its share of the period.
    cookies = (block.calendar.share(start) * people.cookie_count[visits]).astype(np.int64)
    return browser_marks(seed, owners=people.tablet_owner[visits], cookies=cookies)


def _store_trips(block: Block) -> Lines:
    rng, people = block.rng, block.people
    trips = block.happenings(_TRIP_RATE, people.shops_in_store)
    start = block.calendar.moments(rng, Channel.STORE, len(trips))
    elsewhere = rng.integers(0, block.config.store_count, len(trips))
    store = np.where(rng.random(len(trips)) < 0.88, people.home_store[trips], elsewhere)
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
        basket=of + (1 << 33),
        quantity=_quantities(rng, len(of)),
        price=_paid(block, item),
    )
    carried = block.stores.carries(stores=store[of], items=item)
    return _once_per_event(lines[carried])


def _phone_orders(block: Block) -> Lines:
    rng, people = block.rng, block.people
    calls = block.happenings(_CALL_RATE, people.has_account)
    start = block.calendar.moments(rng, Channel.CALL_CENTER, len(calls))
    of, _ = spread(1 + rng.poisson(0.5, len(calls)))
    item = block.items(block.themes(people=calls[of], moments=start[of]), noise=_NOISE_SHARE)
    lines = Lines.build(
        kind=EventType.PURCHASE_COMPLETE,
        channel=Channel.CALL_CENTER,
        event=of,
        time=start[of],
        item=item,
        user=people.rows[calls[of]],
        basket=of + (1 << 34),
        quantity=_quantities(rng, len(of)),
        price=_paid(block, item),
    )
    return _once_per_event(lines)


def _email_clicks(block: Block) -> Lines:
    rng, people = block.rng, block.people
    weeks = block.calendar.weeks()
    clicked = rng.random((len(people), len(weeks))) < _CLICK_SHARE * people.reads_email[:, None]
    who, week = np.nonzero(clicked)
    time = weeks[week] + (rng.exponential(6 * 3600, len(who)).astype(np.int64)) * MICROSECONDS
    # Newsletters are only half personal.
    item = block.items(block.themes(people=who, moments=weeks[week]), noise=0.4)
    return Lines.build(
        kind=EventType.CLICK,
        channel=Channel.EMAIL,
        event=np.arange(len(who)),
        time=time,
        item=item,
        user=people.rows[who],
    )


def _returns(block: Block, lines: Lines) -> Lines:
    rng = block.rng
    bought = np.flatnonzero(lines.type == EventType.PURCHASE_COMPLETE.code)
    back = lines[bought[rng.random(len(bought)) < _RETURN_SHARE]]
    days = rng.integers(*_RETURN_DAYS, len(back))
    in_store = (back.channel == Channel.STORE.code) | (rng.random(len(back)) < 0.3)
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


def _as_orders(lines: Lines, *, orders: I64, time: I64, basket: I64) -> Lines:
    """Turn lines of one visit each into one event per visit."""
    joined = Lines.build(
        kind=EventType.PURCHASE_COMPLETE,
        channel=lines.channel,
        event=orders,
        time=time,
        item=lines.item,
        user=lines.user,
        visitor=lines.visitor,
        session=lines.session,
        basket=basket[orders],
        price=lines.price,
    )
    return _once_per_event(joined)


def _once_per_event(lines: Lines) -> Lines:
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
    factors = np.where(rng.random(len(items)) < 0.15, rng.choice([0.9, 0.8, 0.7], len(items)), 1.0)
    return np.round(block.catalog.price[items] * factors, 2)
