"""What goes together into one basket: links that complete a cart.

A basket is what a person put into her cart or bought with pauses of an hour at most: one
invoice, or one visit of a web shop. A pair of items is worth, over the baskets that have both,
sum(1 / items of the basket) / sqrt(baskets of the one x baskets of the other): a cosine in
which large baskets, where anything meets anything, count less. Pairs that chance explains
are left out: those in fewer than three baskets, or with less than four standard deviations more
than independent items would have (Poisson). docs/benchmarks.md says what that is worth.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.sparse import CsrMatrix, expand_rows
from training.config import BasketsConfig
from training.interactions import Events
from training.models.links import (
    Measure,
    make_links,
    power,
    product_work,
    products,
    summed_links,
)
from training.ragged import csr_from_pairs

_SECONDS_PER_MINUTE = 60.0
_ADDITIONS_AT_ONCE = 2**24
_SPARE = 2
"""Links looked at for each one that is kept, as chance explains some of them."""


def basket_links(
    events: Events, *, row_of_item: NDArray[np.int32], item_count: int, config: BasketsConfig
) -> CsrMatrix | None:
    """Learn which items complete a basket.

    Args:
        events: The lines.
        row_of_item: The model's row of each item of `events.item_ids`, -1 for items that
            the model does not have.
        item_count: Items of the model, n.
        config: How.

    Returns:
        Shape (n, n), positive, no diagonal, row = what lies in the basket; None if no two
        items go together.
    """
    baskets = baskets_of(events, row_of_item=row_of_item, config=config)
    if not baskets.row_count:
        return None
    lengths = np.diff(baskets.indptr)
    shared = CsrMatrix(
        baskets.indptr, baskets.indices, (1.0 / lengths.repeat(lengths)).astype(np.float32)
    )
    counts = np.bincount(baskets.indices, minlength=item_count)
    scale = power(counts, 0.5)
    links = make_links(
        products(shared, baskets, item_count=item_count),
        Measure(row_scale=scale, column_scale=scale),
        neighbours=_SPARE * config.neighbours,
        work=product_work(shared, baskets, item_count=item_count),
    )
    together = _counts(links, baskets, item_count=item_count)
    sources = expand_rows(links.indptr)
    by_chance = counts[sources] * counts[links.indices] / baskets.row_count
    kept = together >= np.maximum(
        config.pair_count_min, by_chance + config.surprise_min * np.sqrt(by_chance)
    )
    if not kept.any():
        return None
    proven = csr_from_pairs(
        rows=sources[kept],
        columns=links.indices[kept],
        values=links.data[kept],
        row_count=item_count,
    )
    return summed_links([(proven, 1.0)], neighbours=config.neighbours)


def baskets_of(
    events: Events, *, row_of_item: NDArray[np.int32], config: BasketsConfig
) -> CsrMatrix:
    """Return the baskets of two items and more, as rows of ones."""
    rows = row_of_item[events.items]
    meant = rows >= 0
    meant &= np.isin(
        events.type_codes, [EventType.PURCHASE_COMPLETE.code, EventType.ADD_TO_CART.code]
    )
    users, times, rows = events.users[meant], events.times[meant], rows[meant]
    order = np.lexsort((times, users))
    users, times, rows = users[order], times[order], rows[order]
    starts = np.ones(len(order), dtype=np.bool_)
    pause = config.pause_minutes * _SECONDS_PER_MINUTE
    starts[1:] = (users[1:] != users[:-1]) | (np.diff(times) > pause)
    pairs = np.unique(np.stack([np.cumsum(starts) - 1, rows.astype(np.int64)]), axis=1)
    lengths = np.bincount(pairs[0])
    kept = np.isin(pairs[0], np.flatnonzero((lengths > 1) & (lengths <= config.items_max)))
    _, numbers = np.unique(pairs[0, kept], return_inverse=True)
    return csr_from_pairs(
        rows=numbers,
        columns=pairs[1, kept],
        values=np.ones(len(numbers), dtype=np.float32),
        row_count=int(numbers.max(initial=-1)) + 1,
    )


def _counts(links: CsrMatrix, baskets: CsrMatrix, *, item_count: int) -> NDArray[np.float64]:
    """Return in how many baskets both items of each link are, in bounded memory."""
    whole = scipy.sparse.csr_matrix(
        (baskets.data, baskets.indices, baskets.indptr), (baskets.row_count, item_count)
    )
    by_item = whole.T.tocsr()
    work = product_work(baskets, baskets, item_count=item_count)
    ends = np.searchsorted(
        np.cumsum(work), np.arange(_ADDITIONS_AT_ONCE, work.sum(), _ADDITIONS_AT_ONCE)
    )
    found = []
    for start, stop in zip(np.r_[0, ends], np.r_[ends, item_count], strict=True):
        indptr = links.indptr[start : stop + 1]
        wanted = slice(indptr[0], indptr[-1])
        ones = np.ones(indptr[-1] - indptr[0])
        pattern = scipy.sparse.csr_matrix(
            (ones, links.indices[wanted], indptr - indptr[0]), (stop - start, item_count)
        )
        # Every link is of two items that have met, so nothing of the pattern is lost.
        together = (by_item[start:stop] @ whole).multiply(pattern).tocsr()
        together.sort_indices()
        found.append(together.data)
    counts: NDArray[np.float64] = np.concatenate(found)
    return counts
