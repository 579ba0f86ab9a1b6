"""From what was written to what is tested: names are looked up, values read as their type."""

import math
from typing import Final

from recsys.domain import normal_text
from recsys.filters.choices import ORDERS, Choice, Exact, Order, Run, Wild
from recsys.filters.errors import InvalidFilter
from recsys.filters.literals import normal_path, parse_number, parse_time
from recsys.filters.nodes import (
    Bare,
    Comparison,
    Node,
    Now,
    Operator,
    Presence,
    Term,
    Value,
    path_text,
    terms_of,
)
from recsys.filters.predicates import (
    BoolTest,
    Moment,
    NumberTest,
    Predicate,
    Something,
    Test,
    TextTest,
)
from recsys.filters.schema import Column, FieldType, Schema
from recsys.limits import FILTER_SCAN_COUNT_MAX

_NEGATIVE: Final = frozenset({Operator.UNEQUAL, Operator.NOT_IN})
_SHOWN_CHARS: Final = 64
_TRUTHS: Final = {"true": True, "false": False}


def predicates_of(node: Node, schema: Schema, expression: str) -> dict[Term, Predicate]:
    """Return the predicate of each comparison of a filter.

    Args:
        node: The tree of the expression.
        schema: The fields that there are.
        expression: What was written, for errors to point at.

    Raises:
        InvalidFilter: A field is unknown, or cannot be compared like this.
    """
    found: dict[Term, Predicate] = {}
    scans = 0
    for term in terms_of(node):
        try:
            found[term] = _predicate(term, schema)
            scans += _scans(found[term])
            _check_scans(scans, term)
        except _Misfit as error:
            raise InvalidFilter(
                expression=expression,
                column=error.column,
                problem=error.problem,
                expected=error.expected,
            ) from None
    return found


class _Misfit(Exception):
    """What does not fit; it does not know the whole filter."""

    def __init__(self, *, column: int, problem: str, expected: str = "") -> None:
        self.column = column
        self.problem = problem
        self.expected = expected
        super().__init__(problem)


def _predicate(term: Term, schema: Schema) -> Predicate:
    key = _key_of_map(term, schema)
    if key is not None:
        return Predicate(Column(f"{term.path[0]}.{key}", FieldType.ANY), Something())
    column = _column(term, schema)
    if isinstance(term, Presence):
        return Predicate(column, Something())
    return Predicate(column, _test(term, column), negative=term.operator in _NEGATIVE)


def _check_scans(count: int, term: Term) -> None:
    if count > FILTER_SCAN_COUNT_MAX:
        raise _Misfit(
            column=term.column,
            problem=f"more than {FILTER_SCAN_COUNT_MAX} wildcards and orders of texts",
        )


def _scans(predicate: Predicate) -> int:
    """Count what is tried on each text that a field has, which costs more than looking one up."""
    if not isinstance(predicate.test, TextTest):
        return 0
    return sum(isinstance(choice, Wild | Order) for choice in predicate.test.choices)


def _key_of_map(term: Term, schema: Schema) -> str | None:
    """Return the key that `map:key` asks for."""
    if not isinstance(term, Comparison) or term.operator is not Operator.HAS:
        return None
    value = term.values[0]
    if len(term.path) > 1 or term.path[0] not in schema.maps or isinstance(value, Now):
        return None
    key = value.text if isinstance(value, Bare) else "*".join(value.parts)
    return normal_text(key)


def _column(term: Term, schema: Schema) -> Column:
    path = tuple(map(normal_text, term.path))
    column = schema.column(path)
    if column is not None:
        return column
    name = _short(path_text(term.path))
    if path[0] in schema.maps:
        raise _Misfit(column=term.column, problem=f"{name} has keys", expected=f"{name}.key")
    near = schema.suggestions(path)
    raise _Misfit(
        column=term.column, problem=f"there is no field {name}", expected=" or ".join(near)
    )


def _test(term: Comparison, column: Column) -> Test:
    kind = column.type
    ordered = term.operator in ORDERS
    if ordered and kind in {FieldType.PATH, FieldType.BOOL}:
        raise _Misfit(
            column=term.column,
            problem=f"{_short(column.name)} is a {kind}, which has no order",
            expected="= != : IN or NOT IN",
        )
    if kind is FieldType.BOOL:
        return BoolTest(frozenset(_truth(value, column) for value in term.values))
    if kind in {FieldType.NUMBER, FieldType.TIME}:
        read = _number if kind is FieldType.NUMBER else _time
        return NumberTest(term.operator, tuple(read(value, column) for value in term.values))
    if ordered:
        return TextTest((_order(term.values[0], term.operator, column),))
    choices = [_choice(value, term.operator, column) for value in term.values]
    return TextTest(tuple(dict.fromkeys(one for several in choices for one in several)))


def _truth(value: Value, column: Column) -> bool:
    if not isinstance(value, Bare) or value.text not in _TRUTHS:
        raise _wrong(value, column, "true or false")
    return _TRUTHS[value.text]


def _number(value: Value, column: Column) -> Moment:
    number = parse_number(value.text) if isinstance(value, Bare) else None
    if number is None or math.isinf(number):
        raise _wrong(value, column, "a finite number without quotes, such as 49.90 or 1e3")
    return Moment(number)


def _time(value: Value, column: Column) -> Moment:
    if isinstance(value, Now):
        offset = value.offset_seconds
        if math.isinf(offset):
            raise _wrong(value, column, "a finite span of time")
        return Moment(offset, after_now=True)
    text = value.text if isinstance(value, Bare) else "*".join(value.parts)
    seconds = parse_time(text)
    if seconds is None:
        raise _wrong(value, column, "a time such as 2026-01-31T18:00:00Z, a day, now, or now - 30d")
    return Moment(seconds)


def _order(value: Value, operator: Operator, column: Column) -> Order:
    """Return the test of `<` and its like for texts, and for whatever a map holds."""
    parts = _parts(value, column)
    if len(parts) > 1:
        raise _wrong(value, column, "a text without wildcards, which have no order")
    number = parse_number(value.text) if isinstance(value, Bare) else None
    if column.type is FieldType.TEXT or number is None:
        return Order(operator, parts[0])
    return Order(operator, _number(value, column).value)


def _choice(value: Value, operator: Operator, column: Column) -> list[Choice]:
    """Return what a text, a path or any value is tested for; more than one if it may be both."""
    parts = _parts(value, column)
    if column.type is FieldType.PATH:
        return [_path_choice(value, parts, operator, column)]
    if len(parts) > 1:
        return [Wild(parts)]
    number = parse_number(value.text) if isinstance(value, Bare) else None
    if column.type is FieldType.ANY and number is not None and math.isfinite(number):
        return [Exact(number), Exact(parts[0])]
    return [Exact(parts[0])]


def _path_choice(
    value: Value, parts: tuple[str, ...], operator: Operator, column: Column
) -> Choice:
    whole = operator in {Operator.EQUAL, Operator.UNEQUAL}
    if len(parts) > 1:
        if not whole and any(">" in part for part in parts):
            raise _wrong(value, column, "wildcards within one level, or = for the whole path")
        return Wild(parts, each_level=not whole)
    path = normal_path(parts[0])
    if not path:
        raise _wrong(value, column, "a category path")
    return Exact(path) if whole else Run(path)


def _parts(value: Value, column: Column) -> tuple[str, ...]:
    """Return a text cut at its wildcards, as texts are compared."""
    if isinstance(value, Now):
        raise _wrong(value, column, "a text; in quotes if this word is meant")
    parts = tuple(value.text.split("*")) if isinstance(value, Bare) else value.parts
    if parts == ("",):
        raise _wrong(value, column, f"{path_text((column.name,))}:* to ask whether there is one")
    return tuple(map(normal_text, parts))


def _wrong(value: Value, column: Column, expected: str) -> _Misfit:
    kind = "" if column.type is FieldType.ANY else f", a {column.type}"
    return _Misfit(
        column=value.column,
        problem=f"{_short(str(value))} cannot be compared with {_short(column.name)}{kind}",
        expected=expected,
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."
