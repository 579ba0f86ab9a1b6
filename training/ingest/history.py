"""Writes what serving reads: the log of all events, and who they belong to."""

import contextlib
import gc
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.catalog import Item
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import ANONYMOUS_BASKET, Event, EventContent, EventLine
from recsys.profiles import Export
from recsys.storage.catalog_rows import plain_item
from recsys.storage.sqlite_writer import SqliteWriter
from training import columns

HISTORY_NAME: Final = "history.sqlite"
FINGERPRINT_FACT: Final = "dataset_fingerprint"
_LINES_PER_BUCKET: Final = 2_000_000
_EVENTS_PER_STEP: Final = 50_000

_TYPES: Final = {str(kind): kind for kind in EventType}
_CHANNELS: Final = {str(place): place for place in Channel}
_OWNER: Final = "owner"
_PLACE: Final = "owner_place"
_KEY: Final = "owner_key"
_BY_EVENT: Final = (_PLACE, columns.EVENT_TIME, columns.EVENT_ID, columns.ITEM_ID)
_NAMED_BY: Final = tuple(columns.IDENTIFIER_NAMESPACES.items())


def write_history(
    path: Path,
    *,
    events: pl.LazyFrame,
    event_count: int,
    links: pl.DataFrame,
    items: pl.DataFrame,
    fingerprint: str,
    scratch: Path,
    export: Export,
    people: Path | None = None,
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
        export: The dataset, which holds everybody too.
        people: The store whose erased people stay out and whose consents go on
            counting; the one that is replaced unless given.

    Raises:
        StorageUnavailable: The file cannot be written.
    """
    bucket_count = -(-event_count // _LINES_PER_BUCKET)
    with SqliteWriter(path, people=people) as writer, _without_cycles():
        writer.add_facts([(FINGERPRINT_FACT, fingerprint)])
        owners = _in_order_of_keys(links, writer)
        writer.add_identifiers(
            (Identifier(namespace, value), _identifier(profile))
            for namespace, value, profile in owners.select(*columns.LINKS).iter_rows()
        )
        writer.add_items(_items(items))
        for bucket in _deal(events, owners.select(_OWNER, _PLACE), bucket_count, scratch):
            rows = pl.read_parquet(bucket).sort(_BY_EVENT)
            writer.add_events(_events(rows))
        writer.add_export(export)


def _items(items: pl.DataFrame) -> Iterator[tuple[ItemId, Item]]:
    for item_id, *known, image_url in items.select(*columns.ITEMS).iter_rows():
        item = plain_item(*known)
        yield (
            ItemId(item_id),
            msgspec.structs.replace(item, image_url=image_url) if image_url else item,
        )


@contextlib.contextmanager
def _without_cycles() -> Iterator[None]:
    """Let Python's collector rest: it would look a third of the time for cycles nobody makes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
        .with_columns(pl.col(_PLACE).cast(pl.Int64).fill_null(nobodys), _session())
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


def _events(lines: pl.DataFrame) -> Iterator[Event]:
    """Make events of sorted lines, some at a time."""
    starts = _first_lines(lines)
    for first in range(0, len(starts), _EVENTS_PER_STEP):
        some = starts[first : first + _EVENTS_PER_STEP]
        stop = lines.height
        if first + len(some) < len(starts):
            stop = int(starts[first + len(some)])
        begin = int(some[0])
        yield from _events_of(lines[begin:stop], (some - begin).tolist())


def _session() -> pl.Expr:
    """Name the visit; a receipt of nobody's is one, for what is on it belongs together."""
    profile = pl.col(columns.PROFILE_ID)
    is_receipt = pl.col(_PLACE).is_null() & profile.str.starts_with(f"{ANONYMOUS_BASKET}:")
    session = pl.when(is_receipt).then(profile).otherwise(columns.SESSION_ID)
    return session.alias(columns.SESSION_ID)


def _first_lines(lines: pl.DataFrame) -> NDArray[np.intp]:
    """Return the position of each event's first line."""
    new = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift())
        for name in (_PLACE, columns.EVENT_TIME, columns.EVENT_ID)
    )
    changes = lines.select(new.alias("new"))["new"].to_numpy()
    return np.flatnonzero(np.r_[True, changes[1:]]) if len(changes) else np.zeros(0, dtype=np.intp)


def _events_of(lines: pl.DataFrame, starts: list[int]) -> Iterator[Event]:
    """Make the events that begin at these lines, of which the first is the first line.

    Column by column, for a dict or an expression per line would take longer than
    writing the line.
    """
    heads = lines[starts]
    at = pl.col(columns.EVENT_TIME).dt.epoch("us") / 1_000_000
    event_lines = _lines_by_event(lines, starts)
    for event_id, kind, seconds, place, who, of_event, store_id, session_id in zip(
        heads[columns.EVENT_ID].to_list(),
        heads[columns.EVENT_TYPE].to_list(),
        heads.select(at).to_series().to_list(),
        heads[columns.CHANNEL].to_list(),
        _identifiers(heads),
        event_lines,
        heads[columns.STORE_ID].to_list(),
        heads[columns.SESSION_ID].fill_null("").to_list(),
        strict=True,
    ):
        content = EventContent(
            event_type=_TYPES[kind],
            event_time=seconds,
            channel=_CHANNELS[place],
            identifiers=who,
            lines=of_event,
            store_id=store_id,
            session_id=session_id,
        )
        yield Event.of(content, event_id=event_id, now=seconds)


def _identifiers(heads: pl.DataFrame) -> Iterator[tuple[Identifier, ...]]:
    """Return who did each event; the same object for the same identifiers in a row."""
    names = [heads[name].to_list() for name, _ in _NAMED_BY]
    namespaces = [namespace for _, namespace in _NAMED_BY]
    before: tuple[str | None, ...] | None = None
    found: tuple[Identifier, ...] = ()
    for values in zip(*names, strict=True):
        if values != before:
            before = values
            found = tuple(
                Identifier(namespace, value)
                for namespace, value in zip(namespaces, values, strict=True)
                if value is not None
            )
        yield found


def _lines_by_event(lines: pl.DataFrame, starts: list[int]) -> Iterator[tuple[EventLine, ...]]:
    item_ids = lines[columns.ITEM_ID].to_list()
    prices = _price_texts(lines[columns.UNIT_PRICE])
    made = list(
        map(
            EventLine,
            item_ids,
            lines[columns.QUANTITY].to_list(),
            [prices[price] for price in lines[columns.UNIT_PRICE].to_list()],
            lines[columns.CURRENCY].fill_null("").to_list(),
        )
    )
    has_gaps = None in item_ids
    for first, stop in itertools.pairwise([*starts, len(made)]):
        if has_gaps:
            yield tuple(line for line in made[first:stop] if line.item_id is not None)
        else:
            yield tuple(made[first:stop])


def _price_texts(prices: pl.Series) -> dict[float | None, str]:
    return {
        price: "" if price is None else format(price, "f").rstrip("0").rstrip(".")
        for price in prices.unique().to_list()
    }
