"""Visits to the web shop and the app: searches, views, carts, purchases."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.domain import Channel, EventType
from training.simulate.block import Block
from training.simulate.calendar import MICROSECONDS
from training.simulate.draw import F64, I64, U64, Flags, spread
from training.simulate.lines import NONE, Lines
from training.simulate.orders import once_per_event
from training.simulate.people import app_marks, browser_marks

_VIEWS_PER_VISIT: Final = 3.6
_VIEW_COUNT_MAX: Final = 20
_VIEW_SECONDS: Final = 50
_FOCUS_SHARE: Final = 0.8
_NOISE_SHARE: Final = 0.1
_SEARCH_SHARE: Final = 0.3
_CART_SHARE_LIKED: Final = 0.24
_CART_SHARE_OTHER: Final = 0.08
_REMOVE_SHARE: Final = 0.12
_WISH_SHARE: Final = 0.04
_BUY_SHARE: Final = 0.45
_BUYER_LOGIN_SHARE: Final = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habit:
    """How one channel is used.

    Attributes:
        visit_rate: Visits per person and half a year.
        login_share: Visits in which people are logged in without need.
        first_session: Where numbers of sessions start, to keep channels apart.
    """

    visit_rate: float
    login_share: float
    first_session: int


_HABITS: Final = {
    Channel.WEB: _Habit(visit_rate=8.0, login_share=0.3, first_session=0),
    Channel.MOBILE_APP: _Habit(visit_rate=6.0, login_share=0.8, first_session=1 << 32),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Views:
    """Item pages seen, one entry each, shape (n,); `of` is the visit."""

    of: I64
    item: I64
    time: I64
    carted: Flags
    removed: Flags
    bought: Flags
    wished: Flags


def browse(block: Block, channel: Channel) -> list[Lines]:
    """Let people visit the web shop or use the app."""
    rng, people, habit = block.rng, block.people, _HABITS[channel]
    taking_part = people.shops_online & (people.has_app | (channel is Channel.WEB))
    visits = block.happenings(habit.visit_rate, taking_part)
    start = block.calendar.moments(rng, channel, len(visits))
    counts = np.minimum(rng.geometric(1 / _VIEWS_PER_VISIT, len(visits)), _VIEW_COUNT_MAX)
    views = _look(block, visits, start, counts)
    logged_in = _logged_in(block, visits, views, habit)
    user = np.where(logged_in, people.rows[visits], NONE)
    visitor = _visitors(block, visits, start, channel)
    session = np.arange(len(visits)) + habit.first_session

    def lines(kind: EventType, *, of: I64, event: I64, time: I64, item: I64, price: F64) -> Lines:
        return Lines.build(
            kind=kind,
            channel=channel,
            event=event,
            time=time,
            item=item,
            price=price,
            user=user[of],
            visitor=visitor[of],
            session=session[of],
            basket=session[of] if kind is EventType.PURCHASE_COMPLETE else None,
        )

    def of_views(kind: EventType, picks: Flags, *, delay: int) -> Lines:
        item = views.item[picks]
        return lines(
            kind,
            of=views.of[picks],
            event=np.arange(len(item)),
            time=views.time[picks] + delay * MICROSECONDS,
            item=item,
            price=block.catalog.price[item],
        )

    searching = np.flatnonzero(rng.random(len(visits)) < _SEARCH_SHARE)
    nothing = np.full(len(searching), NONE)
    searches = lines(
        EventType.SEARCH,
        of=searching,
        event=np.arange(len(searching)),
        time=start[searching],
        item=nothing,
        price=np.full(len(searching), np.nan),
    )
    bought, item = views.of[views.bought], views.item[views.bought]
    paid_at = start + (counts + 1) * _VIEW_SECONDS * MICROSECONDS
    orders = lines(
        EventType.PURCHASE_COMPLETE,
        of=bought,
        event=bought,
        time=paid_at[bought],
        item=item,
        price=block.catalog.price[item],
    )
    return [
        searches,
        of_views(EventType.DETAIL_PAGE_VIEW, np.ones(len(views.of), dtype=np.bool_), delay=0),
        of_views(EventType.ADD_TO_CART, views.carted, delay=12),
        of_views(EventType.REMOVE_FROM_CART, views.removed, delay=40),
        of_views(EventType.ADD_TO_WISHLIST, views.wished, delay=15),
        once_per_event(orders),
    ]


def _look(block: Block, visits: I64, start: I64, counts: I64) -> _Views:
    """Draw what is looked at in each visit, and what becomes of it."""
    rng = block.rng
    of, step = spread(counts)
    # A visit has a purpose; some views stray from it to other things they like.
    purpose = block.themes(people=visits, moments=start)
    straying = block.themes(people=visits[of], moments=start[of])
    focused = rng.random(len(of)) < _FOCUS_SHARE
    item = block.items(np.where(focused, purpose[of], straying), noise=_NOISE_SHARE)
    wait = rng.integers(5, _VIEW_SECONDS, len(of))
    liked = _likes(block, visits[of], item)
    carted = rng.random(len(of)) < np.where(liked, _CART_SHARE_LIKED, _CART_SHARE_OTHER)
    removed = carted & (rng.random(len(of)) < _REMOVE_SHARE)
    buys = rng.random(len(visits)) < _BUY_SHARE
    return _Views(
        of=of,
        item=item,
        time=start[of] + (step * _VIEW_SECONDS + wait) * MICROSECONDS,
        carted=carted,
        removed=removed,
        bought=carted & ~removed & buys[of],
        wished=~carted & (rng.random(len(of)) < _WISH_SHARE),
    )


def _likes(block: Block, people: I64, items: I64) -> Flags:
    matching = block.people.themes[people] == block.catalog.theme[items][:, None]
    liked: Flags = (matching & (block.people.taste[people] > 0)).any(axis=1)
    return liked


def _logged_in(block: Block, visits: I64, views: _Views, habit: _Habit) -> Flags:
    """Draw who is logged in: by habit, or because they buy (some order as guests)."""
    rng = block.rng
    buying = np.zeros(len(visits), dtype=np.bool_)
    buying[views.of[views.bought]] = True
    logs_in = rng.random(len(visits)) < habit.login_share
    logs_in |= buying & (rng.random(len(visits)) < _BUYER_LOGIN_SHARE)
    return logs_in & block.people.has_account[visits]


def _visitors(block: Block, visits: I64, start: I64, channel: Channel) -> U64:
    people, seed = block.people, block.config.seed
    if channel is Channel.MOBILE_APP:
        return app_marks(seed, owners=people.rows[visits])
    # Browsers forget: each of a person's cookies lives for its share of the period.
    cookies = (block.calendar.share(start) * people.cookie_count[visits]).astype(np.int64)
    return browser_marks(seed, owners=people.tablet_owner[visits], cookies=cookies)
