"""How a page is to be put together, as values: what `recsys.rules.arrange` follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import U8
from recsys.domain import ShortfallCause
from recsys.masks import Mask

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_POOL_PER_RESULT: Final = 5
_POOL_MIN: Final = 100
"""Of so many candidates diversity chooses, and so many are looked at where few had no place."""

_SPARE_PER_RESULT: Final = 0.5
_SPARE_MIN: Final = 8
"""So many candidates more than places are looked at first, where caps may leave some out."""


class Candidates(NamedTuple):
    """Ranked rows and what they are ranked by, descending; ties by row."""

    rows: I32
    scores: F64


class Search(Protocol):
    """Finds the best rows."""

    def __call__(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Return the best rows that are in all of some masks and not excluded."""
        ...


class Groups(Protocol):
    """What rows have in common, such as their brand."""

    def of(self, rows: I32) -> I32:
        """Return each row's group; negative for none, which is no group."""
        ...

    def without(self, groups: I32) -> U8:
        """Return the rows that are in none of some groups."""
        ...


class Likeness(Protocol):
    """How alike items are."""

    def vectors(self, rows: I32) -> NDArray[np.float32]:
        """Return vectors, shape (len(rows), f): two rows are as alike as their cosine.

        None is less alike than not at all: cosines below 0 count as 0.
        """
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

    def held(self, page: I32) -> I32:
        """Return the group of each row of a page, and of what counts beside it."""
        return np.concatenate([np.array(self.beside, dtype=np.int32), self.groups.of(page)])

    def is_full(self, group: int, held: I32) -> bool:
        """Whether a group may have no more."""
        return group >= 0 and int(np.count_nonzero(held == group)) >= self.count_max

    def open_rows(self, held: I32) -> U8 | None:
        """Return the rows of which there may be more; None for all.

        Args:
            held: What `held` says of the page.
        """
        groups, counts = np.unique(held[held >= 0], return_counts=True)
        full = groups[counts >= self.count_max]
        return self.groups.without(full) if len(full) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrangement:
    """How a page is put together.

    Attributes:
        row_count: Of bitmaps.
        boosts: Masks, and by what the scores of their rows are multiplied; above 0. Of
            several that have a row, the first counts.
        pins: Rows by the place that they get, from 0; they may be on the page.
        caps: None of these is exceeded.
        shares: Masks, and how many of their rows are on the page at least, if there
            are as many.
        diversity: 0 for the best, 1 for the most different.
        likeness: How alike items are; None where that is not known.
    """

    row_count: int
    boosts: Sequence[tuple[Mask | U8, float]] = ()
    pins: dict[int, int] = field(default_factory=dict)
    caps: Sequence[Cap] = ()
    shares: Sequence[tuple[Mask | U8, int]] = ()
    diversity: float = 0.0
    likeness: Likeness | None = None

    def open_count(self, count: int) -> int:
        """Return how many of so many places no pin has."""
        return count - sum(place < count for place in self.pins)

    @property
    def is_diverse(self) -> bool:
        """Whether the page depends on which candidates there are to choose from."""
        return self.diversity > 0.0 and self.likeness is not None

    def first_count(self, count: int) -> int:
        """Return how many candidates are looked at first for so many places."""
        if self.is_diverse:
            return many_candidates(count)
        return count + max(_SPARE_MIN, round(_SPARE_PER_RESULT * count)) if self.caps else count

    def with_pins(self, pins: dict[int, int]) -> "Arrangement":
        """Return the same with other pins."""
        return replace(self, pins=pins)

    def beside(self, rows: I32) -> "Arrangement":
        """Return the same where items that are not on the page have no variant on it."""
        return replace(
            self,
            caps=[
                replace(cap, beside=cap.groups.of(rows).tolist())
                if cap.cause is ShortfallCause.VARIANT
                else cap
                for cap in self.caps
            ],
        )


def many_candidates(count: int) -> int:
    """Return how many candidates are looked at for so many places where few are not enough."""
    return min(limits.CANDIDATE_COUNT_MAX, max(_POOL_MIN, _POOL_PER_RESULT * count))
