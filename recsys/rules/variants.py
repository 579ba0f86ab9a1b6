"""Which items are one: an item and its variants, as the catalogue says."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8
from recsys.bundle import ItemIndex
from recsys.domain import ShortfallCause, normal_text
from recsys.filters import Columns, TextColumn
from recsys.filters.columns import taken
from recsys.rules.arrangement import Cap

I32 = NDArray[np.int32]

_FIELD: Final = "primary_item_id"
_NO_VALUE: Final = 0


class VariantGroups:
    """Items by the primary item that they are or belong to; see `recsys.rules.arrange.Groups`.

    A group's number is the code of its primary item's id.
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

    def of(self, rows: I32) -> Sequence[int]:
        """Return each row's group; -1 for items without variants."""
        codes: list[int] = taken(self._column, rows).tolist()
        ids = self._items.ids(rows)
        return [
            self._own(item_id) if code == _NO_VALUE else code
            for code, item_id in zip(codes, ids, strict=True)
        ]

    def without(self, groups: Sequence[int]) -> U8:
        """Return the rows that are in none of some groups; bits past the last are 0."""
        keeps = np.ones(self._column.count, dtype=np.bool_)
        keeps[list(groups)] = False
        truths = keeps[self._column.codes(self._row_count)]
        primaries = [str(one) for group in groups for one in self._column.values_of(group)]
        rows = self._items.known_rows(primaries)
        truths[rows[rows < self._row_count]] = False
        return np.packbits(truths, bitorder="little")

    def _own(self, item_id: str) -> int:
        code = self._column.words.find(normal_text(item_id))
        return -1 if code is None or code >= self._column.count else code


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
