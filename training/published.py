"""Published splits: training and test lines from any files, ranked by the serving kernel.

Two kinds of test file. Rows of `user_id, item_id`: what each user should have been
shown, one or many items, with her training lines as her history. Rows of `context`
(a list of items) and `target`: each row is a session of its own.

Items are numbered in an order drawn by the seed. The kernel ranks equal scores by
row, so ties are broken by chance, as they must be where order could help.
"""

import enum
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.domain import Channel, EventType
from recsys.errors import InvalidData
from recsys.sparse import CsrMatrix
from training.attributes import attributes_of
from training.interactions import NO_STORE, Events
from training.metrics import Targets
from training.ranking import Contexts
from training.tables import read_tables, require_columns
from training.testset import TestSet, distinct_targets, newest_lines

USER, ITEM, TYPE, TIME, CHANNEL = "user_id", "item_id", "event_type", "event_time", "channel"
POSITION, CONTEXT, TARGET, STORE = "position", "context", "target", "store_id"
SAMPLED_PROBLEM = (
    "metrics over a sample of items can rank models in another order than metrics over the "
    "whole catalogue (Krichene and Rendle, 2020), so the whole catalogue is always ranked"
)
_SAMPLED = {"negatives", "negative_items", "candidates", "candidate_items"}
_FINGERPRINT_CHARS = 16

_TYPE_ALIASES = {
    "view": EventType.DETAIL_PAGE_VIEW,
    "click": EventType.CLICK,
    "cart": EventType.ADD_TO_CART,
    "addtocart": EventType.ADD_TO_CART,
    "buy": EventType.PURCHASE_COMPLETE,
    "purchase": EventType.PURCHASE_COMPLETE,
    "transaction": EventType.PURCHASE_COMPLETE,
} | {member.value: member for member in EventType}
_TYPE_CODES = {name: member.code for name, member in _TYPE_ALIASES.items()}
_CHANNEL_CODES = {member.value: member.code for member in Channel}


class Order(enum.StrEnum):
    """What files say of the order of a user's lines."""

    TIMES = "times"
    POSITIONS = "positions"
    LISTS = "lists"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingLines:
    """Training lines without a test.

    Attributes:
        events: The lines; times are positions where no times are known.
        order: What is known of their order.
    """

    events: Events
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublishedSplit:
    """A split that somebody else made.

    Attributes:
        train: Training lines.
        test: Who is asked about, with histories from the training lines or contexts.
        leaked_count: Test pairs that are in the training lines, of any kind.
        pair_count: Test pairs.
        fingerprint: Names what is to be found of whom; the same for any training lines.
        item_codes: Numbers of the items to be found that do not depend on the training
            lines, -1 for other items, int32, shape (items,).
    """

    train: Events
    test: TestSet
    leaked_count: int
    pair_count: int
    fingerprint: str
    item_codes: NDArray[np.int32]


def read_training(
    *,
    train: Sequence[Path],
    items: Sequence[Path] = (),
    names: Mapping[str, str],
    rng: np.random.Generator,
) -> TrainingLines:
    """Read training lines alone; the arguments and errors are those of `read_split`."""
    frame = read_tables(train, names)
    require_columns(frame, (USER, ITEM), train)
    lines = _normal(frame, train)
    users = lines[USER].unique().sort()
    item_ids = lines[ITEM].unique().sort()
    item_ids = item_ids[rng.permutation(len(item_ids))]
    attributes = _attributes(items, names, item_ids)
    return TrainingLines(
        events=_events(lines, users, item_ids, attributes=attributes), order=_order(frame)
    )


def _order(frame: pl.DataFrame) -> Order:
    if TIME in frame.columns:
        return Order.TIMES
    if POSITION in frame.columns:
        return Order.POSITIONS
    return Order.LISTS if isinstance(frame.schema[ITEM], pl.List | pl.Array) else Order.NONE


def read_split(
    *,
    train: Sequence[Path],
    test: Sequence[Path],
    items: Sequence[Path] = (),
    names: Mapping[str, str],
    history_event_count_max: int,
    rng: np.random.Generator,
    store_count_max: int = 0,
) -> PublishedSplit:
    """Read a split.

    Args:
        train: Parquet, CSV or JSON-lines files of training lines.
        test: Files of what should be found.
        items: Files with `item_id` and what is known of each item; may be none.
        names: Canonical column name by the files' own.
        history_event_count_max: Newest lines of a history that are used.
        rng: Source of the order of items.
        store_count_max: Stores with targets of their own: those with the most people.

    Raises:
        InvalidData: A file lacks a column, or holds a type of event that nobody knows.
    """
    lines = _lines(train, names)
    wanted, contexts = _wanted(test, names)
    every = pl.concat([lines, contexts], how="diagonal") if contexts is not None else lines
    users = pl.concat([every[USER], wanted[USER]]).unique().sort()
    item_ids = pl.concat([every[ITEM], wanted[ITEM]]).unique().sort()
    item_ids = item_ids[rng.permutation(len(item_ids))]
    trained = _events(lines, users, item_ids, attributes=_attributes(items, names, item_ids))
    rows, targets = _codes(wanted[USER], users), _codes(wanted[ITEM], item_ids)
    asked = np.unique(rows)
    before = trained
    if contexts is not None:
        # Sessions follow the training lines: age must not tell one context from another.
        contexts = contexts.with_columns(pl.col(TIME) + lines[TIME].max())
        before = _events(contexts, users, item_ids)
    keys = rows.astype(np.int64) * len(item_ids) + targets
    known = trained.users.astype(np.int64) * len(item_ids) + trained.items
    return PublishedSplit(
        train=trained,
        test=_test_set(
            before.where(np.isin(before.users, asked)),
            asked,
            wanted.with_columns(pl.Series("row", rows), pl.Series("target", targets)),
            now=float(trained.times.max()),
            history_event_count_max=history_event_count_max,
            store_count_max=store_count_max,
        ),
        leaked_count=int(np.isin(keys, known).sum()),
        pair_count=len(keys),
        fingerprint=_fingerprint(wanted),
        item_codes=_codes(item_ids, wanted[ITEM].unique().sort(), absent=-1),
    )


def _fingerprint(wanted: pl.DataFrame) -> str:
    pairs = wanted.select(USER, ITEM).unique().sort(USER, ITEM)
    digest = hashlib.sha256()
    for name in (USER, ITEM):
        digest.update("\n".join(pairs[name].to_list()).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:_FINGERPRINT_CHARS]


def _test_set(
    histories: Events,
    asked: NDArray[np.int32],
    wanted: pl.DataFrame,
    *,
    now: float,
    history_event_count_max: int,
    store_count_max: int,
) -> TestSet:
    count = len(asked)
    rows = np.searchsorted(asked, wanted["row"].to_numpy())
    items = wanted["target"].to_numpy()

    def targets(chosen: NDArray[np.bool_] | slice) -> Targets:
        return distinct_targets(
            rows[chosen], items[chosen], user_count=count, item_count=len(histories.item_ids)
        )

    channels = wanted[CHANNEL].to_numpy()
    stores = wanted.drop_nulls(STORE).group_by(STORE).agg(pl.col(USER).n_unique())
    busiest = stores.sort(USER, STORE, descending=[True, False])[STORE].head(store_count_max)
    return TestSet(
        users=asked,
        histories=newest_lines(histories, history_event_count_max),
        contexts=Contexts(
            channel_codes=np.zeros(count, dtype=np.uint8),
            stores=np.full(count, NO_STORE, dtype=np.int32),
            store_ids=[],
        ),
        targets=targets(slice(None)),
        targets_by_channel={
            int(code): targets(channels == code) for code in np.unique(channels) if code
        },
        targets_by_store={
            store: targets((wanted[STORE] == store).fill_null(value=False).to_numpy())
            for store in busiest.to_list()
        },
        cut_time=now,
    )


def _attributes(
    paths: Sequence[Path], names: Mapping[str, str], item_ids: pl.Series
) -> Callable[[], CsrMatrix] | None:
    if not paths:
        return None
    frame = read_tables(paths, names)
    require_columns(frame, (ITEM,), paths)
    return functools.cache(lambda: attributes_of(frame, item_ids.to_list()))


def _lines(paths: Sequence[Path], names: Mapping[str, str]) -> pl.DataFrame:
    frame = read_tables(paths, names)
    require_columns(frame, (USER, ITEM), paths)
    return _normal(frame, paths)


def _normal(frame: pl.DataFrame, paths: Sequence[Path]) -> pl.DataFrame:
    """Give every line its user, item, type and time; lists of items become lines."""
    if isinstance(frame.schema[ITEM], pl.List | pl.Array):
        frame = frame.explode(ITEM).drop_nulls(ITEM)
    if TIME not in frame.columns:
        # Order is all that is known: by position, else as the lines stand in the file.
        order = pl.col(POSITION) if POSITION in frame.columns else pl.int_range(pl.len())
        frame = frame.with_columns(order.cast(pl.Float64).alias(TIME))
    elif frame.schema[TIME].is_temporal():
        frame = frame.with_columns(pl.col(TIME).dt.epoch("us") / 1e6)
    if TYPE not in frame.columns:
        frame = frame.with_columns(pl.lit(EventType.PURCHASE_COMPLETE.value).alias(TYPE))
    unknown = set(frame[TYPE].unique()) - _TYPE_CODES.keys()
    if unknown:
        raise InvalidData(
            path=", ".join(map(str, paths)),
            problem=f"event_type {sorted(map(str, unknown))}; known: {', '.join(_TYPE_CODES)}",
        )
    channel = pl.col(CHANNEL) if CHANNEL in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.select(
        pl.col(USER).cast(pl.String),
        pl.col(ITEM).cast(pl.String),
        pl.col(TYPE).replace_strict(_TYPE_CODES, return_dtype=pl.UInt8),
        pl.col(TIME).cast(pl.Float64),
        channel.replace_strict(_CHANNEL_CODES, default=0, return_dtype=pl.UInt8).alias(CHANNEL),
    )


def _wanted(
    paths: Sequence[Path], names: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return what is to be found of whom, where if known, and the lines of the contexts."""
    frame = read_tables(paths, names)
    sampled = sorted(_SAMPLED & set(frame.columns))
    if sampled:
        raise InvalidData(
            path=", ".join(map(str, paths)),
            problem=f"has {', '.join(sampled)}: {SAMPLED_PROBLEM}; leave the column out",
        )
    if CONTEXT not in frame.columns:
        require_columns(frame, (USER, ITEM), paths)
        if isinstance(frame.schema[ITEM], pl.List | pl.Array):
            frame = frame.explode(ITEM).drop_nulls(ITEM)
        return _pairs(frame, ITEM), None
    require_columns(frame, (TARGET,), paths)
    # No user of the training lines has such a name.
    sessions = frame.with_columns(pl.format("\0test {}", pl.int_range(pl.len())).alias(USER))
    contexts = sessions.select(USER, pl.col(CONTEXT).alias(ITEM))
    return (
        _pairs(sessions, TARGET),
        _normal(
            contexts.with_columns(
                pl.col(ITEM).list.eval(pl.int_range(pl.len())).alias(POSITION)
            ).explode(ITEM, POSITION),
            paths,
        ),
    )


def _pairs(frame: pl.DataFrame, item: str) -> pl.DataFrame:
    channel = pl.col(CHANNEL) if CHANNEL in frame.columns else pl.lit(None, dtype=pl.String)
    store = pl.col(STORE) if STORE in frame.columns else pl.lit(None)
    return frame.select(
        pl.col(USER).cast(pl.String),
        pl.col(item).cast(pl.String).alias(ITEM),
        channel.replace_strict(_CHANNEL_CODES, default=0, return_dtype=pl.UInt8).alias(CHANNEL),
        store.cast(pl.String).alias(STORE),
    )


def _codes(values: pl.Series, known: pl.Series, *, absent: int | None = None) -> NDArray[np.int32]:
    numbers = known.to_frame("value").with_row_index("number")
    joined = values.to_frame("value").join(numbers, on="value", how="left", maintain_order="left")
    numbered = joined["number"].cast(pl.Int32)
    return (numbered if absent is None else numbered.fill_null(absent)).to_numpy()


def _events(
    lines: pl.DataFrame,
    users: pl.Series,
    items: pl.Series,
    *,
    attributes: Callable[[], CsrMatrix] | None = None,
) -> Events:
    numbered = lines.with_columns(
        pl.Series("user", _codes(lines[USER], users)), pl.Series("item", _codes(lines[ITEM], items))
    ).sort("user", "item", TIME, TYPE, CHANNEL)
    return Events(
        users=numbered["user"].to_numpy(),
        items=numbered["item"].to_numpy(),
        type_codes=numbered[TYPE].to_numpy(),
        channel_codes=numbered[CHANNEL].to_numpy(),
        stores=np.full(len(numbered), NO_STORE, dtype=np.int32),
        times=numbered[TIME].to_numpy(),
        user_count=len(users),
        item_ids=items.to_list(),
        store_ids=[],
        attributes=attributes,
    )
