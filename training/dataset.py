"""A dataset: the folder that an import leaves and everything downstream reads.

<folder>/
  dataset.json          DatasetInfo, written last: without it the import did not finish
  events/part-*.parquet RESOLVED_EVENTS, cleaned, de-duplicated
  items.parquet         ITEMS (every item of the events is here, with or without a title)
  links.parquet         LINKS (every identifier that leads to a profile)
  report.json           what was read, rejected and kept
  rejects.parquet       rejected rows with their reasons, up to a bound
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec
import polars as pl

from recsys.errors import InvalidData

INFO_NAME = "dataset.json"


class SnapshotInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a live event log.

    Attributes:
        last_seq: The place in the log of the last event with an item.
        event_count: Events with items in the log at that moment, whoever's they are.
        identifier_count: Identifiers that may be learned from.
        fingerprint: Hex digest over the events and whose they are: the same moment of the
            same storage has the same.
    """

    last_seq: int
    event_count: int
    identifier_count: int
    fingerprint: str


class DatasetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a dataset.

    Attributes:
        fingerprint: Hex digest over the inputs' content and the mapping: the same
            inputs give the same fingerprint.
        source: Where it was imported from.
        preset: The mapping used.
        event_count: Rows of events.
        item_count: Rows of items.
        profile_count: Distinct people.
        start_time: Oldest event, UTC.
        end_time: Newest event, UTC.
        snapshot: Of which moment of a live log, if it was taken from one.
    """

    fingerprint: str
    source: str
    preset: str
    event_count: int
    item_count: int
    profile_count: int
    start_time: dt.datetime
    end_time: dt.datetime
    snapshot: SnapshotInfo | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """An imported dataset on disk."""

    folder: Path
    info: DatasetInfo

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a finished import.

        Raises:
            InvalidData: The folder holds no finished import.
        """
        try:
            text = (folder / INFO_NAME).read_bytes()
            return cls(folder, msgspec.json.decode(text, type=DatasetInfo))
        except OSError as error:
            raise InvalidData(
                path=str(folder), problem="not a finished import; run `recsys import` first"
            ) from error
        except msgspec.DecodeError as error:
            raise InvalidData(path=str(folder / INFO_NAME), problem=str(error)) from error

    def events(self) -> pl.LazyFrame:
        """Scan the events (columns.RESOLVED_EVENTS)."""
        return pl.scan_parquet(self.folder / "events" / "*.parquet")

    def items(self) -> pl.DataFrame:
        """Read the items (columns.ITEMS)."""
        return pl.read_parquet(self.folder / "items.parquet")

    def links(self) -> pl.LazyFrame:
        """Scan the links (columns.LINKS)."""
        return pl.scan_parquet(self.folder / "links.parquet")


def find_dataset(fingerprint: str, *, places: Sequence[Path], data: Path | None) -> Dataset:
    """Find the data of a fingerprint: as given, where they were, or beside that.

    Args:
        fingerprint: Of the import.
        places: Folders where they were.
        data: A folder to take; None to look.

    Raises:
        InvalidData: They are not there, or those given are others.
    """
    if data is not None:
        dataset = Dataset.open(data)
        if dataset.info.fingerprint != fingerprint:
            raise InvalidData(
                path=str(data),
                problem=f"has the fingerprint {dataset.info.fingerprint}; the model was trained "
                f"on {fingerprint}",
            )
        return dataset
    for place in places:
        for folder in (place, *sorted(place.parent.glob("*/"))):
            if (folder / INFO_NAME).is_file():
                dataset = Dataset.open(folder)
                if dataset.info.fingerprint == fingerprint:
                    return dataset
    raise InvalidData(
        path=", ".join(map(str, places)) or "the run",
        problem=f"holds no data with the fingerprint {fingerprint}; import them again, or say "
        "where they are with --data",
    )
