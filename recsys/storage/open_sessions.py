"""Opens a storage by its name, for those who do one thing with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recsys.storage.sessions import Sessions, SqliteSessions

POSTGRES_SCHEMES: Final = ("postgresql://", "postgres://")
SQLITE_SCHEME: Final = "sqlite:///"


@contextlib.contextmanager
def open_sessions(place: str) -> Iterator[Sessions]:
    """Open a storage until the block ends.

    Args:
        place: `postgresql://user@host/database`, an SQLite file, or `sqlite:///file`.
    """
    if not place.startswith(POSTGRES_SCHEMES):
        sqlite = SqliteSessions(Path(place.removeprefix(SQLITE_SCHEME)))
        try:
            yield sqlite
        finally:
            sqlite.close()
        return
    from recsys.storage.postgres_pool import PostgresPool  # noqa: PLC0415 - only where it is used
    from recsys.storage.postgres_sessions import PostgresSessions  # noqa: PLC0415 - as above

    pool = PostgresPool(place, connection_count_max=1)
    try:
        yield PostgresSessions(pool)
    finally:
        pool.close()
