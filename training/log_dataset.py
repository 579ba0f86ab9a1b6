"""The live event log as a dataset: one moment of a storage, in the files that training reads.

What training needs of a person is which lines are hers, so the files hold the columns that
`training.interactions` reads and null elsewhere. Memory holds the identifiers and a batch of
events.
"""

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from recsys.catalog import Item
from recsys.consent import Permission, Purpose
from recsys.domain import Channel, EventType, ItemId
from recsys.errors import InvalidData
from recsys.events import ANONYMOUS_BASKET, ID_SEPARATOR
from recsys.profiles import Export
from recsys.storage.exports import register_log
from recsys.storage.log_snapshot import LogSnapshot, SnapshotEvent, open_snapshot
from training import columns
from training.dataset import INFO_NAME, Dataset, DatasetInfo, SnapshotInfo
from training.ingest.identity import ANONYMOUS_SESSION
from training.ingest.items import complete_items
from training.scratch import finished_folder

_SOURCE: Final = "log"
_FINGERPRINT_BYTES: Final = 32
_ANONYMOUS_EVENT: Final = "event"
_TYPES: Final = {kind.code: kind.value for kind in EventType}
_CHANNELS: Final = {place.code: place.value for place in Channel}
_KEY: Final = "identifier_key"
_HEAD: Final = "profile_key"
_OF_NOBODY: Final = "of_nobody"
_LINES: Final = {
    _KEY: pl.Int64(),
    _OF_NOBODY: pl.String(),
    columns.EVENT_TYPE: pl.UInt8(),
    columns.CHANNEL: pl.UInt8(),
    columns.EVENT_TIME: pl.Int64(),
    columns.STORE_ID: pl.String(),
    columns.ITEM_ID: pl.String(),
}

Progress = Callable[[int], None]


def dataset_of_log(
    place: str,
    out: Path,
    *,
    catalogue: Dataset | None = None,
    learns_by_default: bool = True,
    export: Export | None = None,
    progress: Progress = lambda _count: None,
) -> Dataset:
    """Write one moment of a storage as a dataset.

    Args:
        place: `postgresql://user@host/database`, an SQLite file, or `sqlite:///file`.
        out: Folder to create or replace.
        catalogue: Whose items count; None for those of the storage.
        learns_by_default: Whether to learn from those who have neither allowed nor
            refused it.
        export: What the storage is to note of the folder, for the report of a later
            erasure; None for a folder that is gone soon.
        progress: Told how many events have been read.

    Raises:
        StorageUnavailable: The storage does not answer or take the note, or `out` cannot be written.
        InvalidData: The log holds no event with an item.
    """
    with finished_folder(out, marker=INFO_NAME) as folder, open_snapshot(place) as log:
        people = _people(log, learns_by_default=learns_by_default)
        scratch = folder / "lines"
        scratch.mkdir()
        read = _Reading(progress)
        for number, lines in enumerate(read.lines(log.events())):
            path = scratch / f"lines-{number:06d}.parquet"
            lines.write_parquet(path, compression="lz4", statistics=False)
        if not read.event_count:
            raise InvalidData(path=log.name, problem="no event in the log has an item")
        (folder / "events").mkdir()
        _resolved(pl.scan_parquet(scratch / "*.parquet"), people).sink_parquet(
            folder / "events" / "part-00000.parquet"
        )
        shutil.rmtree(scratch)
        events = pl.scan_parquet(folder / "events" / "*.parquet")
        known = catalogue.items() if catalogue else _items(log, now=_end(events))
        items = complete_items(known, events)
        items.write_parquet(folder / "items.parquet")
        info = _info(events, items.height, read.facts(log.name, people))
        (folder / INFO_NAME).write_bytes(msgspec.json.encode(info))
        if export is not None and info.snapshot is not None:
            register_log(place, export, last_seq=info.snapshot.last_seq)
    return Dataset.open(out)


def _people(log: LogSnapshot, *, learns_by_default: bool) -> pl.DataFrame:
    """Return the profile of each identifier: its key, that of the profile's head, the name."""
    schema = {
        _KEY: pl.Int64(),
        columns.NAMESPACE: pl.String(),
        columns.VALUE: pl.String(),
        _HEAD: pl.Int64(),
    }
    allowed = Permission.to(Purpose.TRAINING, None, by_default=learns_by_default)
    parts = [pl.DataFrame(rows, schema=schema, orient="row") for rows in log.people(allowed)]
    people = pl.concat([pl.DataFrame(schema=schema), *parts]).sort(_KEY)
    named = people.select(
        pl.col(_KEY).alias(_HEAD),
        pl.concat_str(columns.NAMESPACE, pl.lit(":"), columns.VALUE).alias(columns.PROFILE_ID),
    )
    return (
        people.select(_KEY, pl.col(_HEAD).fill_null(pl.col(_KEY)))
        .join(named, on=_HEAD, how="left", maintain_order="left")
        .select(_KEY, _HEAD, columns.PROFILE_ID)
    )


class _Reading:
    """Turns events into lines, and keeps count of them."""

    def __init__(self, progress: Progress) -> None:
        self.event_count = 0
        self._progress = progress
        self._last_seq = 0
        self._hash = hashlib.blake2b(digest_size=_FINGERPRINT_BYTES)

    def lines(self, batches: Iterable[list[SnapshotEvent]]) -> Iterator[pl.DataFrame]:
        """Return `_LINES`, a frame for each batch."""
        for batch in batches:
            names: Any = [event[1:4] for event in batch]
            self._hash.update(np.array(names, dtype="<i8").tobytes())
            self.event_count += len(batch)
            self._last_seq = batch[-1].seq
            yield _lines(batch)
            self._progress(self.event_count)

    def facts(self, source: str, people: pl.DataFrame) -> tuple[str, SnapshotInfo]:
        """Return the source and what to know of the snapshot, once all is read."""
        for name in (_KEY, _HEAD):
            self._hash.update(people[name].to_numpy().astype("<i8").tobytes())
        return source, SnapshotInfo(
            last_seq=self._last_seq,
            event_count=self.event_count,
            identifier_count=people.height,
            fingerprint=self._hash.hexdigest(),
        )


def _lines(events: list[SnapshotEvent]) -> pl.DataFrame:
    table = zip(*events, strict=True)
    _, high, low, _, keys, times, types, channels, stores, item_ids, sessions = table
    frame = pl.DataFrame(
        {
            _KEY: keys,
            _OF_NOBODY: [
                None if key is not None else _nobody(session, high[place], low[place])
                for place, (key, session) in enumerate(zip(keys, sessions, strict=True))
            ],
            columns.EVENT_TYPE: types,
            columns.CHANNEL: channels,
            # Whole microseconds, as everywhere in datasets.
            columns.EVENT_TIME: np.rint(np.array(times) * 1e6).astype(np.int64),
            columns.STORE_ID: stores,
            columns.ITEM_ID: item_ids,
        },
        schema=_LINES,
    )
    return frame.with_columns(pl.col(columns.ITEM_ID).str.split(ID_SEPARATOR)).explode(
        columns.ITEM_ID
    )


def _nobody(session: str, high: int, low: int) -> str:
    """Name what belongs together of people whom nobody knows: a receipt, a visit, an event."""
    if not session:
        return f"{_ANONYMOUS_EVENT}:{high:016x}{low:016x}"
    if session.startswith(f"{ANONYMOUS_BASKET}:"):
        return session
    return f"{ANONYMOUS_SESSION}:{session}"


def _resolved(lines: pl.LazyFrame, people: pl.DataFrame) -> pl.LazyFrame:
    """Return columns.RESOLVED_EVENTS of `_LINES`, without whom `people` does not name."""
    profiles = people.select(_KEY, columns.PROFILE_ID).lazy()
    known = lines.join(profiles, on=_KEY, how="left", maintain_order="left").with_columns(
        pl.coalesce(columns.PROFILE_ID, _OF_NOBODY).alias(columns.PROFILE_ID)
    )
    time = columns.RESOLVED_EVENTS[columns.EVENT_TIME]
    given = {
        columns.EVENT_TYPE: pl.col(columns.EVENT_TYPE).replace_strict(_TYPES, default=None),
        columns.CHANNEL: pl.col(columns.CHANNEL).replace_strict(_CHANNELS, default=None),
        columns.EVENT_TIME: pl.col(columns.EVENT_TIME).cast(time),
        **{name: pl.col(name) for name in (columns.STORE_ID, columns.ITEM_ID, columns.PROFILE_ID)},
    }
    return known.filter(pl.col(columns.PROFILE_ID).is_not_null()).select(
        given.get(name, pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in columns.RESOLVED_EVENTS.items()
    )


def _end(events: pl.LazyFrame) -> float:
    """Return when the last event happened; seconds since 1970-01-01 UTC."""
    end: dt.datetime = events.select(pl.col(columns.EVENT_TIME).max()).collect().item()
    return end.timestamp()


def _items(log: LogSnapshot, *, now: float) -> pl.DataFrame:
    """Return columns.ITEMS of the catalogue, with the prices of a moment."""
    parts = [
        pl.DataFrame(
            [_item_row(item_id, item, now=now) for item_id, item in some],
            schema=columns.ITEMS,
            orient="row",
        )
        for some in log.items()
    ]
    return pl.concat([pl.DataFrame(schema=columns.ITEMS), *parts])


def _item_row(item_id: ItemId, item: Item, *, now: float) -> tuple[object, ...]:
    known = item.summary(item_id, now=now)
    return (
        item_id,
        known.title or None,
        known.category or None,
        known.brand or None,
        known.price,
        known.currency or None,
        item.image_url or None,
    )


def _info(events: pl.LazyFrame, item_count: int, facts: tuple[str, SnapshotInfo]) -> DatasetInfo:
    name, snapshot = facts
    counts = events.select(
        pl.len().alias("count"),
        pl.col(columns.PROFILE_ID).n_unique().alias("profiles"),
        pl.col(columns.EVENT_TIME).min().alias("start"),
        pl.col(columns.EVENT_TIME).max().alias("end"),
    ).collect(engine="streaming")
    line_count, profile_count, start, end = counts.row(0)
    if not line_count:
        raise InvalidData(path=name, problem="nobody in the log may be learned from")
    return DatasetInfo(
        fingerprint=snapshot.fingerprint,
        source=name,
        preset=_SOURCE,
        event_count=line_count,
        item_count=item_count,
        profile_count=profile_count,
        start_time=start.replace(tzinfo=dt.UTC),
        end_time=end.replace(tzinfo=dt.UTC),
        snapshot=snapshot,
    )
