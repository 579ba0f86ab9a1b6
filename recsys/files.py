"""Files that survive: on the disk before anybody relies on them, and known by their bytes."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def sync_path(path: Path) -> None:
    """Make a file's bytes, or the renames inside a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """Return the SHA-256 hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def finished_file(path: Path) -> Iterator[Path]:
    """Write a file under another name, which takes its place when the block ends.

    After an error nothing of it is left, and what was there before stays.

    Args:
        path: The file.

    Yields:
        Where to write it.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        yield unfinished
        sync_path(unfinished)
        unfinished.rename(path)
        sync_path(path.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
