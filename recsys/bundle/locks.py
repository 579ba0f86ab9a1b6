"""Who is at work in a bundle store: advisory file locks, gone with the process that held them.

Writers share the store's lock from before their bundle appears until a pointer may
name it; a server shares the lock of the bundle that it serves. Pruning takes either
for itself alone, without waiting, and leaves alone what it cannot have.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recsys.bundle import format as fmt

STORE_LOCK: Final = ".lock"


class BundleLease:
    """Says that a bundle is in use, until it is released or the process ends."""

    def __init__(self, folder: Path) -> None:
        """Take it.

        Raises:
            OSError: There is no bundle, or it is being removed at this moment.
        """
        self._descriptor = os.open(folder / fmt.MANIFEST_NAME, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Give it back; once."""
        os.close(self._descriptor)


@contextlib.contextmanager
def store_shared(folder: Path) -> Iterator[None]:
    """Keep pruning away from a store while the block writes to it.

    Raises:
        OSError: The store cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / STORE_LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(file: Path, *, create: bool = False) -> Iterator[bool]:
    """Yield whether nobody else holds the lock of a file, and hold it during the block.

    Raises:
        OSError: There is no such file, or it cannot be opened for writing.
    """
    # For writing, because network file systems give exclusive locks to writers only.
    descriptor = os.open(file, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
