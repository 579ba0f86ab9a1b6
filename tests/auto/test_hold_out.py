"""What is held out never reaches the fits, and those who check are not those who choose."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.sparse import expand_rows
from support.lines import BUY, DAY, VIEW, circles, events_of
from training.auto.hiding import CUTS_MAX
from training.auto.hold_out import Validation, hold_out
from training.auto.plan import HoldOut, Plan, Wishes, make_plan
from training.config import SplitConfig
from training.interactions import Events
from training.published import Order
from training.testset import TestSet

KINDS = pytest.mark.parametrize("kind", list(HoldOut))


def cut(events: Events, kind: HoldOut, *, seed: int = 0) -> tuple[Plan, Validation]:
    """Cut with a plan of some kind."""
    split = SplitConfig()
    plan = make_plan(events, Order.TIMES, Wishes(hold_out=kind), split=split)
    return plan, cuts(events, plan, seed=seed)[0]


def cuts(events: Events, plan: Plan, *, seed: int = 0, asked_max: int = 60) -> list[Validation]:
    """Cut as often as it takes."""
    rng = np.random.default_rng(seed)
    return hold_out(
        events, plan, split=SplitConfig(), history_event_count_max=100, rng=rng, asked_max=asked_max
    )


def pairs(test: TestSet) -> set[tuple[int, int]]:
    """User and item of everything that should be found."""
    owners = test.users[expand_rows(test.targets.indptr)]
    return set(zip(owners.tolist(), test.targets.items.tolist(), strict=True))


def lines(events: Events) -> set[tuple[int, int]]:
    """User and item of every line."""
    return set(zip(events.users.tolist(), events.items.tolist(), strict=True))


@pytest.mark.parametrize("kind", [HoldOut.LAST, HoldOut.RANDOM])
@given(seed=st.integers(0, 10_000))
def test_hidden_pairs_are_in_no_line_of_any_kind(kind: HoldOut, seed: int) -> None:
    """Whether somebody bought it or only looked at it before."""
    rng = np.random.default_rng(seed)
    rows = sorted(
        {(int(u), int(i), float(t)) for u, i, t in rng.integers([30, 8, 50], size=(200, 3))}
    )
    kinds = [BUY if number % 3 else VIEW for number in range(len(rows))]
    _, found = cut(events_of(rows, item_count=8, kinds=kinds), kind, seed=seed)
    for test in (found.tune, found.check):
        assert not pairs(test) & lines(found.fit)
        assert not pairs(test) & lines(test.histories)
        assert len(np.unique(test.histories.users)) == len(test)


@given(seed=st.integers(0, 10_000))
def test_the_future_is_not_known(seed: int) -> None:
    """Cut by time, nothing at or after the cut is fitted on or known of people."""
    events = circles(user_count=60, seed=seed)
    _, found = cut(events, HoldOut.TEMPORAL, seed=seed)
    moment = found.tune.cut_time
    assert found.fit.times.max() < moment
    for test in (found.tune, found.check):
        assert test.histories.times.max(initial=-np.inf) < moment
        after = events.where(events.times >= moment)
        assert pairs(test) <= lines(after)


def test_the_last_item_is_the_newest_one() -> None:
    """Of people who walk on, their last step."""
    events = circles(user_count=40)
    _, found = cut(events, HoldOut.LAST)
    newest = {
        (int(user), int(events.items[events.users == user][np.argmax(events.times[events.users == user])]))
        for user in found.tune.users
    }  # fmt: skip
    assert pairs(found.tune) == newest


def test_the_next_item_follows_what_was_there_before() -> None:
    """Each step of a hidden session is asked for with the steps before it, and with no other."""
    events = circles(user_count=80, pause=60.0)
    _, found = cut(events, HoldOut.NEXT)
    for test in (found.tune, found.check):
        for row in range(len(test)):
            mine = test.histories.users == test.users[row]
            order = np.argsort(test.histories.times[mine])
            walked = test.histories.items[mine][order]
            target = int(test.targets.items[test.targets.indptr[row]])
            assert target // 8 == walked[-1] // 8
            assert target % 8 == (walked[-1] + 1) % 8


def test_hidden_sessions_are_hidden_whole() -> None:
    """Of the newest sessions no line is fitted on, and none is torn between the two groups."""
    events = circles(user_count=80, pause=60.0)
    _, found = cut(events, HoldOut.NEXT)
    hidden = set(range(80)) - set(found.fit.users.tolist())
    begun = {user: float(events.times[events.users == user].min()) for user in range(80)}
    assert hidden
    assert min(begun[user] for user in hidden) > max(begun[user] for user in set(range(80)) - hidden) - DAY  # fmt: skip
    starts = [
        {float(test.histories.times[test.histories.users == user].min()) for user in test.users}
        for test in (found.tune, found.check)
    ]
    assert not starts[0] & starts[1]


@KINDS
def test_those_who_check_do_not_choose(kind: HoldOut) -> None:
    """The groups are apart and about as large."""
    _, found = cut(circles(user_count=80, pause=DAY), kind)
    assert not set(found.tune.users.tolist()) & set(found.check.users.tolist())
    assert len(found.tune) > 0
    assert len(found.check) > 0


@pytest.mark.parametrize("kind", [HoldOut.TEMPORAL, HoldOut.NEXT])
def test_what_is_hidden_may_be_anything(kind: HoldOut) -> None:
    """What is fitted on stays the same when the hidden items are others."""
    events = circles(user_count=80)
    _, found = cut(events, kind)
    hidden = (
        events.times >= found.tune.cut_time
        if kind is HoldOut.TEMPORAL
        else ~np.isin(events.users, found.fit.users)
    )
    assert hidden.any()
    others = np.where(hidden, (events.items + 8) % 24, events.items)
    rows = list(zip(events.users.tolist(), others.tolist(), events.times.tolist(), strict=True))
    _, changed = cut(events_of(rows, item_count=24), kind)
    assert lines(changed.fit) == lines(found.fit)
    assert pairs(changed.tune) != pairs(found.tune)


def test_where_few_are_asked_they_are_asked_at_several_cuts() -> None:
    """Each period is hidden from its own fit, and nobody chooses here and checks there."""
    events = circles(user_count=80)
    plan = make_plan(events, Order.TIMES, Wishes(hold_out=HoldOut.TEMPORAL), split=SplitConfig())
    found = cuts(events, plan, asked_max=6_000)
    assert len(found) == CUTS_MAX
    moments = [one.tune.cut_time for one in found]
    assert np.ptp(np.diff(moments)) < 1e-3
    end = np.inf
    for one, moment in zip(found, moments, strict=True):
        assert one.fit.times.max() < moment
        asked = events.where((events.times >= moment) & (events.times < end))
        assert pairs(one.tune) | pairs(one.check) <= lines(asked)
        end = moment
    choosing = {int(user) for one in found for user in one.tune.users}
    checking = {int(user) for one in found for user in one.check.users}
    assert choosing
    assert checking
    assert not choosing & checking


def test_one_cut_is_enough_where_many_are_asked() -> None:
    """More cuts would cost more fits."""
    events = circles(user_count=80)
    plan = make_plan(events, Order.TIMES, Wishes(hold_out=HoldOut.TEMPORAL), split=SplitConfig())
    assert len(cuts(events, plan, asked_max=2)) == 1


def browsed(*, user_count: int = 400) -> Events:
    """Everybody looks, buys, looks, buys and looks again."""
    rows, kinds = [], []
    for user in range(user_count):
        for step, kind in enumerate((VIEW, BUY, VIEW, BUY, VIEW)):
            rows.append((user, (user + step) % 8, step * DAY))
            kinds.append(kind)
    order = sorted(range(len(rows)), key=lambda number: rows[number])
    return events_of(
        [rows[number] for number in order], item_count=8, kinds=[kinds[number] for number in order]
    )


def test_half_of_those_asked_for_a_file_keep_what_they_did_later() -> None:
    """A published split may leave it in; what will be served knows nothing of it."""
    events = browsed()
    for published, share in ((True, 0.5), (False, 0.0)):
        wishes = Wishes(hold_out=HoldOut.LAST, published=published)
        plan = make_plan(events, Order.TIMES, wishes, split=SplitConfig())
        (found,) = cuts(events, plan, asked_max=300)
        histories = found.tune.histories
        last = np.array(
            [histories.times[histories.users == user].max() for user in found.tune.users]
        )
        assert np.mean(last == 4 * DAY) == pytest.approx(share, abs=0.12)


def test_those_asked_keep_a_purchase_where_everybody_has_one() -> None:
    """Whoever split the lines left one to everybody, so nobody is asked who would have none."""
    events = browsed()
    once = events.where(~((events.users < 50) & (events.times == DAY)))
    plan = make_plan(once, Order.TIMES, Wishes(hold_out=HoldOut.LAST), split=SplitConfig())
    (found,) = cuts(once, plan, asked_max=600)
    asked = np.r_[found.tune.users, found.check.users]
    assert len(asked)
    assert asked.min() >= 50


def test_people_are_asked_in_the_store_where_they_bought_first() -> None:
    """Of an own dataset; a file of somebody else's is asked about without stores."""
    events = circles(user_count=80)
    stores = (events.users % 3).astype(np.int32)
    events = replace(events, stores=stores, store_ids=["a", "b", "c"])
    for published in (False, True):
        wishes = Wishes(hold_out=HoldOut.TEMPORAL, published=published)
        plan = make_plan(events, Order.TIMES, wishes, split=SplitConfig())
        tune = cuts(events, plan)[0].tune
        expected = np.full(len(tune), -1) if published else tune.users % 3
        assert np.array_equal(tune.contexts.stores, expected)
