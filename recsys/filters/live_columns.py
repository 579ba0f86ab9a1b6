"""One column that is written row by row and published as an immutable one."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np

from recsys.filters.columns import (
    CHUNK_ROWS,
    I32,
    AnyColumn,
    BoolColumn,
    Chunk,
    NumberColumn,
    SparseChunk,
    TextColumn,
    chunk_lengths,
    numbers_of,
)
from recsys.filters.schema import FieldType
from recsys.filters.values import OneValue, kept
from recsys.filters.words import Words

_SPARSE_SHARE: Final = 8
"""Codes are kept sparse where at most one of so many rows has one."""

_UNUSED_CODES_MAX: Final = 4_096
"""Codes that no row has are swept out when they are more than this and than the rows."""


class LiveColumn(Protocol):
    """A column and its writer."""

    def encode(self, given: Sequence[object], *, field: str) -> Chunk:
        """Return values as `put` takes them; nothing is written yet.

        Raises:
            InvalidValue: One is of another type than the field.
        """
        ...

    def put(self, rows: I32, values: Chunk, seen_count: int) -> I32:
        """Write values; return the rows whose value is another now.

        Args:
            rows: Unique, ascending or not.
            values: Encoded, one for each row.
            seen_count: Rows below it may be read meanwhile and are not written in place.
        """
        ...

    def holds_any(self, places: Sequence[tuple[int, I32]]) -> bool:
        """Tell whether some of these rows are not missing.

        Args:
            places: Numbers of chunks and offsets in them; they may be beyond all rows.
        """
        ...

    def publish(self, row_count: int) -> AnyColumn:
        """Return the column as it is now, with at least so many rows."""
        ...


def live_column(kind: FieldType) -> LiveColumn:
    """Return an empty column for a type."""
    if kind in {FieldType.NUMBER, FieldType.TIME}:
        return _LiveNumbers(kind)
    if kind is FieldType.BOOL:
        return _LiveBools()
    return _LiveTexts(kind)


class _Chunks:
    """Chunks of values, copied before a row that may be read is changed.

    A chunk in which every row is missing is one array shared by all, and codes of which few
    are not missing are kept sparse, so that a key that few records have costs little.
    """

    def __init__(self, missing: float, dtypes: Sequence[type[np.generic]]) -> None:
        self._missing = _missing_chunk(missing, np.dtype(dtypes[0]).name)
        self._dtypes = [np.dtype(dtype) for dtype in dtypes]
        self._is_coded = len(dtypes) > 1
        self.chunks: list[Chunk | SparseChunk] = []
        self._own: set[int] = set()

    def ensure(self, row_count: int) -> None:
        lengths = chunk_lengths(row_count)
        for number, chunk in enumerate(self.chunks[: len(lengths)]):
            longer = lengths[number] - len(chunk)
            if longer <= 0:
                continue
            if isinstance(chunk, SparseChunk):
                self.chunks[number] = replace(chunk, length=lengths[number])
            elif chunk.flags.writeable:
                rest = self._missing[:longer].astype(chunk.dtype)
                self.chunks[number] = np.concatenate([chunk, rest])
            else:
                self.chunks[number] = self._missing[: lengths[number]]
        absent = lengths[len(self.chunks) :]
        self.chunks.extend(self._missing[:length] for length in absent)

    def holds_any(self, places: Sequence[tuple[int, I32]]) -> bool:
        for number, offsets in places:
            if number >= len(self.chunks):
                continue
            chunk = self.chunks[number]
            if isinstance(chunk, np.ndarray) and chunk.base is self._missing:
                continue
            held = chunk[offsets[offsets < len(chunk)]]
            if self._is_coded:
                if held.any():
                    return True
            elif not np.array_equal(held, self._missing[: len(held)], equal_nan=True):
                return True
        return False

    def publish(self, row_count: int) -> tuple[Any, ...]:
        """Return the chunks; of numbers none is sparse, as the caller knows."""
        self.ensure(row_count)
        for number in self._own:
            self.chunks[number] = self._packed(self.chunks[number])
        # From now on somebody may read them.
        self._own.clear()
        return tuple(self.chunks)

    def replace(self, chunks: Iterable[Chunk]) -> None:
        """Put other codes in place of all."""
        self.chunks = [self._packed(chunk.astype(self._wide(chunk))) for chunk in chunks]

    def _packed(self, chunk: Chunk | SparseChunk) -> Chunk | SparseChunk:
        """Return codes in the form that takes less room."""
        if isinstance(chunk, SparseChunk) or not self._is_coded:
            return chunk
        held = np.flatnonzero(chunk)
        if len(held) == 0:
            return self._missing[: len(chunk)]
        if len(held) > len(chunk) // _SPARSE_SHARE:
            return chunk
        return SparseChunk(held.astype(np.uint16), chunk[held], len(chunk))

    def put(self, rows: I32, values: Chunk, seen_count: int) -> I32:
        self.ensure(int(rows.max(initial=-1)) + 1)
        changed: list[I32] = []
        for number, here in numbers_of(rows):
            offsets, fresh = rows[here] % CHUNK_ROWS, values[here]
            old = self.chunks[number][offsets]
            # NaN is like NaN: missing as before.
            differs = (old != fresh) & ~((old != old) & (fresh != fresh))  # noqa: PLR0124 - NaN
            if not differs.any():
                continue
            chunk = self._writable(number, fresh, int(offsets.min()), seen_count)
            chunk[offsets[differs]] = fresh[differs]
            changed.append(rows[here][differs])
        return np.concatenate(changed) if changed else np.zeros(0, dtype=np.int32)

    def _writable(self, number: int, fresh: Chunk, first: int, seen_count: int) -> Chunk:
        """Return a chunk that nobody reads where it is to be written, wide enough."""
        chunk = self.chunks[number]
        if isinstance(chunk, SparseChunk):
            chunk = self.chunks[number] = chunk.dense()
            self._own.add(number)
        dtype = max(chunk.dtype, self._wide(fresh), key=lambda wide: wide.itemsize)
        unseen = number * CHUNK_ROWS + first >= seen_count and chunk.flags.writeable
        if dtype != chunk.dtype or not (unseen or number in self._own):
            chunk = self.chunks[number] = chunk.astype(dtype)
            self._own.add(number)
        return chunk

    def _wide(self, values: Chunk) -> np.dtype[np.generic]:
        """Return the narrowest type that holds these."""
        if not self._is_coded:
            return self._dtypes[0]
        largest = int(values.max())
        return next(dtype for dtype in self._dtypes if largest <= np.iinfo(dtype).max)


@functools.cache
def _missing_chunk(missing: float, dtype: str) -> Chunk:
    chunk = np.full(CHUNK_ROWS, missing, dtype=dtype)
    chunk.flags.writeable = False
    return chunk


class _LiveNumbers:
    def __init__(self, kind: FieldType) -> None:
        self._kind = kind
        self._chunks = _Chunks(np.nan, [np.float64])

    def encode(self, given: Sequence[object], *, field: str) -> Chunk:
        return np.array(
            [one if type(one) is float else self._number(one, field) for one in given],
            dtype=np.float64,
        )

    def put(self, rows: I32, values: Chunk, seen_count: int) -> I32:
        return self._chunks.put(rows, values, seen_count)

    def holds_any(self, places: Sequence[tuple[int, I32]]) -> bool:
        return self._chunks.holds_any(places)

    def publish(self, row_count: int) -> NumberColumn:
        return NumberColumn(self._chunks.publish(row_count))

    def _number(self, given: object, field: str) -> OneValue:
        values = kept(given, field=field, kind=self._kind)
        return values[0] if values else np.nan


class _LiveBools:
    def __init__(self) -> None:
        self._chunks = _Chunks(-1, [np.int8])

    def encode(self, given: Sequence[object], *, field: str) -> Chunk:
        return np.array(
            [int(one) if isinstance(one, bool) else self._truth(one, field) for one in given],
            dtype=np.int8,
        )

    def put(self, rows: I32, values: Chunk, seen_count: int) -> I32:
        return self._chunks.put(rows, values, seen_count)

    def holds_any(self, places: Sequence[tuple[int, I32]]) -> bool:
        return self._chunks.holds_any(places)

    def publish(self, row_count: int) -> BoolColumn:
        return BoolColumn(self._chunks.publish(row_count))

    @staticmethod
    def _truth(given: object, field: str) -> OneValue:
        values = kept(given, field=field, kind=FieldType.BOOL)
        return values[0] if values else -1


class _LiveTexts:
    """Codes of words; those that no row has any more are swept out when they are many."""

    def __init__(self, kind: FieldType) -> None:
        self._kind = kind
        self._chunks = _Chunks(0, [np.uint8, np.uint16, np.int32])
        self._words = Words(are_paths=kind is FieldType.PATH)

    def encode(self, given: Sequence[object], *, field: str) -> Chunk:
        # Most records lack most keys of a map.
        codes = [0 if one is None else self._code(one, field) for one in given]
        return np.array(codes, dtype=np.int32)

    def put(self, rows: I32, values: Chunk, seen_count: int) -> I32:
        return self._chunks.put(rows, values, seen_count)

    def holds_any(self, places: Sequence[tuple[int, I32]]) -> bool:
        return self._chunks.holds_any(places)

    def publish(self, row_count: int) -> TextColumn:
        if len(self._words.entries) > 2 * row_count + _UNUSED_CODES_MAX:
            self._sweep(row_count)
        chunks = self._chunks.publish(row_count)
        return TextColumn(chunks, self._words, len(self._words.entries))

    def _code(self, given: object, field: str) -> int:
        # A text that is in the dictionary as it stands needs no second look.
        found = self._words.find(given) if isinstance(given, str) else None
        if found is None:
            found = self._words.code(kept(given, field=field, kind=self._kind))
        return found

    def _sweep(self, row_count: int) -> None:
        """Begin a dictionary anew with what rows have; readers keep the old one."""
        self._chunks.ensure(row_count)
        held = TextColumn(tuple(self._chunks.chunks), self._words, len(self._words.entries))
        whole = held.codes(sum(map(len, held.chunks)))
        used, places = np.unique(whole, return_inverse=True)
        old, self._words = self._words, Words(are_paths=self._kind is FieldType.PATH)
        codes = [self._words.code(old.values_of(code)) for code in used.tolist()]
        fresh = np.array(codes, dtype=np.int32)[places]
        self._chunks.replace(np.split(fresh, range(CHUNK_ROWS, len(fresh), CHUNK_ROWS)))
