"""Offers assigned to people within budgets: time, memory, distance from the bound, gain.

    python benchmarks/campaigns/allocation.py [--people 10000,100000,1000000] [--offers 200]

Tastes, costs and budgets are drawn; every person may get every offer. Each size is solved in a
process of its own, arrays mapped from files, and every limit is counted again from the
assignment. Beside it: each person in turn gets what is worth most to her and still there.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine

from training.allocation import Allocation, Limit, Problem, allocate, allocate_in_turn

TOGETHER = 10_000


def shop(folder: Path, person_count: int, offer_count: int, slots: int) -> Problem:
    """Draw a problem into files: a budget for each offer, pieces for a third, a share, a total."""
    rng = np.random.default_rng(7)
    offers = rng.normal(size=(offer_count, 8)).astype(np.float32)
    price = rng.lognormal(1.5, 0.7, offer_count).astype(np.float32)
    shape = (person_count, offer_count)
    values = np.memmap(folder / "values", np.float32, "w+", shape=shape)
    costs = np.memmap(folder / "costs", np.float32, "w+", shape=shape)
    choices = np.memmap(folder / "choices", np.int32, "w+", shape=shape)
    best = 0.0
    for first in range(0, person_count, TOGETHER):
        people = rng.normal(size=(min(TOGETHER, person_count - first), 8)).astype(np.float32)
        likely = 1 / (1 + np.exp(2.5 - people @ offers.T))
        part = slice(first, first + len(people))
        costs[part] = likely * price * 0.2
        values[part] = likely * price - costs[part]
        choices[part] = np.arange(offer_count)
        best += float(values[part].max(axis=1).sum(dtype=np.float64))
    everything = tuple(range(offer_count))
    usual = 0.175 * best / offer_count
    limits = [
        Limit(name=f"budget {one}", choices=(one,), of_costs=True, upper=usual * part)
        for one, part in enumerate(rng.uniform(0.2, 1.5, offer_count).tolist())
    ]
    limits += [
        Limit(name=f"units {one}", choices=(one,), upper=float(1 + int(part)))
        for one, part in enumerate(rng.uniform(0.2, 1.5, offer_count) * person_count / offer_count)
        if one % 3 == 0
    ]
    limits.append(Limit(name="own brand", choices=everything[::5], lower=person_count // 8))
    limits.append(Limit(name="money", choices=everything, of_costs=True, upper=0.125 * best))
    return Problem(
        starts=np.arange(person_count + 1, dtype=np.int64) * offer_count,
        choices=choices.reshape(-1),
        values=values.reshape(-1),
        costs=costs.reshape(-1),
        slots=np.full(person_count, slots, dtype=np.int32),
        choice_count=offer_count,
        limits=tuple(limits),
    )


def check(problem: Problem, found: Allocation, *, lower: bool) -> None:
    """Count everything again."""
    taken = np.flatnonzero(found.chosen)
    persons = np.searchsorted(problem.starts, taken, side="right") - 1
    assert (np.bincount(persons, minlength=problem.person_count) <= problem.slots).all()
    for limit in problem.limits:
        inside = taken[np.isin(problem.choices[taken], limit.choices)]
        costs = problem.costs[inside].sum(dtype=np.float64)
        used = costs if limit.of_costs else len(inside)
        assert used <= limit.upper * (1 + 1e-9), limit
        assert not lower or used >= limit.lower, limit


def measure(person_count: int, offer_count: int, slots: int) -> None:
    """Solve one size and print a line."""
    with tempfile.TemporaryDirectory() as folder:
        problem = shop(Path(folder), person_count, offer_count, slots)
        began = time.monotonic()
        found = allocate(problem)
        seconds = time.monotonic() - began
        check(problem, found, lower=True)
        began = time.monotonic()
        in_turn = allocate_in_turn(problem)
        turn_seconds = time.monotonic() - began
        check(problem, in_turn, lower=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {person_count:,} | {slots} | {seconds:.1f} | {found.gap:.3%} | "
        f"{found.value / in_turn.value - 1:+.1%} | {turn_seconds:.1f} | {peak:.1f} |",
        flush=True,
    )


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", default="10000,100000,1000000")
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--slots", default="1", help="offers for each person, with commas")
    args = parser.parse_args()
    print(machine.describe())
    print(
        "| people | slots | s | gap to the bound at most | gain over in turn | in turn, s | peak GiB |"
    )
    print("|---|---|---|---|---|---|---|")
    spawn = multiprocessing.get_context("spawn")
    for slots in map(int, args.slots.split(",")):
        for count in map(int, args.people.split(",")):
            process = spawn.Process(target=measure, args=(count, args.offers, slots))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(1)


if __name__ == "__main__":
    main()
