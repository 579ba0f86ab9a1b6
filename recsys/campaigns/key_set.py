"""A set of 64-bit keys in eight bytes each, or little more; Python's own takes sixty."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_RECENT_COUNT_MAX: Final = 65_536
"""How many keys are kept in a Python set before they are sorted in."""


class KeySet:
    """Keys that were met. Grows only; used by one thread at a time."""

    def __init__(self) -> None:
        self._sorted: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._recent: set[int] = set()

    def add_all(self, keys: Sequence[int]) -> bool:
        """Add keys; return whether none of them was there."""
        is_new = not any(key in self for key in keys)
        self._recent.update(keys)
        if len(self._recent) >= _RECENT_COUNT_MAX:
            more = np.fromiter(self._recent, dtype=np.int64, count=len(self._recent))
            self._sorted = np.union1d(self._sorted, more)
            self._recent.clear()
        return is_new

    def __contains__(self, key: int) -> bool:
        if key in self._recent:
            return True
        at = int(np.searchsorted(self._sorted, key))
        return at < len(self._sorted) and int(self._sorted[at]) == key
