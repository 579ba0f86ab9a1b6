"""Writes what serving reads: the newest lines of every person who can be asked for."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from recsys import limits
from recsys.domain import Channel, EventType
from recsys.storage.sqlite_writer import SqliteWriter
from training import columns

HISTORY_NAME: Final = "history.sqlite"
FINGERPRINT_FACT: Final = "dataset_fingerprint"
_LINES_PER_BUCKET: Final = 2_000_000
_ROWS_PER_INSERT: Final = 100_000

_TYPE_CODES: Final = {str(kind): kind.code for kind in EventType}
_CHANNEL_CODES: Final = {str(place): place.code for place in Channel}
_KEY: Final = "profile_key"
_ORDER: Final = (_KEY, columns.EVENT_TIME, columns.EVENT_ID, columns.ITEM_ID)


def write_history(
    path: Path,
    *,
    events: pl.LazyFrame,
    event_count: int,
    links: pl.DataFrame,
    items: pl.DataFrame,
    fingerprint: str,
    scratch: Path,
) -> None:
    """Write the storage of one dataset.

    Two passes, whatever the size: one deals the lines out to buckets of people, one
    takes a bucket at a time. Memory holds the people and one bucket.

    Args:
        path: The file to create or replace.
        events: columns.RESOLVED_EVENTS.
        event_count: Its rows; decides about the number of buckets.
        links: columns.LINKS, sorted.
        items: columns.ITEMS, sorted by id.
        fingerprint: Of the dataset.
        scratch: Folder for the buckets; created, and gone at the end.

    Raises:
        StorageUnavailable: The file cannot be written.
    """
    bucket_count = -(-event_count // _LINES_PER_BUCKET)
    people = links.select(pl.col(columns.PROFILE_ID).unique().sort())
    # Dealt out like cards: accounts, which do most, stand together in the alphabet.
    hands = [people.gather_every(bucket_count, first) for first in range(bucket_count)]
    profiles = pl.concat([people.clear(), *hands]).with_row_index(_KEY, offset=1)
    keyed = links.join(profiles, on=columns.PROFILE_ID, how="left", maintain_order="left")
    with SqliteWriter(path) as writer:
        writer.add_facts([(FINGERPRINT_FACT, fingerprint)])
        writer.add_profiles(profiles.iter_rows())
        writer.add_links(keyed.select(columns.NAMESPACE, columns.VALUE, _KEY).iter_rows())
        writer.add_items(
            items.select(
                columns.ITEM_ID, columns.TITLE, columns.CATEGORY, columns.BRAND, columns.PRICE,
                columns.CURRENCY,
            ).iter_rows()
        )  # fmt: skip
        for bucket in _deal(events, profiles, [hand.height for hand in hands], scratch):
            lines = _newest_lines(pl.read_parquet(bucket))
            for part in lines.iter_slices(_ROWS_PER_INSERT):
                writer.add_history(part.iter_rows())


def _deal(
    events: pl.LazyFrame, profiles: pl.DataFrame, sizes: list[int], folder: Path
) -> Iterator[Path]:
    """Write each hand's lines to a file of its own in one pass, and yield the files."""
    lines = (
        events.filter(pl.col(columns.ITEM_ID).is_not_null())
        .join(profiles.lazy(), on=columns.PROFILE_ID, how="inner")
        # Codes come later: replacing makes Polars hold all lines at once.
        .select(*_ORDER, columns.EVENT_TYPE, columns.CHANNEL)
    )
    folder.mkdir()
    try:
        paths, sinks, first = [], [], 1
        for number, size in enumerate(sizes):
            path = folder / f"bucket-{number:05d}.parquet"
            within = pl.col(_KEY).is_between(first, first + size - 1)
            sinks.append(
                lines.filter(within).sink_parquet(
                    path, compression="lz4", statistics=False, maintain_order=False, lazy=True
                )
            )
            paths.append(path)
            first += size
        pl.collect_all(sinks, engine="streaming")
        for path in paths:
            yield path
            path.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _newest_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the history table for some people, in the order of its key."""
    at = pl.col(columns.EVENT_TIME).dt.epoch("us") / 1_000_000
    place = pl.int_range(pl.len()).over(_KEY)
    size = pl.len().over(_KEY)
    return (
        # Ties have an order too, so that equal imports write equal files.
        lines.sort(_ORDER)
        .filter(size - place <= limits.HISTORY_EVENT_COUNT_MAX)
        .select(
            _KEY,
            at.alias(columns.EVENT_TIME),
            pl.int_range(pl.len()).over(_KEY).alias("line"),
            columns.ITEM_ID,
            pl.col(columns.EVENT_TYPE).replace_strict(_TYPE_CODES, return_dtype=pl.UInt8),
            pl.col(columns.CHANNEL).replace_strict(_CHANNEL_CODES, return_dtype=pl.UInt8),
        )
    )
