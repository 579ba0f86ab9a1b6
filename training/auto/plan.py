"""What is held out of training data to choose by, and what counts: inferred, and said why.

The choice mirrors how the model will be used. Where times are known the future is
hidden, in sessions the next item, in sequences the last one, and where nothing is
known of order some items by chance.
"""

import enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from training.config import K_MAX, METRIC_NAMES, PROTOCOLS, SplitConfig
from training.interactions import Events
from training.published import Order
from training.split import cut_seconds

ASKED_MIN = 300
"""Users below which a cut in time is too small to choose by."""
REPEAT_SHARE_MIN = 0.05
"""Share of what was held out that a user had before, from which on repeats are wanted."""
_SESSION_SECONDS = 6 * 3600.0
_SESSION_SHARE = 0.95
_HAVING_SHARE = 0.95
_K_DEFAULT = 20


class HoldOut(enum.StrEnum):
    """How items are held out."""

    TEMPORAL = "temporal"
    LAST = "last"
    NEXT = "next"
    RANDOM = "random"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be as high as possible, the mean over users.

    Attributes:
        name: `recall`, `ndcg`, `map`, `hit_rate` or `mrr`.
        k: List length, 1 to 1000.
    """

    name: str = "ndcg"
    k: int = _K_DEFAULT

    def __post_init__(self) -> None:
        if self.name not in METRIC_NAMES:
            raise ValueError(f"metric is {self.name!r}; allowed {', '.join(METRIC_NAMES)}")
        if not 1 <= self.k <= K_MAX:
            raise ValueError(f"k is {self.k}; allowed 1 to {K_MAX}")

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"

    @classmethod
    def parse(cls, text: str) -> "Metric":
        """Read `ndcg@20`.

        Raises:
            ValueError: It is no metric.
        """
        name, _, k = text.partition("@")
        return cls(name=name, k=int(k) if k else _K_DEFAULT)


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the use and need not be inferred; None where it is not.

    Attributes:
        hold_out: How items are held out.
        exclude_seen: Whether items of a history may not be recommended.
        excluded_types: Only items of such events may not be; None for any contact.
        metric: What is to be as high as possible.
        sessions: Whether each user of the data is a session.
        published: Whether the test is a file of somebody else's, who may have hidden items
            and left in what people did afterwards.
    """

    hold_out: HoldOut | None = None
    exclude_seen: bool | None = None
    excluded_types: tuple[EventType, ...] | None = None
    metric: Metric | None = None
    sessions: bool = False
    published: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is held out and what counts.

    Attributes:
        hold_out: How items are held out.
        protocol: `any` (every item may be recommended) or `new` (items of the history
            may not).
        excluded_types: With `new`, only items of such events; None for any contact.
        target_types: Types of events that are looked for, by code.
        metric: What is to be as high as possible.
        ordered: Whether the order of a user's lines is known.
        timed: Whether times are known.
        lined_up: Whether lines of different users can be put in order too.
        placed: Whether people ask in a store or on a channel that is known.
        later_kept: Whether half of those asked keep what they did after the hidden item.
        one_left: Whether those asked keep something of what is looked for, as everybody has.
        reasons: Why, one sentence each.
    """

    hold_out: HoldOut
    protocol: str
    excluded_types: tuple[EventType, ...] | None
    target_types: tuple[int, ...]
    metric: Metric
    ordered: bool
    timed: bool
    lined_up: bool = False
    placed: bool = False
    later_kept: bool = False
    one_left: bool = False
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.protocol in PROTOCOLS, "the command line offers no other"

    @property
    def blocked(self) -> frozenset[EventType] | None:
        """The `excluded_types` of `training.benchmark.blocked_items`."""
        if self.protocol == "any":
            return frozenset()
        return None if self.excluded_types is None else frozenset(self.excluded_types)


def make_plan(events: Events, order: Order, wishes: Wishes, *, split: SplitConfig) -> Plan:
    """Infer what is not wished for.

    Args:
        events: The training lines, at least one.
        order: What is known of their order.
        wishes: What is given.
        split: Where time would be cut.
    """
    reasons: list[str] = []
    bought = EventType.PURCHASE_COMPLETE.code
    types = tuple(int(code) for code in np.unique(events.type_codes))
    targets = (bought,) if bought in types else types
    if len(types) > 1:
        reasons.append(
            "purchases are looked for; other events are known of people"
            if targets == (bought,)
            else "nothing was bought, so that every event is looked for"
        )
    if wishes.hold_out is None:
        hold_out, reason = _hold_out(events, order, wishes, targets, split=split)
        reasons.append(reason)
    else:
        hold_out = wishes.hold_out
        reasons.append(f"held out as asked: {hold_out.value}")
    protocol, reason = _protocol(events, hold_out, wishes, targets, split=split)
    reasons.append(reason)
    later_kept = hold_out is HoldOut.LAST and wishes.published and len(types) > 1
    if later_kept:
        reasons.append(
            "half of those asked keep what they did later, since a published split may leave it in"
        )
    one_left = hold_out in (HoldOut.LAST, HoldOut.RANDOM) and _all_have(events, targets)
    return Plan(
        hold_out=hold_out,
        protocol=protocol,
        excluded_types=wishes.excluded_types,
        target_types=targets,
        metric=wishes.metric or Metric(),
        ordered=order is not Order.NONE or hold_out in (HoldOut.LAST, HoldOut.NEXT),
        timed=order is Order.TIMES,
        lined_up=order in (Order.TIMES, Order.LISTS),
        placed=hold_out is HoldOut.TEMPORAL and not wishes.published,
        later_kept=later_kept,
        one_left=one_left,
        reasons=tuple(reasons),
    )


def _all_have(events: Events, targets: tuple[int, ...]) -> bool:
    """Say whether nearly everybody has something of what is looked for, and some have more.

    Whoever split such data left it to them, so those who are asked here keep it too.
    """
    count = max(1, len(events.item_ids))
    wanted = events.where(np.isin(events.type_codes, targets))
    item_counts = np.bincount(np.unique(_keys(wanted)) // count, minlength=events.user_count)
    users = np.unique(events.users)
    having = float(np.mean(item_counts[users] > 0)) if len(users) else 0.0
    return having >= _HAVING_SHARE and int(np.count_nonzero(item_counts > 1)) >= ASKED_MIN


def _hold_out(
    events: Events,
    order: Order,
    wishes: Wishes,
    targets: tuple[int, ...],
    *,
    split: SplitConfig,
) -> tuple[HoldOut, str]:
    if wishes.sessions:
        return HoldOut.NEXT, "each user is a session by name, so the next item is held out"
    if order is Order.TIMES and _are_sessions(events):
        return HoldOut.NEXT, (
            f"{_SESSION_SHARE:.0%} of all users are done within {_SESSION_SECONDS / 3600:g} hours: "
            "they are sessions, so the next item is held out"
        )
    if order is Order.TIMES:
        asked = _asked_by_time(events, targets, split=split)
        if asked >= ASKED_MIN:
            return HoldOut.TEMPORAL, (
                f"times are known and {asked} known users come back after the cut, "
                "so the newest weeks are held out"
            )
        return HoldOut.LAST, (
            f"times are known, but only {asked} known users come back after a cut in time; "
            "too few to choose by, so the last item of each user is held out"
        )
    if order is Order.NONE:
        return HoldOut.RANDOM, (
            "neither times nor positions are known, so items are held out by chance"
        )
    return HoldOut.LAST, "order is known but no times, so the last item of each user is held out"


def _are_sessions(events: Events) -> bool:
    users, starts = np.unique(events.users, return_index=True)
    spans = np.maximum.reduceat(events.times, starts) - np.minimum.reduceat(events.times, starts)
    several = np.diff(np.r_[starts, len(events)]) > 1
    return bool(
        len(users)
        and several.any()
        and np.mean(spans[several] < _SESSION_SECONDS) >= _SESSION_SHARE
        and np.ptp(events.times) > _SESSION_SECONDS
    )


def _after(
    events: Events, targets: tuple[int, ...], *, split: SplitConfig
) -> tuple[Events, Events]:
    cut = cut_seconds(events.times, split)
    before = events.where(events.times < cut)
    wanted = np.isin(events.type_codes, targets)
    return before, events.where((events.times >= cut) & wanted)


def _asked_by_time(events: Events, targets: tuple[int, ...], *, split: SplitConfig) -> int:
    before, after = _after(events, targets, split=split)
    return len(np.intersect1d(before.users, after.users))


def _protocol(
    events: Events,
    hold_out: HoldOut,
    wishes: Wishes,
    targets: tuple[int, ...],
    *,
    split: SplitConfig,
) -> tuple[str, str]:
    if wishes.exclude_seen is not None or wishes.excluded_types is not None:
        kept_out = wishes.exclude_seen is not False
        return (
            ("new", "items of a history are kept out, as asked")
            if kept_out
            else (
                "any",
                "items of a history may be recommended, as asked",
            )
        )
    if hold_out in (HoldOut.LAST, HoldOut.RANDOM):
        return "new", "items of a history are kept out: what is held out is new by construction"
    if hold_out is HoldOut.NEXT:
        share = _repeats(events)
    else:
        before, after = _after(events, targets, split=split)
        share = _share_known(before, after)
    if share >= REPEAT_SHARE_MIN:
        return "any", f"{share:.0%} of what comes next was there before, so repeats are allowed"
    return "new", f"only {share:.1%} of what comes next was there before, so it is kept out"


def _share_known(before: Events, after: Events) -> float:
    known = np.isin(after.users, before.users)
    asked = np.unique(_keys(after.where(known)))
    return float(np.isin(asked, _keys(before)).mean()) if len(asked) else 0.0


def _repeats(events: Events) -> float:
    """Return the share of steps within a session whose item was there before."""
    lines = len(events)
    first = len(np.unique(_keys(events)))
    steps = lines - len(np.unique(events.users))
    return (lines - first) / steps if steps else 0.0


def _keys(events: Events) -> NDArray[np.int64]:
    return events.users.astype(np.int64) * max(1, len(events.item_ids)) + events.items
