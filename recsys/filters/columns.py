"""The fields of many records in memory, as filters read them.

`Columns` never change: whoever holds one sees each row as it was at one moment, however long
it takes. `recsys.filters.live` makes the next ones. Rows lie in chunks, and those that did not
change are shared between the two.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.filters.schema import Schema
from recsys.filters.values import Kept, OneValue
from recsys.filters.words import Words
from recsys.row_sets import union

CHUNK_ROWS: Final = 32_768
"""Rows of a chunk, a multiple of 8: what one changed row copies, and what fits into a cache."""

_CHUNK_ROWS_MIN: Final = 64

I32: TypeAlias = NDArray[np.int32]
Chunk: TypeAlias = NDArray[Any]
"""One value per row, `chunk_lengths` of them; those beyond the row count mean nothing."""

Truths: TypeAlias = NDArray[np.bool_]

_FEW_ROWS: Final = 128


def chunk_lengths(row_count: int) -> list[int]:
    """Return the lengths of the chunks for so many rows; the last one grows by doubling."""
    full, last = divmod(row_count, CHUNK_ROWS)
    lengths = [CHUNK_ROWS] * full
    if last:
        lengths.append(max(_CHUNK_ROWS_MIN, 1 << (last - 1).bit_length()))
    return lengths


def numbers_of(rows: I32) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield the number of each chunk that has some of the rows, and which of them."""
    numbers = rows // CHUNK_ROWS
    for number in range(int(numbers.min(initial=0)), int(numbers.max(initial=-1)) + 1):
        here = numbers == number
        if here.any():
            yield number, here


@dataclass(frozen=True, slots=True, eq=False)
class SparseChunk:
    """A chunk of codes of which few are not 0, as of a key that few records have.

    Attributes:
        offsets: Of the rows whose code is not 0, uint16, ascending.
        codes: Of these rows.
        length: Rows of the chunk.
    """

    offsets: NDArray[np.uint16]
    codes: Chunk
    length: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.length

    def __getitem__(self, offsets: Chunk) -> Chunk:
        """Return the codes of some rows."""
        # Of one type with the offsets, or these would be copied to be searched.
        wanted = offsets.astype(np.uint16)
        places = np.minimum(self.offsets.searchsorted(wanted), len(self.offsets) - 1)
        codes: Chunk = self.codes[places]
        codes[self.offsets[places] != wanted] = 0
        return codes

    def dense(self) -> Chunk:
        """Return the codes of all rows."""
        codes = np.zeros(self.length, dtype=self.codes.dtype)
        codes[self.offsets] = self.codes
        return codes

    def truths(self, test: Callable[[Chunk], Truths], count: int) -> Truths:
        """Return what is true of the first rows, by a test that is false of code 0."""
        held = self.offsets[: np.searchsorted(self.offsets, count)]
        truths = np.zeros(count, dtype=np.bool_)
        truths[held] = test(self.codes[: len(held)])
        return truths


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """Texts, category paths or any values: each row holds the code of its values.

    Attributes:
        chunks: Codes, uint8, uint16 or int32, the narrowest that holds the chunk's; `taken`
            and `codes` read them without asking how they are kept.
        words: What each code stands for.
        count: Number of codes.
    """

    chunks: tuple[Chunk | SparseChunk, ...]
    words: Words
    count: int

    def codes_of(self, value: OneValue) -> list[int]:
        """Return the codes of what has a value, or a run of levels of a category path."""
        return [code for code in self.words.codes_of(value) if code < self.count]

    def codes(self, row_count: int) -> I32:
        """Return the codes of the first rows; 0 where the value is missing."""
        codes = np.zeros(row_count, dtype=np.int32)
        for chunk, first in zip(self.chunks, range(0, row_count, CHUNK_ROWS), strict=False):
            dense = chunk.dense() if isinstance(chunk, SparseChunk) else chunk
            count = min(len(dense), row_count - first)
            codes[first : first + count] = dense[:count]
        return codes

    def values_of(self, code: int) -> Kept:
        """Return the values that a code stands for."""
        return self.words.values_of(code)

    def codes_where(self, holds: Callable[[OneValue], bool], *, key: Hashable) -> I32:
        """Return the codes of what has a value that passes, as `Words.codes_where`."""
        return self.words.codes_where(holds, count=self.count, key=key)


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


_DTYPES: Final[dict[type, type[np.generic]]] = {
    TextColumn: np.int32,
    NumberColumn: np.float64,
    BoolColumn: np.int8,
}


def taken(column: AnyColumn, rows: I32) -> Chunk:
    """Return what a column holds of some rows, in their order."""
    if len(rows) <= _FEW_ROWS and not any(isinstance(one, SparseChunk) for one in column.chunks):
        # One by one, or each chunk would be asked which of them it has.
        found = [column.chunks[row // CHUNK_ROWS].item(row % CHUNK_ROWS) for row in rows.tolist()]
        return np.array(found, dtype=_DTYPES[type(column)])
    values = np.empty(len(rows), dtype=_DTYPES[type(column)])
    for number, here in numbers_of(rows):
        values[here] = column.chunks[number][rows[here] % CHUNK_ROWS]
    return values


def first_from(chunks: Iterable[Chunk], bound: float) -> float:
    """Return the smallest number that is not below a bound; infinite if there is none."""
    smallest = [chunk.min(initial=np.inf, where=chunk >= bound) for chunk in chunks]
    return float(min(smallest, default=np.inf))


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
        origin: The same for all versions of the same columns.
    """

    schema: Schema
    row_count: int
    version: int
    columns: Mapping[str, AnyColumn]
    changes: tuple[Change, ...] = ()
    origin: object = field(default_factory=object)

    def changed_since(self, version: int, names: frozenset[str]) -> I32 | None:
        """Return rows of which one of these columns changed after a version, ascending, unique.

        New rows are among them only where one of these columns is not missing. None where
        the version is longer ago than changes are remembered.
        """
        gap = self.version - version
        if not 0 <= gap <= len(self.changes):
            return None
        last = self.changes[len(self.changes) - gap :]
        return union(*(change.rows for change in last if change.names & names))
