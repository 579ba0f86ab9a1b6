"""The items that filters let through, kept as masks while filters are asked again and again.

A mask is brought up to date when it is asked for: only items that have changed are looked
at again, and those whose time has come (`recsys.filters.FilterCache`).
"""

import functools
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
from recsys.filters import Columns, Filter, FilterCache, read_filter
from recsys.scoring import Mask

U8 = NDArray[np.uint8]


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
    bitmap: U8
    version: int


class FilteredMasks:
    """Masks of filters over one model's items. Safe between threads."""

    def __init__(self, item_count: int) -> None:
        """Keep masks of so many items."""
        self._item_count = item_count
        self._answers = FilterCache(bytes_max=limits.FILTER_CACHE_BYTES_MAX)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def mask(self, expression: str, columns: Columns, *, now: float) -> Mask:
        """Return the items that pass, as of these columns or newer ones.

        Args:
            expression: The filter.
            columns: Of the model's items in their order.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidFilter: As `item_filter`.
        """
        bitmap = self._answers.bitmap(expression, columns, now=now)
        with self._lock:
            kept = self._kept.get(expression)
            if kept is None:
                mask = Mask(bitmap, item_count=self._item_count)
                self._kept[expression] = _Kept(mask, bitmap, columns.version)
                self._make_room()
                return mask
            self._kept.move_to_end(expression)
            # Whoever was faster with newer columns is not set back.
            if columns.version >= kept.version:
                if kept.bitmap is not bitmap and not np.array_equal(kept.bitmap, bitmap):
                    kept.mask.replace(bitmap)
                kept.bitmap, kept.version = bitmap, columns.version
            return kept.mask

    def _make_room(self) -> None:
        bytes_each = max(1, (self._item_count + 7) // 8)
        while len(self._kept) > max(1, limits.FILTER_CACHE_BYTES_MAX // bytes_each):
            self._kept.popitem(last=False)
