"""First pass: read, map, check; leave clean parts and note the rest."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import InvalidData
from training import columns
from training.ingest.checks import REASON, Reason, reason
from training.ingest.mapping import FIRST_FILE_KEY, canonical
from training.ingest.preset import EventSource, Preset
from training.ingest.read import Batch, batches, check_columns, column_names
from training.ingest.report import Rejects

ROW: Final = "_row"
_ID_BYTES: Final = 16
_SEPARATOR: Final = "\x1f"
_HASH_SEED: Final = 0

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class EventFiles:
    """The files of one source of events."""

    source: EventSource
    paths: list[Path]


@dataclass(frozen=True, slots=True)
class Part:
    """Accepted rows of one batch, written down.

    Attributes:
        path: A Parquet file of columns.EVENTS plus `ROW`.
        file: Name of the source file.
        keys: Hashes of event and item, uint64, shape (rows,).
    """

    path: Path
    file: str
    keys: NDArray[np.uint64]


class Normaliser:
    """Writes accepted rows to `folder` as part files.

    Attributes:
        rows_read: Rows read so far, broken lines included.
    """

    def __init__(self, *, preset: Preset, folder: Path, now: dt.datetime, rejects: Rejects) -> None:
        self._folder = folder
        self._reason = reason(preset, now=now)
        self._rejects = rejects
        self._parts: list[Part] = []
        self.rows_read = 0

    @property
    def parts(self) -> list[Part]:
        """What has been written so far, in that order."""
        return self._parts

    def read(self, files: EventFiles, progress: Progress) -> None:
        """Read all files of one source.

        Raises:
            InvalidData: A file is damaged or lacks a column that the preset maps.
        """
        earlier = pl.DataFrame(schema={FIRST_FILE_KEY: pl.String})
        for path in files.paths:
            found = self._found_columns(path, files.source)
            keys: list[pl.DataFrame] = []
            for batch in self._batches(path, files.source, found):
                rows = _canonical(batch, files.source, found)
                self._accept(batch, rows, earlier)
                if files.source.once_across_files:
                    keys.append(rows.select(FIRST_FILE_KEY).unique())
                progress(f"reading {path.name}", batch.done_share)
            earlier = pl.concat([earlier, *keys]).unique().drop_nulls()

    def _batches(self, path: Path, source: EventSource, found: dict[str, str]) -> Iterator[Batch]:
        def note(text: str) -> None:
            self.rows_read += 1
            self._rejects.add_broken_line(file=path.name, text=text)

        tested = [rule.when.column for rule in source.rules]
        wanted = [*found.values(), *tested, *_key_columns(source)]
        return batches(path, wanted, csv=source.csv, on_malformed=note)

    def _found_columns(self, path: Path, source: EventSource) -> dict[str, str]:
        there = column_names(path, source.csv)
        found = {
            name: column
            for name, column in source.columns.named().items()
            if column in there or name not in source.optional_columns
        }
        others = [rule.when.column for rule in source.rules]
        check_columns(path, [*found.values(), *others, *_key_columns(source)], there)
        return found

    def _accept(self, batch: Batch, rows: pl.DataFrame, earlier: pl.DataFrame) -> None:
        self.rows_read += rows.height
        checked = rows.with_columns(self._reason).with_columns(
            pl.int_range(batch.first_row, batch.first_row + rows.height).alias(ROW)
        )
        if not earlier.is_empty():
            overlapping = pl.col(FIRST_FILE_KEY).is_in(earlier[FIRST_FILE_KEY].implode())
            why = pl.when(overlapping).then(pl.lit(str(Reason.IN_EARLIER_FILE)))
            checked = checked.with_columns(pl.coalesce(why, REASON).alias(REASON))
        rejected = checked[REASON].is_not_null()
        if rejected.any():
            wanted = pl.Series(rejected)
            wanted = wanted.scatter(
                rejected.arg_true(), self._rejects.tally(checked.filter(rejected)[REASON])
            )
            self._rejects.keep(_as_rejects(batch, checked, wanted))
        kept = checked.filter(~rejected)
        if kept.is_empty():
            return
        clean = (
            _with_event_ids(kept)
            .with_columns(pl.col(columns.QUANTITY).fill_null(1.0))
            .select(*columns.EVENTS, ROW)
        )
        path = self._folder / f"part-{len(self._parts):06d}.parquet"
        write_scratch(clean, path)
        keys = clean.select(columns.EVENT_ID, columns.ITEM_ID).hash_rows(_HASH_SEED).to_numpy()
        self._parts.append(Part(path, batch.path.name, keys))


def write_scratch(rows: pl.DataFrame, path: Path) -> None:
    """Write what is read again within the import and then gone: quickly, not small."""
    rows.write_parquet(path, compression="lz4", statistics=False)


def _canonical(batch: Batch, source: EventSource, found: dict[str, str]) -> pl.DataFrame:
    try:
        return canonical(batch.rows, source, found)
    except pl.exceptions.PolarsError as error:
        # Text can hold anything; typed columns can be of a type that no mapping fits.
        problem = f"does not fit the preset: {str(error).partition(chr(10))[0]}"
        raise InvalidData(path=str(batch.path), problem=problem) from error


def _key_columns(source: EventSource) -> list[str]:
    return [source.once_across_files] if source.once_across_files else []


def _as_rejects(batch: Batch, checked: pl.DataFrame, wanted: pl.Series) -> pl.DataFrame:
    raw = batch.rows.filter(wanted)
    records = raw.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    return checked.filter(wanted).select(
        pl.lit(batch.path.name).alias("file"),
        pl.col(ROW).alias("row"),
        pl.col(REASON).alias("reason"),
        records.alias("record"),
    )


def _with_event_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Derive ids where the source has none: equal rows get equal ids, always.

    The id is the BLAKE2b-128 of the row's canonical values, so that it can be
    computed again anywhere, by any version and in any language.
    """
    missing = rows[columns.EVENT_ID].is_null()
    if not missing.any():
        return rows
    values = [name for name in columns.EVENTS if name != columns.EVENT_ID]
    keys = rows.filter(missing).select(
        pl.concat_str(
            [
                (pl.col(name).dt.epoch("us") if name == columns.EVENT_TIME else pl.col(name))
                .cast(pl.String)
                .fill_null("")
                for name in values
            ],
            separator=_SEPARATOR,
        )
    )
    digest = hashlib.blake2b
    derived = [digest(key.encode(), digest_size=_ID_BYTES).hexdigest() for key in keys.to_series()]
    positions = missing.arg_true()
    ids = rows[columns.EVENT_ID].scatter(positions, pl.Series(derived))
    return rows.with_columns(ids.alias(columns.EVENT_ID))
