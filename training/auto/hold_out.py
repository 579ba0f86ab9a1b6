"""Cutting validation out of training lines: what is fitted on, and two groups to ask.

One group chooses, the other checks and decides among the last few. Both are asked with what was
known before; what they should find is in no line that is fitted on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.auto.hiding import ASKED_MAX, Cut, hidden_cut, next_cut, temporal_cuts
from training.auto.plan import HoldOut, Plan
from training.config import SplitConfig
from training.interactions import NO_STORE, Events
from training.ranking import Contexts
from training.testset import TestSet, distinct_targets, newest_lines


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
) -> list[Validation]:
    """Cut, several times where a cut in time has too few people to choose by.

    Args:
        events: The training lines, at least one.
        plan: What is held out.
        split: Where time is cut, for `temporal`.
        history_event_count_max: Newest lines of a history that are used.
        rng: Source of the draw of users.
        asked_max: Users asked in all, 2 or more.

    Returns:
        The newest cut first. Nobody chooses at one cut and checks at another.
    """
    if plan.hold_out is HoldOut.TEMPORAL:
        cuts = temporal_cuts(events, plan, split=split, asked_max=asked_max)
    elif plan.hold_out is HoldOut.NEXT:
        cuts = [next_cut(events, asked_max=asked_max, rng=rng)]
    else:
        cuts = [hidden_cut(events, plan, asked_max=asked_max, rng=rng)]
    drawn = [np.sort(rng.permutation(cut.known())[:asked_max]) for cut in cuts]
    groups = [
        users if cut.groups is None else cut.groups[users]
        for cut, users in zip(cuts, drawn, strict=True)
    ]
    shuffled = rng.permutation(np.unique(np.concatenate(groups)))
    checking = shuffled[(len(shuffled) + 1) // 2 :]
    return [
        Validation(
            fit=cut.fit,
            tune=_asked(cut, users[~is_check], history_event_count_max),
            check=_asked(cut, users[is_check], history_event_count_max),
        )
        for cut, users, is_check in zip(
            cuts, drawn, [np.isin(group, checking) for group in groups], strict=True
        )
    ]


def _asked(cut: Cut, users: NDArray[np.int32], history_event_count_max: int) -> TestSet:
    theirs = np.isin(cut.owners, users)
    return TestSet(
        users=users,
        histories=newest_lines(
            cut.histories.where(np.isin(cut.histories.users, users)), history_event_count_max
        ),
        contexts=_contexts(cut, users),
        targets=distinct_targets(
            np.searchsorted(users, cut.owners[theirs]),
            cut.targets[theirs],
            user_count=len(users),
            item_count=len(cut.fit.item_ids),
        ),
        targets_by_channel={},
        targets_by_store={},
        cut_time=cut.now,
    )


def _contexts(cut: Cut, users: NDArray[np.int32]) -> Contexts:
    if cut.contexts is None:
        return Contexts(
            channel_codes=np.zeros(len(users), dtype=np.uint8),
            stores=np.full(len(users), NO_STORE, dtype=np.int32),
            store_ids=[],
        )
    known, contexts = cut.contexts
    rows = np.searchsorted(known, users)
    return Contexts(
        channel_codes=contexts.channel_codes[rows],
        stores=contexts.stores[rows],
        store_ids=contexts.store_ids,
    )
