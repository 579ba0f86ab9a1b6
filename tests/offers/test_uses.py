"""Whether an offer may be used once more is decided in one place, in one order."""

import pytest

from recsys.domain import SECONDS_PER_DAY
from recsys.offers import Cap, Offer, Rule, Spend, Use
from recsys.offers.uses import bear, refused_stacking, refused_time, refused_use, shown_cost_micros
from support.offers import EURO, offer

NOW = 1_000_000.0
DAY = SECONDS_PER_DAY


def rules(
    one: Offer, spend: Spend, *uses: Use, cost: int = EURO, person: int | None = 7
) -> list[tuple[Rule, str]]:
    """What refuses one more use, in order."""
    found = refused_use(
        "ten", one, spend=spend, cost_micros=cost, person_key=person, uses=uses, now=NOW
    )
    return list(found)


@pytest.mark.parametrize(
    ("one", "refused"),
    [
        (offer(from_time=NOW), ()),
        (offer(from_time=NOW + 5), ("NOT_STARTED: begins in 5 s",)),
        (offer(until_time=NOW), ("ENDED: ended 0 s ago",)),
        (offer(until_time=NOW + 1), ()),
    ],
)
def test_an_offer_has_its_time(one: Offer, refused: tuple[str, ...]) -> None:
    """From its beginning, and not at its end any more."""
    assert [f"{rule}: {detail}" for rule, detail in refused_time(one, now=NOW)] == [*refused]


def test_what_is_used_up_refuses_everybody() -> None:
    """At the edge, of units and of money, reserved or committed."""
    one = offer(unit_count=3, budget_micros=10 * EURO)
    spend = Spend(reserved_count=1, reserved_micros=4 * EURO, committed_count=1)
    assert rules(one, spend, cost=6 * EURO) == []
    assert rules(one, spend, cost=6 * EURO + 1) == [
        (Rule.BUDGET, "6 of the budget are left; a use costs 6.000001")
    ]
    full = spend._replace(committed_count=2)
    assert rules(one, full) == [(Rule.UNITS, "all 3 are used or reserved")]


def test_of_a_budget_that_is_used_up_nothing_is_shown() -> None:
    """Even where an offer does not say what a use costs."""
    one = offer(budget_micros=EURO, cost_micros=0)
    spent = Spend(committed_count=1, committed_micros=EURO)
    assert rules(one, spent, cost=0) == []
    assert [rule for rule, _ in rules(one, spent, cost=shown_cost_micros(one))] == [Rule.BUDGET]


def test_her_own_uses_count_for_a_while() -> None:
    """A cap of some days forgets; one without does not."""
    one = offer(caps=(Cap(1, 7.0), Cap(2, None)))
    old, recent = Use(NOW - 8 * DAY, is_held=False), Use(NOW - DAY, is_held=True)
    assert rules(one, Spend(), old) == []
    assert rules(one, Spend(), recent) == [(Rule.CAP, "allowed 1 times in 7 days")]
    assert [detail for _, detail in rules(one, Spend(), old, recent)] == [
        "allowed 1 times in 7 days", "allowed 2 times"
    ]  # fmt: skip


def test_the_first_rule_is_the_same_whoever_asks() -> None:
    """Who never gets it is told so, even where nothing is left."""
    one = offer(unit_count=1, holdout_share=1.0)
    full = Spend(reserved_count=1)
    assert [rule for rule, _ in rules(one, full)] == [Rule.HOLDOUT, Rule.UNITS]
    assert [rule for rule, _ in rules(one, full, person=None)] == [Rule.UNITS]


def test_what_lies_on_top_needs_what_is_below() -> None:
    """Held, or used within a day; and one of a group at a time."""
    one = offer(stacks_on="base", stacking_group="g")
    held = Use(0.0, is_held=True)
    used, old = (Use(time, is_held=False) for time in (NOW - DAY + 1, NOW - DAY))
    assert [bear([each], now=NOW) for each in (held, used, old)] == [True, True, False]
    assert list(refused_stacking(one, base_uses=[used], held_of_group=(), now=NOW)) == []
    found = refused_stacking(one, base_uses=[old], held_of_group={"b", "a"}, now=NOW)
    assert [detail for _, detail in found] == [
        "goes on top of 'base' only", "'a' of its group is reserved"
    ]  # fmt: skip
