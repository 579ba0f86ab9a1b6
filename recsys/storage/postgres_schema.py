"""Brings a PostgreSQL database to this version's schema, forward only."""

from pathlib import Path
from typing import Final

import psycopg

from recsys.errors import StorageUnavailable

HEAD: Final = "0009"
"""The newest migration in `migrations/versions`."""

_VERSION: Final = "SELECT version_num FROM alembic_version"
_LOCK: Final = "SELECT pg_advisory_lock(hashtext('recsys.migrations'))"
_CONNECT_SECONDS: Final = 2


def migrate(url: str) -> None:
    """Run the migrations that are missing; servers that start together wait for the first.

    Raises:
        psycopg.Error: The database does not answer.
        StorageUnavailable: The database is of a later version.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS) as connection:
        if _version(connection) == HEAD:
            return
        # Ends with the connection, whatever happens.
        connection.execute(_LOCK)
        version = _version(connection)
        if version is not None and version > HEAD:
            problem = f"schema version is {version}; this version reads {HEAD}"
            raise StorageUnavailable(storage=connection.info.dbname, problem=problem)
        if version != HEAD:
            _upgrade(url)


def _version(connection: psycopg.Connection) -> str | None:
    try:
        found = connection.execute(_VERSION).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(found[0]) if found else None


def _upgrade(url: str) -> None:
    # Seldom needed and slow to import, so a worker does without.
    import sqlalchemy  # noqa: PLC0415 - as above
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
