"""The fields of many records in memory, as filters read them.

`Columns` never change: whoever holds one sees each row as it was at one moment, however long
it takes. `recsys.filters.live` makes the next ones. Rows lie in chunks, and those that did not
change are shared between the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.filters.schema import Schema
from recsys.filters.values import Kept

CHUNK_ROWS: Final = 32_768
"""Rows of a chunk, a multiple of 8: what one changed row copies, and what fits into a cache."""

I32: TypeAlias = NDArray[np.int32]
Chunk: TypeAlias = NDArray[Any]
"""One value per row, shape (CHUNK_ROWS,); rows beyond the row count mean nothing."""


def chunk_count(row_count: int) -> int:
    """Return how many chunks hold so many rows."""
    return -(-row_count // CHUNK_ROWS)


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """Texts, category paths or any values: each row holds the code of its values.

    Attributes:
        chunks: Codes, uint8, uint16 or int32, the narrowest that holds the chunk's.
        sets: The values of each code; those of code 0 are none. It grows while this column
            is read, so only the first `count` are its.
        count: Number of codes.
        holders: Codes of the sets in which a value lies (or a run of levels of a path), in
            ascending order; grows likewise.
    """

    chunks: tuple[Chunk, ...]
    sets: Sequence[Kept]
    count: int
    holders: Mapping[str | float, Sequence[int]]

    def codes_with(self, value: str | float) -> list[int]:
        """Return the codes of the sets that hold a value."""
        return [code for code in tuple(self.holders.get(value, ())) if code < self.count]

    def known_sets(self) -> Iterator[Kept]:
        """Return the values of each code, in order."""
        return islice(self.sets, self.count)


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """Numbers, or times in seconds since 1970 UTC.

    Attributes:
        chunks: float64; NaN where it is missing.
    """

    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BoolColumn:
    """Truth values.

    Attributes:
        chunks: int8; 1, 0, or -1 where it is missing.
    """

    chunks: tuple[Chunk, ...]


AnyColumn: TypeAlias = TextColumn | NumberColumn | BoolColumn


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What one version changed.

    Attributes:
        rows: The rows, ascending, unique.
        names: The columns.
    """

    rows: I32
    names: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Columns:
    """Fields of n records at one moment.

    Attributes:
        schema: The fields that there are.
        row_count: Number of records n.
        version: Counts changes, from 0.
        columns: By name; a key of a map that no record has ever had is absent.
        changes: The last changes, oldest first, the last one to this version.
    """

    schema: Schema
    row_count: int
    version: int
    columns: Mapping[str, AnyColumn]
    changes: tuple[Change, ...] = ()

    def changed_since(self, version: int, names: frozenset[str]) -> I32 | None:
        """Return rows of which one of these columns changed after a version, ascending, unique.

        New rows are among them only where one of these columns is not missing. None where
        the version is longer ago than changes are remembered.
        """
        gap = self.version - version
        if not 0 <= gap <= len(self.changes):
            return None
        last = self.changes[len(self.changes) - gap :]
        rows = [change.rows for change in last if change.names & names]
        return np.unique(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int32)
