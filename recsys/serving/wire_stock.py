"""Stores and stock to be written become values, every field checked; and back."""

from collections.abc import Iterable
from typing import Final

from recsys import limits
from recsys.catalog import STORE_ONLINE, StockCell, StockRow, Store, StoreKind
from recsys.domain import ItemId, StoreId
from recsys.serving import fields
from recsys.serving.encode import put_moment
from recsys.time_zones import zone_of
from recsys.v1 import catalog_pb2
from recsys.violations import Violations

_KINDS: Final = {
    catalog_pb2.STORE_KIND_PHYSICAL: StoreKind.PHYSICAL,
    catalog_pb2.STORE_KIND_ONLINE: StoreKind.ONLINE,
}
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}


def parse_store(sent: catalog_pb2.Store, wrong: Violations, path: str) -> Store:
    """Check a store.

    Args:
        sent: Anything that arrived.
        wrong: Collects its wrong fields.
        path: Of the store in the request, with a dot at its end.

    Returns:
        The store; of no use if a field is wrong.
    """
    wrong.text(sent.store_id, f"{path}store_id", bytes_max=limits.STORE_ID_BYTES_MAX)
    if sent.title:
        wrong.text(sent.title, f"{path}title", bytes_max=limits.TITLE_BYTES_MAX)
    is_online = sent.store_id == STORE_ONLINE
    kind = StoreKind.ONLINE if is_online else StoreKind.PHYSICAL
    if sent.kind:
        if sent.kind not in _KINDS:
            wrong.add(f"{path}kind", f"is {sent.kind}; allowed 0 to {len(_KINDS)}")
        elif is_online and _KINDS[sent.kind] is not kind:
            wrong.add(f"{path}kind", f"is another one; the store {STORE_ONLINE} is ONLINE")
        else:
            kind = _KINDS[sent.kind]
    latitude = longitude = None
    if sent.HasField("place"):
        latitude, longitude = fields.place(sent.place, wrong, f"{path}place")
        if is_online:
            wrong.add(f"{path}place", f"is set; the store {STORE_ONLINE} has none")
    if sent.time_zone and zone_of(sent.time_zone) is None:
        wrong.add(
            f"{path}time_zone",
            "is not known to this machine; allowed are IANA names such as Europe/Berlin",
        )
    return Store(
        store_id=StoreId(sent.store_id),
        title=sent.title,
        kind=kind,
        latitude=latitude,
        longitude=longitude,
        time_zone=sent.time_zone,
    )


def encode_store(store: Store) -> catalog_pb2.Store:
    """Say a store in the words of the wire."""
    sent = catalog_pb2.Store(
        store_id=store.store_id,
        title=store.title,
        kind=_NUMBERS[store.kind],
        time_zone=store.time_zone,
    )
    if store.latitude is not None and store.longitude is not None:
        sent.place.latitude, sent.place.longitude = store.latitude, store.longitude
    return sent


def parse_count(sent: catalog_pb2.StockCount, wrong: Violations, *, now: float) -> StockCell:
    """Check a count; of no use if a field is wrong."""
    quantity = sent.quantity
    if not sent.HasField("quantity"):
        wrong.add("quantity", f"is absent; allowed 0 to {limits.STOCK_QUANTITY_MAX}")
    elif not 0.0 <= quantity <= limits.STOCK_QUANTITY_MAX:  # True for NaN too.
        wrong.add("quantity", f"is {quantity:g}; allowed 0 to {limits.STOCK_QUANTITY_MAX}")
    return _cell(sent, quantity, wrong, now=now)


def parse_adjustment(
    sent: catalog_pb2.StockAdjustment, wrong: Violations, *, now: float
) -> StockCell:
    """Check an adjustment; of no use if a field is wrong."""
    change = sent.quantity_change
    bound = limits.STOCK_QUANTITY_MAX
    if not sent.HasField("quantity_change"):
        wrong.add("quantity_change", f"is absent; allowed -{bound} to {bound}, not 0")
    elif not 0.0 < abs(change) <= bound:  # True for NaN too.
        wrong.add("quantity_change", f"is {change:g}; allowed -{bound} to {bound}, not 0")
    wrong.text(sent.adjustment_id, "adjustment_id", bytes_max=limits.ADJUSTMENT_ID_BYTES_MAX)
    return _cell(sent, change, wrong, now=now, adjustment_id=sent.adjustment_id)


def encode_levels(rows: Iterable[StockRow]) -> list[catalog_pb2.StockLevel]:
    """Say the stock of an item in the words of the wire."""
    levels = []
    for row in rows:
        levels.append(catalog_pb2.StockLevel(store_id=row.store_id, quantity=row.quantity))
        put_moment(levels[-1].stock_time, row.stock_time)
    return levels


def _cell(
    sent: catalog_pb2.StockCount | catalog_pb2.StockAdjustment,
    quantity: float,
    wrong: Violations,
    *,
    now: float,
    adjustment_id: str = "",
) -> StockCell:
    wrong.text(sent.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    wrong.text(sent.store_id, "store_id", bytes_max=limits.STORE_ID_BYTES_MAX)
    stock_time: float | None = now
    if sent.HasField("stock_time"):
        stock_time = fields.moment_not_ahead(sent.stock_time, wrong, "stock_time", now=now)
    return StockCell(
        item_id=ItemId(sent.item_id),
        store_id=StoreId(sent.store_id),
        quantity=quantity,
        # A clock that runs ahead must not make stale what happens until then.
        stock_time=now if stock_time is None else min(stock_time, now),
        adjustment_id=adjustment_id,
    )
