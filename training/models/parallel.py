"""Work on rows over threads, in slices of about equal work."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")

SLICES_PER_THREAD = 16


def thread_count() -> int:
    """Threads that a trainer uses: one per processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def even_slices(work: NDArray[np.integer], *, count: int) -> list[tuple[int, int]]:
    """Cut rows into at most `count` slices of about equal work.

    Args:
        work: Work of each row, not negative, shape (m,).
        count: Slices wanted, positive.

    Returns:
        First row and the row after the last of each slice; together all of 0 to m.
    """
    total = np.cumsum(np.asarray(work, dtype=np.float64) + 1.0)
    if not len(total):
        return []
    ends = np.searchsorted(total, np.arange(1, count) * (total[-1] / count), side="right")
    bounds = np.unique(np.r_[0, ends, len(total)])
    return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))


def in_parallel(
    compute: Callable[[int, int], Made], slices: list[tuple[int, int]], *, threads: int
) -> list[Made]:
    """Call `compute(start, stop)` for every slice; results in the order of the slices.

    Args:
        compute: Releases the GIL for most of its time.
        slices: First row and the row after the last of each.
        threads: How many slices to compute at the same time, positive.
    """
    if threads == 1 or len(slices) <= 1:
        return [compute(start, stop) for start, stop in slices]
    with ThreadPoolExecutor(threads, thread_name_prefix="fit") as executor:
        return list(executor.map(lambda part: compute(*part), slices))
