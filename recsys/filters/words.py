"""What the codes of a text column stand for: single values, or sets of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.filters.values import MISSING, Kept, OneValue

Entry: TypeAlias = OneValue | Kept
"""A single value as it is, several in a tuple; the empty tuple for none, code 0."""


_SEARCHES_KEPT: Final = 8


class Words:
    """A dictionary that only grows: one writes, others read the codes that they know of."""

    def __init__(self, *, are_paths: bool) -> None:
        """Begin with code 0, for missing.

        Args:
            are_paths: Whether values are category paths, which are found by runs of levels.
        """
        self._are_paths = are_paths
        self.entries: list[Entry] = [MISSING]
        self._codes: dict[Entry, int] = {MISSING: 0}
        self._holders: dict[OneValue, list[int]] = {}
        self._lock = threading.Lock()
        self._searches: dict[Hashable, tuple[int, NDArray[np.int32]]] = {}

    def find(self, entry: Entry) -> int | None:
        """Return the code of a single value or of a set in its order; None if there is none."""
        return self._codes.get(entry)

    def code(self, values: Kept) -> int:
        """Return the code of a set of values, a new one for a new set."""
        entry = values[0] if len(values) == 1 else values
        found = self._codes.get(entry)
        if found is not None:
            return found
        code = len(self.entries)
        # First what it stands for: whoever finds the code finds that, too.
        self.entries.append(entry)
        self._codes[entry] = code
        for part in self._parts(entry):
            holders = self._holders.setdefault(part, [])
            if not holders or holders[-1] != code:
                holders.append(code)
        return code

    def codes_of(self, value: OneValue) -> list[int]:
        """Return the codes of what has a value, or a run of levels."""
        found = [*self._holders.get(value, ())]
        alone = self._codes.get(value)
        return found if alone is None else [alone, *found]

    def values_of(self, code: int) -> Kept:
        """Return the values that a code stands for."""
        entry = self.entries[code]
        return entry if isinstance(entry, tuple) else (entry,)

    def codes_where(
        self, holds: Callable[[OneValue], bool], *, count: int, key: Hashable
    ) -> NDArray[np.int32]:
        """Return the codes, below a count, of what has a value that passes.

        Each value is tried, but once: of the last searches, only newer values are.

        Args:
            holds: The test of one value.
            count: Up to which code.
            key: What the test is; equal keys mean equal tests.
        """
        tried, found = self._searches.get(key, (0, np.zeros(0, dtype=np.int32)))
        if tried < count:
            fresh = [
                code
                for code, entry in enumerate(self.entries[tried:count], tried)
                if (any(map(holds, entry)) if isinstance(entry, tuple) else holds(entry))
            ]
            found = np.concatenate([found, np.array(fresh, dtype=np.int32)])
            with self._lock:
                self._searches.pop(key, None)
                self._searches[key] = (count, found)
                while len(self._searches) > _SEARCHES_KEPT:
                    self._searches.pop(next(iter(self._searches)))
        return found[: np.searchsorted(found, count)]

    def _parts(self, entry: Entry) -> Sequence[OneValue]:
        """Return by what an entry is found beside itself."""
        if not self._are_paths:
            return entry if isinstance(entry, tuple) else ()
        if isinstance(entry, tuple):
            return [run for path in entry for run in path_runs(path)]
        return [run for run in path_runs(entry) if run != entry]


def path_runs(path: OneValue) -> list[str]:
    """Return every run of levels of a category path: `a > b` gives `a`, `a > b` and `b`."""
    assert isinstance(path, str)
    levels = path.split(" > ")
    return [
        " > ".join(levels[first:last])
        for first in range(len(levels))
        for last in range(first + 1, len(levels) + 1)
    ]
