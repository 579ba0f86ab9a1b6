"""The first tables: facts, identifiers and the event log."""

from typing import Final

from alembic import op

from recsys.storage.event_rows import SALT_FACT, new_salt

revision = "0001"
down_revision = None

_STATEMENTS: Final = (
    "CREATE TABLE facts (name text PRIMARY KEY, value text NOT NULL)",
    """
    CREATE TABLE identifiers (
      identifier_key bigint PRIMARY KEY, namespace text NOT NULL, value text NOT NULL,
      profile_key bigint -- key of the profile's first identifier; NULL for one that is alone
    )
    """,
    """
    CREATE INDEX identifiers_by_profile ON identifiers (profile_key)
    WHERE profile_key IS NOT NULL
    """,
    """
    CREATE TABLE events ( -- as `recsys.storage.event_rows.EventRow`
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      identifier_key bigint, id_high bigint NOT NULL, id_low bigint NOT NULL,
      digest bigint NOT NULL, event_id text NOT NULL, event_time double precision NOT NULL,
      event_type smallint NOT NULL, channel smallint NOT NULL, store_id text,
      item_ids text NOT NULL, content text NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX events_by_id ON events (id_high, id_low)",
    """
    CREATE INDEX events_by_identifier ON events (identifier_key, event_time DESC, seq DESC)
    WHERE identifier_key IS NOT NULL AND item_ids <> ''
    """,
)


def upgrade() -> None:
    """Make the tables and draw the salt."""
    for statement in _STATEMENTS:
        op.execute(statement)
    op.execute(f"INSERT INTO facts VALUES ('{SALT_FACT}', '{new_salt()}')")  # noqa: S608 - both ours
