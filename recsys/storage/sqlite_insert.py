"""Inserts many rows by few statements."""

import sqlite3
from collections.abc import Sequence
from typing import Final

_ROWS_PER_STATEMENT: Final = 128
"""Every step of a statement lets other threads of Python run, who may take their time."""


def insert(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows by few steps.

    Args:
        connection: In a transaction.
        statement: Holds `{rows}` where the rows go.
        rows: All of one length.
    """
    first = 0
    size = _ROWS_PER_STATEMENT
    while first < len(rows):
        # Few sizes, so that the prepared statements are found again.
        while size > len(rows) - first:
            size //= 2
        part = rows[first : first + size]
        marks = f"({','.join('?' * len(part[0]))})"
        values = [value for row in part for value in row]
        connection.execute(statement.format(rows=",".join([marks] * size)), values)
        first += size
