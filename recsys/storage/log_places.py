"""Which places of a log have been read, where writers finish in another order than they began.

Several writers' places can become visible in another order than they are numbered, so a
place that is missing is looked for again for ten seconds.
"""

from collections.abc import Iterable
from typing import Final

_GAP_COUNT_MAX: Final = 1_000
_GAP_SECONDS: Final = 10.0


class LogPlaces:
    """What one reader has read.

    Attributes:
        last: The last place; 0 before the first.
    """

    __slots__ = ("_gaps", "last")

    def __init__(self) -> None:
        """Begin with a log of which nothing was read."""
        self.last = 0
        self._gaps: dict[int, float] = {}

    def read(self, places: Iterable[int], *, now: float) -> None:
        """Remember that the places after the last one were read, ascending."""
        for place in places:
            for missing in range(max(self.last + 1, place - _GAP_COUNT_MAX), place):
                self._gaps[missing] = now + _GAP_SECONDS
            self.last = place

    def missing(self, *, now: float) -> tuple[int, ...]:
        """Return the places to look for again, at most a thousand."""
        self._gaps = {place: until for place, until in self._gaps.items() if until > now}
        return tuple(self._gaps)[-_GAP_COUNT_MAX:]

    def found(self, places: Iterable[int]) -> None:
        """Remember that missing places were read."""
        for place in places:
            del self._gaps[place]
