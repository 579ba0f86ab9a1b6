"""Which items are one: an item and its variants, as the catalogue says."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8
from recsys.bundle import ItemIndex
from recsys.domain import ShortfallCause, normal_text
from recsys.filters import Columns, TextColumn
from recsys.filters.columns import taken
from recsys.row_sets import union
from recsys.rules.arrangement import Cap

I32 = NDArray[np.int32]

_FIELD: Final = "primary_item_id"
_NO_VALUE: Final = 0
"""Code of the rows that are no variants."""

_UNKNOWN: Final = -1


class VariantGroups:
    """Items by the first item that they are variants of; see `recsys.rules.arrangement.Groups`.

    A group's number is the code of that item's id. A variant of a variant belongs to the
    same first item; of items that are variants of each other in a circle, the one of the
    lowest code stands for all.
    """

    def __init__(self, column: TextColumn, items: ItemIndex, row_count: int) -> None:
        """Look at one moment of a catalogue.

        Args:
            column: The primary item of each.
            items: Of the model.
            row_count: Rows of the column.
        """
        self._column = column
        self._items = items
        self._row_count = row_count

    def of(self, rows: I32) -> I32:
        """Return each row's group; -1 for items without variants."""
        codes: I32 = taken(self._column, rows)
        alone = np.flatnonzero(codes == _NO_VALUE)
        codes[alone] = self._own_codes(rows[alone])
        known = union(codes[codes != _UNKNOWN])
        above = self._above(known)
        # Hardly ever is a variant that of a variant.
        for code in known[above != _NO_VALUE].tolist():
            codes[codes == code] = self._first(code)
        return codes

    def without(self, groups: I32) -> U8:
        """Return the rows that are in none of some groups; bits past the last are 0."""
        codes = self._column.codes(self._row_count)
        truths = np.ones(self._row_count, dtype=np.bool_)
        waiting = set(groups.tolist())
        left_out: set[int] = set()
        while waiting:
            left_out |= waiting
            found = np.isin(codes, list(waiting))
            truths &= ~found
            primaries = [str(one) for code in waiting for one in self._column.values_of(code)]
            rows = self._items.known_rows(primaries)
            rows = rows[rows < self._row_count]
            truths[rows] = False
            own = self._own_codes(np.flatnonzero(found).astype(np.int32))
            waiting = set(own[own != _UNKNOWN].tolist()) - left_out
        return np.packbits(truths, bitorder="little")

    def _own_codes(self, rows: I32) -> I32:
        """Return the codes of the rows' own ids; -1 where nothing is a variant of one."""
        find = self._column.words.find
        found = [find(normal_text(item_id)) for item_id in self._items.ids(rows)]
        codes = np.array([_UNKNOWN if code is None else code for code in found], dtype=np.int32)
        codes[codes >= self._column.count] = _UNKNOWN
        return codes

    def _above(self, codes: I32) -> I32:
        """Return what the items that codes stand for are variants of, as codes; 0 for nothing."""
        above = np.full(len(codes), _NO_VALUE, dtype=np.int32)
        ids = [str(self._column.values_of(code)[0]) for code in codes.tolist()]
        rows, positions = self._items.find(ids)
        is_here = rows < self._row_count
        above[positions[is_here]] = taken(self._column, rows[is_here])
        return above

    def _first(self, code: int) -> int:
        """Follow a code to the first item, or to the lowest of a circle."""
        path = [code]
        while True:
            (above,) = self._above(np.array([path[-1]], dtype=np.int32)).tolist()
            if above == _NO_VALUE:
                return path[-1]
            if above in path:
                return min(path[path.index(above) :])
            path.append(above)


def variant_column(columns: Columns) -> TextColumn | None:
    """Return what says which items are variants; None where no item is one."""
    column = columns.columns.get(_FIELD)
    return column if isinstance(column, TextColumn) and column.count > 1 else None


def variant_cap(columns: Columns, items: ItemIndex) -> Cap | None:
    """Return the rule that an answer has one of each item and its variants; None for no variants."""
    column = variant_column(columns)
    if column is None:
        return None
    groups = VariantGroups(column, items, columns.row_count)
    return Cap(groups=groups, count_max=1, cause=ShortfallCause.VARIANT)
