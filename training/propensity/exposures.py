"""Who saw and who redeemed which offer up to one moment of a storage, and what they did before.

Only those count who allow that models learn from them. Of others, and of those who were erased,
nothing is read into what is returned.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.consent import Permission, Purpose
from recsys.domain import EventType
from recsys.events import EMPTY_HISTORY, ID_SEPARATOR, History
from recsys.offers import Offer
from recsys.storage.log_snapshot import LogSnapshot, SnapshotEvent
from recsys.storage.offers_snapshot import offer_events, offer_uses, offers_of
from recsys.storage.packed import logged_lines, newest

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Progress = Callable[[int], None]
"""Told how many events have been read."""

_NOBODY: Final = -1
_OF_OFFERS: Final = (EventType.OFFER_VIEW.code, EventType.OFFER_REDEEM.code)


class People:
    """Whose an event is: the profile behind each identifier, as a number from 0."""

    def __init__(self, keys: I64, heads: I64) -> None:
        """Number profiles.

        Args:
            keys: Of identifiers, in any order, distinct.
            heads: Of the profile of each.
        """
        order = np.argsort(keys)
        self._keys = keys[order]
        self.heads, numbers = np.unique(heads[order], return_inverse=True)
        """The key of each profile, int64: that by which holdouts are drawn."""
        self._numbers = numbers.astype(np.int64)
        self.count = len(self.heads)

    @classmethod
    def of(cls, log: LogSnapshot, *, learns_by_default: bool) -> "People":
        """Read those who may be learned from."""
        allowed = Permission.to(Purpose.TRAINING, None, by_default=learns_by_default)
        keys: list[int] = []
        heads: list[int] = []
        for rows in log.people(allowed):
            for key, _, _, head in rows:
                keys.append(key)
                heads.append(key if head is None else head)
        return cls(np.array(keys, dtype=np.int64), np.array(heads, dtype=np.int64))

    def numbers(self, keys: I64) -> I64:
        """Return whose each of some identifiers is; -1 for those nobody may learn from."""
        if not len(self._keys):
            return np.full(len(keys), _NOBODY, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._numbers[places], _NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Happened:
    """Things that people did with offers, in the order of time; arrays of shape (m,).

    Attributes:
        people: Who, int64.
        offers: Positions in `offer_ids`, int64.
        times: Seconds since 1970-01-01 UTC, float64.
        channels: `Channel.code`, 0 for unknown, uint8.
    """

    people: I64
    offers: I64
    times: F64
    channels: U8

    def where(self, mask: NDArray[np.bool_] | I64) -> "Happened":
        """Return some of it."""
        return Happened(
            people=self.people[mask],
            offers=self.offers[mask],
            times=self.times[mask],
            channels=self.channels[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposures:
    """What became of offers.

    Attributes:
        people: Who is who.
        offers: The offers that there are.
        offer_ids: Ids by position.
        views: Offers that were seen.
        redemptions: Those that were redeemed, by events and by the ledger; one use may be here
            twice.
        uses: Of the ledger alone, each once.
        unknown_count: Views of offers that do not exist any more, and so were left out.
    """

    people: People
    offers: Mapping[str, Offer]
    offer_ids: list[str]
    views: Happened
    redemptions: Happened
    uses: Happened
    unknown_count: int


def read_exposures(log: LogSnapshot, *, learns_by_default: bool) -> Exposures:
    """Read what happened with offers.

    Args:
        log: One moment of a storage.
        learns_by_default: Whether to learn from those who have neither allowed nor refused it.

    Raises:
        StorageUnavailable: The storage does not answer.
    """
    people = People.of(log, learns_by_default=learns_by_default)
    offers = offers_of(log)
    offer_ids = list(offers)
    places = {name: at for at, name in enumerate(offer_ids)}
    seen, redeemed, used = _Collected(), _Collected(), _Collected()
    for some in offer_events(log):
        for key, time, kind, channel, offer_id in some:
            of_kind = seen if kind == EventType.OFFER_VIEW.code else redeemed
            of_kind.add(key, places.get(offer_id, _NOBODY), time, channel)
    before = None
    for uses in offer_uses(log):
        for one in uses:
            place = places.get(one.offer_id, _NOBODY)
            redeemed.add(one.identifier_key, place, one.commit_time, 0)
            # A use is kept under every identifier that was named.
            if one.reservation_key != before:
                used.add(one.identifier_key, place, one.commit_time, 0)
            before = one.reservation_key
    views, unknown_count = seen.happened(people)
    return Exposures(
        people=people,
        offers=offers,
        offer_ids=offer_ids,
        views=views,
        redemptions=redeemed.happened(people)[0],
        uses=used.happened(people, is_any=True)[0],
        unknown_count=unknown_count,
    )


class _Collected:
    """Rows that become columns, 25 bytes each."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._offers = array("q")
        self._times = array("d")
        self._channels = array("B")

    def add(self, key: int, offer: int, time: float, channel: int) -> None:
        """Take one."""
        self._keys.append(key)
        self._offers.append(offer)
        self._times.append(time)
        self._channels.append(channel)

    def happened(self, people: People, *, is_any: bool = False) -> tuple[Happened, int]:
        """Return what may be learned from, and how much is of offers that do not exist.

        Args:
            people: Who is who.
            is_any: Whether it counts also of which nobody knows of which offer it was.
        """
        numbers = people.numbers(np.array(self._keys, dtype=np.int64))
        found = Happened(
            people=numbers,
            offers=np.array(self._offers, dtype=np.int64),
            times=np.array(self._times, dtype=np.float64),
            channels=np.array(self._channels, dtype=np.uint8),
        )
        found = found.where(numbers != _NOBODY)
        is_known = (found.offers != _NOBODY) | is_any
        known = found.where(is_known)
        return known.where(np.argsort(known.times, kind="stable")), int((~is_known).sum())


class _Columns(NamedTuple):
    """Of some events; each of shape (m,)."""

    times: F64
    types: U8
    channels: U8

    @classmethod
    def of(cls, some: Sequence[SnapshotEvent]) -> Self:
        """Take what is needed."""
        return cls(
            np.array([one.event_time for one in some]),
            np.array([one.event_type for one in some], dtype=np.uint8),
            np.array([one.channel for one in some], dtype=np.uint8),
        )

    def taken(self, rows: NDArray[np.intp]) -> Self:
        """Return some of it."""
        return type(self)(self.times[rows], self.types[rows], self.channels[rows])


class Lines:
    """What some people did with items, as serving would have read it at any moment."""

    def __init__(
        self, log: LogSnapshot, people: People, wanted: NDArray[np.bool_], progress: Progress
    ) -> None:
        """Read the log once.

        Args:
            log: One moment of a storage.
            people: Who is who.
            wanted: Whose lines are kept, shape (people,).
            progress: Told how far it is.
        """
        self.end_time = -np.inf
        """When the last event happened that has an item, anybody's."""
        owned: list[I64] = [np.empty(0, dtype=np.int64)]
        columns: list[_Columns] = [_Columns(np.empty(0), *(2 * [np.empty(0, dtype=np.uint8)]))]
        texts: list[str] = []
        count = 0
        for some in log.events():
            count += len(some)
            keys = [_NOBODY if one.identifier_key is None else one.identifier_key for one in some]
            numbers = people.numbers(np.array(keys, dtype=np.int64))
            found = _Columns.of(some)
            self.end_time = max(self.end_time, float(found.times.max()))
            kept = np.flatnonzero((numbers != _NOBODY) & wanted[numbers])
            owned.append(numbers[kept])
            columns.append(found.taken(kept))
            texts += [some[at].item_ids for at in kept.tolist()]
            progress(count)
        owners = np.concatenate(owned)
        times = np.concatenate([one.times for one in columns])
        types = np.concatenate([one.types for one in columns])
        channels = np.concatenate([one.channels for one in columns])
        # The newest of each person first, as storages keep them.
        order = np.lexsort((-times, owners))
        self._times, self._types, self._channels = times[order], types[order], channels[order]
        self._texts = [texts[at] for at in order.tolist()]
        self._owners = owners[order]
        self._starts = np.searchsorted(self._owners, np.arange(people.count + 1))

    def first_contacts(self, begin: float, end: float, among: NDArray[np.bool_]) -> tuple[I64, F64]:
        """Return who of some people did anything with an item in a span of time, and when first.

        Views and redemptions of offers do not count.

        Args:
            begin: Seconds since 1970-01-01 UTC.
            end: Before when, likewise.
            among: Whom to look at, shape (people,).
        """
        meant = (self._times >= begin) & (self._times < end) & among[self._owners]
        meant &= ~np.isin(self._types, _OF_OFFERS)
        rows = np.flatnonzero(meant)
        owners = self._owners[rows]
        # The newest of each comes first, so the first in time is the last of each.
        last = np.r_[owners[1:] != owners[:-1], True][: len(owners)]
        return owners[last], self._times[rows[last]]

    def bought(self, person: int, begin: float, end: float) -> list[str]:
        """Return the items that somebody bought in a span of time, as often as she did."""
        first, stop = int(self._starts[person]), int(self._starts[person + 1])
        times = -self._times[first:stop]
        stop = first + int(np.searchsorted(times, -begin, side="right"))
        first += int(np.searchsorted(times, -end, side="right"))
        return [
            item
            for row in range(first, stop)
            if self._types[row] == EventType.PURCHASE_COMPLETE.code
            for item in self._texts[row].split(ID_SEPARATOR)
        ]

    def before(self, person: int, time: float) -> History:
        """Return the newest lines of what somebody did before a moment."""
        first, stop = int(self._starts[person]), int(self._starts[person + 1])
        # The times go down; what happens at the moment itself is not known yet.
        first += int(np.searchsorted(-self._times[first:stop], -time, side="right"))
        stop = min(stop, first + limits.HISTORY_EVENT_COUNT_MAX)
        if first >= stop:
            return EMPTY_HISTORY
        some = slice(first, stop)
        lines = logged_lines(
            zip(
                self._times[some].tolist(),
                self._types[some].tolist(),
                self._channels[some].tolist(),
                self._texts[some],
                strict=True,
            )
        )
        return newest(lines, line_count_max=limits.HISTORY_EVENT_COUNT_MAX)
