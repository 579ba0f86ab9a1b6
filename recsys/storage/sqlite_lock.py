"""Whose turn it is to write to an SQLite store or to replace it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEEN_STORES: Final[set[Path]] = set()
"""Stores that this process has seen, by any of its connections. One that is gone is missing,
whereas one that was never there is empty."""


@contextlib.contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Wait for the turn to write to a store or to replace it.

    Raises:
        OSError: Its folder cannot be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
