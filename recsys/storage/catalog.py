"""A catalogue in either database; implements the ports of `recsys.catalog`."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.catalog import (
    CatalogChanges,
    Item,
    ItemPage,
    ItemSummary,
    KeyedItem,
    StockCell,
    StockOutcome,
    StockRow,
    Store,
    Upserted,
    updated,
)
from recsys.domain import ItemId, StoreId
from recsys.errors import FeedTooSmall
from recsys.storage import catalog_log, catalog_stock
from recsys.storage.catalog_log import LAST_SEQ, changing, keyed_item, last_seq
from recsys.storage.catalog_rows import (
    STORE_BITS,
    Change,
    ChangeKind,
    item_text,
    read_item,
    read_store,
    store_text,
)
from recsys.storage.sessions import Session, Sessions

_ITEMS_AT_ONCE: Final = 5_000
_CELLS_FORGOTTEN_AT_ONCE: Final = 50_000
"""Cells that are looked at in one transaction, for others wait until it is over."""

_FIND: Final = """
SELECT item_id, content FROM items WHERE item_id = ANY(?) AND content IS NOT NULL
"""
_BEFORE: Final = "SELECT item_id, item_key, content FROM items WHERE item_id = ANY(?)"
_LAST_ITEM: Final = "SELECT coalesce(max(item_key), 0) FROM items"
_WRITE_ITEM: Final = """
INSERT INTO items (item_key, item_id, content) VALUES (?, ?, ?)
ON CONFLICT (item_key) DO UPDATE SET content = excluded.content
"""
_PAGE: Final = """
SELECT item_id, content FROM items WHERE item_id > ? AND content IS NOT NULL
ORDER BY item_id LIMIT ?
"""
_BY_KEY: Final = """
SELECT item_key, item_id, content FROM items WHERE item_key > ? AND content IS NOT NULL
ORDER BY item_key LIMIT ?
"""
_KEYS: Final = """
SELECT item_key FROM items WHERE item_key > ? AND content IS NOT NULL
ORDER BY item_key LIMIT ?
"""
_LIVING: Final = (
    "SELECT item_key, item_id FROM items WHERE item_id = ANY(?) AND content IS NOT NULL"
)
_LIVING_KEYS: Final = """
SELECT item_key, item_id FROM items WHERE item_key = ANY(?) AND content IS NOT NULL
"""
# The row stays, so that the key is never given again.
_DELETE: Final = "UPDATE items SET content = NULL WHERE item_key = ANY(?)"
# No row is ever deleted, so the last key says how many there are.
_COUNT: Final = """
SELECT (SELECT coalesce(max(item_key), 0) FROM items)
  - (SELECT count(*) FROM items WHERE content IS NULL)
"""
_FEED_TIME: Final = "SELECT value FROM facts WHERE name = ?"
_STORES: Final = "SELECT content FROM stores"
_STORE_COUNT: Final = "SELECT count(*) FROM stores"
_STORES_BEFORE: Final = "SELECT store_id, store_key, content FROM stores WHERE store_id = ANY(?)"
_LAST_STORE: Final = "SELECT max(store_key) FROM stores"
_WRITE_STORE: Final = """
INSERT INTO stores (store_key, store_id, content) VALUES (?, ?, ?)
ON CONFLICT (store_key) DO UPDATE SET content = excluded.content
"""


class Catalog:
    """Items, stores and stock; see the ports in `recsys.catalog`. Safe to share by threads."""

    def __init__(self, sessions: Sessions) -> None:
        """Share a storage, which whoever made it closes."""
        self._sessions = sessions

    def items(self, item_ids: Iterable[ItemId], *, now: float) -> Mapping[ItemId, ItemSummary]:
        """Return the known items among these; as `ItemReader.items`."""
        found = self.find_items(list(dict.fromkeys(item_ids)))
        return {item_id: item.summary(item_id, now=now) for item_id, item in found.items()}

    def last_seq(self) -> int:
        """Return the number of the last change; as `CatalogFeed.last_seq`."""
        ((found,),) = self._sessions.rows(LAST_SEQ)
        return int(found)

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """Give all items as of one moment; as `CatalogFeed.snapshot`."""
        with self._sessions.held() as session:
            seq = last_seq(session)
            rows = session.rows(_BY_KEY, 0, _ITEMS_AT_ONCE)
            yield seq, [keyed_item(row) for row in rows]
            while len(rows) == _ITEMS_AT_ONCE:
                rows = session.rows(_BY_KEY, rows[-1][0], _ITEMS_AT_ONCE)
                yield seq, [keyed_item(row) for row in rows]

    def changes(self, after: int, *, count_max: int) -> CatalogChanges | None:
        """Return the changes that follow a number; as `CatalogFeed.changes`."""
        return self._sessions.read(
            functools.partial(catalog_log.changes, after=after, count_max=count_max)
        )

    def stock(self, store_id: StoreId) -> tuple[int, NDArray[np.int64]]:
        """Return which items a store has; as `CatalogFeed.stock`."""
        seq, cells = self._sessions.read(
            lambda session: (last_seq(session), catalog_stock.in_stock(session, store_id))
        )
        return seq, np.array(cells, dtype=np.int64) & ((1 << STORE_BITS) - 1)

    def quantities(self, item_id: ItemId) -> Sequence[StockRow]:
        """Return what is known of one item in all stores; as `CatalogFeed.quantities`."""
        return self._sessions.read(lambda session: catalog_stock.quantities(session, item_id))

    def stores(self) -> Sequence[Store]:
        """Return all stores, in the order of their ids."""
        found = [read_store(content) for (content,) in self._sessions.rows(_STORES)]
        return sorted(found, key=lambda store: store.store_id)

    def upsert_items(
        self,
        items: Mapping[ItemId, Item],
        *,
        parts: Collection[str] | None = None,
        now: float,
    ) -> Upserted:
        """Write items; as `CatalogStore.upsert_items`."""

        def work(session: Session) -> Upserted:
            rows: list[_ItemRow] = []

            def write() -> list[Change]:
                rows.extend(_item_rows(session, items, parts))
                written = [(row.item_key, row.item_id, row.text) for row in rows if row.is_new]
                session.change_each(_WRITE_ITEM, written)
                return [(ChangeKind.ITEM, key) for key, *_ in written]

            changing(session, write, now=now)
            return Upserted(
                changed=[row.item_id for row in rows if row.is_new],
                oversized=[row.item_id for row in rows if row.is_oversized],
                item_keys=[row.item_key for row in rows if row.item_key],
            )

        return self._sessions.write(work)

    def find_items(self, item_ids: Sequence[ItemId]) -> Mapping[ItemId, Item]:
        """Return those of these items that exist."""
        found: dict[ItemId, Item] = {}
        for first in range(0, len(item_ids), _ITEMS_AT_ONCE):
            wanted = list(item_ids[first : first + _ITEMS_AT_ONCE])
            rows = self._sessions.rows(_FIND, wanted)
            found |= {ItemId(item_id): read_item(content) for item_id, content in rows}
        return found

    def item_keys(self, item_ids: Sequence[ItemId]) -> Sequence[int]:
        """Return the keys of those of these items that exist."""
        return [key for key, _ in self._sessions.rows(_LIVING, list(item_ids))]

    def list_items(self, *, after: ItemId | None, count_max: int) -> ItemPage:
        """Return items in the order of their ids; as `CatalogStore.list_items`."""
        rows = self._sessions.rows(_PAGE, after or "", count_max + 1)
        page = [(ItemId(item_id), read_item(content)) for item_id, content in rows[:count_max]]
        return ItemPage(page, page[-1][0] if len(rows) > count_max else None)

    def delete_items(self, item_ids: Sequence[ItemId], *, now: float) -> Sequence[ItemId]:
        """Delete items; as `CatalogStore.delete_items`."""
        return self._delete(_LIVING, list(dict.fromkeys(item_ids)), now=now)

    def keep_only(
        self, item_keys: NDArray[np.int64], *, deleted_count_max: int | None, now: float
    ) -> int:
        """Delete all items but these; as `CatalogStore.keep_only`."""
        living = [key for page in self._key_pages() for (key,) in page]
        gone = np.setdiff1d(np.array(living, dtype=np.int64), item_keys)
        if deleted_count_max is not None and len(gone) > deleted_count_max:
            raise FeedTooSmall(missing_count=len(gone), missing_count_max=deleted_count_max)
        return len(self._delete(_LIVING_KEYS, gone.tolist(), now=now))

    def item_count(self) -> int:
        """Return how many items there are."""
        ((count,),) = self._sessions.rows(_COUNT)
        return int(count)

    def feed_time(self) -> float | None:
        """Return when items or stock were last written; None if never."""
        rows = self._sessions.rows(_FEED_TIME, catalog_log.FEED_TIME_FACT)
        return float(rows[0][0]) if rows else None

    def upsert_stores(self, stores: Sequence[Store], *, now: float) -> None:
        """Write stores, whatever was said of them."""

        def work(session: Session) -> None:
            def write() -> list[Change]:
                rows = _store_rows(session, stores)
                session.change_each(_WRITE_STORE, rows)
                return [(ChangeKind.STORES, 0)] if rows else []

            changing(session, write, now=now, is_feed=False)

        self._sessions.write(work)

    def set_stock(self, cells: Sequence[StockCell], *, now: float) -> Sequence[StockOutcome]:
        """Write what was counted; as `CatalogStore.set_stock`."""
        return self._say(cells, catalog_stock.counted, now=now)

    def adjust_stock(self, cells: Sequence[StockCell], *, now: float) -> Sequence[StockOutcome]:
        """Add to what was counted; as `CatalogStore.adjust_stock`."""
        return self._say(cells, catalog_stock.adjusted, now=now)

    def _say(
        self, cells: Sequence[StockCell], say: catalog_stock.Say, *, now: float
    ) -> list[StockOutcome]:
        def work(session: Session) -> list[StockOutcome]:
            outcomes: list[StockOutcome] = []

            def write() -> list[Change]:
                return catalog_stock.write_cells(session, cells, say, outcomes)

            changing(session, write, now=now)
            return outcomes

        return self._sessions.write(work)

    def _key_pages(self) -> Iterator[list[tuple[int]]]:
        after = 0
        while rows := self._sessions.rows(_KEYS, after, _ITEMS_AT_ONCE):
            yield rows
            after = rows[-1][0]

    def _delete(
        self, living: str, names: Sequence[ItemId] | Sequence[int], *, now: float
    ) -> list[ItemId]:
        """Delete items, some at a time."""
        ((store_count,),) = self._sessions.rows(_STORE_COUNT)
        at_once = max(1, min(_ITEMS_AT_ONCE, _CELLS_FORGOTTEN_AT_ONCE // store_count))
        deleted: list[ItemId] = []
        for first in range(0, len(names), at_once):
            some = list(names[first : first + at_once])
            deleted += self._sessions.write(
                functools.partial(_delete, living=living, some=some, now=now)
            )
        return deleted


def _delete(session: Session, *, living: str, some: list[object], now: float) -> list[ItemId]:
    gone: dict[int, ItemId] = {}

    def write() -> list[Change]:
        gone.update(session.rows(living, some))
        keys = sorted(gone)
        forgotten = catalog_stock.forget_cells(session, keys)
        session.change(_DELETE, keys)
        return [*forgotten, *((ChangeKind.ITEM, key) for key in keys)]

    changing(session, write, now=now)
    return list(gone.values())


class _ItemRow(NamedTuple):
    item_key: int
    item_id: ItemId
    text: str
    is_new: bool
    is_oversized: bool = False


def _item_rows(
    session: Session, items: Mapping[ItemId, Item], parts: Collection[str] | None
) -> Iterator[_ItemRow]:
    """Return what is to be written of each item; the key of one that must not exist is 0."""
    found = {item_id: (key, text) for item_id, key, text in session.rows(_BEFORE, list(items))}
    ((last_key,),) = session.rows(_LAST_ITEM)
    for item_id, item in items.items():
        key, text = found.get(item_id, (0, None))
        said = item
        if parts is not None:
            said = updated(Item() if text is None else read_item(text), item, parts)
        new_text = item_text(said)
        if len(new_text.encode()) > limits.ITEM_KEPT_BYTES_MAX:
            yield _ItemRow(key if text else 0, item_id, "", is_new=False, is_oversized=True)
            continue
        if not key:
            last_key = key = last_key + 1
        yield _ItemRow(key, item_id, new_text, is_new=new_text != text)


def _store_rows(session: Session, stores: Sequence[Store]) -> list[tuple[int, str, str]]:
    ids = [store.store_id for store in stores]
    found = {store_id: (key, text) for store_id, key, text in session.rows(_STORES_BEFORE, ids)}
    ((last_key,),) = session.rows(_LAST_STORE)
    rows = []
    for store in stores:
        key, text = found.get(store.store_id, (0, None))
        if not key:
            last_key = key = last_key + 1
        if (new_text := store_text(store)) != text:
            rows.append((key, str(store.store_id), new_text))
            found[store.store_id] = (key, new_text)
    return rows
