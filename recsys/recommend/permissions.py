"""From the rules of a request to what may appear in its answer."""

import weakref
from typing import Final

import numpy as np

from recsys.catalog import STORE_ONLINE, CatalogFeed
from recsys.domain import ShortfallCause, StoreId
from recsys.errors import FieldViolation, InvalidRequest, StorageUnavailable
from recsys.recommend.assortment import Assortment
from recsys.recommend.model import ServingModel
from recsys.recommend.permitted import U8, Permitted
from recsys.recommend.query import NOTE_STOCK_UNAVAILABLE, NOTE_STORAGE_UNAVAILABLE
from recsys.recommend.rules import Rules, StockRule
from recsys.scoring import Mask

_STORE_MISSING: Final = "is missing; the rule in_stock = 'store' needs it"


class Permissions:
    """Knows what may be shown of each model in service. Safe to share between threads."""

    def __init__(self, catalog: CatalogFeed | None) -> None:
        """Follow a catalogue; None for everything always."""
        self._catalog = catalog
        # A model that is not in service any more takes its assortment along.
        self._assortments: weakref.WeakKeyDictionary[ServingModel, Assortment]
        self._assortments = weakref.WeakKeyDictionary()

    def prepare(self, model: ServingModel, *, now: float) -> None:
        """Read what the catalogue says of a model's items; raises StorageUnavailable."""
        if self._catalog is not None:
            self._assortment(model, self._catalog).refresh(now=now)

    def of(
        self,
        model: ServingModel,
        rules: Rules,
        *,
        store_id: StoreId | None,
        notes: set[str],
        now: float,
    ) -> Permitted:
        """Say what may appear, as of this moment.

        Args:
            model: Whose items.
            rules: Of the request.
            store_id: Of the context.
            notes: Gets what had to be done without.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            InvalidRequest: The rules need a store, and none is named.
        """
        rule = rules.in_stock or StockRule.AUTO
        if rule is StockRule.STORE and store_id is None:
            raise InvalidRequest([FieldViolation("context.store_id", _STORE_MISSING)])
        parts: list[tuple[ShortfallCause, Mask | U8]] = []
        assortment = self._fresh(model, notes, now=now)
        if assortment is not None and assortment.offered is not None:
            parts.append((ShortfallCause.NOT_OFFERED, assortment.offered))
        there = _store_of(rule, store_id, assortment)
        if there is not None:
            stocked = _stocked(assortment, there, notes, now=now)
            if stocked is not None:
                parts.append((ShortfallCause.OUT_OF_STOCK, stocked))
            elif rule is not StockRule.AUTO:
                # Better nothing than what somebody comes for in vain.
                nothing = np.zeros((len(model.items) + 7) // 8, dtype=np.uint8)
                parts.append((ShortfallCause.OUT_OF_STOCK, nothing))
        return Permitted(len(model.items), tuple(parts), there)

    def _fresh(self, model: ServingModel, notes: set[str], *, now: float) -> Assortment | None:
        if self._catalog is None:
            return None
        assortment = self._assortment(model, self._catalog)
        try:
            assortment.refresh(now=now)
        except StorageUnavailable:
            # What was known a moment ago is better than nothing, and than everything.
            notes.add(NOTE_STORAGE_UNAVAILABLE)
        return assortment

    def _assortment(self, model: ServingModel, catalog: CatalogFeed) -> Assortment:
        found = self._assortments.get(model)
        if found is None:
            found = self._assortments.setdefault(model, Assortment(model.items, catalog))
        return found


def _store_of(
    rule: StockRule, store_id: StoreId | None, assortment: Assortment | None
) -> StoreId | None:
    """Return whose stock is meant; None where stock is not looked at."""
    match rule:
        case StockRule.ANYWHERE:
            return None
        case StockRule.ONLINE:
            return STORE_ONLINE
        case StockRule.STORE:
            return store_id
        case StockRule.AUTO:
            is_known = assortment is not None and store_id in assortment.stores
            return store_id if is_known else None


def _stocked(
    assortment: Assortment | None, store_id: StoreId, notes: set[str], *, now: float
) -> Mask | None:
    """Return what a store has; None if that cannot be said."""
    try:
        stocked = None if assortment is None else assortment.stocked(store_id, now=now)
    except StorageUnavailable:
        stocked = None
    if stocked is None:
        notes.add(NOTE_STOCK_UNAVAILABLE)
    return stocked
