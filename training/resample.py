"""Intervals and tests by resampling people. Sources are in docs/evaluate.md.

A table has one row per person and one column per number, NaN where a person has none:
the same person may count at several cuts, or in some segments only. People are drawn
whole, so whatever one person adds to several columns stays together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_CELLS_MAX = 4_000_000
"""Draws held at a time: people x resamples."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    values: Mapping[str, F64],
    *,
    count: int,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Estimate means with percentile intervals, resampling users.

    All values use the same resamples, so the interval of a difference between two
    models is that of the paired difference.

    Args:
        values: Values per user by name, each of shape (m,), m positive; NaN for users
            who have none, at least one other.
        count: Resamples, positive.
        rng: Source of the resamples.
        level: Share of the resamples within each interval.
    """
    names = list(values)
    table = np.stack([values[name] for name in names], axis=1)
    means = resampled_means(table, count=count, rng=rng)
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    centre = np.nanmean(table, axis=0)
    return {
        name: Interval(float(centre[column]), float(low[column]), float(high[column]))
        for column, name in enumerate(names)
    }


def resampled_means(table: F64, *, count: int, rng: np.random.Generator) -> F64:
    """Return the columns' means over resampled people.

    Args:
        table: Shape (m, c), NaN where a person has no value, m positive.
        count: Resamples, positive.
        rng: Source of the resamples.

    Returns:
        Shape (count, c); NaN where nobody with a value was drawn.
    """
    present = np.isfinite(table)
    filled = np.where(present, table, 0.0)
    # Without gaps every resample holds m values, and half of the work is saved.
    gaps = not present.all()
    means = np.empty((count, table.shape[1]))
    for start, times in _draws(len(table), count, rng):
        sums = times @ filled
        there = times @ present.astype(np.float64) if gaps else float(len(table))
        with np.errstate(invalid="ignore"):
            means[start : start + len(times)] = sums / there
    return means


def _draws(user_count: int, count: int, rng: np.random.Generator) -> Iterator[tuple[int, F64]]:
    """Yield how often each person is drawn, as (first resample, resamples x people)."""
    block = max(1, _CELLS_MAX // user_count)
    for start in range(0, count, block):
        rows = min(block, count - start)
        drawn = rng.integers(user_count, size=(rows, user_count), dtype=np.int32)
        offsets = np.arange(rows, dtype=np.int64)[:, None] * user_count
        times = np.bincount((drawn + offsets).ravel(), minlength=rows * user_count)
        yield start, times.reshape(rows, user_count).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """How two models differ on the same people.

    Attributes:
        users: People with a value of both.
        first: Mean of the first model over the cuts, each the mean over its people.
        second: The same of the second.
        difference: Second minus first.
        low: Lower end of the difference's interval.
        high: Its upper end.
        p_value: Share of random exchanges of the two models, person by person, that
            differ at least as much; two-sided, positive.
    """

    users: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float


def paired_tests(
    first: Sequence[F64],
    second: Sequence[F64],
    *,
    count: int,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> list[PairedTest | None]:
    """Compare two models metric by metric.

    Args:
        first: For each metric a table of shape (m, cuts), NaN where a person has none.
        second: The same of the other model, over the same people.
        count: Resamples, and exchanges, positive.
        rng: Source of both.
        level: Share of the resamples within each interval.

    Returns:
        One test for each metric; None where nobody has a value of both at some cut.
    """
    differences = [theirs - ours for ours, theirs in zip(first, second, strict=True)]
    usable = [bool(np.isfinite(table).any(axis=0).all()) for table in differences]
    tested = [table for table, good in zip(differences, usable, strict=True) if good]
    if not tested:
        return [None] * len(usable)
    cuts = tested[0].shape[1]
    means = resampled_means(np.concatenate(tested, axis=1), count=count, rng=rng)
    means = means.reshape(count, len(tested), cuts).mean(axis=2)
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    p_values = _exchanged(tested, count=count, rng=rng)
    results: list[PairedTest | None] = []
    column = 0
    for ours, theirs, table, good in zip(first, second, differences, usable, strict=True):
        if not good:
            results.append(None)
            continue
        both = np.isfinite(table)
        results.append(
            PairedTest(
                users=int(both.any(axis=1).sum()),
                first=_mean_of_cuts(ours, both),
                second=_mean_of_cuts(theirs, both),
                difference=float(np.nanmean(table, axis=0).mean()),
                low=float(low[column]),
                high=float(high[column]),
                p_value=float(p_values[column]),
            )
        )
        column += 1
    return results


def _mean_of_cuts(table: F64, both: NDArray[np.bool_]) -> float:
    return float(np.nanmean(np.where(both, table, np.nan), axis=0).mean())


def _exchanged(differences: Sequence[F64], *, count: int, rng: np.random.Generator) -> F64:
    """Return two-sided p-values of Fisher's randomization test, one for each table.

    Exchanging the models for one person turns the sign of all her differences. What
    she adds to the mean is then one number, and people without a difference add none.
    """
    shares = np.stack(
        [
            (np.nan_to_num(table) / np.isfinite(table).sum(axis=0)).sum(axis=1) / table.shape[1]
            for table in differences
        ],
        axis=1,
    )
    observed = np.abs(shares.sum(axis=0))
    shares = shares[np.any(shares != 0.0, axis=1)]
    if not len(shares):
        return np.ones(len(differences))
    # Sums in another order differ in their last bits; equal must count as equal.
    bound = observed * (1 - 1e-9)
    extreme = np.zeros(len(differences), dtype=np.int64)
    block = max(1, _CELLS_MAX // len(shares))
    for start in range(0, count, block):
        rows = min(block, count - start)
        bits = np.frombuffer(rng.bytes((rows * len(shares) + 7) // 8), dtype=np.uint8)
        signs = np.unpackbits(bits, count=rows * len(shares)).reshape(rows, len(shares))
        sums = 2.0 * (signs.astype(np.float64) @ shares) - shares.sum(axis=0)
        extreme += (np.abs(sums) >= bound).sum(axis=0)
    # The arrangement that was observed is one of them, so that no p-value is 0.
    return np.asarray((extreme + 1.0) / (count + 1.0), dtype=np.float64)
