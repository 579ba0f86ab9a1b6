"""The offers as a worker knows them: followed by the numbers of their changes."""

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from recsys.catalog import CatalogFeed, Store
from recsys.domain import StoreId
from recsys.offers.offer import Offer
from recsys.offers.ports import OfferFeed

_CHANGES_LOOKED_AT: Final = 1_000
"""Beyond so many, reading all stores costs less than reading what has changed."""


class LiveOffers:
    """All offers that there are. Safe between threads."""

    def __init__(self, feed: OfferFeed) -> None:
        """Follow a storage; nothing is read before `current`."""
        self._feed = feed
        self._lock = threading.Lock()
        self._seq = -1
        self._offers: Mapping[str, Offer] = MappingProxyType({})

    def current(self) -> Mapping[str, Offer]:
        """Return all offers as of now; the same object as long as none has changed.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        last = self._feed.last_seq()
        if last == self._seq:
            return self._offers
        with self._lock:
            if last > self._seq >= 0:
                self._take(self._seq, dict(self._offers))
            elif last != self._seq and self._feed.last_seq() != self._seq:
                # Numbers go back only where other offers have taken the place of these.
                self._take(0, {})
            return self._offers

    def _take(self, after: int, offers: dict[str, Offer]) -> None:
        changes = self._feed.changes(after)
        for offer_id, offer in changes.offers:
            if offer is None:
                offers.pop(offer_id, None)
            else:
                offers[offer_id] = offer
        self._offers, self._seq = MappingProxyType(offers), changes.seq


class LiveStores:
    """All stores of the catalogue. Safe between threads."""

    def __init__(self, feed: CatalogFeed) -> None:
        """Follow a catalogue; nothing is read before `current`."""
        self._feed = feed
        self._known: tuple[int, Mapping[StoreId, Store]] = (-1, {})

    def current(self) -> Mapping[StoreId, Store]:
        """Return all stores as of now; raises StorageUnavailable."""
        # Before the stores, or what is written in between would never be seen.
        seq = self._feed.last_seq()
        known_seq, stores = self._known
        if seq != known_seq:
            if self._have_changed(known_seq, seq):
                stores = {store.store_id: store for store in self._feed.stores()}
            self._known = seq, stores
        return stores

    def _have_changed(self, known_seq: int, seq: int) -> bool:
        """Whether stores were written between two numbers, or may have been."""
        # More is not worth looking through; and numbers go back only where another
        # catalogue has taken the place of this one.
        if not 0 <= known_seq < seq <= known_seq + _CHANGES_LOOKED_AT:
            return True
        changes = self._feed.changes(known_seq, count_max=seq - known_seq)
        return changes is None or changes.stores_changed
