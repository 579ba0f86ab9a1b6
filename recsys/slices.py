"""Work on a batch in slices: over threads, and with pauses in which Ctrl-C is noticed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from recsys.arrays import check_count

THREAD_COUNT_MAX: Final = 256

_WORK_MAX: Final = 2**28
"""Multiplications per slice, about 50 ms; more where queries gain from being together."""

_SMALL_SHARE: Final = 64
"""This part of a slice, about a millisecond, is not worth starting threads for."""


def in_slices(
    compute: Callable[[int, int], None],
    *,
    count: int,
    work_per_query: int,
    threads: int,
    together: int = 1,
) -> None:
    """Call `compute(start, stop)` until all of 0 to `count` is done.

    Args:
        compute: Releases the GIL for most of its time; slices never overlap.
        count: Queries in the batch.
        work_per_query: Multiplications, roughly.
        together: Queries that gain from being in one slice; slices are multiples of it, or
            smaller where threads would wait otherwise.
        threads: How many slices to compute at the same time, 1 to 256.

    Raises:
        CountOutOfRange: `threads` is outside its bounds.
        Exception: What `compute` raised for the first slice that failed.
    """
    check_count(threads, argument="threads", count_min=1, count_max=THREAD_COUNT_MAX)
    is_small = threads == 1 or count * work_per_query * _SMALL_SHARE < _WORK_MAX
    if 0 < count <= together and is_small:
        compute(0, count)
        return
    step = max(together, _WORK_MAX // max(work_per_query, 1))
    if threads > 1:
        step = min(step, -(-count // threads) or 1)
    step = max(step // together * together, min(step, together))
    starts = range(0, count, step)
    if threads == 1 or len(starts) <= 1:
        for start in starts:
            compute(start, min(start + step, count))
        return
    executor = ThreadPoolExecutor(min(threads, len(starts)), thread_name_prefix="scoring")
    try:
        slices = [executor.submit(compute, start, min(start + step, count)) for start in starts]
        for part in slices:
            part.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
