"""Where MLflow is, found out without importing it: that takes seconds."""

import contextlib
import fcntl
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from recsys.errors import StorageUnavailable
from training.config import TrackingConfig

_SQLITE_PREFIX = "sqlite:///"
_KNOCK_SECONDS = 10


def knock(tracking_uri: str) -> None:
    """Fail at once where MLflow itself would try again for minutes.

    Raises:
        StorageUnavailable: There is no database and none can be made, or no server answers.
    """
    database = sqlite_path(tracking_uri)
    try:
        with one_at_a_time(database):
            if database is not None:
                with contextlib.closing(sqlite3.connect(database)) as connection:
                    connection.execute("PRAGMA schema_version")
            elif tracking_uri.startswith(("http://", "https://")):
                _ask(tracking_uri)
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(storage=tracking_uri, problem=str(error)) from error


def _ask(address: str) -> None:
    with contextlib.suppress(urllib.error.HTTPError):  # any answer will do
        urllib.request.urlopen(address, timeout=_KNOCK_SECONDS).close()  # noqa: S310 - http(s) only


@contextlib.contextmanager
def one_at_a_time(database: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables: two at once break each other."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with (database.parent / f".{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def artifact_location(tracking: TrackingConfig) -> str | None:
    """Say where artifacts go; None leaves it to the MLflow server.

    MLflow would put the files of a local database into `./mlruns` of whichever
    folder the command runs in; they belong beside the database.
    """
    database = sqlite_path(tracking.tracking_uri)
    if database is None:
        return None
    return (database.parent / "mlartifacts" / tracking.experiment).resolve().as_uri()


def sqlite_path(tracking_uri: str) -> Path | None:
    """Return the file of a local database, or None for anything else."""
    if not tracking_uri.startswith(_SQLITE_PREFIX):
        return None
    return Path(urlsplit(tracking_uri).path[1:])
