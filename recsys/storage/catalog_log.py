"""The numbered changes of a catalogue, which workers follow.

Whoever writes holds a lock to the end of the transaction, so numbers have no gaps and
come in the order in which changes become visible. The newest `CATALOG_CHANGE_COUNT_MAX`
are kept.
"""

from collections.abc import Callable, Iterable
from typing import Final

from recsys import limits
from recsys.catalog import CatalogChanges, Item, KeyedItem, StockChange
from recsys.domain import ItemId, StoreId
from recsys.storage.catalog_rows import (
    ADD_CHANGE,
    STORE_BITS,
    Change,
    ChangeKind,
    read_item,
    store_key_of,
)
from recsys.storage.change_numbers import number_before
from recsys.storage.sessions import Session

WRITERS: Final = "recsys.catalog"
"""What writers of the catalogue lock."""

FEED_TIME_FACT: Final = "catalog_feed_time"
"""Fact: when items or stock were last written; seconds since 1970-01-01 UTC."""

LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM catalog_changes"

_FIRST_SEQ: Final = "SELECT min(seq) FROM catalog_changes"
_PRUNE: Final = "DELETE FROM catalog_changes WHERE seq <= ?"
_SET_FACT: Final = """
INSERT INTO facts (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_CHANGES: Final = """
SELECT seq, kind, subject_key FROM catalog_changes WHERE seq > ? ORDER BY seq LIMIT ?
"""
_ITEMS: Final = "SELECT item_key, item_id, content FROM items WHERE item_key = ANY(?)"
_STORES: Final = "SELECT store_key, store_id FROM stores"
_IN_STOCK: Final = """
SELECT cell_key FROM stock WHERE cell_key = ANY(?) AND coalesce(total, counted) > 0
"""


def last_seq(session: Session) -> int:
    """Return the number of the last change; 0 if there was none."""
    ((found,),) = session.rows(LAST_SEQ)
    return int(found)


def changing(
    session: Session, write: Callable[[], Iterable[Change]], *, now: float, is_feed: bool = True
) -> None:
    """Let somebody write, and number what it changes.

    Args:
        session: Writes, and has read nothing of the catalogue yet.
        write: Returns the changes, in their order.
        now: Seconds since 1970-01-01 UTC.
        is_feed: Whether items or stock are written.
    """
    session.lock(WRITERS)
    changes = list(write())
    if is_feed:
        session.change(_SET_FACT, FEED_TIME_FACT, repr(now))
    if not changes:
        return
    start = number_before(last_seq(session), now=now)
    numbered = enumerate(changes, start=start + 1)
    session.change_each(ADD_CHANGE, ((seq, *change) for seq, change in numbered))
    session.change(_PRUNE, start + len(changes) - limits.CATALOG_CHANGE_COUNT_MAX)


def changes(session: Session, after: int, *, count_max: int) -> CatalogChanges | None:
    """Return changes; as `recsys.catalog.CatalogFeed.changes`."""
    last = last_seq(session)
    if after == last:
        return CatalogChanges(after, (), (), stores_changed=False)
    ((first,),) = session.rows(_FIRST_SEQ)
    if not last or not first - 1 <= after < last:
        return None
    rows = session.rows(_CHANGES, after, count_max)
    subjects = {kind: [key for _, one, key in rows if one == kind] for kind in ChangeKind}
    return CatalogChanges(
        seq=rows[-1][0],
        items=_items(session, subjects[ChangeKind.ITEM]),
        stock=_stock(session, subjects[ChangeKind.STOCK]),
        stores_changed=bool(subjects[ChangeKind.STORES]),
    )


def _items(session: Session, keys: list[int]) -> list[KeyedItem]:
    if not keys:
        return []
    return [keyed_item(row) for row in session.rows(_ITEMS, sorted(set(keys)))]


def keyed_item(row: tuple[int, str, str | None]) -> KeyedItem:
    """Read a row of item_key, item_id and content."""
    key, item_id, content = row
    item: Item | None = None if content is None else read_item(content)
    return KeyedItem(key, ItemId(item_id), item)


def _stock(session: Session, cells: list[int]) -> list[StockChange]:
    if not cells:
        return []
    names = {key: StoreId(store_id) for key, store_id in session.rows(_STORES)}
    wanted = sorted(set(cells))
    present = {cell for (cell,) in session.rows(_IN_STOCK, wanted)}
    return [
        StockChange(names[store_key_of(cell)], cell & ((1 << STORE_BITS) - 1), cell in present)
        for cell in wanted
    ]
