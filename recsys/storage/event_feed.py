"""The end of an event log in either database; implements `recsys.events.EventFeed`."""

from collections.abc import Iterator, Sequence
from typing import Final

from recsys import limits
from recsys.events import FeedEvent
from recsys.storage.log_places import LogPlaces
from recsys.storage.sessions import Row, Sessions

_AT_ONCE: Final = 10_000

_COLUMNS: Final = """
SELECT seq, event_time, event_type, channel, store_id, item_ids, identifier_key FROM events
"""
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM events"
_SINCE: Final = f"{_COLUMNS} WHERE seq > ? ORDER BY seq LIMIT ?"
_LATE: Final = f"{_COLUMNS} WHERE seq = ANY(?) ORDER BY seq"


class LogFeed:
    """Follows a log from its newest `FEED_EVENT_COUNT_MAX` places on."""

    def __init__(self, sessions: Sessions) -> None:
        """Share a storage, which whoever made it closes."""
        self._sessions = sessions
        self._places: LogPlaces | None = None

    def news(self, *, now: float) -> Iterator[Sequence[FeedEvent]]:
        """Give what has arrived; as `EventFeed.news`."""
        places = self._places
        if places is None:
            ((last,),) = self._sessions.rows(_LAST)
            places = LogPlaces()
            places.last = max(0, int(last) - limits.FEED_EVENT_COUNT_MAX)
            self._places = places
        elif missing := places.missing(now=now):
            late = self._sessions.rows(_LATE, list(missing))
            places.found(row[0] for row in late)
            yield _events(late)
        while rows := self._sessions.rows(_SINCE, places.last, _AT_ONCE):
            places.read((row[0] for row in rows), now=now)
            yield _events(rows)
            if len(rows) < _AT_ONCE:
                return


def _events(rows: Sequence[Row]) -> list[FeedEvent]:
    return [FeedEvent._make(row[1:]) for row in rows if row[5]]
