"""Which histories a worker reads."""

from collections.abc import Sequence
from pathlib import Path

from recsys.domain import Identifier
from recsys.events import EMPTY_HISTORY, History, HistoryReader
from recsys.serving.config import StorageConfig


class NoHistories:
    """Knows nobody: for servers that answer only from what requests bring."""

    def history(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> History:
        """Return the empty history."""
        del identifiers, event_count_max
        return EMPTY_HISTORY


def open_histories(config: StorageConfig) -> HistoryReader:
    """Open the histories that the configuration names, or know nobody.

    Raises:
        StorageUnavailable: The file cannot be opened.
    """
    if not config.histories:
        return NoHistories()
    from recsys.storage.sqlite import SqliteHistory  # noqa: PLC0415 - only where it is used

    return SqliteHistory(Path(config.histories))
