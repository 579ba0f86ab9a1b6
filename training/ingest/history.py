"""Writes what serving reads: the log of all events, and who they belong to."""

import itertools
import shutil
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import polars as pl

from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.storage.sqlite_writer import SqliteWriter
from training import columns

HISTORY_NAME: Final = "history.sqlite"
FINGERPRINT_FACT: Final = "dataset_fingerprint"
_LINES_PER_BUCKET: Final = 2_000_000
_ROWS_PER_STEP: Final = 100_000

_TYPES: Final = {str(kind): kind for kind in EventType}
_CHANNELS: Final = {str(place): place for place in Channel}
_OWNER: Final = "owner"
_PLACE: Final = "owner_place"
_KEY: Final = "owner_key"
_SECONDS: Final = "seconds"
_BY_EVENT: Final = (_PLACE, columns.EVENT_TIME, columns.EVENT_ID, columns.ITEM_ID)
_NAMED_BY: Final = tuple(columns.IDENTIFIER_NAMESPACES.items())

Row = dict[str, Any]


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

    Two passes, whatever the size: one deals the lines out to buckets of identifiers, one
    takes a bucket at a time. Memory holds the identifiers and one bucket.

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
    with SqliteWriter(path) as writer:
        writer.add_facts([(FINGERPRINT_FACT, fingerprint)])
        owners = _in_order_of_keys(links, writer)
        writer.add_identifiers(
            (Identifier(namespace, value), _identifier(profile))
            for namespace, value, profile in owners.select(*columns.LINKS).iter_rows()
        )
        writer.add_items(
            items.select(
                columns.ITEM_ID, columns.TITLE, columns.CATEGORY, columns.BRAND, columns.PRICE,
                columns.CURRENCY,
            ).iter_rows()
        )  # fmt: skip
        for bucket in _deal(events, owners.select(_OWNER, _PLACE), bucket_count, scratch):
            rows = pl.read_parquet(bucket).sort(_BY_EVENT)
            writer.add_events(_events(_stepwise(rows)))


def _in_order_of_keys(links: pl.DataFrame, writer: SqliteWriter) -> pl.DataFrame:
    """Number the identifiers in the order in which the storage keeps them."""
    pairs = links.select(columns.NAMESPACE, columns.VALUE).iter_rows()
    keys = pl.Series(_KEY, [writer.key(Identifier(*pair)) for pair in pairs], dtype=pl.Int64)
    name = pl.concat_str(columns.NAMESPACE, pl.lit(":"), columns.VALUE).alias(_OWNER)
    return links.with_columns(name, keys).sort(_KEY).with_row_index(_PLACE, offset=1)


def _identifier(name: str) -> Identifier:
    namespace, _, value = name.partition(":")
    return Identifier(namespace, value)


def _deal(
    events: pl.LazyFrame, owners: pl.DataFrame, bucket_count: int, folder: Path
) -> Iterator[Path]:
    """Write each bucket's lines to a file of its own in one pass, and yield the files.

    A bucket has all lines of some identifiers, and some of nobody's events.
    """
    names = [pl.lit(f"{namespace}:") + pl.col(name) for name, namespace in _NAMED_BY]
    nobodys = -1 - (pl.col(columns.EVENT_ID).hash(0) % bucket_count).cast(pl.Int64)
    lines = (
        events.with_columns(pl.coalesce(*names).alias(_OWNER))
        .join(owners.lazy(), on=_OWNER, how="left")
        .with_columns(pl.col(_PLACE).cast(pl.Int64).fill_null(nobodys))
        .drop(_OWNER, columns.PROFILE_ID)
    )
    folder.mkdir()
    try:
        paths, sinks = [], []
        for number in range(bucket_count):
            path = folder / f"bucket-{number:05d}.parquet"
            first, last = (
                owners.height * (number + step) // bucket_count + 1 - step for step in (0, 1)
            )
            within = pl.col(_PLACE).is_between(first, last) | (pl.col(_PLACE) == -1 - number)
            sinks.append(
                lines.filter(within).sink_parquet(
                    path, compression="lz4", statistics=False, maintain_order=False, lazy=True
                )
            )
            paths.append(path)
        pl.collect_all(sinks, engine="streaming")
        for path in paths:
            yield path
            path.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stepwise(lines: pl.DataFrame) -> Iterator[Row]:
    at = pl.col(columns.EVENT_TIME).dt.epoch("us") / 1_000_000
    for part in lines.iter_slices(_ROWS_PER_STEP):
        yield from part.with_columns(at.alias(_SECONDS)).iter_rows(named=True)


def _events(lines: Iterable[Row]) -> Iterator[Event]:
    """Make events of sorted lines."""
    for _, of_one in itertools.groupby(
        lines, key=itemgetter(_PLACE, columns.EVENT_TIME, columns.EVENT_ID)
    ):
        rows = list(of_one)
        first = rows[0]
        content = EventContent(
            event_type=_TYPES[first[columns.EVENT_TYPE]],
            event_time=first[_SECONDS],
            channel=_CHANNELS[first[columns.CHANNEL]],
            identifiers=tuple(
                Identifier(namespace, first[name])
                for name, namespace in _NAMED_BY
                if first[name] is not None
            ),
            lines=tuple(_line(row) for row in rows if row[columns.ITEM_ID] is not None),
            store_id=first[columns.STORE_ID],
            session_id=first[columns.SESSION_ID] or "",
        )
        yield Event.of(content, event_id=first[columns.EVENT_ID], now=first[_SECONDS])


def _line(row: Row) -> EventLine:
    price = row[columns.UNIT_PRICE]
    return EventLine(
        ItemId(row[columns.ITEM_ID]),
        row[columns.QUANTITY],
        "" if price is None else format(price, "f").rstrip("0").rstrip("."),
        row[columns.CURRENCY] or "",
    )
