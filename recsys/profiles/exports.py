"""Files outside of the storage that hold people, so that an erasure can name them."""

import enum
import socket
from pathlib import Path

import msgspec


class ExportKind(enum.StrEnum):
    """What a file is; the values are kept in storage."""

    PROFILE = "profile"
    """Everything held about one person."""

    SNAPSHOT = "snapshot"
    """The log at one moment, for training."""

    DATASET = "dataset"
    """What an import read, as a dataset; the storage was made of it."""

    CAMPAIGN = "campaign"
    """What a batch of messages holds: some of those who were in the log."""

    @property
    def is_of_everybody(self) -> bool:
        """Whether it holds all who were in the log then."""
        return self is not ExportKind.PROFILE


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that was written.

    Attributes:
        kind: What it is.
        place: Where, as whoever wrote it says it.
        time: When, seconds since 1970-01-01 UTC.
    """

    kind: ExportKind
    place: str
    time: float


def place_of(path: Path) -> str:
    """Name a file or folder of this machine."""
    return f"{socket.gethostname()}:{path.resolve()}"
