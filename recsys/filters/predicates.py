"""One comparison with its types settled: true or false of a record, or of many rows.

A missing value makes every comparison false, `!=` and `NOT IN` too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.filters.choices import ORDERS, Choice
from recsys.filters.columns import (
    I32,
    AnyColumn,
    BoolColumn,
    Chunk,
    NumberColumn,
    TextColumn,
    Truths,
    first_from,
    taken,
)
from recsys.filters.nodes import Operator
from recsys.filters.schema import Column, Schema
from recsys.filters.values import Kept, OneValue, Record, kept, record_value

RowTest: TypeAlias = Callable[[Chunk], Truths]
"""From the values of some rows to what is true of them."""

_ROUNDING_SECONDS: Final = 1e-3
_COMPARED_CODES_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """A number or a time.

    Attributes:
        value: The number; seconds since 1970 UTC; or seconds after now.
        after_now: Whether it is the last of these.
    """

    value: float
    after_now: bool = False

    def at(self, now: float) -> float:
        """Return the number that it is at a moment."""
        return now + self.value if self.after_now else self.value


class Test(Protocol):
    """What the values of a field are tested for."""

    def holds(self, value: OneValue, now: float) -> bool:
        """Tell whether one value passes."""
        ...

    def rows(self, column: AnyColumn, *, now: float, negative: bool) -> RowTest:
        """Return the test of rows: one of their values passes; or, negative, none of some."""
        ...


@dataclass(frozen=True, slots=True)
class Something:
    """Any value at all."""

    def holds(self, value: OneValue, now: float) -> bool:  # noqa: ARG002 - of a Test
        """Any does."""
        return True

    def rows(self, column: AnyColumn, *, now: float, negative: bool) -> RowTest:  # noqa: ARG002 - of a Test
        """Return the test of what is not missing."""
        assert not negative
        if isinstance(column, TextColumn):
            return lambda codes: codes != 0
        if isinstance(column, BoolColumn):
            return lambda truths: truths >= 0
        return _not_nan


@dataclass(frozen=True, slots=True)
class TextTest:
    """At least one of these choices.

    Texts are few beside the rows that have them: each is tested once, and rows look up the
    answer of their code.
    """

    choices: tuple[Choice, ...]

    def holds(self, value: OneValue, now: float) -> bool:  # noqa: ARG002 - of a Test
        """Tell whether one choice is true."""
        return any(choice.holds(value) for choice in self.choices)

    def rows(self, column: AnyColumn, *, now: float, negative: bool) -> RowTest:  # noqa: ARG002 - of a Test
        """Return a look-up by code."""
        assert isinstance(column, TextColumn)
        flags = np.zeros(column.count, dtype=np.bool_)
        for choice in self.choices:
            flags[choice.codes(column)] = True
        if negative:
            flags = ~flags
            flags[0] = False
        # Comparing with a few codes is several times faster than looking up.
        passing = np.flatnonzero(flags)
        if len(passing) <= _COMPARED_CODES_MAX:
            return lambda held: _equal_any(held, passing)
        failing = np.flatnonzero(~flags)
        if len(failing) <= _COMPARED_CODES_MAX:
            return lambda held: ~_equal_any(held, failing)
        return lambda held: flags[held]


@dataclass(frozen=True, slots=True)
class NumberTest:
    """One of some numbers, or beyond one."""

    operator: Operator
    bounds: tuple[Moment, ...]

    def holds(self, value: OneValue, now: float) -> bool:
        """Tell whether the number passes."""
        if self.operator in ORDERS:
            return bool(ORDERS[self.operator](value, self.bounds[0].at(now)))
        return any(value == bound.at(now) for bound in self.bounds)

    def rows(self, column: AnyColumn, *, now: float, negative: bool) -> RowTest:
        """Return a comparison of whole arrays; it is false of NaN."""
        assert isinstance(column, NumberColumn)
        bounds = np.array([bound.at(now) for bound in self.bounds])
        if self.operator in ORDERS:
            order = ORDERS[self.operator]
            return lambda numbers: order(numbers, bounds[0])
        if negative:
            return lambda numbers: _not_nan(numbers) & ~_among(numbers, bounds)
        return lambda numbers: _among(numbers, bounds)


@dataclass(frozen=True, slots=True)
class BoolTest:
    """One of these truth values."""

    wanted: frozenset[bool]

    def holds(self, value: OneValue, now: float) -> bool:  # noqa: ARG002 - of a Test
        """Tell whether it is."""
        return bool(value) in self.wanted

    def rows(self, column: AnyColumn, *, now: float, negative: bool) -> RowTest:  # noqa: ARG002 - of a Test
        """Return a comparison of whole arrays."""
        assert isinstance(column, BoolColumn)
        wanted = {True, False} - self.wanted if negative else self.wanted
        return lambda truths: _among(truths, np.array([int(one) for one in wanted], np.int8))


@dataclass(frozen=True, slots=True)
class Predicate:
    """A comparison of one column.

    Attributes:
        column: Which, and its type.
        test: What a value must pass.
        negative: Whether none may pass, though there must be one: `!=` and `NOT IN`.
    """

    column: Column
    test: Test
    negative: bool = False

    @property
    def depends_on_now(self) -> bool:
        """Whether it can become true or false without any change of the data."""
        test = self.test
        return isinstance(test, NumberTest) and any(bound.after_now for bound in test.bounds)

    def matches(self, schema: Schema, record: Record, *, now: float) -> bool:
        """Tell whether it is true of a record.

        Raises:
            InvalidValue: The record's value is of another type than the field.
        """
        given = record_value(schema, record, self.column.name)
        values = kept(given, field=self.column.name, kind=self.column.type)
        return self._passes(values, now)

    def rows(self, column: AnyColumn | None, *, now: float) -> RowTest:
        """Return the test of a column's rows; none passes where the column is absent."""
        if column is None:
            return lambda rows: np.zeros(len(rows), dtype=np.bool_)
        return self.test.rows(column, now=now, negative=self.negative)

    def few(self, column: AnyColumn | None, rows: I32, *, now: float) -> Truths:
        """Tell of some rows whether they pass, without looking through a whole dictionary."""
        if column is None:
            return np.zeros(len(rows), dtype=np.bool_)
        values = taken(column, rows)
        if not isinstance(column, TextColumn):
            return self.rows(column, now=now)(values)
        codes = values.tolist()
        passes = {code: self._passes(column.values_of(code), now) for code in set(codes)}
        return np.array([passes[code] for code in codes], dtype=np.bool_)

    def stands_until(
        self, column: AnyColumn | None, rows: I32 | None = None, *, now: float
    ) -> float:
        """Return until when a comparison with now stays as it is, as `Filter.stands_until`."""
        assert isinstance(self.test, NumberTest)
        if column is None:
            return np.inf
        assert isinstance(column, NumberColumn)
        chunks = column.chunks if rows is None else (taken(column, rows),)
        moving = [bound for bound in self.test.bounds if bound.after_now]
        turns = [first_from(chunks, bound.at(now)) - bound.value for bound in moving]
        # Sums of floats round; a millisecond is a thousand times as much.
        return min(turns) - _ROUNDING_SECONDS

    def _passes(self, values: Kept, now: float) -> bool:
        if not values:
            return False
        return any(self.test.holds(value, now) for value in values) is not self.negative


def _equal_any(codes: Chunk, wanted: NDArray[np.intp]) -> Truths:
    truths: Truths = np.zeros(len(codes), dtype=np.bool_)
    for code in wanted.tolist():
        truths |= codes == code
    return truths


def _not_nan(numbers: Chunk) -> Truths:
    truths: Truths = numbers == numbers  # noqa: PLR0124 - only NaN differs from itself
    return truths


def _among(values: Chunk, wanted: Chunk) -> Truths:
    truths: Truths = values == wanted[0] if len(wanted) == 1 else np.isin(values, wanted)
    return truths
