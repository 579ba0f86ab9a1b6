"""What one text, category path or value of any kind is tested for."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from recsys.filters.columns import I32, TextColumn
from recsys.filters.nodes import Operator
from recsys.filters.values import OneValue

ORDERS: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    Operator.LESS: operator.lt,
    Operator.LESS_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_EQUAL: operator.ge,
}


class Choice(Protocol):
    """A test of one value."""

    def holds(self, value: OneValue) -> bool:
        """Tell whether the value passes."""
        ...

    def codes(self, column: TextColumn) -> Sequence[int] | I32:
        """Return the codes of a column with a value that passes."""
        ...


@dataclass(frozen=True, slots=True)
class Exact:
    """The value itself."""

    value: OneValue

    def holds(self, value: OneValue) -> bool:
        """Tell whether it is this value."""
        return value == self.value

    def codes(self, column: TextColumn) -> Sequence[int] | I32:
        """Look them up."""
        # Of category paths, codes are found by each run of levels; the whole is asked for here.
        found = column.codes_of(self.value)
        return [code for code in found if self.value in column.values_of(code)]


@dataclass(frozen=True, slots=True)
class Run:
    """A category path that has these levels, one after the other, anywhere."""

    levels: str

    def holds(self, value: OneValue) -> bool:
        """Tell whether they are among its levels."""
        return f" > {self.levels} > " in f" > {value} > "

    def codes(self, column: TextColumn) -> Sequence[int] | I32:
        """Look them up."""
        return column.codes_of(self.levels)


@dataclass(frozen=True, slots=True)
class Wild:
    """A text that begins and ends with the outer parts and has the inner ones in between.

    Attributes:
        parts: Two or more, any of them empty.
        each_level: Whether one level of a category path is enough.
    """

    parts: tuple[str, ...]
    each_level: bool = False

    def holds(self, value: OneValue) -> bool:
        """Tell whether it fits."""
        if not isinstance(value, str):
            return False
        if self.each_level:
            return any(_fits(level, self.parts) for level in value.split(" > "))
        return _fits(value, self.parts)

    def codes(self, column: TextColumn) -> Sequence[int] | I32:
        """Try each value of the dictionary."""
        return column.codes_where(self._quick(), key=self)

    def _quick(self) -> Callable[[OneValue], bool]:
        """Return the same as `holds`, faster for the wildcards that people write."""
        outer = (self.parts[0], self.parts[-1])
        inner = self.parts[1:-1]
        if self.each_level or len(inner) + sum(map(bool, outer)) != 1 or "" in inner:
            return self.holds
        (text,) = inner or filter(None, outer)
        if inner:
            return lambda value: isinstance(value, str) and text in value
        if outer[0]:
            return lambda value: isinstance(value, str) and value.startswith(text)
        return lambda value: isinstance(value, str) and value.endswith(text)


@dataclass(frozen=True, slots=True)
class Order:
    """A value of the same kind, before or after this one. Texts are ordered by code point."""

    operator: Operator
    bound: OneValue

    def holds(self, value: OneValue) -> bool:
        """Tell whether it is."""
        if isinstance(value, str) is not isinstance(self.bound, str):
            return False
        return bool(ORDERS[self.operator](value, self.bound))

    def codes(self, column: TextColumn) -> Sequence[int] | I32:
        """Try each value of the dictionary."""
        return column.codes_where(self.holds, key=self)


def _fits(text: str, parts: Sequence[str]) -> bool:
    """Tell whether a text has the parts in order; time grows with the text, once per part."""
    first, last = parts[0], parts[-1]
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
