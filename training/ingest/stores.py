"""The shops, as far as the source lists them; taken along for whoever shows a store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from recsys import limits
from training import columns
from training.ingest.mapping import text
from training.ingest.preset import Preset
from training.ingest.read import batches, check_columns, column_names

STORES_NAME: Final = "stores.parquet"

STORES: Final[dict[str, pl.DataType]] = {
    columns.STORE_ID: pl.String(),
    "name": pl.String(),
    "city": pl.String(),
    "latitude": pl.Float64(),
    "longitude": pl.Float64(),
}
"""Shops. Only the id is never null."""


def read_stores(paths: Iterable[Path], preset: Preset) -> pl.DataFrame:
    """Read `STORES`; rows without a usable id and repeated ids are left out.

    Raises:
        InvalidData: A file is damaged or has no column store_id.
    """
    source = preset.stores
    tables = [pl.DataFrame(schema=STORES)]
    for path in paths if source is not None else ():
        assert source is not None
        there = column_names(path, source.csv)
        found = [name for name in STORES if name in there or name == columns.STORE_ID]
        check_columns(path, found, there)
        for batch in batches(path, found, csv=source.csv, on_malformed=lambda _: None):
            types = batch.rows.schema
            tables.append(
                batch.rows.select(
                    text(name, types).cast(STORES[name], strict=False) for name in found
                )
            )
    store = pl.col(columns.STORE_ID)
    usable = store.str.len_bytes() <= limits.STORE_ID_BYTES_MAX
    joined = pl.concat(tables, how="diagonal").filter(usable)
    return joined.unique(columns.STORE_ID, keep="first", maintain_order=True).sort(store)
