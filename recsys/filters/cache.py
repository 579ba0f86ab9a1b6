"""Answers of filters that are asked again and again, kept while the data stay or change little.

    cache = FilterCache(bytes_max=limits.FILTER_CACHE_BYTES_MAX)
    allowed = cache.bitmap('price < 50', catalogue.columns, now=now)

An answer is exact for the columns and the moment that are asked for: after a change of some
rows only those are asked again, and a filter with `now` until the first time of a record
crosses its bound.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from recsys.filters.columns import Columns
from recsys.filters.filter import U8, Filter, read_filter
from recsys.row_sets import union

_ENTRY_BYTES: Final = 4_096
"""About what an entry takes beside its bitmap and text: the tree and the predicates."""

_Key: TypeAlias = tuple[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCounts:
    """What a cache has done so far, and what it holds.

    Attributes:
        hits: Answers that were there.
        updates: Answers of which only changed rows were asked again.
        misses: Answers over all rows.
        evictions: Answers given up for others.
        entries: Answers held.
        bytes: What they take.
    """

    hits: int = 0
    updates: int = 0
    misses: int = 0
    evictions: int = 0
    entries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Entry:
    """An answer.

    Attributes:
        filter: Of which filter.
        bitmap: Which rows pass; read-only.
        version: Of the columns.
        row_count: Of the columns.
        from_time: For moments from this one on.
        until_time: For moments before this one, and for `from_time`.
    """

    filter: Filter
    bitmap: U8
    version: int
    row_count: int
    from_time: float
    until_time: float

    def holds(self, now: float) -> bool:
        return now == self.from_time or self.from_time <= now < self.until_time


class FilterCache:
    """Bitmaps by expression. Safe between threads; bounded in bytes, the longest unused go first."""

    def __init__(self, *, bytes_max: int) -> None:
        """Begin empty.

        Args:
            bytes_max: How much to hold; an answer larger than this is not kept.
        """
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._counts = CacheCounts()

    @property
    def counts(self) -> CacheCounts:
        """What was done so far."""
        return self._counts

    def bitmap(self, expression: str, columns: Columns, *, now: float) -> U8:
        """Tell which rows pass a filter, as `Filter.bitmap`.

        Args:
            expression: The filter.
            columns: n records.
            now: The moment of the question, seconds since 1970 UTC.

        Returns:
            A read-only bitmap; the same array as long as nothing that the filter reads has
            changed.

        Raises:
            InvalidFilter: The expression is no filter of these columns.
        """
        key = (expression, columns.origin)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        # Two threads may compute the same; neither waits for the other.
        fresh, how = _answered(entry, expression, columns, now)
        with self._lock:
            self._count(**{how: 1})
            held = self._entries.get(key)
            if fresh is not held and (held is None or held.version <= fresh.version):
                self._keep(key, fresh)
        return fresh.bitmap

    def _keep(self, key: _Key, entry: _Entry) -> None:
        if _size(key, entry) > self._bytes_max:
            return
        old = self._entries.pop(key, None)
        self._entries[key] = entry
        size = _size(key, entry) - (0 if old is None else _size(key, old))
        self._count(bytes=size, entries=int(old is None))
        while self._counts.bytes > self._bytes_max:
            gone = self._entries.popitem(last=False)
            self._count(bytes=-_size(*gone), entries=-1, evictions=1)

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self._counts, name) + count for name, count in more.items()}
        self._counts = replace(self._counts, **counts)


def _size(key: _Key, entry: _Entry) -> int:
    return entry.bitmap.nbytes + len(key[0].encode()) + _ENTRY_BYTES


def _answered(
    entry: _Entry | None, expression: str, columns: Columns, now: float
) -> tuple[_Entry, str]:
    """Return an answer and how it was come by: the name of its count."""
    if entry is None:
        return _asked(read_filter(expression, columns.schema), columns, now), "misses"
    if not entry.holds(now):
        return _asked(entry.filter, columns, now), "misses"
    if entry.version == columns.version:
        return entry, "hits"
    changed = columns.changed_since(entry.version, entry.filter.fields)
    if changed is None:
        return _asked(entry.filter, columns, now), "misses"
    grown = np.arange(entry.row_count, columns.row_count, dtype=np.int32)
    rows = union(changed, grown)
    if len(rows) == 0:
        return replace(entry, version=columns.version), "hits"
    bitmap = _frozen(entry.filter.update(entry.bitmap, columns, rows, now=now))
    return (
        replace(
            entry,
            bitmap=bitmap,
            version=columns.version,
            row_count=columns.row_count,
            from_time=now,
            until_time=min(entry.until_time, entry.filter.stands_until(columns, rows, now=now)),
        ),
        "updates",
    )


def _asked(asked: Filter, columns: Columns, now: float) -> _Entry:
    return _Entry(
        filter=asked,
        bitmap=_frozen(asked.bitmap(columns, now=now)),
        version=columns.version,
        row_count=columns.row_count,
        from_time=now,
        until_time=asked.stands_until(columns, now=now),
    )


def _frozen(bitmap: U8) -> U8:
    bitmap.flags.writeable = False
    return bitmap
