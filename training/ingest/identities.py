"""Reads what a CRM knows: which account holds which card."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from recsys import limits
from training import columns
from training.ingest.mapping import normal, text
from training.ingest.preset import Preset
from training.ingest.read import batches, check_columns, column_names


def read_identities(paths: Iterable[Path], preset: Preset) -> list[pl.DataFrame]:
    """Read pairs of an account and a weaker identifier; incomplete pairs are left out.

    Returns:
        Tables of user_id with loyalty_card or visitor_id.

    Raises:
        InvalidData: A file is damaged or lacks a column.
    """
    source = preset.identities
    tables: list[pl.DataFrame] = []
    for path in paths if source is not None else ():
        assert source is not None
        there = column_names(path, source.csv)
        weaker = {
            columns.LOYALTY_CARD: source.loyalty_card,
            columns.VISITOR_ID: source.visitor_id,
        }
        present = {name: column for name, column in weaker.items() if column in there}
        wanted = [source.user_id, *(column for column in present.values() if column)]
        check_columns(path, wanted, there)
        for batch in batches(path, wanted, csv=source.csv, on_malformed=lambda _: None):
            rows = batch.rows
            for name, column in present.items():
                assert column is not None
                pairs = rows.select(
                    normal(text(source.user_id, rows.schema)).alias(columns.USER_ID),
                    normal(text(column, rows.schema)).alias(name),
                )
                tables.append(pairs.filter(_usable(columns.USER_ID) & _usable(name)).unique())
    return tables


def _usable(name: str) -> pl.Expr:
    value = pl.col(name)
    return (
        value.is_not_null()
        & (value.str.len_bytes() <= limits.IDENTIFIER_BYTES_MAX)
        & ~value.str.contains(r"\p{Cc}")
    )
