"""A page that is being filled from candidates, pool by pool."""

import numpy as np
from numpy.typing import NDArray

from recsys._pages import Chooser
from recsys.bitmaps import U8, allows, bits_of
from recsys.rules.arrangement import Arrangement, Candidates

I32 = NDArray[np.int32]


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
        self._rows: list[I32] = [np.array(list(self._pins.values()), dtype=np.int32)]
        self._scores: list[NDArray[np.float64]] = []
        self._due = np.array([least for _, least in how.shares], dtype=np.int64)
        self._count_max = np.array([cap.count_max for cap in how.caps], dtype=np.int32)
        self.missing_count = count - len(self._pins)
        """How many rows there is room for."""
        pinned = self._rows[0]
        self._held = [
            [*cap.beside, *(cap.groups.of(pinned).tolist() if len(pinned) else ())]
            for cap in how.caps
        ]
        for at, (mask, _) in enumerate(how.shares if self._pins else ()):
            self._due[at] -= int(np.count_nonzero(allows(bits_of(mask), pinned)))

    @property
    def due(self) -> list[int]:
        """How many rows of each share there have to be still."""
        found: list[int] = self._due.tolist()
        return found

    def open_masks(self) -> list[U8]:
        """Return what leaves out the groups that are full."""
        masks = [
            cap.open_rows(np.array(held, dtype=np.int32))
            for cap, held in zip(self._how.caps, self._held, strict=True)
        ]
        return [mask for mask in masks if mask is not None]

    def fill(self, pool: Candidates) -> I32:
        """Take rows from a pool while they may be on the page; return them."""
        rows = pool.rows
        groups = np.empty((len(self._how.caps), len(rows)), dtype=np.int32)
        for at, cap in enumerate(self._how.caps):
            groups[at] = cap.groups.of(rows)
        shares = np.empty((len(self._due), len(rows)), dtype=np.uint8)
        for at, (mask, _) in enumerate(self._how.shares):
            shares[at] = allows(bits_of(mask), rows)
        chooser, places = self._taken(pool, groups, shares)
        if not len(places) and chooser.is_tight and len(rows):
            # There are not as many: the room goes to others.
            self._due[:] = 0
            chooser, places = self._taken(pool, groups, shares)
        for held, found_groups in zip(self._held, groups[:, places].tolist(), strict=True):
            held.extend(found_groups)
        found: I32 = rows[places]
        self._rows.append(found)
        self._scores.append(pool.scores[places])
        self.missing_count = chooser.room
        return found

    def candidates(self) -> Candidates:
        """Return the page, with pins in their places."""
        rows = np.concatenate([self._rows[0][:0], *self._rows[1:]])
        scores = np.concatenate([np.empty(0), *self._scores])
        for place, row in sorted(self._pins.items()):
            rows = np.insert(rows, min(place, len(rows)), row)
            scores = np.insert(scores, min(place, len(scores)), np.nan)
        return Candidates(rows, scores)

    def _taken(
        self, pool: Candidates, groups: I32, shares: NDArray[np.uint8]
    ) -> tuple[Chooser, I32]:
        longest = max(map(len, self._held), default=0)
        held = np.full((len(self._held), longest), -1, dtype=np.int32)
        for at, some in enumerate(self._held):
            held[at, : len(some)] = some
        chooser = Chooser(
            pool.scores, groups, held, self._count_max, shares, self._due, self.missing_count
        )
        likeness = self._how.likeness
        if likeness is None or not self._how.is_diverse:
            return chooser, chooser.in_order()
        vectors = likeness.vectors(np.concatenate([*self._rows, pool.rows]))
        return chooser, chooser.diverse(vectors, self._how.diversity)
