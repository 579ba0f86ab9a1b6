"""Popular lists: everywhere, per channel and per store, by decayed purchases.

Items rank by purchase weight, then by any positive contact, then by row. A
segment without purchases ranks by contact alone.
"""

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import SEGMENT_ALL, PopularLists, channel_segment, store_segment
from recsys.domain import Channel, EventType, StoreId
from recsys.features import EventWeighting, FeatureConfig
from recsys.sparse import row_pointers
from training.interactions import NO_STORE, Events
from training.ragged import positions_of_rows

RankedList = tuple[NDArray[np.int32], NDArray[np.float32]]


class PopularCounter:
    """Counts what is popular among the items of a model."""

    def __init__(
        self,
        events: Events,
        *,
        row_of_item: NDArray[np.int32],
        item_count: int,
        features: FeatureConfig,
        half_life_days: float,
        now: float,
    ) -> None:
        """Weigh every event once.

        Args:
            events: The lines; none after `now`.
            row_of_item: The model's row of each item of `events.item_ids`, -1 for
                items that the model does not have.
            item_count: Items of the model, n.
            features: Which events are contact at all.
            half_life_days: Age at which an event weighs half, positive.
            now: The moment to look back from, seconds since 1970-01-01 UTC.
        """
        weights = EventWeighting(
            FeatureConfig(
                event_weights=features.event_weights,
                channel_weights=features.channel_weights,
                half_life_days=half_life_days,
            )
        ).event_weights(
            type_codes=events.type_codes,
            channel_codes=events.channel_codes,
            event_times=events.times,
            now=now,
        )
        used = (weights > 0) & (row_of_item[events.items] >= 0)
        self._events = events.where(used)
        self._rows = row_of_item[self._events.items]
        self._contact = weights[used]
        bought = self._events.type_codes == EventType.PURCHASE_COMPLETE.code
        self._purchases = np.where(bought, self._contact, 0.0)
        self._item_count = item_count

    def popularity(self) -> NDArray[np.float64]:
        """Return a number per item that orders as the list of everything, shape (n,)."""
        rows, _ = self._rank_all()
        popularity = np.empty(self._item_count, dtype=np.float64)
        popularity[rows] = np.arange(self._item_count, 0, -1, dtype=np.float64)
        return popularity

    def lists(self, *, store_count_max: int) -> PopularLists:
        """Rank everything, and up to 1,000 items per channel and store."""
        lists: dict[str, RankedList] = {SEGMENT_ALL: self._rank_all()}
        channels = self._events.channel_codes.astype(np.int64)
        for channel in Channel:
            lines = np.flatnonzero(channels == channel.code)
            if len(lines):
                lists[channel_segment(channel)] = self._rank(lines)
        for store, lines in self._lines_of_stores(store_count_max):
            lists[store_segment(StoreId(self._events.store_ids[store]))] = self._rank(lines)
        return PopularLists.from_lists(lists)

    def _lines_of_stores(self, count_max: int) -> list[tuple[int, NDArray[np.int64]]]:
        known = np.flatnonzero(self._events.stores != NO_STORE)
        stores = self._events.stores[known]
        order = np.argsort(stores, kind="stable")
        counts = np.bincount(stores, minlength=len(self._events.store_ids))
        indptr = row_pointers(counts)
        busiest = np.sort(np.argsort(-counts, kind="stable")[:count_max])
        return [
            (int(store), known[order[positions_of_rows(indptr, np.array([store]))[1]]])
            for store in busiest
            if counts[store]
        ]

    def _rank_all(self) -> RankedList:
        purchases = _sums(self._rows, self._purchases, self._item_count)
        contact = _sums(self._rows, self._contact, self._item_count)
        rows = np.arange(self._item_count, dtype=np.int32)
        return _ranked(rows, purchases=purchases, contact=contact)

    def _rank(self, lines: NDArray[np.int64]) -> RankedList:
        rows, positions = np.unique(self._rows[lines], return_inverse=True)
        ranked, scores = _ranked(
            rows,
            purchases=_sums(positions, self._purchases[lines], len(rows)),
            contact=_sums(positions, self._contact[lines], len(rows)),
        )
        count_max = limits.POPULAR_PER_SEGMENT_MAX
        return ranked[:count_max], scores[:count_max]


def _sums(
    positions: NDArray[np.integer], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Sum weights by position, shape (count,)."""
    sums: NDArray[np.float64] = np.bincount(positions, weights, minlength=count).astype(np.float64)
    return sums


def _ranked(
    rows: NDArray[np.int32], *, purchases: NDArray[np.float64], contact: NDArray[np.float64]
) -> RankedList:
    by_purchases = bool(np.any(purchases > 0))
    # lexsort takes the last key first.
    order = np.lexsort((rows, -contact, -purchases if by_purchases else rows * 0))
    scores = (purchases if by_purchases else contact)[order]
    return rows[order].astype(np.int32), scores.astype(np.float32)
