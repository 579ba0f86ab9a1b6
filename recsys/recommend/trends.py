"""What is asked for more than usual just now, in a store, on a channel and everywhere.

Two decayed sums for each item and place: with a half-life of a day (late), and of two weeks;
the second less the first is what was before. An item that kept its share of everything
would have been asked for e = before x (all of late / all before) of late; its trend is
(late - e) / sqrt(e + 1), a standard score of counts, so that neither what is always popular
nor a handful of clicks is a trend. Five views of the shares of late are added to what was
before: where nothing was before, nothing rises.

Views are counted, and other contact as so many views. A person counts for an item once a day
and place, with her strongest contact, however often
she clicks; and three people at least make a trend. Events without a person count as one.

Sums are kept as if all time were the landmark's (forward decay: Cormode, Shkapenyuk,
Srivastava and Xu 2009), so that nothing is touched as time passes.
"""

import functools
import threading
import weakref
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import SEGMENT_ALL, ItemIndex, channel_segment, store_segment
from recsys.domain import CHANNEL_BY_CODE, EVENT_TYPE_BY_CODE, SECONDS_PER_DAY, EventType, StoreId
from recsys.events import ID_SEPARATOR, EventFeed, FeedEvent
from recsys.features import FeatureConfig

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_LATE_SECONDS: Final = SECONDS_PER_DAY
_USUAL_SECONDS: Final = 14.0 * SECONDS_PER_DAY
_PEOPLE_MIN: Final = 2.5
"""People of late, the older ones counting less: three who came within hours."""

_ADDED: Final = 5.0
"""Views that are taken to have been before as they are of late."""

_RISE_MIN: Final = 2.0
"""Standard deviations above the usual; what is nearer to it may be chance."""

_LANDMARK_SECONDS_MAX: Final = 60.0 * _LATE_SECONDS
"""After so long sums are brought to a new landmark, far from where float64 ends."""

_FORGOTTEN: Final = 0.01
"""What is usual of an item, below which it is forgotten."""

_LATE, _USUAL, _PEOPLE = range(3)
_HALF_LIVES: Final = np.array([_LATE_SECONDS, _USUAL_SECONDS, _LATE_SECONDS])
_ITEMS_AT_FIRST: Final = 64


class PlaceTrends:
    """The sums of one place, by item number."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._slots: dict[int, int] = {}
        self._numbers: I32 = np.zeros(_ITEMS_AT_FIRST, dtype=np.int32)
        self._sums = np.zeros((3, _ITEMS_AT_FIRST))

    def add(self, number: int, amounts: tuple[float, float, float]) -> None:
        """Add to the sums of an item, as of the landmark."""
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = len(self._slots)
            if slot == len(self._numbers):
                self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
                self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)], axis=1)
            self._numbers[slot] = number
        self._sums[:, slot] += amounts

    def rising(self, fades: F64) -> tuple[I32, F64]:
        """Return the items that are asked for more than usual, and by how much.

        Args:
            fades: What each kind of sum is multiplied with to be of now.
        """
        count = len(self._slots)
        late, usual, people = self._sums[:, :count] * fades[:, np.newaxis]
        total = float(late.sum())
        if total <= 0.0:
            return np.empty(0, dtype=np.int32), np.empty(0)
        # What is of late counts in both sums alike, so the difference is what was before.
        before = np.maximum(usual - late, 0.0)
        expected = (total * before + _ADDED * late) / (before.sum() + _ADDED)
        scores = (late - expected) / np.sqrt(expected + 1.0)
        rising = (scores >= _RISE_MIN) & (people >= _PEOPLE_MIN)
        return self._numbers[:count][rising], scores[rising]

    def moved(self, fades: F64) -> "PlaceTrends":
        """Return the sums as of a new landmark, without items that nobody has asked for lately."""
        count = len(self._slots)
        sums = self._sums[:, :count] * fades[:, np.newaxis]
        kept = np.flatnonzero(sums[_USUAL] >= _FORGOTTEN)
        moved = PlaceTrends()
        for slot in kept.tolist():
            late, usual, people = sums[:, slot].tolist()
            moved.add(int(self._numbers[slot]), (late, usual, people))
        return moved


class Trends:
    """Counts what a log brings. Safe to share between threads."""

    def __init__(self, feed: EventFeed) -> None:
        """Point at a log; nothing is read before somebody asks."""
        self._feed = feed
        self._lock = threading.Lock()
        self._landmark: float | None = None
        self._ids: list[str] = []
        self._number_of: dict[str, int] = {}
        self._places: dict[str, PlaceTrends] = {}
        self._counted: dict[int, dict[tuple[str, int | None, int], float]] = {}
        self._rows: weakref.WeakKeyDictionary[ItemIndex, tuple[int, I32]] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def is_followed(self) -> bool:
        """Whether anybody has asked, so that what arrives is to be counted."""
        return self._landmark is not None

    @property
    def size(self) -> tuple[int, int]:
        """How many items and places are counted."""
        return len(self._ids), len(self._places)

    def refresh(self, *, now: float) -> None:
        """Count what has arrived; the first time, the newest part of the log.

        Args:
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: The storage does not answer; what was counted stays.
        """
        with self._lock:
            if self._landmark is None:
                self._landmark = now
            elif now - self._landmark > _LANDMARK_SECONDS_MAX:
                self._move(now)
            for events in self._feed.news(now=now):
                for event in events:
                    self._count(event, now)

    def rising(self, place: str, items: ItemIndex, *, now: float) -> tuple[I32, F64]:
        """Return rows of a model that are asked for more than usual, the strongest first.

        Args:
            place: As the popular lists are named.
            items: Of the model.
            now: Seconds since 1970-01-01 UTC.
        """
        with self._lock:
            sums = self._places.get(place)
            if sums is None or self._landmark is None:
                return np.empty(0, dtype=np.int32), np.empty(0)
            numbers, scores = sums.rising(np.exp2((self._landmark - now) / _HALF_LIVES))
            rows = self._rows_of(items)[numbers]
        known = rows >= 0
        rows, scores = rows[known], scores[known]
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def _rows_of(self, items: ItemIndex) -> I32:
        """Return the model's row of each item number, -1 for those that it lacks."""
        row_count, rows = self._rows.get(items, (0, np.empty(0, dtype=np.int32)))
        if row_count != items.row_count:
            # The catalogue has got some that nobody could place before.
            rows = rows[:0]
        if len(rows) < len(self._ids):
            fresh = self._ids[len(rows) :]
            found, positions = items.find(fresh)
            more = np.full(len(fresh), -1, dtype=np.int32)
            more[positions] = found
            rows = np.concatenate([rows, more])
            self._rows[items] = (items.row_count, rows)
        return rows

    def _count(self, event: FeedEvent, now: float) -> None:
        weight = _weights().get(event.event_type)
        # Clocks of tills go wrong; nothing is asked for tomorrow.
        time = min(event.event_time, now)
        if weight is None or self._landmark is None or now - time > 4.0 * _USUAL_SECONDS:
            return
        counted = self._of_day(int(time // SECONDS_PER_DAY))
        if counted is None:
            return
        late, usual = (2.0 ** ((time - self._landmark) / one) for one in _HALF_LIVES[:2].tolist())
        for item_id in event.item_ids.split(ID_SEPARATOR):
            number = self._number(item_id)
            if number is None:
                continue
            for place in _places(event.channel, event.store_id):
                key = (place, event.person, number)
                before = counted.get(key, 0.0)
                if weight <= before:
                    continue
                counted[key] = weight
                more = weight - before
                sums = self._place(place)
                if sums is not None:
                    sums.add(number, (more * late, more * usual, 0.0 if before else late))

    def _number(self, item_id: str) -> int | None:
        """Return the number of an item, a new one for a new item; None where there are too many."""
        number = self._number_of.get(item_id)
        if number is None and len(self._ids) < limits.TREND_ITEM_COUNT_MAX:
            number = self._number_of[item_id] = len(self._ids)
            self._ids.append(item_id)
        return number

    def _of_day(self, day: int) -> dict[tuple[str, int | None, int], float] | None:
        """Return who was counted on a day; None for a day long before the newest."""
        if day not in self._counted:
            newest = max(self._counted, default=day)
            if day < newest - 1:
                return None
            self._counted[day] = {}
            for old in [one for one in self._counted if one < max(newest, day) - 1]:
                del self._counted[old]
        counted = self._counted[day]
        if len(counted) >= limits.TREND_PAIR_COUNT_MAX:
            # Rather is somebody counted twice than memory without bounds.
            counted.clear()
        return counted

    def _place(self, name: str) -> PlaceTrends | None:
        found = self._places.get(name)
        if found is None and len(self._places) < limits.TREND_PLACE_COUNT_MAX:
            found = self._places[name] = PlaceTrends()
        return found

    def _move(self, now: float) -> None:
        assert self._landmark is not None  # Whoever calls has looked.
        fades = np.exp2((self._landmark - now) / _HALF_LIVES)
        self._places = {name: sums.moved(fades) for name, sums in self._places.items()}
        self._landmark = now


@functools.cache
def _weights() -> dict[int, float]:
    """Return how many views an event of each type is worth."""
    weights = FeatureConfig().event_weights
    view = weights[EventType.DETAIL_PAGE_VIEW]
    return {
        code: weights[kind] / view
        for code, kind in EVENT_TYPE_BY_CODE.items()
        if weights.get(kind, 0.0) > 0.0
    }


@functools.lru_cache(maxsize=16_384)
def _places(channel: int, store_id: str | None) -> Sequence[str]:
    """Name the places that an event counts for."""
    names = [SEGMENT_ALL]
    if channel in CHANNEL_BY_CODE:
        names.append(channel_segment(CHANNEL_BY_CODE[channel]))
    if store_id:
        names.append(store_segment(StoreId(store_id)))
    return names
