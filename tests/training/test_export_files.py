"""Parquet files of `recsys export` and of values."""

from pathlib import Path

import polars as pl
import pytest

from recsys.commands.export_rows import PERSON_COLUMNS, RowKind, part_writer, values_writer

VALUE_COLUMNS = {
    RowKind.OFFER_VALUES: ["user_id", "offer_id", "value", "cost"],
    RowKind.ITEM_VALUES: ["user_id", "item_id", "value", "cost"],
}


def test_a_file_of_nobody_has_its_columns(tmp_path: Path) -> None:
    """It can be read as any other."""
    path = tmp_path / "part.parquet"
    part_writer(path, "parquet", item_count=3).close()
    found = pl.read_parquet(path)
    assert found.height == 0
    assert found.columns == [*PERSON_COLUMNS, "items"]


@pytest.mark.parametrize("kind", VALUE_COLUMNS)
def test_values_have_the_columns_of_their_kind_with_and_without_rows(
    kind: RowKind, tmp_path: Path
) -> None:
    """Whatever is in the first row."""
    user, thing, value, cost = VALUE_COLUMNS[kind]
    path = tmp_path / "values.parquet"
    writer = values_writer(path, kind)
    writer.write([])
    writer.close()
    assert pl.read_parquet(path).columns == VALUE_COLUMNS[kind]
    writer = values_writer(path, kind)
    writer.write([{thing: "tea", value: 2, cost: 0.5, user: "u1"}])
    writer.close()
    assert pl.read_parquet(path).to_dicts() == [{user: "u1", thing: "tea", value: 2.0, cost: 0.5}]
