"""Ways to hide lines: the newest weeks, the newest sessions, the last item, some items."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.auto.plan import HoldOut, Plan
from training.config import SplitConfig
from training.interactions import NO_STORE, Events
from training.ranking import Contexts
from training.split import cut_seconds
from training.testset import first_contexts

ASKED_MAX = 6_000
"""Users asked in all; half of them choose, half check."""
CUTS_MAX = 3
"""Cuts in time, where one has too few people to choose by."""
_RANDOM_SHARE = 0.2
_USER_SHARE_MAX = 0.5
_SESSION_SHARE = 0.05
_LATER_KEPT_SHARE = 0.5
_PREFIXES_PER_SESSION_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """What is fitted on and what is asked.

    Attributes:
        fit: Lines to fit on.
        histories: Lines of what is known of those asked.
        owners: Who each pair held out belongs to.
        targets: Its item.
        now: The moment that is asked at.
        groups: What each of those asked belongs to, which must not be torn apart; None
            for each alone.
        contexts: Who asks in which store and on which channel, None if that is not known.
    """

    fit: Events
    histories: Events
    owners: NDArray[np.int32]
    targets: NDArray[np.int32]
    now: float
    groups: NDArray[np.int64] | None = None
    contexts: tuple[NDArray[np.int32], Contexts] | None = None

    def known(self) -> NDArray[np.int32]:
        """Return who has a history and something to find, ascending."""
        return np.intersect1d(self.owners, self.histories.users).astype(np.int32)


def temporal_cuts(events: Events, plan: Plan, *, split: SplitConfig, asked_max: int) -> list[Cut]:
    """Hide the newest weeks, and the weeks before them too while too few are asked.

    What is chosen by a few hundred people is mostly chance. Grocers' and small shops' people
    can be asked at several moments.
    """
    end = np.inf
    moment = cut_seconds(events.times, split)
    length = float(events.times.max()) - moment
    cuts: list[Cut] = []
    asked = 0
    while len(cuts) < CUTS_MAX and asked < asked_max:
        before = events.where(events.times < moment)
        if cuts and not len(before):
            break
        wanted = np.isin(events.type_codes, plan.target_types)
        after = events.where((events.times >= moment) & (events.times < end) & wanted)
        found = Cut(
            fit=before,
            histories=before,
            owners=after.users,
            targets=after.items,
            now=moment,
            contexts=_contexts_of(after) if plan.placed else None,
        )
        cuts.append(found)
        asked += len(found.known())
        moment, end = moment - length, moment
        if length <= 0:
            break
    return cuts


def _contexts_of(after: Events) -> "tuple[NDArray[np.int32], Contexts]":
    """Return who asks, ascending, and in which store and on which channel she bought first."""
    users, rows = np.unique(after.users, return_inverse=True)
    return users, first_contexts(after, rows.astype(np.int32), len(users))


def next_cut(events: Events, *, asked_max: int, rng: np.random.Generator) -> Cut:
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
    return Cut(
        fit=fit,
        histories=histories,
        owners=asked,
        targets=events.items[order[wanted]],
        now=now,
        groups=sessions,
    )


def hidden_cut(events: Events, plan: Plan, *, asked_max: int, rng: np.random.Generator) -> Cut:
    """Hide the last item, or a share of all items, of some users, in every line of theirs."""
    count = max(1, len(events.item_ids))
    keys = events.users.astype(np.int64) * count + events.items
    wanted = np.isin(events.type_codes, plan.target_types)
    pairs, owners_of_lines = np.unique(keys[wanted], return_inverse=True)
    newest = np.full(len(pairs), -np.inf)
    np.maximum.at(newest, owners_of_lines, events.times[wanted])
    owners = pairs // count
    # Somebody whose only item is hidden would be asked about with nothing known of her.
    counted = pairs if plan.one_left else np.unique(keys)
    item_counts = np.bincount(counted // count, minlength=events.user_count)
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
        until = newest[chosen].copy()
        if plan.later_kept:
            until[rng.random(len(chosen)) < _LATER_KEPT_SHARE] = np.inf
        moment[owners[chosen]] = until
        fit = fit.where(fit.times <= moment[fit.users])
    now = float(events.times.max())
    return Cut(
        fit=fit,
        histories=fit,
        owners=(hidden // count).astype(np.int32),
        targets=(hidden % count).astype(np.int32),
        now=now,
    )


def _small(user_count: int) -> bool:
    return user_count < ASKED_MAX // 2
