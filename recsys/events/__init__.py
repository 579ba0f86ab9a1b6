"""What people did: events, their log, and histories; and the ports to them."""

from recsys.events.event import Event, EventContent, EventLine, strongest
from recsys.events.history import (
    EMPTY_HISTORY,
    ID_SEPARATOR,
    TIME_BYTES,
    History,
    HistoryReader,
    NoHistories,
)
from recsys.events.log import EventFilter, EventLog, Outcome

__all__ = [
    "EMPTY_HISTORY",
    "ID_SEPARATOR",
    "TIME_BYTES",
    "Event",
    "EventContent",
    "EventFilter",
    "EventLine",
    "EventLog",
    "History",
    "HistoryReader",
    "NoHistories",
    "Outcome",
    "strongest",
]
