"""Reads CSV and Parquet in batches of bounded size, whatever the size of the file.

CSV columns arrive as bytes and become text one value at a time: a single broken
line costs that line, not the import.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from recsys.errors import InvalidData
from training.ingest.preset import CsvFormat

BATCH_ROW_COUNT: Final = 1 << 18
_CSV_BLOCK_BYTES: Final = 16 << 20
_TEXT_COUNT_MAX: Final = 5

MalformedRow = Callable[[str], None]
"""Told the text of a CSV line whose number of fields is wrong."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file.

    Attributes:
        path: The file.
        first_row: Number of the first row within the file, from 1.
        rows: The columns asked for.
        done_share: Share of the file read so far, in [0, 1].
    """

    path: Path
    first_row: int
    rows: pl.DataFrame
    done_share: float


def column_names(path: Path, csv: CsvFormat) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        InvalidData: It is no readable file of its kind.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return list(pq.read_schema(path).names)
        with path.open("rb") as file:
            options = pa_csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, encoding=csv.encoding)
            reader = pa_csv.open_csv(file, options, _parse_options(csv, lambda _: None))
            return list(reader.schema.names)
    except (pa.ArrowException, OSError, UnicodeError, LookupError) as error:
        raise _unreadable(path, error) from error


def batches(
    path: Path, names: Sequence[str], *, csv: CsvFormat, on_malformed: MalformedRow
) -> Iterator[Batch]:
    """Read these columns of a file.

    Args:
        path: A .csv or .parquet file.
        names: Columns to read, all there.
        csv: How CSV files are written.
        on_malformed: Called for CSV lines with a wrong number of fields.

    Raises:
        InvalidData: The file is damaged.
    """
    read = _parquet if path.suffix.lower() == ".parquet" else _csv
    first_row = 1
    try:
        for table, done_share in read(path, list(dict.fromkeys(names)), csv, on_malformed):
            yield Batch(path, first_row, table, done_share)
            first_row += table.height
    except (pa.ArrowException, OSError, UnicodeError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from error


def _parquet(
    path: Path, names: list[str], _csv: CsvFormat, _malformed: MalformedRow
) -> Iterator[tuple[pl.DataFrame, float]]:
    with pq.ParquetFile(path) as file:
        total = file.metadata.num_rows
        done = 0
        for batch in file.iter_batches(batch_size=BATCH_ROW_COUNT, columns=names):
            done += batch.num_rows
            yield _frame(pa.Table.from_batches([batch])), done / total


def _csv(
    path: Path, names: list[str], csv: CsvFormat, on_malformed: MalformedRow
) -> Iterator[tuple[pl.DataFrame, float]]:
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        reader = pa_csv.open_csv(
            file,
            pa_csv.ReadOptions(
                block_size=_CSV_BLOCK_BYTES, encoding=csv.encoding, use_threads=False
            ),
            _parse_options(csv, on_malformed),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=names,
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        for batch in reader:
            if batch.num_rows:
                yield _frame(pa.Table.from_batches([batch])), min(file.tell() / size, 1.0)


def _parse_options(csv: CsvFormat, on_malformed: MalformedRow) -> pa_csv.ParseOptions:
    def skip(row: pa_csv.InvalidRow) -> str:
        on_malformed(row.text if isinstance(row.text, str) else "")
        return "skip"

    return pa_csv.ParseOptions(
        delimiter=csv.separator, newlines_in_values=True, invalid_row_handler=skip
    )


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _unreadable(path: Path, error: Exception) -> InvalidData:
    first_line = str(error).partition("\n")[0] or type(error).__name__
    return InvalidData(path=str(path), problem=f"cannot be read: {first_line}")
