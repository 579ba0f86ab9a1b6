"""Columns that change while they are read.

    catalogue = LiveColumns(schema)
    catalogue.write([0, 1], [{"brand": "a", "price": 5.0}, {"brand": "b"}])
    catalogue.put([0], {"price": [4.5]})          # some columns only
    shown = item_filter.bitmap(catalogue.columns, now=now)

One writer at a time, under a lock; readers take no lock: `columns` is one immutable state, and
a write makes the next one at its end or, if a value is wrong, none. A write copies each chunk
that it changes, at most 256 kB per column; new rows are written in place, behind what readers
see.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from recsys.domain import normal_text
from recsys.filters.columns import (
    CHUNK_ROWS,
    I32,
    AnyColumn,
    Change,
    Chunk,
    Columns,
    chunk_lengths,
    numbers_of,
)
from recsys.filters.errors import InvalidValue
from recsys.filters.live_columns import LiveColumn, live_column
from recsys.filters.schema import Schema
from recsys.filters.values import Record, record_values
from recsys.limits import ITEM_COUNT_MAX
from recsys.row_sets import union

_CHANGES_KEPT: Final = 256
_CHANGED_ROWS_MIN: Final = 4_096
"""Changes are remembered while their rows are fewer than this or an eighth of all."""


class LiveColumns:
    """Fields of records that are written at any time. Safe between threads."""

    def __init__(self, schema: Schema) -> None:
        """Begin without records."""
        self._lock = threading.RLock()
        self._live: dict[str, LiveColumn] = {
            name: live_column(kind) for name, kind in schema.fields.items()
        }
        columns = {name: column.publish(0) for name, column in self._live.items()}
        self._columns = Columns(schema=schema, row_count=0, version=0, columns=columns)

    @property
    def columns(self) -> Columns:
        """The records now."""
        return self._columns

    def write(self, rows: Sequence[int], records: Sequence[Record]) -> Columns:
        """Write whole records: what a record does not say is missing from now on.

        Args:
            rows: Where, unique; beyond the row count new rows are made, and those in
                between are empty.
            records: One for each row.

        Raises:
            InvalidValue: A field is unknown or its value of another type; nothing has changed.
        """
        schema = self._columns.schema
        values: dict[str, list[object]] = {}
        for position, record in enumerate(records):
            for name, given in record_values(schema, record):
                if name not in values:
                    values[name] = [None] * len(records)
                values[name][position] = given
        return self.replace(rows, values)

    def replace(self, rows: Sequence[int], values: Mapping[str, Sequence[object]]) -> Columns:
        """Write whole records by column: what is not among the columns is missing from now on.

        Args:
            rows: As for `write`.
            values: By column, such as `price` or `attributes.color`; one for each row.

        Raises:
            InvalidValue: As for `put`; nothing has changed.
        """
        where = _checked(rows)
        places = [(number, where[here] % CHUNK_ROWS) for number, here in numbers_of(where)]
        nothing = [None] * len(where)
        with self._lock:
            # Of the keys that a map has somewhere, few are in these rows.
            silent = self._live.keys() - {normal_text(name) for name in values}
            held = [name for name in silent if self._live[name].holds_any(places)]
            return self.put(rows, {**values, **dict.fromkeys(held, nothing)})

    def put(self, rows: Sequence[int], values: Mapping[str, Sequence[object]]) -> Columns:
        """Write some columns; the others of these rows stay as they are.

        Args:
            rows: As for `write`.
            values: By column, such as `price` or `attributes.color`; one for each row.

        Raises:
            InvalidValue: A column is unknown or a value of another type; nothing has changed.
        """
        where = _checked(rows)
        with self._lock:
            before = self._columns
            row_count = max(before.row_count, int(where.max(initial=-1)) + 1)
            moved: dict[str, I32] = {}
            # All are looked at before one is written.
            for name, (column, fresh) in self._encoded(values, len(where)).items():
                changed = column.put(where, fresh, before.row_count)
                if len(changed):
                    moved[name] = changed
                    self._live[name] = column
            change = Change(union(*moved.values()), frozenset(moved))
            self._columns = Columns(
                schema=before.schema,
                row_count=row_count,
                version=before.version + 1,
                columns=self._published(before, row_count, moved),
                changes=_remembered((*before.changes, change), row_count),
                origin=before.origin,
            )
            return self._columns

    def _encoded(
        self, values: Mapping[str, Sequence[object]], count: int
    ) -> dict[str, tuple[LiveColumn, Chunk]]:
        ready: dict[str, tuple[LiveColumn, Chunk]] = {}
        for written, given in values.items():
            name = normal_text(written)
            kind = self._columns.schema.column_type(name)
            if kind is None:
                raise InvalidValue(field=name, found="unknown", allowed="a field of the schema")
            if len(given) != count:
                raise InvalidValue(
                    field=name,
                    found=f"{len(given)} values",
                    allowed=f"one for each of {count} rows",
                )
            # A key of a map has a column from the first value that it has.
            column = self._live.get(name) or live_column(kind)
            ready[name] = (column, column.encode(given, field=name))
        return ready

    def _published(
        self, before: Columns, row_count: int, moved: Iterable[str]
    ) -> dict[str, AnyColumn]:
        grown = chunk_lengths(row_count) != chunk_lengths(before.row_count)
        fresh = self._live if grown else moved
        return {**before.columns, **{name: self._live[name].publish(row_count) for name in fresh}}


def _checked(rows: Sequence[int]) -> I32:
    where = np.asarray(rows, dtype=np.int64).reshape(-1)
    if len(where) and (where.min() < 0 or where.max() >= ITEM_COUNT_MAX):
        raise InvalidValue(
            field="rows", found=f"from {where.min()} to {where.max()}", allowed="rows from 0"
        )
    checked = where.astype(np.int32)
    if len(union(checked)) != len(checked):
        raise InvalidValue(field="rows", found="one row twice", allowed="each row once")
    return checked


def _remembered(changes: tuple[Change, ...], row_count: int) -> tuple[Change, ...]:
    """Return the last changes that are worth remembering."""
    allowed = max(_CHANGED_ROWS_MIN, row_count // 8)
    first = len(changes)
    while first and len(changes) - first < _CHANGES_KEPT:
        allowed -= len(changes[first - 1].rows)
        if allowed < 0:
            break
        first -= 1
    return changes[first:]
