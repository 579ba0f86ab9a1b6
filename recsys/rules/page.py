"""A page that is being filled from candidates, pool by pool."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, allows, bits_of
from recsys.rules.arrangement import Arrangement, Candidates

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]


class Page:
    """What is on a page so far, and what there may still be."""

    def __init__(self, how: Arrangement, count: int) -> None:
        """Begin with the pins.

        Args:
            how: What is asked of the page.
            count: Rows wanted.
        """
        self._how = how
        self._pins = {place: row for place, row in how.pins.items() if place < count}
        self._rows: list[int] = []
        self._scores: list[float] = []
        self._due = [least for _, least in how.shares]
        self.missing_count = count - len(self._pins)
        """How many rows there is room for."""
        pinned = np.array(list(self._pins.values()), dtype=np.int32)
        self._counts = [cap.counts(pinned) for cap in how.caps]
        for at, (mask, _) in enumerate(how.shares if self._pins else ()):
            self._due[at] -= int(np.count_nonzero(allows(bits_of(mask), pinned)))

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
        ordered = self._diverse if self._how.is_diverse else self._in_order
        groups = [cap.groups.of(pool.rows) for cap in self._how.caps]
        shares = [allows(bits_of(mask), pool.rows) for mask, _ in self._how.shares]
        found = self._taken(pool, ordered(pool, shares), groups, shares)
        if not found and self._is_tight and len(pool.rows):
            # There are not as many: the room goes to others.
            self._due = [0] * len(self._due)
            found = self._taken(pool, ordered(pool, shares), groups, shares)
        return found

    def candidates(self) -> Candidates:
        """Return the page, with pins in their places."""
        rows, scores = list(self._rows), list(self._scores)
        for place, row in sorted(self._pins.items()):
            rows.insert(min(place, len(rows)), row)
            scores.insert(min(place, len(scores)), float("nan"))
        return Candidates(np.array(rows, dtype=np.int32), np.array(scores, dtype=np.float64))

    def _taken(
        self,
        pool: Candidates,
        order: Iterator[int],
        groups: Sequence[Sequence[int]],
        shares: Sequence[NDArray[np.bool_]],
    ) -> list[int]:
        """Take what comes next while there is room, without what is in a full group."""
        rows, scores = pool.rows.tolist(), pool.scores.tolist()
        limited = [
            (cap.count_max, counts, group)
            for cap, counts, group in zip(self._how.caps, self._counts, groups, strict=True)
        ]
        found: list[int] = []
        for at in order:
            if any(
                group[at] >= 0 and counts.get(group[at], 0) >= most
                for most, counts, group in limited
            ):
                continue
            for _, counts, group in limited:
                if group[at] >= 0:
                    counts[group[at]] = counts.get(group[at], 0) + 1
            for number, share in enumerate(shares):
                self._due[number] -= int(share[at])
            self._rows.append(rows[at])
            self._scores.append(scores[at])
            found.append(rows[at])
            self.missing_count -= 1
            if not self.missing_count:
                break
        return found

    @property
    def _is_tight(self) -> bool:
        """Whether all the room there is goes to what is due."""
        if not self._due:
            return False
        due = [least for least in self._due if least > 0]
        return bool(due) and sum(due) >= self.missing_count

    def _in_order(self, pool: Candidates, shares: Sequence[NDArray[np.bool_]]) -> Iterator[int]:
        """Yield the places of a pool, the best first, without what takes room from what is due."""
        passed_over: deque[int] = deque()
        for at in range(len(pool.rows)):
            while passed_over and not self._is_tight:
                yield passed_over.popleft()
            if self._is_tight and not any(
                share[at] for share, least in zip(shares, self._due, strict=True) if least > 0
            ):
                passed_over.append(at)
            else:
                yield at
        while passed_over and not self._is_tight:
            yield passed_over.popleft()

    def _diverse(self, pool: Candidates, shares: Sequence[NDArray[np.bool_]]) -> Iterator[int]:
        """Yield the places of a pool by maximal marginal relevance to the page as it grows."""
        likeness_of, trade = self._how.similarity, self._how.diversity
        assert likeness_of is not None  # Or nothing is diverse.
        values = (1.0 - trade) * _from_0_to_1(pool.scores)
        likeness = np.zeros(len(pool.rows))
        known = 0
        on_page = [*self._pins.values(), *self._rows]
        while True:
            for row in on_page[known:]:
                np.maximum(likeness, likeness_of(row, pool.rows), out=likeness)
            worth = values - trade * likeness
            if self._is_tight:
                due = [one for one, least in zip(shares, self._due, strict=True) if least > 0]
                worth[~np.logical_or.reduce(due)] = -np.inf
            at = int(np.argmax(worth)) if len(worth) else -1
            if at < 0 or worth[at] == -np.inf:
                return
            values[at] = -np.inf
            known = len(on_page)
            before = len(self._rows)
            yield at
            on_page += self._rows[before:]


def _from_0_to_1(scores: F64) -> F64:
    if not len(scores):
        return scores
    least, most = scores.min(), scores.max()
    return (scores - least) / (most - least) if most > least else np.ones_like(scores)
