"""When the catalogue was last written, for the metrics of a process that serves nothing."""

import contextlib
from typing import TYPE_CHECKING

import msgspec

from recsys.errors import RecsysError
from recsys.serving.config import StorageConfig

if TYPE_CHECKING:
    from recsys.serving.storage import Storage


class FeedClock:
    """Asks the storage, which is opened by the first question."""

    def __init__(self, config: StorageConfig) -> None:
        self._config = msgspec.structs.replace(config, connections=1)
        self._storage: Storage | None = None

    def __call__(self) -> float | None:
        """Return when; None if never, or if the storage does not answer."""
        # A scrape that fails for the storage would hide what it says of all else.
        with contextlib.suppress(RecsysError):
            if self._storage is None:
                # The supervisor does without until somebody asks.
                from recsys.serving.storage import open_storage  # noqa: PLC0415 - as above

                self._storage = open_storage(self._config)
            if self._storage.catalog_store is not None:
                return self._storage.catalog_store.feed_time()
        return None

    def close(self) -> None:
        """Let go of the storage."""
        if self._storage is not None:
            self._storage.close()
