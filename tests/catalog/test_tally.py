"""One item in one store: what is kept of what is said of it."""

import random

import pytest

from recsys import limits
from recsys.catalog import StockOutcome, Tally

WRITTEN, DUPLICATE, STALE, *_ = StockOutcome
KEPT = limits.STOCK_ADJUSTMENT_COUNT_MAX


def test_of_many_adjustments_the_oldest_become_part_of_the_count() -> None:
    """So that a cell stays small however much is sold; the quantity is the same."""
    tally = Tally()
    tally.count(1_000.0, stock_time=0.0)
    names = list(range(1, 3 * KEPT))
    random.Random(1).shuffle(names)
    outcomes = {name: tally.adjust(f"a{name}", -1.0, stock_time=float(name)) for name in names}
    assert len(tally.adjustments) <= KEPT
    assert tally.quantity == 1_000.0 - list(outcomes.values()).count(WRITTEN)
    assert tally.stock_time == max(names)
    assert tally.counted_time is not None
    # What is older than all that is kept apart cannot be told from what was counted.
    assert tally.adjust("late", -1.0, stock_time=tally.counted_time) is STALE
    assert tally.count(5.0, stock_time=tally.counted_time - 1) is STALE
    assert tally.adjust(f"a{max(names)}", -1.0, stock_time=float(max(names))) is DUPLICATE


def test_in_their_order_all_adjustments_count() -> None:
    """None is stale, and none is lost."""
    tally = Tally()
    for name in range(3 * KEPT):
        assert tally.adjust(f"a{name}", 1.0, stock_time=float(name)) is WRITTEN
    assert (tally.quantity, len(tally.adjustments)) == (3.0 * KEPT, KEPT)


def test_quantities_add_up_in_any_order() -> None:
    """To the same number, also where they are no whole ones."""
    sums = set()
    for seed in range(20):
        changes = [(f"a{n}", n / 10) for n in range(1, 40)]
        random.Random(seed).shuffle(changes)
        tally = Tally(0.1, 0.0)
        for name, change in changes:
            tally.adjust(name, change, stock_time=1.0)
        sums.add(tally.quantity)
    assert len(sums) == 1
    assert sums.pop() == pytest.approx(78.1)


def test_nothing_was_ever_said_of_a_new_one() -> None:
    """There is nothing, since always."""
    tally = Tally()
    assert (tally.quantity, tally.stock_time) == (0.0, -float("inf"))
