"""Which items an offer is about: of one item by its record, of a whole model as bitmaps."""

import functools
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import allows, bitmap_of
from recsys.catalog import ITEM_SCHEMA
from recsys.domain import ItemId
from recsys.filters import Filter, Record, read_filter
from recsys.filters.nodes import Quoted
from recsys.offers.offer import Offer, Scope
from recsys.rules.assortment import Assortment

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_ALL: Final = 255
_BREADTH_ROWS_MAX: Final = 32_768
_BREADTHS_SECONDS: Final = 60.0


def scope_expression(scope: Scope) -> str:
    """Say what is meant beside single items as one filter; empty for nothing but these.

    A scope that names items and has a filter gives two: this one, and the filter for them.
    """
    parts = [f"category:{Quoted((path,))}" for path in scope.category_paths]
    if scope.brands:
        parts.append(f"brand IN ({', '.join(str(Quoted((name,))) for name in scope.brands)})")
    lists = " OR ".join(parts)
    if not scope.filter:
        return lists
    if lists:
        return f"({lists}) AND ({scope.filter})"
    return "" if scope.item_ids else scope.filter


@functools.lru_cache(maxsize=limits.OFFER_ITEM_FILTER_COUNT_MAX)
def item_filter_of(expression: str) -> Filter:
    """Read a filter of items; the same one for the same text."""
    return read_filter(expression, ITEM_SCHEMA)


def is_in_scope(scope: Scope, item_id: ItemId, record: Record, *, now: float) -> bool:
    """Whether an offer is about an item.

    Args:
        scope: Of the offer.
        item_id: The item.
        record: What the catalogue says of it; empty where it says nothing.
        now: Seconds since 1970-01-01 UTC.
    """
    if scope.is_basket:
        return True
    if item_id in scope.item_ids:
        return not scope.filter or item_filter_of(scope.filter).matches(record, now=now)
    expression = scope_expression(scope)
    return bool(expression) and item_filter_of(expression).matches(record, now=now)


class ScopeTable:
    """The scopes of many offers over one model's items, a bit per offer and item.

    Kept until offers or items change; safe between threads.
    """

    def __init__(self, assortment: Assortment) -> None:
        """Point at what is known of the items; nothing is looked at yet."""
        self.assortment = assortment
        self._lock = threading.Lock()
        self._offers: Mapping[str, Offer] = {}
        self._depends_on_now = False
        self._made_of: tuple[object, ...] = ()
        self._places: Mapping[str, int] = {}
        # A row of each eight items, so that what is asked of few items lies together.
        self._bits: U8 = np.zeros((0, 0), dtype=np.uint8)
        self._breadths: F64 = np.zeros((2, 0))
        self._breadths_offers: Mapping[str, Offer] | None = None
        self._breadths_made_of: tuple[object, ...] = ()
        self._breadths_time = -math.inf

    def shares(
        self,
        offers: Mapping[str, Offer],
        wanted: Sequence[str],
        rows: I32,
        weights: F64,
        *,
        now: float,
    ) -> F64:
        """Return how much of some weighted items is in the scope of each offer.

        Args:
            offers: All offers; the same mapping as long as none has changed.
            wanted: Ids of those that are asked for.
            rows: Items; one that is there twice counts twice.
            weights: Of each, shape (len(rows),); or several of each, shape (k, len(rows)).
            now: Seconds since 1970-01-01 UTC.

        Returns:
            The sum of the weights in each scope, shape (len(wanted),) or (k, len(wanted)).
        """
        if not fits(len(offers), self.assortment.row_count):
            bitmaps = (self._bitmap(offers[name].scope, now=now) for name in wanted)
            bits = np.array([one[rows >> 3] for one in bitmaps]).T
            return _weighed(bits, rows, weights)
        with self._lock:
            self._refresh(offers, now=now)
            places, table = self._places, self._bits
        some = np.fromiter(map(places.__getitem__, wanted), np.intp, len(wanted))
        return _weighed(table[rows >> 3], rows, weights)[..., some]

    def breadths(self, offers: Mapping[str, Offer], rows: I32, weights: F64, *, now: float) -> F64:
        """Return how wide the scope of every offer is; the same array for a while.

        Where the catalogue changes all the time, it is as of at most a minute ago.

        Args:
            offers: All offers; the same mapping as long as none has changed.
            rows: Items, those of most weight first; the same for the whole life of the table.
            weights: Of each, shape (len(rows),).
            now: Seconds since 1970-01-01 UTC.

        Returns:
            How many items are in each scope, and the sum of the weights in it, shape
            (2, len(offers)), in the order of the offers.
        """
        is_old = not 0.0 <= now - self._breadths_time < _BREADTHS_SECONDS
        columns = self.assortment.columns
        made_of = (columns.origin, columns.version)
        if self._breadths_offers is not offers or (is_old and self._breadths_made_of != made_of):
            found = np.zeros((2, len(offers)))
            # What is least wanted adds nothing that counts, and there may be millions of it.
            some, its_weights = rows[:_BREADTH_ROWS_MAX], weights[:_BREADTH_ROWS_MAX]
            for at, offer in enumerate(offers.values()):
                bitmap = self._bitmap(offer.scope, now=now)
                # Of the whole basket, also the bits behind the last item are set.
                found[0, at] = min(int(np.bitwise_count(bitmap).sum()), self.assortment.row_count)
                found[1, at] = its_weights @ allows(bitmap, some)
            self._breadths, self._breadths_offers = found, offers
            self._breadths_made_of, self._breadths_time = made_of, now
        return self._breadths

    def _refresh(self, offers: Mapping[str, Offer], *, now: float) -> None:
        if self._offers is not offers:
            self._offers, self._made_of = offers, ()
            self._depends_on_now = any(_depends_on_now(one.scope) for one in offers.values())
        columns = self.assortment.columns
        # A filter of `now` is asked again every time; few offers have one.
        made_of = (columns.origin, columns.version, now if self._depends_on_now else 0.0)
        if self._made_of == made_of:
            return
        places = {name: at for at, name in enumerate(offers)}
        width = (self.assortment.row_count + 7) // 8
        bits = np.empty((len(offers), width), dtype=np.uint8)
        for at, offer in enumerate(offers.values()):
            bits[at] = self._bitmap(offer.scope, now=now)
        self._places, self._bits = places, np.ascontiguousarray(bits.T)
        self._made_of = made_of

    def _bitmap(self, scope: Scope, *, now: float) -> U8:
        row_count = self.assortment.row_count
        if scope.is_basket:
            return np.full((row_count + 7) // 8, _ALL, dtype=np.uint8)
        found, _ = self.assortment.items.find(scope.item_ids)
        # What has come after all rows were given is in none of these bitmaps.
        bitmap = bitmap_of(found[found < row_count], row_count)
        if scope.item_ids and scope.filter:
            bitmap &= self._filtered(scope.filter, now=now)
        expression = scope_expression(scope)
        if expression:
            bitmap |= self._filtered(expression, now=now)
        return bitmap

    def _filtered(self, expression: str, *, now: float) -> U8:
        return self.assortment.filtered(expression, now=now).state.bitmap


def _weighed(bits: U8, rows: I32, weights: F64) -> F64:
    """Sum the weights of the rows that are set, for each offer; bits of shape (rows, offers)."""
    inside = bits >> (rows & 7).astype(np.uint8)[:, None] & 1
    return (weights.astype(np.float32) @ inside.astype(np.float32)).astype(np.float64)


def fits(offer_count: int, row_count: int) -> bool:
    """Whether a table of so many offers and rows may be kept."""
    return offer_count * ((row_count + 7) // 8) <= limits.OFFER_SCOPE_BYTES_MAX


def _depends_on_now(scope: Scope) -> bool:
    # Categories and brands know no time.
    return bool(scope.filter) and item_filter_of(scope.filter).depends_on_now
