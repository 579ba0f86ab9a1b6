"""Cutting validation out of training lines: what is fitted on, and two groups to ask.

One group chooses, the other only checks the choice. Both are asked with what was
known before; what they should find is in no line that is fitted on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.auto.plan import HoldOut, Plan
from training.config import SplitConfig
from training.interactions import NO_STORE, Events
from training.ranking import Contexts
from training.split import cut_seconds
from training.testset import TestSet, distinct_targets, newest_lines

ASKED_MAX = 6_000
"""Users asked in all; half of them choose, half check."""
_RANDOM_SHARE = 0.2
_USER_SHARE_MAX = 0.5
_SESSION_SHARE = 0.05
_PREFIXES_PER_SESSION_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Validation:
    """Training lines without what is held out, and who is asked for it.

    Attributes:
        fit: The lines to fit on.
        tune: Users to choose by.
        check: Other users, to check the choice by.
    """

    fit: Events
    tune: TestSet
    check: TestSet


def hold_out(
    events: Events,
    plan: Plan,
    *,
    split: SplitConfig,
    history_event_count_max: int,
    rng: np.random.Generator,
    asked_max: int = ASKED_MAX,
) -> Validation:
    """Cut.

    Args:
        events: The training lines, at least one.
        plan: What is held out.
        split: Where time is cut, for `temporal`.
        history_event_count_max: Newest lines of a history that are used.
        rng: Source of the draw of users.
        asked_max: Users asked in all, 2 or more.
    """
    if plan.hold_out is HoldOut.TEMPORAL:
        cut = _temporal(events, plan, split=split)
    elif plan.hold_out is HoldOut.NEXT:
        cut = _next(events, asked_max=asked_max, rng=rng)
    else:
        cut = _hidden(events, plan, asked_max=asked_max, rng=rng)

    def asked(users: NDArray[np.int32]) -> TestSet:
        theirs = np.isin(cut.owners, users)
        return TestSet(
            users=users,
            histories=newest_lines(
                cut.histories.where(np.isin(cut.histories.users, users)), history_event_count_max
            ),
            contexts=Contexts(
                channel_codes=np.zeros(len(users), dtype=np.uint8),
                stores=np.full(len(users), NO_STORE, dtype=np.int32),
                store_ids=[],
            ),
            targets=distinct_targets(
                np.searchsorted(users, cut.owners[theirs]),
                cut.targets[theirs],
                user_count=len(users),
                item_count=len(events.item_ids),
            ),
            targets_by_channel={},
            targets_by_store={},
            cut_time=cut.now,
        )

    known = np.intersect1d(cut.owners, cut.histories.users).astype(np.int32)
    drawn = np.sort(rng.permutation(known)[:asked_max])
    groups = drawn if cut.groups is None else cut.groups[drawn]
    chosen = rng.permutation(np.unique(groups))
    checks = np.isin(groups, chosen[(len(chosen) + 1) // 2 :])
    return Validation(fit=cut.fit, tune=asked(drawn[~checks]), check=asked(drawn[checks]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cut:
    """What is fitted on and what is asked.

    Attributes:
        fit: Lines to fit on.
        histories: Lines of what is known of those asked.
        owners: Who each pair held out belongs to.
        targets: Its item.
        now: The moment that is asked at.
        groups: What each of those asked belongs to, which must not be torn apart; None
            for each alone.
    """

    fit: Events
    histories: Events
    owners: NDArray[np.int32]
    targets: NDArray[np.int32]
    now: float
    groups: NDArray[np.int64] | None = None


def _temporal(events: Events, plan: Plan, *, split: SplitConfig) -> _Cut:
    cut = cut_seconds(events.times, split)
    before = events.where(events.times < cut)
    after = events.where((events.times >= cut) & np.isin(events.type_codes, plan.target_types))
    return _Cut(fit=before, histories=before, owners=after.users, targets=after.items, now=cut)


def _next(events: Events, *, asked_max: int, rng: np.random.Generator) -> _Cut:
    """Hide the newest sessions whole; every step in them is asked for with what came before."""
    order = np.lexsort((events.times, events.users))
    users, times = events.users[order], events.times[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    lengths = np.diff(np.r_[starts, len(users)])
    long_enough = np.flatnonzero(lengths > 1)
    newest = long_enough[np.argsort(-times[starts][long_enough], kind="stable")]
    count = max(2, int(len(newest) * _SESSION_SHARE))
    hidden = np.sort(newest[:count])
    fit = events.where(~np.isin(events.users, users[starts[hidden]]))
    steps = np.minimum(lengths[hidden] - 1, _PREFIXES_PER_SESSION_MAX)
    sessions = np.repeat(hidden, steps)
    # The step that is asked for, counted from the end of the session.
    back = np.arange(len(sessions)) - np.repeat(np.cumsum(steps) - steps, steps)
    wanted = starts[sessions] + lengths[sessions] - 1 - back
    chosen = np.sort(rng.permutation(len(wanted))[:asked_max])
    sessions, wanted = sessions[chosen], wanted[chosen]
    sizes = wanted - starts[sessions]
    owners = np.repeat(np.arange(len(wanted)), sizes)
    inside = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    taken = order[starts[sessions][owners] + inside]
    lines = np.lexsort((events.times[taken], events.items[taken], owners))
    taken, owners = taken[lines], owners[lines]
    histories = Events(
        users=owners.astype(np.int32),
        items=events.items[taken],
        type_codes=events.type_codes[taken],
        channel_codes=events.channel_codes[taken],
        stores=np.full(len(taken), NO_STORE, dtype=np.int32),
        times=events.times[taken],
        user_count=len(wanted),
        item_ids=events.item_ids,
        store_ids=[],
    )
    now = float(fit.times.max()) if len(fit) else float(times.max())
    asked = np.arange(len(wanted), dtype=np.int32)
    return _Cut(
        fit=fit,
        histories=histories,
        owners=asked,
        targets=events.items[order[wanted]],
        now=now,
        groups=sessions,
    )


def _hidden(events: Events, plan: Plan, *, asked_max: int, rng: np.random.Generator) -> _Cut:
    """Hide the last item, or a share of all items, of some users, in every line of theirs."""
    count = max(1, len(events.item_ids))
    keys = events.users.astype(np.int64) * count + events.items
    wanted = np.isin(events.type_codes, plan.target_types)
    pairs, owners_of_lines = np.unique(keys[wanted], return_inverse=True)
    newest = np.full(len(pairs), -np.inf)
    np.maximum.at(newest, owners_of_lines, events.times[wanted])
    owners = pairs // count
    # Somebody whose only item is hidden would be asked about with nothing known of her.
    item_counts = np.bincount(np.unique(keys) // count, minlength=events.user_count)
    able = np.unique(owners[item_counts[owners] > 1])
    share_max = max(2, int(len(able) * (1.0 if _small(len(able)) else _USER_SHARE_MAX)))
    users = np.sort(rng.permutation(able)[: min(asked_max, share_max)])
    theirs = np.flatnonzero(np.isin(owners, users))
    lots = rng.random(len(theirs))
    if plan.hold_out is HoldOut.LAST:
        # Of several at the same moment chance takes one.
        ages = np.lexsort((lots, -newest[theirs])).argsort()
    else:
        ages = np.argsort(lots).argsort()
    order = theirs[np.lexsort((ages, owners[theirs]))]
    sizes = np.unique(owners[order], return_counts=True)[1]
    places = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    shares = np.ones(len(sizes), dtype=np.int64)
    if plan.hold_out is HoldOut.RANDOM:
        shares = np.maximum(1, (sizes * _RANDOM_SHARE).astype(np.int64))
    chosen = np.sort(order[places < np.repeat(shares, sizes)])
    hidden = pairs[chosen]
    fit = events.where(~np.isin(keys, hidden))
    if plan.hold_out is HoldOut.LAST:
        # What she did afterwards, of another kind, would not be known when she is asked.
        moment = np.full(events.user_count, np.inf)
        moment[owners[chosen]] = newest[chosen]
        fit = fit.where(fit.times <= moment[fit.users])
    now = float(events.times.max())
    return _Cut(
        fit=fit,
        histories=fit,
        owners=(hidden // count).astype(np.int32),
        targets=(hidden % count).astype(np.int32),
        now=now,
    )


def _small(user_count: int) -> bool:
    return user_count < ASKED_MAX // 2
