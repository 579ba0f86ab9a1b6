"""From the best candidates to a page: boosts, pins, caps, shares and diversity.

Deterministic, and exact where that means something: a boost multiplies scores, which
keeps the order of the items that it applies to, so the best of each such class, merged,
are the best of all, however far down one of them was. What a full brand takes away is
searched for again behind what was found, so a page is full whenever enough items may be on
it.

Diversity is maximal marginal relevance (Carbonell and Goldstein, "The use of MMR,
diversity-based reranking for reordering documents and producing summaries", SIGIR 1998)
over the best candidates.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, bits_of, inverse
from recsys.masks import Mask
from recsys.rules.arrangement import Arrangement, Candidates, Search, many_candidates
from recsys.rules.page import Page

I32 = NDArray[np.int32]

_UNMASKED_POOLS: Final = 2
"""After so many pools, full groups are left out of the search: making that mask costs as much."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_SCORES: Final = np.empty(0, dtype=np.float64)


def arrange(search: Search, how: Arrangement, *, count: int, excluded: I32) -> Candidates:
    """Put a page together.

    Args:
        search: Finds candidates.
        how: What is asked of the page.
        count: Rows wanted.
        excluded: Rows that must not appear.

    Returns:
        Rows in the order of the page, and the scores that they were chosen by: those of
        the search, boosted. Pinned rows have none: NaN.
    """
    page = Page(how, count)
    taken = excluded
    if how.pins:
        taken = np.concatenate([excluded, np.array(list(how.pins.values()), dtype=np.int32)])
    if how.is_diverse or how.shares:
        _choose(search, how, page, taken)
    else:
        _fill_in_order(search, how, page, taken)
    return page.candidates()


def _choose(search: Search, how: Arrangement, page: Page, taken: I32) -> None:
    """Choose among the best that there may still be, pool by pool, until the page is full."""
    while page.missing_count:
        pool = _pool(search, how, page, page.open_masks(), taken)
        found = page.fill(pool)
        if not found:
            break
        taken = np.concatenate([taken, np.array(found, dtype=np.int32)])


def _fill_in_order(search: Search, how: Arrangement, page: Page, taken: I32) -> None:
    """Go through all candidates from the best on, pool by pool, until the page is full."""
    pool_count = 0
    size = how.first_count(page.missing_count)
    while page.missing_count:
        masks = page.open_masks() if pool_count >= _UNMASKED_POOLS else []
        pool = _boosted(search, how, masks, size, taken)
        page.fill(pool)
        if len(pool.rows) < size:
            return
        # What had no place has none later: no group that is full gets room again.
        taken = np.concatenate([taken, pool.rows])
        pool_count += 1
        size = many_candidates(page.missing_count)


def _pool(
    search: Search, how: Arrangement, page: Page, masks: Sequence[Mask | U8], taken: I32
) -> Candidates:
    """Return enough of the best to choose from, with enough of each share."""
    count = how.first_count(page.missing_count)
    pools = [_boosted(search, how, masks, count, taken)]
    for (mask, _), least in zip(how.shares, page.due, strict=True):
        if least > 0:
            pools.append(_boosted(search, how, [*masks, mask], least, taken))
    return _merged(pools)


def _boosted(
    search: Search, how: Arrangement, masks: Sequence[Mask | U8], count: int, taken: I32
) -> Candidates:
    if not how.boosts:
        return search(masks, count, excluded=taken)
    classes = []
    before: list[U8] = []
    for mask, factor in how.boosts:
        found = search([*masks, *before, mask], count, excluded=taken)
        # Below 0 a larger factor means less far below.
        up, down = found.scores * factor, found.scores / factor
        classes.append(Candidates(found.rows, np.where(found.scores >= 0.0, up, down)))
        before.append(inverse(bits_of(mask), how.row_count))
    classes.append(search([*masks, *before], count, excluded=taken))
    merged = _merged(classes)
    return Candidates(merged.rows[:count], merged.scores[:count])


def _merged(pools: Sequence[Candidates]) -> Candidates:
    if len(pools) == 1:
        return pools[0]
    rows = np.concatenate([_NO_ROWS, *(pool.rows for pool in pools)])
    scores = np.concatenate([_NO_SCORES, *(pool.scores for pool in pools)])
    rows, first = np.unique(rows, return_index=True)
    scores = scores[first]
    order = np.lexsort((rows, -scores))
    return Candidates(rows[order], scores[order])
