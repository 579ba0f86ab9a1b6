"""Identifiers in a PostgreSQL database."""

from collections.abc import Mapping
from typing import Any, Final

import psycopg

from recsys.errors import StorageUnavailable
from recsys.storage.event_rows import IdentifierRow

# Locks no row that is there, so that nobody waits who changes one.
_ADD: Final = """
WITH asked AS (
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])
    AS asked (identifier_key, namespace, value)
), added AS (
  INSERT INTO identifiers (identifier_key, namespace, value)
  SELECT * FROM asked ON CONFLICT (identifier_key) DO NOTHING
)
SELECT count(*) FROM asked JOIN identifiers AS i USING (identifier_key)
WHERE i.namespace <> asked.namespace OR i.value <> asked.value
"""


def add_identifiers(
    connection: psycopg.Connection[tuple[Any, ...]], rows: Mapping[int, IdentifierRow]
) -> None:
    """Add those that are new.

    Raises:
        StorageUnavailable: Two have one key: better an error in an age than two people in
            one history.
    """
    # Always in one order, or two writers could wait for each other.
    ordered = sorted(rows.values())
    found = connection.execute(
        _ADD, [list(column) for column in zip(*ordered, strict=True)] or [[], [], []]
    )
    if found.fetchone() != (0,):
        raise StorageUnavailable(
            storage=connection.info.dbname, problem="two identifiers have one key"
        )
