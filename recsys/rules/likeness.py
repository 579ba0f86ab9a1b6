"""What items have in common: values of a field, or directions of their vectors."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8
from recsys.filters import Columns, TextColumn
from recsys.filters.columns import taken

I32 = NDArray[np.int32]

_NO_VALUE: Final = 0
"""Code of the rows that have no value."""


class FieldGroups:
    """Items that have the same values of a field; see `recsys.rules.arrangement.Groups`."""

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

    def of(self, rows: I32) -> I32:
        """Return each row's group; -1 for none."""
        if self._column is None:
            return np.full(len(rows), -1, dtype=np.int32)
        codes: I32 = taken(self._column, rows)
        codes[codes == _NO_VALUE] = -1
        return codes

    def without(self, groups: I32) -> U8:
        """Return the rows that are in none of some groups; bits past the last are 0."""
        keeps = np.ones(1 if self._column is None else self._column.count, dtype=np.bool_)
        if self._column is None:
            truths = np.ones(self._row_count, dtype=np.bool_)
        else:
            keeps[groups] = False
            truths = keeps[self._column.codes(self._row_count)]
        return np.packbits(truths, bitorder="little")


class VectorLikeness:
    """Cosines of item vectors; see `recsys.rules.arrangement.Likeness`."""

    def __init__(self, vectors_of: Callable[[I32], NDArray[np.float32]]) -> None:
        """Look at vectors, float32, of rows."""
        self._vectors_of = vectors_of

    def vectors(self, rows: I32) -> NDArray[np.float32]:
        """Return them."""
        return np.ascontiguousarray(self._vectors_of(rows))


class FieldLikeness:
    """1 for the same values of a field, else 0; for models without vectors."""

    def __init__(self, groups: FieldGroups) -> None:
        """Look at groups."""
        self._groups = groups

    def vectors(self, rows: I32) -> NDArray[np.float32]:
        """Return a direction for each group, and 0 for rows of none."""
        groups = self._groups.of(rows)
        known, places = np.unique(groups, return_inverse=True)
        vectors = np.zeros((len(rows), len(known)), dtype=np.float32)
        vectors[np.arange(len(rows)), places] = 1.0
        vectors[groups < 0] = 0.0
        return vectors
