"""Files that survive: on the disk before anybody relies on them, and known by their bytes."""

import hashlib
import os
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
