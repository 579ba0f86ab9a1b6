"""The items table: the catalogue's files, and every item that events mention."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from recsys import limits
from training import columns
from training.ingest.checks import not_an_item
from training.ingest.mapping import text
from training.ingest.preset import ItemSource, Preset
from training.ingest.read import batches, check_columns, column_names

_NUMBERS: Final = (columns.PRICE,)
_COUNT: Final = "_count"
_OPEN_ROWS_MAX: Final = 500_000
"""Summed rows that wait to be joined with those before."""


def read_items(paths: Iterable[Path], preset: Preset) -> tuple[pl.DataFrame, int]:
    """Read the catalogue.

    Returns:
        columns.ITEMS with unique ids, and how many rows had no usable id.

    Raises:
        InvalidData: A file is damaged or lacks a column that the preset maps.
    """
    source = preset.items
    tables = [_counted(pl.DataFrame(schema=columns.ITEMS))]
    rejected_count = 0
    for path in paths if source is not None else ():
        assert source is not None
        mapping = _found_columns(path, source)
        wanted = [name for names in mapping.values() for name in names]
        for batch in batches(path, wanted, csv=source.csv, on_malformed=lambda _: None):
            rows = _map(batch.rows, source, mapping)
            usable = rows.filter(_usable(preset))
            rejected_count += rows.height - usable.height
            # Most rows of an events file repeat an item; they are summed up at once,
            # and the sums again whenever they have grown.
            tables.append(_counted(usable))
            if sum(table.height for table in tables[1:]) > max(_OPEN_ROWS_MAX, tables[0].height):
                tables = [_summed(tables)]
    return _chosen(_summed(tables), source), rejected_count


def complete_items(catalogue: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """Add the items that only events know; they have no title."""
    seen = events.select(columns.ITEM_ID).drop_nulls().unique().collect(engine="streaming")
    new = seen.join(catalogue, on=columns.ITEM_ID, how="anti")
    return pl.concat([catalogue, new], how="diagonal").sort(columns.ITEM_ID)


def _found_columns(path: Path, source: ItemSource) -> dict[str, list[str]]:
    there = column_names(path, source.csv)
    mapping = {}
    for name, given in source.columns.items():
        names = [given] if isinstance(given, str) else list(given)
        if set(names) <= set(there) or name not in source.optional_columns:
            check_columns(path, names, there)
            mapping[name] = names
    return mapping


def _map(rows: pl.DataFrame, source: ItemSource, mapping: dict[str, list[str]]) -> pl.DataFrame:
    exprs = []
    for name, dtype in columns.ITEMS.items():
        value = pl.lit(None, dtype=pl.String)
        if name in mapping:
            joint = source.joints.get(name, " ")
            parts = [text(column, rows.schema) for column in mapping[name]]
            value = pl.concat_str(parts, separator=joint, ignore_nulls=True)
            value = pl.when(value != "").then(value)
        if name in source.capitalise:
            value = value.str.to_titlecase()
        if name in source.constants:
            value = value.fill_null(source.constants[name])
        if name in _NUMBERS:
            number = value.cast(dtype, strict=False)
            value = pl.when(number.is_finite() & (number >= 0)).then(number)
        exprs.append(value.alias(name))
    return rows.select(exprs)


def _usable(preset: Preset) -> pl.Expr:
    item = pl.col(columns.ITEM_ID)
    return (
        item.is_not_null()
        & (item.str.len_bytes() <= limits.ITEM_ID_BYTES_MAX)
        & ~item.str.contains(r"\p{Cc}")
        & ~not_an_item(preset)
    )


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by(*columns.ITEMS, maintain_order=True).agg(pl.len().alias(_COUNT))


def _summed(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Add up counts of equal rows; those seen first stand first."""
    rows = pl.concat(tables)
    return rows.group_by(*columns.ITEMS, maintain_order=True).agg(pl.col(_COUNT).sum())


def _chosen(rows: pl.DataFrame, source: ItemSource | None) -> pl.DataFrame:
    """Keep one row per item."""
    if source is not None and source.choose == "most-frequent":
        # A title beats none; equally frequent ones go by the alphabet.
        rows = rows.sort(
            pl.col(columns.TITLE).is_null(), -pl.col(_COUNT).cast(pl.Int64), columns.TITLE,
            maintain_order=True,
        )  # fmt: skip
    return rows.unique(columns.ITEM_ID, keep="first", maintain_order=True).select(*columns.ITEMS)
