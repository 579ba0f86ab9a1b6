"""What people did: histories, and the port through which they are read."""

from recsys.events.history import (
    EMPTY_HISTORY,
    ID_SEPARATOR,
    TIME_BYTES,
    History,
    HistoryReader,
)

__all__ = ["EMPTY_HISTORY", "ID_SEPARATOR", "TIME_BYTES", "History", "HistoryReader"]
