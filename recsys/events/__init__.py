"""What people did: events, their log, and histories; and the ports to them."""

from recsys.events.event import Event, EventContent, EventLine, strongest
from recsys.events.feed import EventFeed, FeedEvent, NoEvents
from recsys.events.history import (
    EMPTY_HISTORY,
    ID_SEPARATOR,
    TIME_BYTES,
    History,
    HistoryReader,
    NoHistories,
    OneByOne,
)
from recsys.events.log import EventFilter, EventLog, Outcome
from recsys.events.rows import ANONYMOUS_BASKET, EVENT_COLUMNS, events_of

__all__ = [
    "ANONYMOUS_BASKET",
    "EMPTY_HISTORY",
    "EVENT_COLUMNS",
    "ID_SEPARATOR",
    "TIME_BYTES",
    "Event",
    "EventContent",
    "EventFeed",
    "EventFilter",
    "EventLine",
    "EventLog",
    "FeedEvent",
    "History",
    "HistoryReader",
    "NoEvents",
    "NoHistories",
    "OneByOne",
    "Outcome",
    "events_of",
    "strongest",
]
