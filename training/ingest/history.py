"""Writes what serving reads: the newest lines of every person who can be asked for."""

from pathlib import Path
from typing import Final

import polars as pl

from recsys import limits
from recsys.domain import Channel, EventType
from recsys.storage.sqlite_writer import SqliteWriter
from training import columns

HISTORY_NAME: Final = "history.sqlite"
FINGERPRINT_FACT: Final = "dataset_fingerprint"
_LINES_PER_BUCKET: Final = 4_000_000
_ROWS_PER_INSERT: Final = 100_000

_TYPE_CODES: Final = {str(kind): kind.code for kind in EventType}
_CHANNEL_CODES: Final = {str(place): place.code for place in Channel}
_KEY: Final = "profile_key"


def write_history(
    path: Path,
    *,
    events: pl.LazyFrame,
    event_count: int,
    links: pl.DataFrame,
    items: pl.DataFrame,
    fingerprint: str,
) -> None:
    """Write the storage of one dataset.

    Args:
        path: The file to create or replace.
        events: columns.RESOLVED_EVENTS.
        event_count: Its rows; decides about the number of passes over it.
        links: columns.LINKS, sorted.
        items: columns.ITEMS, sorted by id.
        fingerprint: Of the dataset.

    Raises:
        StorageUnavailable: The file cannot be written.
    """
    profiles = links.select(pl.col(columns.PROFILE_ID).unique().sort()).with_row_index(
        _KEY, offset=1
    )
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
        bucket_count = -(-event_count // _LINES_PER_BUCKET)
        profile_count = profiles.height
        for bucket in range(bucket_count):
            first = 1 + bucket * profile_count // bucket_count
            last = (bucket + 1) * profile_count // bucket_count
            some = profiles.filter(pl.col(_KEY).is_between(first, last))
            lines = _newest_lines(events, some)
            for part in lines.iter_slices(_ROWS_PER_INSERT):
                writer.add_history(part.iter_rows())


def _newest_lines(events: pl.LazyFrame, profiles: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the history table for these people, in the order of its key."""
    at = pl.col(columns.EVENT_TIME).dt.epoch("us") / 1_000_000
    order = [_KEY, columns.EVENT_TIME, columns.EVENT_ID, columns.ITEM_ID]
    place = pl.int_range(pl.len()).over(_KEY)
    size = pl.len().over(_KEY)
    return (
        events.filter(pl.col(columns.ITEM_ID).is_not_null())
        .join(profiles.lazy(), on=columns.PROFILE_ID, how="inner")
        .select(*order, columns.EVENT_TYPE, columns.CHANNEL)
        .collect(engine="streaming")
        # Ties have an order too, so that equal imports write equal files.
        .sort(order)
        .filter(size - place <= limits.HISTORY_EVENT_COUNT_MAX)
        .select(
            _KEY,
            at.alias(columns.EVENT_TIME),
            pl.int_range(pl.len()).over(_KEY).alias("line"),
            columns.ITEM_ID,
            pl.col(columns.EVENT_TYPE).replace_strict(_TYPE_CODES, return_dtype=pl.Int64),
            pl.col(columns.CHANNEL).replace_strict(_CHANNEL_CODES, return_dtype=pl.Int64),
        )
    )
