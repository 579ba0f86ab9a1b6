"""From the best candidates to a page: boosts, pins, caps, shares and diversity.

Deterministic, and exact where that means something: a boost multiplies scores, which
keeps the order of the items that it applies to, so the best of each such class, merged,
are the best of all, however far down one of them was. Items of a brand that has had its
share are left out of the search, not of what it found, so a page is full whenever enough
items may be on it.

Diversity is maximal marginal relevance (Carbonell and Goldstein, "The use of MMR,
diversity-based reranking for reordering documents and producing summaries", SIGIR 1998)
over the best candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import U8, allows, inverse
from recsys.domain import ShortfallCause

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_POOL_PER_RESULT: Final = 5
_POOL_MIN: Final = 100
"""Of so many candidates shares and diversity choose."""

_SPARE_PER_RESULT: Final = 0.5
_SPARE_MIN: Final = 8
"""So many candidates more than places are looked at first, where caps may leave some out."""

_UNMASKED_POOLS: Final = 2
"""After so many pools, full groups are left out of the search: making that mask costs as much."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_SCORES: Final = np.empty(0, dtype=np.float64)


class Candidates(NamedTuple):
    """Ranked rows and what they are ranked by, descending; ties by row."""

    rows: I32
    scores: F64


class Search(Protocol):
    """Finds the best rows."""

    def __call__(self, masks: Sequence[U8], count: int, *, excluded: I32) -> Candidates:
        """Return the best rows that are in all of some bitmaps and not excluded."""
        ...


class Groups(Protocol):
    """What rows have in common, such as their brand."""

    def of(self, rows: I32) -> Sequence[int]:
        """Return each row's group; negative for none, which is no group."""
        ...

    def without(self, groups: Sequence[int]) -> U8:
        """Return the rows that are in none of some groups."""
        ...


class Similarity(Protocol):
    """How alike items are."""

    def __call__(self, row: int, rows: I32) -> F64:
        """Return how like one row some rows are: 1 for the same, 0 for nothing in common."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cap:
    """At most so many of each group.

    Attributes:
        groups: Of what.
        count_max: How many.
        cause: What items that are left out are put down to.
        beside: Groups that have one already, beside the page.
        text: What it is about, such as the field; empty where the cause says it all.
    """

    groups: Groups
    count_max: int
    cause: ShortfallCause = ShortfallCause.CAPPED
    beside: Sequence[int] = ()
    text: str = ""

    def counts(self, rows: I32) -> dict[int, int]:
        """Return how many each group has, with some rows on the page."""
        counts: dict[int, int] = {}
        for group in (*self.beside, *self.groups.of(rows)):
            if group >= 0:
                counts[group] = counts.get(group, 0) + 1
        return counts

    def open_rows(self, counts: Mapping[int, int]) -> U8 | None:
        """Return the rows of which there may be more; None for all."""
        full = [group for group, number in counts.items() if number >= self.count_max]
        return self.groups.without(full) if full else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrangement:
    """How a page is put together.

    Attributes:
        row_count: Of bitmaps.
        boosts: Bitmaps, and by what the scores of their rows are multiplied; above 0. Of
            several that have a row, the first counts.
        pins: Rows by the place that they get, from 0; they may be on the page.
        caps: None of these is exceeded.
        shares: Bitmaps, and how many of their rows are on the page at least, if there
            are as many.
        diversity: 0 for the best, 1 for the most different.
        similarity: How alike items are; None where that is not known.
    """

    row_count: int
    boosts: Sequence[tuple[U8, float]] = ()
    pins: dict[int, int] = field(default_factory=dict)
    caps: Sequence[Cap] = ()
    shares: Sequence[tuple[U8, int]] = ()
    diversity: float = 0.0
    similarity: Similarity | None = None

    def open_count(self, count: int) -> int:
        """Return how many of so many places no pin has."""
        return count - sum(place < count for place in self.pins)

    @property
    def chooses(self) -> bool:
        """Whether the page depends on which candidates there are to choose from."""
        return bool(self.shares) or self.diversity > 0.0

    def first_count(self, count: int) -> int:
        """Return how many candidates are looked at first for so many places."""
        if self.chooses:
            return min(limits.CANDIDATE_COUNT_MAX, max(_POOL_MIN, _POOL_PER_RESULT * count))
        return count + max(_SPARE_MIN, round(_SPARE_PER_RESULT * count)) if self.caps else count

    def with_pins(self, pins: dict[int, int]) -> "Arrangement":
        """Return the same with other pins."""
        return replace(self, pins=pins)

    def beside(self, rows: I32) -> "Arrangement":
        """Return the same where items that are not on the page have no variant on it."""
        return replace(
            self,
            caps=[
                replace(cap, beside=cap.groups.of(rows))
                if cap.cause is ShortfallCause.VARIANT
                else cap
                for cap in self.caps
            ],
        )


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
    page = _Page(how, count)
    taken = np.concatenate([excluded, np.array(list(how.pins.values()), dtype=np.int32)])
    if not how.chooses:
        _fill_in_order(search, how, page, taken)
        return page.candidates()
    while page.missing_count:
        masks = page.open_masks()
        pool = _pool(search, how, page, masks, taken)
        found = page.fill(pool)
        if not found:
            break
        taken = np.concatenate([taken, np.array(found, dtype=np.int32)])
    return page.candidates()


def _fill_in_order(search: Search, how: Arrangement, page: "_Page", taken: I32) -> None:
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
        size = min(
            limits.CANDIDATE_COUNT_MAX, max(_POOL_MIN, _POOL_PER_RESULT * page.missing_count)
        )


class _Page:
    """A page that is being filled."""

    def __init__(self, how: Arrangement, count: int) -> None:
        self._how = how
        self._count = count
        self._pins = {place: row for place, row in how.pins.items() if place < count}
        self._rows: list[int] = []
        self._scores: list[float] = []
        pinned = np.array(list(self._pins.values()), dtype=np.int32)
        self._counts = [cap.counts(pinned) for cap in how.caps]
        self._due = [least for _, least in how.shares]
        self._likeness: dict[int, float] = {}
        for at, (bitmap, _) in enumerate(how.shares):
            self._due[at] -= int(np.count_nonzero(allows(bitmap, pinned)))

    @property
    def _is_diverse(self) -> bool:
        return self._how.diversity > 0.0 and self._how.similarity is not None

    @property
    def missing_count(self) -> int:
        """How many rows there is room for."""
        return self._count - len(self._pins) - len(self._rows)

    @property
    def due(self) -> list[int]:
        """How many rows of each share there have to be still."""
        return self._due

    def open_masks(self) -> list[U8]:
        """Return what leaves out the groups that are full."""
        masks = [
            cap.open_rows(counts) for cap, counts in zip(self._how.caps, self._counts, strict=True)
        ]
        return [mask for mask in masks if mask is not None]

    def fill(self, pool: Candidates) -> list[int]:
        """Take rows from a pool while they may be on the page; return them."""
        groups = [cap.groups.of(pool.rows) for cap in self._how.caps]
        if not self._how.chooses:
            return self._fill_in_order(pool, groups)
        shares = [allows(bitmap, pool.rows) for bitmap, _ in self._how.shares]
        is_open = np.ones(len(pool.rows), dtype=np.bool_)
        values = self._values(pool)
        likeness = np.zeros(len(pool.rows))
        for row in [*self._pins.values(), *self._rows]:
            self._liken(likeness, row, pool.rows)
        found: list[int] = []
        while self.missing_count:
            eligible = is_open & self._are_due(shares)
            at = self._best(eligible, values, likeness)
            if at is None:
                if found or not is_open.any():
                    break
                # There are not as many: the room goes to others.
                self._due = [0] * len(self._due)
                continue
            row = int(pool.rows[at])
            is_open[at] = False
            if self._is_full(groups, at):
                continue
            self._take(row, float(pool.scores[at]), [group[at] for group in groups])
            for number, share in enumerate(shares):
                self._due[number] -= int(share[at])
            self._liken(likeness, row, pool.rows)
            found.append(row)
        return found

    def _fill_in_order(self, pool: Candidates, groups: Sequence[Sequence[int]]) -> list[int]:
        found: list[int] = []
        for at, (row, score) in enumerate(
            zip(pool.rows.tolist(), pool.scores.tolist(), strict=True)
        ):
            if not self.missing_count:
                break
            if not self._is_full(groups, at):
                self._take(row, score, [group[at] for group in groups])
                found.append(row)
        return found

    def _take(self, row: int, score: float, groups: Sequence[int]) -> None:
        self._rows.append(row)
        self._scores.append(score)
        for counts, group in zip(self._counts, groups, strict=True):
            if group >= 0:
                counts[group] = counts.get(group, 0) + 1

    def candidates(self) -> Candidates:
        """Return the page, with pins in their places."""
        rows, scores = list(self._rows), list(self._scores)
        for place, row in sorted(self._pins.items()):
            rows.insert(min(place, len(rows)), row)
            scores.insert(min(place, len(scores)), float("nan"))
        return Candidates(np.array(rows, dtype=np.int32), np.array(scores, dtype=np.float64))

    def _are_due(self, shares: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_] | np.bool_:
        """Return which candidates may come next, so that what is due still fits."""
        if sum(max(0, least) for least in self._due) < self.missing_count:
            return np.True_
        due = [share for share, least in zip(shares, self._due, strict=True) if least > 0]
        eligible: NDArray[np.bool_] = np.logical_or.reduce(due)
        return eligible

    def _best(self, eligible: NDArray[np.bool_], values: F64, likeness: F64) -> int | None:
        if not eligible.any():
            return None
        if not self._is_diverse:
            return int(np.argmax(eligible))  # They are in their order.
        worth = (1.0 - self._how.diversity) * values - self._how.diversity * likeness
        return int(np.argmax(np.where(eligible, worth, -np.inf)))

    def _values(self, pool: Candidates) -> F64:
        """Return scores from 0 to 1."""
        if not len(pool.scores):
            return pool.scores
        least, most = pool.scores.min(), pool.scores.max()
        return (pool.scores - least) / (most - least) if most > least else np.ones_like(pool.scores)

    def _liken(self, likeness: F64, row: int, rows: I32) -> None:
        if self._is_diverse and self._how.similarity is not None:
            np.maximum(likeness, self._how.similarity(row, rows), out=likeness)

    def _is_full(self, groups: Sequence[Sequence[int]], at: int) -> bool:
        return any(
            group[at] >= 0 and counts.get(group[at], 0) >= cap.count_max
            for cap, group, counts in zip(self._how.caps, groups, self._counts, strict=True)
        )


def _pool(search: Search, how: Arrangement, page: _Page, masks: list[U8], taken: I32) -> Candidates:
    """Return enough of the best to choose from, with enough of each share."""
    count = how.first_count(page.missing_count)
    pools = [_boosted(search, how, masks, count, taken)]
    for (bitmap, _), least in zip(how.shares, page.due, strict=True):
        if least > 0:
            pools.append(_boosted(search, how, [*masks, bitmap], least, taken))
    return _merged(pools)


def _boosted(
    search: Search, how: Arrangement, masks: list[U8], count: int, taken: I32
) -> Candidates:
    if not how.boosts:
        return search(masks, count, excluded=taken)
    classes = []
    before: list[U8] = []
    for bitmap, factor in how.boosts:
        found = search([*masks, *before, bitmap], count, excluded=taken)
        # Below 0 a larger factor means less far below.
        up, down = found.scores * factor, found.scores / factor
        classes.append(Candidates(found.rows, np.where(found.scores >= 0.0, up, down)))
        before.append(inverse(bitmap, how.row_count))
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
