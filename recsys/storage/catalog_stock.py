"""Stock in either database: the rows of cells, and what is said of them.

A cell has its last count and, only if adjustments are on top of it, the total.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from recsys.catalog import Adjustment, StockCell, StockOutcome, StockRow, Tally
from recsys.domain import ItemId, StoreId
from recsys.storage.catalog_rows import STORE_BITS, Change, ChangeKind, cell_key, store_key_of
from recsys.storage.sessions import Session

_ITEM_KEYS: Final = """
SELECT item_id, item_key FROM items WHERE item_id = ANY(?) AND content IS NOT NULL
"""
_STORE_KEYS: Final = "SELECT store_id, store_key FROM stores WHERE store_id = ANY(?)"
_CELLS: Final = "SELECT cell_key, counted, counted_time FROM stock WHERE cell_key = ANY(?)"
_ADJUSTMENTS: Final = """
SELECT cell_key, adjustment_id, stock_time, quantity FROM stock_adjustments
WHERE cell_key = ANY(?)
"""
_WRITE_CELL: Final = """
INSERT INTO stock (cell_key, counted, counted_time, total) VALUES (?, ?, ?, ?)
ON CONFLICT (cell_key) DO UPDATE SET
  counted = excluded.counted, counted_time = excluded.counted_time, total = excluded.total
"""
_WRITE_ADJUSTMENT: Final = """
INSERT INTO stock_adjustments (cell_key, adjustment_id, stock_time, quantity)
VALUES (?, ?, ?, ?)
"""
_DROP_ADJUSTMENT: Final = """
DELETE FROM stock_adjustments WHERE cell_key = ? AND adjustment_id = ?
"""
# A walk to the one place in each store, as there is no other way from an item.
_OF_ITEMS: Final = f"""
FROM items AS i CROSS JOIN stores AS s
JOIN stock AS c ON c.cell_key = s.store_key * {1 << STORE_BITS} + i.item_key
"""
_OF_ITEM: Final = f"""
SELECT s.store_id, c.cell_key, c.counted, c.counted_time {_OF_ITEMS}
WHERE i.item_id = ? AND i.content IS NOT NULL ORDER BY c.cell_key
"""
_CELLS_OF_ITEMS: Final = f"""
SELECT c.cell_key, coalesce(c.total, c.counted) > 0 {_OF_ITEMS}
WHERE i.item_key = ANY(?) ORDER BY c.cell_key
"""
_FORGET_CELLS: Final = "DELETE FROM stock WHERE cell_key = ANY(?)"
_FORGET_ADJUSTMENTS: Final = "DELETE FROM stock_adjustments WHERE cell_key = ANY(?)"
_IN_STOCK: Final = """
SELECT cell_key FROM stock
WHERE cell_key >= ? AND cell_key < ? AND coalesce(total, counted) > 0 ORDER BY cell_key
"""

Say = Callable[[Tally, StockCell], StockOutcome]


def counted(tally: Tally, cell: StockCell) -> StockOutcome:
    """Take a count."""
    return tally.count(cell.quantity, stock_time=cell.stock_time)


def adjusted(tally: Tally, cell: StockCell) -> StockOutcome:
    """Take an adjustment."""
    return tally.adjust(cell.adjustment_id, cell.quantity, stock_time=cell.stock_time)


def write_cells(
    session: Session, cells: Sequence[StockCell], say: Say, outcomes: list[StockOutcome]
) -> list[Change]:
    """Write what is said of cells, in their order.

    Args:
        session: Writes, alone of all writers of the catalogue.
        cells: What is said.
        say: Takes it.
        outcomes: Gets what became of each.

    Returns:
        Which cells came into stock or went.
    """
    items = _keys(session, _ITEM_KEYS, {cell.item_id for cell in cells})
    stores = _keys(session, _STORE_KEYS, {cell.store_id for cell in cells})
    keys = [
        cell_key(store_key=stores[cell.store_id], item_key=items[cell.item_id])
        if cell.item_id in items and cell.store_id in stores
        else None
        for cell in cells
    ]
    tallies = _tallies(session, sorted({key for key in keys if key is not None}))
    before = {key: (tally.quantity > 0, tally.adjustments) for key, tally in tallies.items()}
    touched: set[int] = set()
    for cell, key in zip(cells, keys, strict=True):
        if key is None:
            is_item = cell.item_id in items
            outcomes.append(StockOutcome.UNKNOWN_STORE if is_item else StockOutcome.UNKNOWN_ITEM)
            continue
        outcomes.append(say(tallies[key], cell))
        if outcomes[-1] is StockOutcome.WRITTEN:
            touched.add(key)
    written = [(key, tallies[key]) for key in sorted(touched)]
    session.change_each(_WRITE_CELL, [_row(key, tally) for key, tally in written])
    adjustments = [(key, before[key][1], tally.adjustments) for key, tally in written]
    gone = [(key, name) for key, old, new in adjustments for name in old.keys() - new.keys()]
    session.change_each(_DROP_ADJUSTMENT, gone)
    added = [
        (key, name, *new[name])
        for key, old, new in adjustments
        for name in sorted(new.keys() - old.keys())
    ]
    session.change_each(_WRITE_ADJUSTMENT, added)
    return [
        (ChangeKind.STOCK, key) for key, tally in written if before[key][0] != (tally.quantity > 0)
    ]


def _keys(session: Session, query: str, names: Collection[str]) -> dict[str, int]:
    return dict(session.rows(query, sorted(names)))


def _tallies(session: Session, keys: Sequence[int]) -> dict[int, Tally]:
    tallies = {key: Tally() for key in keys}
    for key, quantity, stock_time in session.rows(_CELLS, list(keys)):
        tallies[key] = Tally(quantity, stock_time)
    adjustments: dict[int, dict[str, Adjustment]] = {}
    for key, name, stock_time, quantity in session.rows(_ADJUSTMENTS, list(keys)):
        adjustments.setdefault(key, {})[name] = Adjustment(stock_time, quantity)
    for key, some in adjustments.items():
        tallies[key].adjustments = some
    return tallies


def _row(key: int, tally: Tally) -> tuple[int, float, float | None, float | None]:
    total = tally.quantity if tally.adjustments else None
    return key, tally.counted, tally.counted_time, total


def forget_cells(session: Session, item_keys: Sequence[int]) -> list[Change]:
    """Forget all stock of items; as `write_cells`."""
    cells = session.rows(_CELLS_OF_ITEMS, list(item_keys))
    keys = [key for key, _ in cells]
    if keys:
        session.change(_FORGET_CELLS, keys)
        session.change(_FORGET_ADJUSTMENTS, keys)
    return [(ChangeKind.STOCK, key) for key, is_in_stock in cells if is_in_stock]


def in_stock(session: Session, store_id: StoreId) -> list[int]:
    """Return the keys of the cells of a store that are in stock, ascending."""
    keys = _keys(session, _STORE_KEYS, [store_id])
    if store_id not in keys:
        return []
    first = cell_key(store_key=keys[store_id], item_key=0)
    end = cell_key(store_key=keys[store_id] + 1, item_key=0)
    return [key for (key,) in session.rows(_IN_STOCK, first, end)]


def quantities(session: Session, item_id: ItemId) -> list[StockRow]:
    """Return what is known of an item in all stores that ever had it."""
    rows = session.rows(_OF_ITEM, item_id)
    tallies = _tallies(session, [row[1] for row in rows])
    names = {store_key_of(key): StoreId(store_id) for store_id, key, *_ in rows}
    return [
        StockRow(
            item_id=item_id,
            store_id=names[store_key_of(key)],
            quantity=tally.quantity,
            stock_time=tally.stock_time,
        )
        for key, tally in tallies.items()
    ]
