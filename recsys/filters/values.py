"""What a record says, brought to the form in which it is kept and compared."""

import datetime as dt
import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

from recsys.domain import normal_text
from recsys.filters.errors import InvalidValue
from recsys.filters.literals import normal_path
from recsys.filters.schema import FieldType, Schema
from recsys.limits import PATH_LEVEL_COUNT_MAX

Scalar: TypeAlias = str | float | bool | dt.datetime
Given: TypeAlias = Scalar | Sequence[Scalar] | AbstractSet[Scalar] | None
Record: TypeAlias = Mapping[str, Given | Mapping[str, Given]]
"""Fields of one item or person; the keys of a map lie in a mapping of its own.

Absent, None, empty texts, empty sequences and NaN are all the same: missing.
"""

OneValue: TypeAlias = str | float
Kept: TypeAlias = tuple[OneValue, ...]
"""The values of one field of one record; empty where it is missing.

Times are seconds since 1970 UTC, truth values 1.0 and 0.0, and `true` and `false` in maps.
"""

MISSING: Final[Kept] = ()

_ALLOWED: Final = {
    FieldType.TEXT: "a text or several",
    FieldType.PATH: "a category path or several, such as 'Clothing > Shoes'",
    FieldType.NUMBER: "a number",
    FieldType.TIME: "a time with its zone, or seconds since 1970 UTC",
    FieldType.BOOL: "true or false",
    FieldType.ANY: "texts, numbers or truth values",
}


def kept(given: object, *, field: str, kind: FieldType) -> Kept:
    """Return what is kept of a given value.

    Raises:
        InvalidValue: It is of another type.
    """
    if given is None:
        return MISSING
    # A catalogue says the same few words a million times.
    if type(given) is float and kind is not FieldType.BOOL:
        return (given,) if given == given else MISSING  # noqa: PLR0124 - as below
    if type(given) is str or (type(given) is tuple and all(type(one) is str for one in given)):
        return _kept_texts(given, field, kind)
    return _kept(given, field, kind)


@functools.lru_cache(maxsize=65_536)
def _kept_texts(given: str | tuple[str, ...], field: str, kind: FieldType) -> Kept:
    return _kept(given, field, kind)


def _kept(given: object, field: str, kind: FieldType) -> Kept:
    if not isinstance(given, list | tuple | set | frozenset):
        one = _one(given, field, kind)
        return MISSING if one is None else (one,)
    several = {one for each in given if (one := _one(each, field, kind)) is not None}
    if len(several) > 1 and kind in {FieldType.NUMBER, FieldType.TIME, FieldType.BOOL}:
        raise _wrong(given, field, kind)
    # One order of the same values, so that they are kept once.
    return tuple(sorted(several, key=_by_type))


def record_values(schema: Schema, record: Record) -> Iterator[tuple[str, object]]:
    """Yield what a record says by column: `price`, `attributes.color`.

    Raises:
        InvalidValue: It has a field that the schema lacks, or a map that is none.
    """
    for name, given in record.items():
        if name in schema.fields:
            yield name, given
        elif name not in schema.maps:
            raise InvalidValue(field=name, found="unknown", allowed="a field of the schema")
        else:
            yield from ((f"{name}.{key}", value) for key, value in _inner(name, given))


def record_value(schema: Schema, record: Record, name: str) -> object:
    """Return what a record says of a column; None where it says nothing.

    Raises:
        InvalidValue: The column is a key of a map, and the record has something else there.
    """
    if name in schema.fields:
        return record.get(name)
    above, _, key = name.partition(".")
    return dict(_inner(above, record.get(above))).get(key)


def _inner(name: str, given: object) -> Iterable[tuple[str, object]]:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InvalidValue(field=name, found=f"a {type(given).__name__}", allowed="a mapping")
    return [(normal_text(key), value) for key, value in given.items()]


def _one(given: object, field: str, kind: FieldType) -> OneValue | None:
    """Return one value; None for a missing one."""
    value: OneValue | None = None
    if kind is FieldType.TEXT and isinstance(given, str):
        value = normal_text(given)
    elif kind is FieldType.PATH and isinstance(given, str):
        value = _path(given, field)
    elif kind is FieldType.ANY:
        value = _any(given)
    elif kind is FieldType.BOOL and isinstance(given, bool):
        value = float(given)
    elif kind is FieldType.TIME and isinstance(given, dt.datetime) and given.tzinfo is not None:
        value = given.timestamp()
    elif kind in {FieldType.NUMBER, FieldType.TIME}:
        value = _number(given)
    if value is None and given is not None:
        raise _wrong(given, field, kind)
    return None if value is None or value == "" or value != value else value  # noqa: PLR0124 - only NaN differs from itself


def _any(given: object) -> OneValue | None:
    if isinstance(given, str):
        return normal_text(given)
    if isinstance(given, bool):
        return "true" if given else "false"
    return _number(given)


def _number(given: object) -> float | None:
    """Return a number as float64; an integer beyond it is infinite."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return float(given)
    except OverflowError:
        return math.inf if given > 0 else -math.inf


def _path(given: str, field: str) -> str:
    path = normal_path(given)
    count = path.count(">") + 1
    if count > PATH_LEVEL_COUNT_MAX:
        raise InvalidValue(
            field=field,
            found=f"a category path of {count} levels",
            allowed=f"up to {PATH_LEVEL_COUNT_MAX}",
        )
    return path


def _by_type(value: OneValue) -> tuple[bool, OneValue]:
    return isinstance(value, str), value


def _wrong(given: object, field: str, kind: FieldType) -> InvalidValue:
    found = f"a {type(given).__name__}"
    if isinstance(given, dt.datetime):
        found = "a time without zone"
    return InvalidValue(field=field, found=found, allowed=_ALLOWED[kind])
