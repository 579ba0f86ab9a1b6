"""The items that filters let through, kept as masks while filters are asked again and again.

A mask is brought up to date when it is asked for: only items that have changed are looked
at again. What depends on the hour is looked at again every minute.
"""

import functools
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
from recsys.filters import Columns, Filter, read_filter
from recsys.scoring import Mask

U8 = NDArray[np.uint8]

_MOMENT_SECONDS: Final = 60.0


@functools.lru_cache(maxsize=1_024)
def item_filter(expression: str) -> Filter:
    """Read a filter of items; the same one for the same text.

    Raises:
        InvalidFilter: It is none, or names what items do not have.
    """
    return read_filter(expression, ITEM_SCHEMA)


@dataclass(slots=True)
class _Kept:
    """A mask, and of what it is the mask."""

    mask: Mask
    version: int
    moment: float


class FilteredMasks:
    """Masks of filters over one model's items. Safe between threads."""

    def __init__(self, item_count: int) -> None:
        """Keep masks of so many items."""
        self._item_count = item_count
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def mask(self, expression: str, columns: Columns, *, now: float) -> Mask:
        """Return the items that pass.

        Args:
            expression: The filter.
            columns: Of the model's items in their order; newer than at the last call.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidFilter: As `item_filter`.
        """
        which = item_filter(expression)
        moment = now // _MOMENT_SECONDS * _MOMENT_SECONDS if which.depends_on_now else 0.0
        with self._lock:
            kept = self._kept.get(expression)
            if kept is None:
                bitmap = which.bitmap(columns, now=moment or now)
                mask = Mask(bitmap, item_count=self._item_count)
                self._kept[expression] = _Kept(mask, columns.version, moment)
                self._make_room()
                return mask
            self._kept.move_to_end(expression)
            if kept.version != columns.version or kept.moment != moment:
                self._update(which, kept, columns, moment=moment, now=now)
            return kept.mask

    def clear(self) -> None:
        """Forget all of them: the items are others now."""
        with self._lock:
            self._kept.clear()

    def _update(
        self, which: Filter, kept: _Kept, columns: Columns, *, moment: float, now: float
    ) -> None:
        rows = columns.changed_since(kept.version, which.fields)
        old = kept.mask.state.bitmap
        if rows is None or kept.moment != moment:
            new = which.bitmap(columns, now=moment or now)
        else:
            new = which.update(old, columns, rows, now=moment or now)
        if not np.array_equal(old, new):
            kept.mask.replace(new)
        kept.version, kept.moment = columns.version, moment

    def _make_room(self) -> None:
        bytes_each = max(1, (self._item_count + 7) // 8)
        while len(self._kept) > max(1, limits.FILTER_MASK_BYTES_MAX // bytes_each):
            self._kept.popitem(last=False)
