"""From a dataset's events to interaction matrices, at scale.

Ids become numbers once (`read_events`, in Polars, streamed: 22 bytes stay of an
event). Everything later works on those columns. Weights come from
`recsys.features.EventWeighting`, the code that serving uses, and are summed per
user and item to the same float32 values.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.domain import CHANNEL_UNKNOWN_CODE, Channel, EventType
from recsys.features import WEIGHT_MIN, EventWeighting, HistoryConfig
from recsys.sparse import CsrMatrix, expand_rows
from training import columns
from training.attributes import attributes_of
from training.dataset import Dataset
from training.ragged import csr_from_pairs

NO_STORE = -1
_TYPE_CODES = {member.value: member.code for member in EventType}
_CHANNEL_CODES = {member.value: member.code for member in Channel}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Events:
    """Item lines of events as numbers, in the order of user, item and time.

    Arrays have one entry per line, shape (e,).

    Attributes:
        users: Position in the sorted profile ids, int32.
        items: Position in `item_ids`, int32.
        type_codes: `EventType.code`, uint8.
        channel_codes: `Channel.code`, 0 for unknown, uint8.
        stores: Position in `store_ids`, -1 for none, int32.
        times: Seconds since 1970-01-01 UTC, float64.
        user_count: Distinct profiles of the dataset's item lines.
        item_ids: Distinct items of the lines, and of the catalogue if that was asked for,
            sorted.
        store_ids: Distinct stores of the lines, sorted.
        attributes: Makes what is known of the items besides, items x attributes;
            None where nothing is.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    type_codes: NDArray[np.uint8]
    channel_codes: NDArray[np.uint8]
    stores: NDArray[np.int32]
    times: NDArray[np.float64]
    user_count: int
    item_ids: list[str]
    store_ids: list[str]
    attributes: Callable[[], CsrMatrix] | None = None

    def __len__(self) -> int:
        return len(self.users)

    def where(self, mask: NDArray[np.bool_]) -> "Events":
        """Return some lines; ids and their positions stay."""
        return Events(
            users=self.users[mask],
            items=self.items[mask],
            type_codes=self.type_codes[mask],
            channel_codes=self.channel_codes[mask],
            stores=self.stores[mask],
            times=self.times[mask],
            user_count=self.user_count,
            item_ids=self.item_ids,
            store_ids=self.store_ids,
            attributes=self.attributes,
        )


def read_events(dataset: Dataset, *, whole_catalogue: bool = False) -> Events:
    """Read all item lines and number their ids.

    Ids are numbered in sorted order, so the same events give the same numbers
    however they are spread over files.

    Args:
        dataset: Where the lines are.
        whole_catalogue: Whether items without a line get a number too.
    """
    lines = dataset.events().filter(pl.col(columns.ITEM_ID).is_not_null())
    users, items, stores = _distinct(lines, (columns.PROFILE_ID, columns.ITEM_ID, columns.STORE_ID))
    if whole_catalogue:
        items = pl.concat([items, dataset.items()[columns.ITEM_ID]]).unique().sort()
    frame = (
        lines.select(
            columns.PROFILE_ID,
            columns.ITEM_ID,
            columns.STORE_ID,
            _coded(columns.EVENT_TYPE, _TYPE_CODES, default=0).alias("type_code"),
            _coded(columns.CHANNEL, _CHANNEL_CODES, default=CHANNEL_UNKNOWN_CODE).alias(
                "channel_code"
            ),
            (pl.col(columns.EVENT_TIME).dt.epoch("us") / 1e6).alias("time"),
        )
        # Joins, since a cast to Enum hashes every id again for each chunk of events.
        .join(_numbered(users, "user"), on=columns.PROFILE_ID, how="left")
        .join(_numbered(items, "item"), on=columns.ITEM_ID, how="left")
        .join(_numbered(stores, "store"), on=columns.STORE_ID, how="left")
        .select(
            "user", "item", pl.col("store").fill_null(NO_STORE), "type_code", "channel_code", "time"
        )
        # Sums then run over neighbours, in the same order every time, so a run can
        # be repeated to the last bit.
        .sort("user", "item", "time", "type_code", "channel_code")
        .collect(engine="streaming")
    )
    return Events(
        users=frame["user"].to_numpy(),
        items=frame["item"].to_numpy(),
        type_codes=frame["type_code"].to_numpy(),
        channel_codes=frame["channel_code"].to_numpy(),
        stores=frame["store"].to_numpy(),
        times=frame["time"].to_numpy(),
        user_count=len(users),
        item_ids=items.to_list(),
        store_ids=stores.to_list(),
        # Asked for by every fit that uses them.
        attributes=functools.cache(lambda: attributes_of(dataset.items(), items.to_list())),
    )


def _distinct(lines: pl.LazyFrame, names: Sequence[str]) -> list[pl.Series]:
    """Return the distinct values of some columns, sorted, in one pass over the files."""
    found = pl.collect_all(
        [lines.select(pl.col(name).unique().drop_nulls()) for name in names], engine="streaming"
    )
    return [frame[name].sort() for frame, name in zip(found, names, strict=True)]


def _numbered(values: pl.Series, number: str) -> pl.LazyFrame:
    """Pair each value with its position."""
    return values.to_frame().with_row_index(number).cast({number: pl.Int32}).lazy()


def _coded(column: str, codes: dict[str, int], *, default: int) -> pl.Expr:
    return pl.col(column).replace_strict(codes, default=default, return_dtype=pl.UInt8)


def sum_weights(
    events: Events,
    *,
    weighting: EventWeighting,
    now: float,
    row_of_user: NDArray[np.int32] | None = None,
    row_count: int | None = None,
    history: HistoryConfig | None = None,
) -> CsrMatrix:
    """Sum event weights per user and item as `EventWeighting.item_weights` does.

    Args:
        events: The lines; none after `now`.
        weighting: The configured weights.
        now: The moment to look back from, in seconds since 1970-01-01 UTC.
        row_of_user: The row of each user, ascending as the users do, -1 for users
            left out, shape (user_count,); None for the identity.
        row_count: Rows of the result; None for `events.user_count`.
        history: Decay by steps on top, if any; lengths are left alone.

    Returns:
        Rows x all items of `events.item_ids`, positive values.
    """
    weights = weighting.event_weights(
        type_codes=events.type_codes,
        channel_codes=events.channel_codes,
        event_times=events.times,
        now=now,
    )
    if history is not None:
        weights = history.decayed(weights, events.times, rows=events.users)
    rows = events.users if row_of_user is None else row_of_user[events.users]
    item_count = max(1, len(events.item_ids))
    used = (weights != 0.0) & (rows >= 0)
    keys = rows[used].astype(np.int64) * item_count + events.items[used]
    if np.any(keys[1:] < keys[:-1]):
        raise ValueError("events must be in the order of rows and items, as `read_events` gives")
    pairs, sums = _sum_runs(keys, weights[used])
    clipped = weighting.clip(sums)
    kept = clipped >= WEIGHT_MIN
    return csr_from_pairs(
        rows=pairs[kept] // item_count,
        columns=pairs[kept] % item_count,
        values=clipped[kept],
        row_count=events.user_count if row_count is None else row_count,
    )


def _sum_runs(
    keys: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sum the weights of equal keys, which lie together."""
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else keys
    return keys[starts], np.add.reduceat(weights, starts) if len(keys) else weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Core:
    """What survives the filters.

    Attributes:
        weights: Users x items that are kept, numbered anew from 0.
        items: The kept items' positions in `Events.item_ids`, ascending, int32.
        users: The kept users' rows in the weights given, ascending, int64.
    """

    weights: CsrMatrix
    items: NDArray[np.int32]
    users: NDArray[np.int64]


def keep_core(
    weights: CsrMatrix,
    *,
    item_count: int,
    item_users_min: int,
    user_items_min: int,
    rounds_max: int,
) -> Core:
    """Drop items with few users and users with few items, again until all have enough.

    Args:
        weights: Users x items.
        item_count: Number of columns.
        item_users_min: Users that an item needs; 0 keeps items without any.
        user_items_min: Items that a user needs, positive.
        rounds_max: Rounds at most; what then still falls short stays.
    """
    users, items, values = expand_rows(weights.indptr), weights.indices, weights.data
    for _ in range(rounds_max):
        enough_users = np.bincount(items, minlength=item_count) >= item_users_min
        enough_items = np.bincount(users, minlength=weights.row_count) >= user_items_min
        kept = enough_users[items] & enough_items[users]
        if kept.all():
            break
        users, items, values = users[kept], items[kept], values[kept]
    kept_users, user_rows = np.unique(users, return_inverse=True)
    kept_items = np.flatnonzero(np.bincount(items, minlength=item_count) >= min(1, item_users_min))
    row_of_item = np.full(item_count, -1, dtype=np.int32)
    row_of_item[kept_items] = np.arange(len(kept_items), dtype=np.int32)
    return Core(
        weights=csr_from_pairs(
            rows=user_rows, columns=row_of_item[items], values=values, row_count=len(kept_users)
        ),
        items=kept_items.astype(np.int32),
        users=kept_users,
    )
