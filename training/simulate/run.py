"""Writes a simulated shop to disk, block by block, in memory that does not grow with it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec
import polars as pl
import pyarrow.parquet as pq

from training.scratch import finished_folder
from training.simulate.block import Block
from training.simulate.calendar import Calendar
from training.simulate.catalog import Catalog, build_catalog, item_ids
from training.simulate.config import WorldConfig
from training.simulate.live import live
from training.simulate.people import build_people, identity_table, taste_table
from training.simulate.stores import Stores, build_stores, stock_tables

INFO_NAME: Final = "simulation.json"
_FORMAT_VERSION: Final = 1

Progress = Callable[[int, int], None]
"""Told how many users are done and how many there are."""


class SimulationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated shop was made from, and how much came out.

    Attributes:
        format_version: Changes whenever the same config gives other files.
        user_count, item_count, seed, day_count, end_time: The config.
        event_line_count: Rows of the events.
    """

    format_version: int
    user_count: int
    item_count: int
    seed: int
    day_count: int
    end_time: dt.datetime
    event_line_count: int


def simulate(
    *,
    out: Path,
    user_count: int,
    item_count: int,
    seed: int,
    end_time: dt.datetime,
    day_count: int = 182,
    progress: Progress | None = None,
) -> None:
    """Write a simulated shop; the same arguments give the same files, byte for byte.

    Leaves events/part-*.parquet, items.parquet, stores.parquet, stock.parquet,
    identities.parquet (what a CRM knows), and the planted truth: tastes.parquet
    (per person) and item_themes.parquet. If `out` holds just that already,
    nothing is done.

    Args:
        out: Folder to create or replace.
        user_count: People, 1 to 1,000,000.
        item_count: Items, 1 to 100,000.
        seed: Any integer from 0.
        end_time: Nothing happens at or after this moment; timezone-aware.
        day_count: Days of history, 1 to 730.
        progress: Called after each block of users.

    Raises:
        InvalidConfig: A number is out of bounds.
        InvalidData: `out` holds other files.
        StorageUnavailable: The disk is full or refuses.
    """
    config = WorldConfig(
        user_count=user_count,
        item_count=item_count,
        seed=seed,
        end_time=end_time,
        day_count=day_count,
    )
    if (found := read_info(out)) is not None and found == _info(config, found.event_line_count):
        return
    with finished_folder(out, marker=INFO_NAME) as folder:
        line_count = _write(folder, config, progress)
        (folder / INFO_NAME).write_bytes(msgspec.json.encode(_info(config, line_count)))


def read_info(folder: Path) -> SimulationInfo | None:
    """Read what a folder was simulated from; None if it was not."""
    try:
        return msgspec.json.decode((folder / INFO_NAME).read_bytes(), type=SimulationInfo)
    except (OSError, msgspec.DecodeError):
        return None


def _info(config: WorldConfig, line_count: int) -> SimulationInfo:
    return SimulationInfo(
        format_version=_FORMAT_VERSION,
        user_count=config.user_count,
        item_count=config.item_count,
        seed=config.seed,
        day_count=config.day_count,
        end_time=config.end_time.astimezone(dt.UTC),
        event_line_count=line_count,
    )


def _write(folder: Path, config: WorldConfig, progress: Progress | None) -> int:
    catalog, items = build_catalog(config)
    stores, store_table = build_stores(config)
    items.write_parquet(folder / "items.parquet")
    _item_themes(catalog).write_parquet(folder / "item_themes.parquet")
    store_table.write_parquet(folder / "stores.parquet")
    with _Table(folder / "stock.parquet") as stock:
        for table in stock_tables(config, stores):
            stock.append(table)
    with _Table(folder / "tastes.parquet") as tastes, _Table(folder / "identities.parquet") as crm:
        return _write_people(folder, config, catalog, stores, tastes, crm, progress)


def _write_people(
    folder: Path,
    config: WorldConfig,
    catalog: Catalog,
    stores: Stores,
    tastes: "_Table",
    crm: "_Table",
    progress: Progress | None,
) -> int:
    calendar = Calendar(config)
    (folder / "events").mkdir()
    line_count = user_count = 0
    for number in range(config.block_count):
        people, rng = build_people(config, catalog, stores, number)
        lines = live(Block(config, catalog, stores, calendar, people, rng))
        part = folder / "events" / f"part-{number:05d}.parquet"
        lines.table(block=number).write_parquet(part)
        tastes.append(taste_table(config, people))
        crm.append(identity_table(config, people))
        line_count += len(lines)
        user_count += len(people)
        if progress is not None:
            progress(user_count, config.user_count)
    return line_count


def _item_themes(catalog: Catalog) -> pl.DataFrame:
    rows = pl.Series(range(len(catalog.theme)))
    return pl.DataFrame({"item_id": item_ids(rows), "theme": catalog.theme})


class _Table:
    """A Parquet file that grows by appending; the first table fixes its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def append(self, table: pl.DataFrame) -> None:
        """Add rows."""
        arrow = table.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, arrow.schema, compression="zstd")
        self._writer.write_table(arrow)
