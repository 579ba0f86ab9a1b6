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

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, allows, bits_of, inverse
from recsys.masks import Mask
from recsys.rules.arrangement import Arrangement, Candidates, Search, many_candidates
from recsys.rules.page import Page

I32 = NDArray[np.int32]

_UNMASKED_POOLS: Final = 2
"""After so many pools, full groups are left out of the search: making that mask costs as much."""

_BOOSTED_SHARE_MAX: Final = 0.3
"""Where boosts apply to a larger share of all items, the others get a mask."""

_UNBOOSTED_SPARE: Final = 8
"""So many more are looked at than there should be boosted ones among the best."""

_SAMPLED_BYTES: Final = 512


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
        if not len(found):
            break
        taken = np.concatenate([taken, found])


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
    for number, (mask, factor) in enumerate(how.boosts, start=1):
        found = search([*masks, *before, mask], count, excluded=taken)
        # Below 0 a larger factor means less far below.
        up, down = found.scores * factor, found.scores / factor
        classes.append(Candidates(found.rows, np.where(found.scores >= 0.0, up, down)))
        if number < len(how.boosts):
            before.append(inverse(bits_of(mask), how.row_count))
    classes.append(_unboosted(search, how, masks, count, taken))
    merged = _merged(classes)
    return Candidates(merged.rows[:count], merged.scores[:count])


def _unboosted(
    search: Search, how: Arrangement, masks: Sequence[Mask | U8], count: int, taken: I32
) -> Candidates:
    """Return the best that no boost applies to."""
    boosted = [bits_of(mask) for mask, _ in how.boosts]
    # Few are boosted: then it is quicker to look at some more and to leave these out than
    # to make a mask of all others that was never asked for before.
    share = min(1.0, sum(map(_share_of, boosted)))
    if share <= _BOOSTED_SHARE_MAX:
        wanted = math.ceil(count / (1.0 - share)) + _UNBOOSTED_SPARE
        found = search(masks, wanted, excluded=taken)
        others = ~np.logical_or.reduce([allows(bits, found.rows) for bits in boosted])
        rows, scores = found.rows[others], found.scores[others]
        if len(rows) >= count or len(found.rows) < wanted:
            return Candidates(rows[:count], scores[:count])
    return search(
        [*masks, *(inverse(bits, how.row_count) for bits in boosted)], count, excluded=taken
    )


def _share_of(bitmap: U8) -> float:
    """Guess the share of the rows that a bitmap has, from some of its bytes."""
    some = bitmap[:: max(1, len(bitmap) // _SAMPLED_BYTES)].tobytes()
    return int.from_bytes(some, "big").bit_count() / (8 * len(some)) if some else 0.0


def _merged(pools: Sequence[Candidates]) -> Candidates:
    if len(pools) == 1:
        return pools[0]
    rows = np.concatenate([pool.rows for pool in pools])
    scores = np.concatenate([pool.scores for pool in pools])
    order = np.lexsort((rows, -scores))
    rows, scores = rows[order], scores[order]
    if len(set(rows.tolist())) < len(rows):
        # Several pools have it; or its class changed between two searches.
        _, first = np.unique(rows, return_index=True)
        first.sort()
        rows, scores = rows[first], scores[first]
    return Candidates(rows, scores)
