"""Whose stock counts, and what that is."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from recsys import limits
from recsys.bitmaps import U8
from recsys.catalog import STORE_ONLINE, place_of
from recsys.domain import ShortfallCause, StockRule, StoreId
from recsys.errors import FieldViolation, InvalidRequest, StorageUnavailable
from recsys.rules.asked import NOTE_STOCK_UNAVAILABLE, Asked
from recsys.rules.assortment import Assortment
from recsys.rules.permitted import Part
from recsys.rules.rules import Rules
from recsys.scoring import Mask

_STORE_MISSING: Final = "is missing; the rule in_stock = 'store' needs it"
_PLACE_MISSING: Final = "is missing, and so is store_id; the rule in_stock = 'nearby' needs one"


def check_stock_rule(rules: Rules, asked: Asked) -> None:
    """Refuse a rule that needs to know where; raises InvalidRequest."""
    if rules.in_stock is StockRule.STORE and asked.store_id is None:
        raise InvalidRequest([FieldViolation("context.store_id", _STORE_MISSING)])
    if rules.in_stock is StockRule.NEARBY and asked.store_id is None and asked.place is None:
        raise InvalidRequest([FieldViolation("context.place", _PLACE_MISSING)])


def stock_part(rules: Rules, asked: Asked, assortment: Assortment, notes: set[str]) -> Part | None:
    """Return what is in stock where it has to be; None where stock is not looked at.

    Args:
        rules: In force, and checked.
        asked: Where, and when.
        assortment: Knows the stock.
        notes: Gets a note if some of it cannot be said.
    """
    rule = rules.in_stock or StockRule.AUTO
    stores = _stores_of(rule, rules, asked, assortment)
    if stores is None:
        return None
    masks = [_stocked(assortment, store, notes, now=asked.now) for store in stores]
    known = [mask for mask in masks if mask is not None]
    if not known and rule is StockRule.AUTO:
        return None
    # Where nothing is known: better nothing than what somebody comes for in vain.
    found = known[0] if len(known) == 1 else _united(known, assortment.row_count)
    return Part(ShortfallCause.OUT_OF_STOCK, found, ", ".join(stores))


def _stores_of(
    rule: StockRule, rules: Rules, asked: Asked, assortment: Assortment
) -> Sequence[StoreId] | None:
    """Return whose stock is meant; None where stock is not looked at."""
    match rule:
        case StockRule.ANYWHERE:
            return None
        case StockRule.ONLINE:
            return (STORE_ONLINE,)
        case StockRule.STORE:
            return () if asked.store_id is None else (asked.store_id,)
        case StockRule.AUTO:
            is_known = asked.store_id is not None and asked.store_id in assortment.stores
            return (asked.store_id,) if is_known and asked.store_id else None
        case StockRule.NEARBY:
            return _stores_nearby(rules, asked, assortment)


def _stores_nearby(rules: Rules, asked: Asked, assortment: Assortment) -> Sequence[StoreId]:
    store = None if asked.store_id is None else assortment.stores.get(asked.store_id)
    place = asked.place or place_of(store)
    if place is None:
        # A store whose place nobody knows is near itself.
        return () if asked.store_id is None else (asked.store_id,)
    near = assortment.map.nearest(
        place,
        count_max=rules.nearby_count or limits.NEARBY_COUNT_DEFAULT,
        km_max=limits.NEARBY_KM_DEFAULT if rules.nearby_km is None else rules.nearby_km,
    )
    return [one.store_id for one in near]


def _stocked(
    assortment: Assortment, store_id: StoreId, notes: set[str], *, now: float
) -> Mask | None:
    """Return what a store has; None if that cannot be said."""
    try:
        stocked = assortment.stocked(store_id, now=now)
    except StorageUnavailable:
        stocked = None
    if stocked is None:
        notes.add(NOTE_STOCK_UNAVAILABLE)
    return stocked


def _united(masks: Sequence[Mask], row_count: int) -> U8:
    united = np.zeros((row_count + 7) // 8, dtype=np.uint8)
    for mask in masks:
        united |= mask.state.bitmap
    return united
