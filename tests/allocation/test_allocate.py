"""Assignments against linear programming, and against every limit that was set."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from recsys.errors import InvalidRequest
from training.allocation import Limit, Problem, allocate, allocate_in_turn, solve
from training.allocation import prices as prices_module
from training.allocation.allocate import Allocation


def problem_of(
    values: np.ndarray,
    costs: np.ndarray | None = None,
    *,
    slots: int = 1,
    limits: tuple[Limit, ...] = (),
) -> Problem:
    """Everybody may get everything: a row for each person and a column for each choice."""
    person_count, choice_count = values.shape
    costs = np.ones_like(values) if costs is None else costs
    return Problem(
        starts=np.arange(person_count + 1, dtype=np.int64) * choice_count,
        choices=np.tile(np.arange(choice_count, dtype=np.int32), person_count),
        values=np.ascontiguousarray(values, dtype=np.float32).ravel(),
        costs=np.ascontiguousarray(costs, dtype=np.float32).ravel(),
        slots=np.full(person_count, slots, dtype=np.int32),
        choice_count=choice_count,
        limits=limits,
    )


def shop(person_count: int, choice_count: int, *, seed: int, slots: int = 1) -> Problem:
    """Tastes in a few dimensions, budgets and pieces that are scarce, and a share to reach."""
    rng = np.random.default_rng(seed)
    people, offers = rng.normal(size=(person_count, 4)), rng.normal(size=(choice_count, 4))
    likely = 1 / (1 + np.exp(2.0 - people @ offers.T))
    cost = rng.lognormal(1.0, 0.5, choice_count)
    worth = likely * cost * rng.uniform(1.0, 5.0, choice_count)
    usual = worth.max(axis=1).sum() / choice_count / 8
    limits = [
        Limit(name=f"budget {one}", choices=(one,), of_costs=True, upper=usual * (1 + one % 3))
        for one in range(choice_count)
    ]
    limits += [
        Limit(name=f"pieces {one}", choices=(one,), upper=float(person_count // choice_count))
        for one in range(0, choice_count, 3)
    ]
    most = float(person_count // 5)
    limits.append(Limit(name="share", choices=(1, 2), lower=most / 2, upper=most))
    return problem_of(worth - likely * cost, likely * cost, slots=slots, limits=tuple(limits))


def optimum(problem: Problem) -> float:
    """What HiGHS finds for the linear programme."""
    count = problem.pair_count
    owners = np.repeat(np.arange(problem.person_count), np.diff(problem.starts))
    rows = [csr_array((np.ones(count), (owners, np.arange(count))))]
    bounds = [problem.slots.astype(float)]
    for limit in problem.limits:
        inside = np.isin(problem.choices, limit.choices)
        used = np.where(inside, problem.costs if limit.of_costs else 1.0, 0.0)
        if np.isfinite(limit.upper):
            rows.append(csr_array(used[None]))
            bounds.append(np.array([limit.upper]))
        rows.append(csr_array(-used[None]))
        bounds.append(np.array([-limit.lower]))
    values = -problem.values.astype(float)
    found = linprog(values, A_ub=vstack(rows), b_ub=np.concatenate(bounds), bounds=(0, 1))
    assert found.status == 0
    return -float(found.fun)


def check(problem: Problem, found: Allocation) -> None:
    """What holds of every assignment, counted anew from its pairs."""
    taken = np.flatnonzero(found.chosen)
    persons = np.searchsorted(problem.starts, taken, side="right") - 1
    assert (np.bincount(persons, minlength=problem.person_count) <= problem.slots).all()
    assert found.value == pytest.approx(problem.values[taken].sum(dtype=np.float64))
    for used in found.used:
        inside = taken[np.isin(problem.choices[taken], used.limit.choices)]
        costs = problem.costs[inside].sum(dtype=np.float64)
        amount = costs if used.limit.of_costs else len(inside)
        assert used.amount == pytest.approx(amount)
        assert amount <= used.limit.upper * (1 + 1e-9)


@pytest.mark.parametrize("slots", [1, 3])
def test_the_bound_is_the_optimum_and_the_assignment_is_near(slots: int) -> None:
    """Prices prove what linear programming finds; whole people cost little of it."""
    problem = shop(600, 12, seed=slots, slots=slots)
    found = allocate(problem, threads=1)
    best = optimum(problem)
    check(problem, found)
    assert all(used.is_met for used in found.used)
    assert best * (1 - 1e-9) <= found.bound <= best * 1.002
    assert found.value >= best * 0.985
    assert found.value > allocate_in_turn(problem).value


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    person_count=st.integers(1, 40),
    choice_count=st.integers(3, 7),
    slots=st.integers(0, 4),
)
def test_nothing_is_overdrawn_and_the_bound_holds(
    seed: int, person_count: int, choice_count: int, slots: int
) -> None:
    """Whatever the sizes: slots and upper bounds hold, and nothing is worth more than proved."""
    rng = np.random.default_rng(seed)
    problem = problem_of(
        np.round(rng.normal(size=(person_count, choice_count)), 1),
        np.round(rng.exponential(size=(person_count, choice_count)), 1),
        slots=slots,
        limits=(
            Limit(name="money", choices=(0, 1), of_costs=True, upper=float(rng.exponential(9))),
            Limit(name="pieces", choices=(1, 2), upper=float(rng.integers(0, person_count + 1))),
            Limit(name="all", choices=tuple(range(choice_count)), upper=30.0),
        ),
    )
    for found in (allocate(problem, seed=seed, threads=1), allocate_in_turn(problem, seed=seed)):
        check(problem, found)
        assert found.value <= found.bound + 1e-4


def test_equal_people_share_what_is_scarce() -> None:
    """Where all are worth the same, exactly as many get it as there are pieces."""
    problem = problem_of(np.ones((200, 1)), limits=(Limit(name="mugs", choices=(0,), upper=40.0),))
    assert allocate(problem).value == 40.0


def test_a_share_is_reached_in_place_of_what_is_worth_more() -> None:
    """Half of the people get what is worth less, because somebody wants it so."""
    values = np.tile([2.0, 1.0], (100, 1)) + np.linspace(0, 0.5, 100)[:, None] * [1, -1]
    limits = (Limit(name="own brand", choices=(1,), lower=50.0),)
    found = allocate(problem_of(values, limits=limits))
    assert found.used[0].amount == 50.0
    assert found.value == pytest.approx(optimum(problem_of(values, limits=limits)), rel=1e-6)
    assert found.used[0].price < 0


def test_a_share_that_cannot_be_reached_is_said() -> None:
    """What nobody may get cannot be given; the rest is as good as it can be."""
    limits = (
        Limit(name="few", choices=(1,), upper=3.0),
        Limit(name="wanted", choices=(1,), lower=5.0),
    )
    found = allocate(problem_of(np.ones((10, 2)), limits=limits))
    assert [used.is_met for used in found.used] == [True, False]
    assert found.used[1].amount == 3.0
    assert found.value == 10.0


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same assignment and prices to the last bit, however the work is shared."""
    monkeypatch.setattr("training.allocation.dual._SLICE_PAIRS", 500)
    problem = shop(300, 9, seed=5)
    one, four = allocate(problem, threads=1), allocate(problem, threads=4)
    assert one.bound == four.bound
    np.testing.assert_array_equal(one.chosen, four.chosen)
    np.testing.assert_array_equal(one.prices.limits, four.prices.limits)


def test_many_people_begin_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices of a sample save passes over everybody, and prove as much in the end."""
    problem = shop(1_500, 9, seed=6)
    alone = solve(problem, threads=1)
    monkeypatch.setattr(prices_module, "SAMPLED_COUNT", 300)
    found = solve(problem, threads=1)
    assert found.passes < alone.passes
    assert found.bound <= alone.bound * 1.001


def test_people_differ_in_slots_and_in_what_they_may_get() -> None:
    """Somebody without a slot or without any choice gets nothing."""
    problem = Problem(
        starts=np.array([0, 2, 2, 4, 5]),
        choices=np.array([0, 1, 0, 1, 1], dtype=np.int32),
        values=np.array([3, 2, 5, 4, 1], dtype=np.float32),
        costs=np.zeros(5, dtype=np.float32),
        slots=np.array([2, 1, 1, 0], dtype=np.int32),
        choice_count=2,
    )
    np.testing.assert_array_equal(allocate(problem).chosen, [1, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"values": np.array([1, np.nan], dtype=np.float32)}, "values"),
        ({"costs": np.array([1, -1], dtype=np.float32)}, "costs"),
        ({"choices": np.array([0, 2], dtype=np.int32)}, "choices"),
        ({"slots": np.array([-1], dtype=np.int32)}, "slots"),
        ({"starts": np.array([0, 1], dtype=np.int64)}, "starts"),
        ({"limits": (Limit(name="a", choices=()),)}, "limits[0].choices"),
        ({"limits": (Limit(name="a", choices=(0,), lower=2, upper=1),)}, "limits[0].upper"),
        ({"limits": (Limit(name="a", choices=(0,), lower=np.nan),)}, "limits[0].lower"),
        ({"limits": (Limit(name="a", choices=(0,)),) * 2}, "limits[1].name"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, object], field: str) -> None:
    """Each wrong array or limit is named."""
    good = problem_of(np.ones((1, 2)))
    with pytest.raises(InvalidRequest) as caught:
        dataclasses.replace(good, **changed)  # type: ignore[arg-type]  # wrong on purpose
    assert field in {one.field for one in caught.value.violations}
