"""What is known of items besides who wants them, as one sparse matrix: items x attributes.

Every column of a table of items but the few that name, show or price an item says
something: texts are cut into words where they are titles and kept whole elsewhere,
lists count each element. An attribute is a column and a value, so that the brand
"apple" and the fruit stay apart.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from recsys.sparse import CsrMatrix
from training import columns
from training.ragged import csr_from_pairs

_SAYS_NOTHING = frozenset({columns.ITEM_ID, columns.IMAGE_URL, columns.CURRENCY, "sellable"})
_VALUE, _ROW = "value", "row"


def attributes_of(items: pl.DataFrame, item_ids: Sequence[str]) -> CsrMatrix:
    """Collect what a table says of some items.

    Args:
        items: With `item_id`; of its other columns texts and lists (of texts or
            whole numbers) count.
        item_ids: The items wanted, in their order; the table may lack some.

    Returns:
        Items x attributes, each entry 1. Attributes are numbered in sorted order.
    """
    rows = pl.DataFrame({columns.ITEM_ID: pl.Series(item_ids, dtype=pl.String)}).with_row_index(
        _ROW
    )
    known = items.with_columns(pl.col(columns.ITEM_ID).cast(pl.String)).unique(
        columns.ITEM_ID, keep="first", maintain_order=True
    )
    joined = rows.join(known, on=columns.ITEM_ID)
    said = [_said(joined, name) for name in items.columns if _says(items.schema, name)]
    if not said:
        return csr_from_pairs(
            rows=np.empty(0, dtype=np.int64),
            columns=np.empty(0, dtype=np.int32),
            values=np.empty(0, dtype=np.float32),
            row_count=len(item_ids),
        )
    pairs = pl.concat(said).drop_nulls().unique()
    numbered = pairs.with_columns(pl.col(_VALUE).rank("dense") - 1).sort(_ROW, _VALUE)
    return csr_from_pairs(
        rows=numbered[_ROW].to_numpy(),
        columns=numbered[_VALUE].to_numpy(),
        values=np.ones(len(numbered), dtype=np.float32),
        row_count=len(item_ids),
    )


def _says(schema: pl.Schema, name: str) -> bool:
    kind = schema[name]
    inner = kind.inner if isinstance(kind, pl.List) else kind
    is_list = isinstance(kind, pl.List)
    return name not in _SAYS_NOTHING and (
        inner == pl.String() or (is_list and isinstance(inner, pl.DataType) and inner.is_integer())
    )


def _said(items: pl.DataFrame, name: str) -> pl.DataFrame:
    value = pl.col(name)
    if name == columns.TITLE and items.schema[name] == pl.String():
        value = value.str.to_lowercase().str.extract_all(r"[\pL\pN]+")
    frame = items.select(_ROW, value.alias(_VALUE))
    if isinstance(frame.schema[_VALUE], pl.List):
        frame = frame.explode(_VALUE)
    text = pl.col(_VALUE).cast(pl.String)
    return frame.select(
        _ROW,
        pl.when(text.str.len_bytes() > 0)
        .then(pl.format("{}={}", pl.lit(name), text))
        .alias(_VALUE),
    )
