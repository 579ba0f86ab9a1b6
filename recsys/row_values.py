"""Values of rows, as files hold them: what is missing, null or empty is not said."""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from recsys.domain import NAMESPACE_ACCOUNT, NAMESPACE_LOYALTY_CARD, NAMESPACE_VISITOR, Identifier

Row = Mapping[str, Any]

IDENTIFIER_COLUMNS: Final[Mapping[str, str]] = {
    "user_id": NAMESPACE_ACCOUNT,
    "loyalty_card": NAMESPACE_LOYALTY_CARD,
    "visitor_id": NAMESPACE_VISITOR,
    "pos_customer": "pos_customer",
    "email_sha256": "email_sha256",
    "phone_sha256": "phone_sha256",
}
"""Namespaces of identifiers by the column that holds them."""

_AMOUNT_DIGITS: Final = 9


def text_of(row: Row, name: str) -> str:
    """Read a text; empty if it is not said."""
    value = row.get(name)
    return "" if value is None else str(value)


def identifiers_of(row: Row) -> tuple[Identifier, ...]:
    """Read who a row is about, by every column that says it."""
    return tuple(
        Identifier(namespace, value)
        for name, namespace in IDENTIFIER_COLUMNS.items()
        if (value := text_of(row, name))
    )


def noting(rows: Iterable[Row], known: Collection[str], unused: set[str]) -> Iterator[Row]:
    """Pass rows on, and note columns that nobody looks at.

    Args:
        rows: The rows.
        known: Columns that are looked at; of one that ends with a dot, all that begin so.
        unused: Gets the others.
    """
    beginnings = tuple(name for name in known if name.endswith("."))
    for row in rows:
        for name in map(str, row.keys() - known - unused):
            if not beginnings or not name.startswith(beginnings):
                unused.add(name)
        yield row


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
