"""Tables in files of any usual kind, with columns renamed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from recsys.errors import InvalidData

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": pl.read_csv,
    ".jsonl": pl.read_ndjson,
}


def read_tables(paths: Sequence[Path], names: Mapping[str, str]) -> pl.DataFrame:
    """Read files as one table.

    Args:
        paths: Parquet, CSV or JSON-lines files.
        names: New column name by the files' own.

    Raises:
        InvalidData: A file is none of these or cannot be read.
    """
    frames = []
    for path in paths:
        frame = _read(path)
        frames.append(
            frame.rename({old: new for old, new in names.items() if old in frame.columns})
        )
    return pl.concat(frames, how="diagonal_relaxed")


def require_columns(frame: pl.DataFrame, wanted: Sequence[str], paths: Sequence[Path]) -> None:
    """Refuse a table that lacks columns, by their names.

    Raises:
        InvalidData: One is missing.
    """
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise InvalidData(
            path=", ".join(map(str, paths)),
            problem=f"has no {', '.join(missing)}; it has {', '.join(frame.columns)}",
        )


def _read(path: Path) -> pl.DataFrame:
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise InvalidData(path=str(path), problem=f"is none of {', '.join(sorted(_READERS))}")
    try:
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error
