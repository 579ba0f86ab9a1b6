"""What items have in common: values of a field, or directions of their vectors."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8
from recsys.filters import Columns, TextColumn
from recsys.filters.columns import taken

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_NO_VALUE: Final = 0
"""Code of the rows that have no value."""


class FieldGroups:
    """Items that have the same values of a field; see `recsys.rules.arrange.Groups`."""

    def __init__(self, columns: Columns, field: str) -> None:
        """Look at one field.

        Args:
            columns: Of the model's items.
            field: A text, a category path or a key of a map. Items in which it is missing
                are in no group.
        """
        found = columns.columns.get(field)
        self._column = found if isinstance(found, TextColumn) else None
        self._row_count = columns.row_count

    def of(self, rows: I32) -> Sequence[int]:
        """Return each row's group; -1 for none."""
        if self._column is None:
            return [-1] * len(rows)
        codes = taken(self._column, rows)
        codes[codes == _NO_VALUE] = -1
        found: list[int] = codes.tolist()
        return found

    def without(self, groups: Sequence[int]) -> U8:
        """Return the rows that are in none of some groups; bits past the last are 0."""
        keeps = np.ones(1 if self._column is None else self._column.count, dtype=np.bool_)
        if self._column is None:
            truths = np.ones(self._row_count, dtype=np.bool_)
        else:
            keeps[list(groups)] = False
            truths = keeps[self._column.codes(self._row_count)]
        return np.packbits(truths, bitorder="little")


class VectorLikeness:
    """Cosines of item vectors, none below 0; see `recsys.rules.arrange.Similarity`."""

    def __init__(self, vectors_of: Callable[[I32], NDArray[np.float32]]) -> None:
        """Look at vectors, float32, of rows."""
        self._vectors_of = vectors_of
        self._rows: I32 | None = None
        self._units = np.empty((0, 0))
        self._places: dict[int, int] = {}

    def __call__(self, row: int, rows: I32) -> F64:
        """Return how like one row some rows are."""
        if self._rows is not rows:
            self._rows, self._units = rows, self._unit(rows)
            self._places = {one: place for place, one in enumerate(rows.tolist())}
        place = self._places.get(row)
        if place is None:
            itself = self._unit(np.array([row], dtype=np.int32))[0]
        else:
            itself = self._units[place]
        cosines: F64 = np.maximum(self._units @ itself, 0.0)
        return cosines

    def _unit(self, rows: I32) -> F64:
        vectors = self._vectors_of(rows).astype(np.float64)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = np.zeros_like(vectors)
        np.divide(vectors, norms, out=units, where=norms > 0.0)
        return units


class FieldLikeness:
    """1 for the same values of a field, else 0; for models without vectors."""

    def __init__(self, groups: FieldGroups) -> None:
        """Look at groups."""
        self._groups = groups

    def __call__(self, row: int, rows: I32) -> F64:
        """Return how like one row some rows are."""
        (own,) = self._groups.of(np.array([row], dtype=np.int32))
        return np.array([own >= 0 and group == own for group in self._groups.of(rows)], np.float64)
