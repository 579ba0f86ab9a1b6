"""Reads CSV and Parquet in batches of bounded size, whatever the size of the file.

A single broken line of a CSV file costs that line, not the import: neither a wrong
number of fields nor bytes that are no text stop the reader.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from recsys.compressed import UNREADABLE, kind_of, opened
from recsys.errors import InvalidData
from training.ingest.preset import CsvFormat
from training.ingest.records import Utf8Records

BATCH_ROW_COUNT: Final = 1 << 18

_CSV_BLOCK_BYTES: Final = 16 << 20
_BUFFER_BYTES: Final = 1 << 20
_NAMES_SHOWN_MAX: Final = 30
_NAME_CHARS_MAX: Final = 60

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
        if kind_of(path) == ".parquet":
            return list(pq.read_schema(path).names)
        with opened(path) as (file, _):
            return list(_open_csv(file, csv, lambda _: None).schema.names)
    except (*UNREADABLE, pa.ArrowException, UnicodeError, LookupError) as error:
        raise _unreadable(path, error) from error


def check_columns(path: Path, wanted: Iterable[str], there: Sequence[str]) -> None:
    """Make sure that a file has each of these columns, and has it once.

    Raises:
        InvalidData: It has not; the message lists what it has.
    """
    for column in wanted:
        count = there.count(column)
        if count > 1:
            problem = f"has {count} columns {column!r}; which one counts?"
            raise InvalidData(path=str(path), problem=problem)
        if not count:
            problem = f"has no column {column!r}; it has {_listed(there)}"
            raise InvalidData(path=str(path), problem=problem)


def _listed(names: Sequence[str]) -> str:
    # Binary rubbish read as a header must not reach somebody's terminal as it is.
    shown = [
        "".join(char if char.isprintable() else "?" for char in name[:_NAME_CHARS_MAX])
        for name in names[:_NAMES_SHOWN_MAX]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def batches(
    path: Path, names: Sequence[str], *, csv: CsvFormat, on_malformed: MalformedRow
) -> Iterator[Batch]:
    """Read these columns of a file.

    Args:
        path: A .csv, .csv.gz or .parquet file.
        names: Columns to read, all there.
        csv: How CSV files are written.
        on_malformed: Called for CSV lines with a wrong number of fields.

    Raises:
        InvalidData: The file is damaged.
    """
    read = _parquet if kind_of(path) == ".parquet" else _csv
    first_row = 1
    try:
        for table, done_share in read(path, list(dict.fromkeys(names)), csv, on_malformed):
            yield Batch(path, first_row, table, done_share)
            first_row += table.height
    except (*UNREADABLE, pa.ArrowException, UnicodeError, pl.exceptions.PolarsError) as error:
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
    convert = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=names,
        strings_can_be_null=False,
    )
    with opened(path) as (file, done_share):
        for batch in _open_csv(file, csv, on_malformed, convert):
            if batch.num_rows:
                yield _frame(pa.Table.from_batches([batch])), done_share()


def _open_csv(
    file: BinaryIO, csv: CsvFormat, on_malformed: MalformedRow, convert: Any = None
) -> Any:
    def skip(row: Any) -> str:
        on_malformed(row.text)
        return "skip"

    records = Utf8Records(
        file, encoding=csv.encoding, separator=csv.separator, on_broken=on_malformed
    )
    return pa_csv.open_csv(
        io.BufferedReader(records, _BUFFER_BYTES),
        pa_csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
        pa_csv.ParseOptions(
            delimiter=csv.separator, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert,
    )


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    # Old writers of Parquet leave text unmarked, as bytes.
    binary = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Binary)]
    return frame.with_columns(_text(frame[name]) for name in binary)


def _text(column: pl.Series) -> pl.Series:
    values = [None if value is None else value.decode(errors="replace") for value in column]
    return pl.Series(column.name, values, dtype=pl.String)


def _unreadable(path: Path, error: Exception) -> InvalidData:
    first_line = str(error).partition("\n")[0] or type(error).__name__
    return InvalidData(path=str(path), problem=f"cannot be read: {first_line}")
