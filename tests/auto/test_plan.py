"""What is held out is inferred from what the data are like, and said."""

import numpy as np
import pytest

from recsys.domain import EventType
from support.lines import BUY, DAY, VIEW, circles, events_of
from training.auto.plan import HoldOut, Metric, Plan, Wishes, make_plan
from training.config import SplitConfig
from training.interactions import Events
from training.published import Order

MANY = circles(user_count=900, steps=8, pause=5 * DAY)
FEW = circles(user_count=60)
VISITS = circles(user_count=60, pause=60.0)


def plan_of(events: Events, order: Order, wishes: Wishes | None = None) -> Plan:
    """Plan with the usual cut."""
    return make_plan(events, order, wishes or Wishes(), split=SplitConfig())


@pytest.mark.parametrize(
    ("events", "order", "hold_out", "reason"),
    [
        (MANY, Order.TIMES, HoldOut.TEMPORAL, "come back after the cut"),
        (FEW, Order.TIMES, HoldOut.LAST, "too few to choose by"),
        (VISITS, Order.TIMES, HoldOut.NEXT, "sessions"),
        (MANY, Order.POSITIONS, HoldOut.LAST, "no times"),
        (MANY, Order.LISTS, HoldOut.LAST, "no times"),
        (MANY, Order.NONE, HoldOut.RANDOM, "by chance"),
    ],
    ids=["times", "few come back", "short visits", "positions", "lists", "nothing known"],
)
def test_the_hold_out_follows_what_is_known(
    events: Events, order: Order, hold_out: HoldOut, reason: str
) -> None:
    """Each kind of data has its own, with the reason."""
    plan = plan_of(events, order)
    assert plan.hold_out is hold_out
    assert any(reason in said for said in plan.reasons)


def test_sessions_by_name_are_sessions() -> None:
    """Whatever else is known."""
    assert plan_of(MANY, Order.LISTS, Wishes(sessions=True)).hold_out is HoldOut.NEXT


def test_what_is_asked_for_is_done() -> None:
    """Nothing is inferred over a wish."""
    wishes = Wishes(hold_out=HoldOut.RANDOM, exclude_seen=False, metric=Metric.parse("recall@5"))
    plan = plan_of(MANY, Order.TIMES, wishes)
    assert (plan.hold_out, plan.protocol) == (HoldOut.RANDOM, "any")
    assert str(plan.metric) == "recall@5"
    assert plan.blocked == frozenset()


def test_repeats_are_allowed_where_people_repeat() -> None:
    """Weekly shoppers buy the same again; people who walk on do not."""
    rows = [(user, user % 5, week * 7 * DAY) for user in range(320) for week in range(10)]
    assert plan_of(events_of(rows, item_count=5), Order.TIMES).protocol == "any"
    walkers = circles(user_count=400, steps=8, pause=5 * DAY)
    assert plan_of(walkers, Order.TIMES).protocol == "new"


def test_purchases_are_looked_for_where_there_are_any() -> None:
    """Views are known of people, and are no target; without purchases everything is."""
    rows = [(user, item, float(item) * DAY) for user in range(30) for item in range(4)]
    kinds = [BUY if item == 3 else VIEW for _, item, _ in rows]
    mixed = plan_of(events_of(rows, item_count=4, kinds=kinds), Order.TIMES)
    assert mixed.target_types == (BUY.code,)
    views = plan_of(events_of(rows, item_count=4, kinds=[VIEW] * len(rows)), Order.TIMES)
    assert views.target_types == (VIEW.code,)


def test_only_some_events_may_keep_items_out() -> None:
    """As `recsys evaluate --exclude-event` does."""
    plan = plan_of(MANY, Order.TIMES, Wishes(excluded_types=(EventType.PURCHASE_COMPLETE,)))
    assert plan.protocol == "new"
    assert plan.blocked == frozenset({EventType.PURCHASE_COMPLETE})


@pytest.mark.parametrize("text", ["fame@20", "ndcg@0", "ndcg@many", "ndcg@2000"])
def test_no_such_metric(text: str) -> None:
    """Names and lengths are checked."""
    with pytest.raises(ValueError, match=r"metric|k is|many"):
        Metric.parse(text)


def test_the_reasons_count_what_they_say() -> None:
    """The number of people who come back is the number of people who come back."""
    split = SplitConfig()
    cut = MANY.times.max() - split.test_share_max * np.ptp(MANY.times)
    before, after = MANY.users[MANY.times < cut], MANY.users[MANY.times >= cut]
    count = len(np.intersect1d(before, after))
    assert any(f"{count} known users" in said for said in plan_of(MANY, Order.TIMES).reasons)
