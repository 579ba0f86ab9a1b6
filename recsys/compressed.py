"""Files as they are or compressed by gzip (`.gz`): one stream, and how far one has come."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

GZIP_SUFFIX: Final = ".gz"

UNREADABLE: Final = (OSError, EOFError, zlib.error)
"""What reading raises where a file is cut short, damaged, or of another kind than it says."""


def kind_of(path: Path) -> str:
    """Return a file's suffix in small letters, whether it is compressed or not."""
    name = path.with_suffix("") if path.suffix.lower() == GZIP_SUFFIX else path
    return name.suffix.lower()


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], float]]]:
    """Open a file's content for reading.

    Yields:
        The content, and a function that says what share of the file has been read, 0 to 1.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        size = max(1, path.stat().st_size)

        def done_share() -> float:
            return min(1.0, file.tell() / size)

        if path.suffix.lower() != GZIP_SUFFIX:
            yield file, done_share
            return
        with gzip.open(file) as content:
            yield cast("BinaryIO", content), done_share
