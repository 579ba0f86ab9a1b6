"""Values of rows, as files hold them: what is missing, null or empty is not said."""

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Row = Mapping[str, Any]

_AMOUNT_DIGITS: Final = 9


def text_of(row: Row, name: str) -> str:
    """Read a text; empty if it is not said."""
    value = row.get(name)
    return "" if value is None else str(value)


def number_of(row: Row, name: str) -> float | None:
    """Read a number.

    Raises:
        ValueError: It is none.
    """
    text = text_of(row, name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; it must be a number") from None


def amount_of(value: object, name: str) -> str:
    """Read an amount of money as a plain decimal number.

    Raises:
        ValueError: It is none.
    """
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        exact = Decimal("nan")
    if not exact.is_finite():
        raise ValueError(f"{name} is {value}; it must be a number")
    return format(round(exact, _AMOUNT_DIGITS).normalize(), "f")


def seconds_of(value: object, name: str) -> float | None:
    """Read a time: ISO 8601 (UTC where it says no zone), seconds since 1970, or a datetime.

    Raises:
        ValueError: It is none.
    """
    if value in {None, ""}:
        return None
    if isinstance(value, int | float):
        seconds = float(value)
    else:
        moment = value if isinstance(value, dt.datetime) else _moment_of(str(value), name)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    if not math.isfinite(seconds):
        raise ValueError(f"{name} is {value}; it must be a time")
    return seconds


def _moment_of(text: str, name: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{name} is {text!r}; it must be a time such as 2026-01-31T12:00Z"
        ) from None
