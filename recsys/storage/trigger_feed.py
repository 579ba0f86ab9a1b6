"""The end of an event log for triggers, in either database; implements `TriggerFeed`.

Places of several writers of PostgreSQL can become visible in another order than they are
numbered. So what lies behind the last place that was read is looked at again once a second,
until nobody can be writing there any more.
"""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

from recsys import limits
from recsys.domain import EventType, Identifier
from recsys.storage.sessions import Row, Sessions
from recsys.triggers import News, TriggerEvent

LATE_SECONDS: Final = 10.0
"""After how long nobody is taken to be writing at a place of PostgreSQL any more."""

_LATE_LOOK_SECONDS: Final = 1.0

_LAST: Final = "SELECT coalesce(max(seq), 0) FROM events"
_COLUMNS: Final = """
SELECT e.seq, e.event_id, e.event_time, e.event_type, e.store_id, i.namespace, i.value
FROM events AS e LEFT JOIN identifiers AS i ON i.identifier_key = e.identifier_key
"""
_SINCE: Final = f"""{_COLUMNS}
WHERE e.seq > ? AND e.seq <= ? AND e.event_type = ANY(?) ORDER BY e.seq LIMIT ?
"""
_PLACES: Final = "SELECT seq FROM events WHERE seq > ? AND seq <= ? AND event_type = ANY(?)"
_SOME: Final = f"{_COLUMNS} WHERE e.seq = ANY(?) ORDER BY e.seq"


class LogTriggerFeed:
    """Reads what may set something off; see the module."""

    def __init__(self, sessions: Sessions, *, late_seconds: float) -> None:
        """Share a storage, which whoever made it closes.

        Args:
            sessions: The storage.
            late_seconds: For how long a place that was passed may still be written to; 0
                where there is one writer at a time.
        """
        self._sessions = sessions
        self._late_seconds = late_seconds
        self._last = 0
        self._place = 0
        self._passed: deque[tuple[float, int]] = deque()
        self._given: set[int] = set()
        self._look_again = 0.0

    def begin(self, place: int | None) -> None:
        """Begin behind a place; as `TriggerFeed.begin`."""
        ((last,),) = self._sessions.rows(_LAST)
        if place is None or place > last:
            # Another log has taken the place of the one that was read.
            place = max(0, int(last) - limits.FEED_EVENT_COUNT_MAX)
        self._last = self._place = place
        self._passed.clear()
        self._given.clear()

    def news(self, types: Collection[EventType], *, now: float) -> News:
        """Return what has arrived; as `TriggerFeed.news`."""
        codes = sorted(one.code for one in types)
        ((end,),) = self._sessions.rows(_LAST)
        rows: list[Row] = []
        if codes and end > self._last:
            count_max = limits.TRIGGER_NEWS_COUNT_MAX
            rows = self._sessions.rows(_SINCE, self._last, end, codes, count_max)
            if len(rows) == count_max:
                end = rows[-1][0]
        is_all = len(rows) < limits.TRIGGER_NEWS_COUNT_MAX
        last = max(self._last, int(end))
        if not self._late_seconds:
            return News(_events(rows), last, last, is_all)
        if now < self._look_again:
            return News(_events(rows), last, self._place, is_all)
        self._look_again = now + _LATE_LOOK_SECONDS
        late = self._missed(codes)
        # Only after that look: what was passed so long ago has been seen by now.
        over = [at for time, at in self._passed if time <= now - self._late_seconds]
        self._passed.append((now, self._last))
        return News(_events([*late, *rows]), last, max([self._place, *over]), is_all)

    def accept(self, news: News) -> None:
        """Say that what was read has been seen to; as `TriggerFeed.accept`."""
        self._last, self._place = news.last, news.place
        if self._late_seconds:
            while self._passed and self._passed[0][1] < news.place:
                self._passed.popleft()
            self._given |= {one.seq for one in news.events}
            self._given = {place for place in self._given if place > news.place}

    def _missed(self, codes: Sequence[int]) -> list[Row]:
        """Return what has become visible behind the last place."""
        if not codes:
            return []
        there = {place for (place,) in self._sessions.rows(_PLACES, self._place, self._last, codes)}
        missed = sorted(there - self._given)
        return self._sessions.rows(_SOME, missed) if missed else []


def _events(rows: Sequence[Row]) -> list[TriggerEvent]:
    return [
        TriggerEvent._make((*event, None if namespace is None else Identifier(namespace, value)))
        for *event, namespace, value in rows
    ]
