"""What people allow, and whom was forgotten."""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS: Final = (
    "ALTER TABLE identifiers ADD COLUMN consent_bits bigint NOT NULL DEFAULT 0",
    """
    CREATE TABLE consents ( -- every statement; what counts of an identifier is in consent_bits
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, identifier_key bigint NOT NULL,
      purpose smallint NOT NULL, channel smallint NOT NULL, -- 0 for every one
      status smallint NOT NULL, consent_time double precision NOT NULL,
      record_time double precision NOT NULL, source text NOT NULL
    )
    """,
    "CREATE INDEX consents_by_identifier ON consents (identifier_key)",
    """
    CREATE TABLE tombstones ( -- identifiers of the erased, always or from one moment to another
      identifier_key bigint NOT NULL, from_time double precision NOT NULL,
      until_time double precision NOT NULL, erase_time double precision NOT NULL,
      PRIMARY KEY (identifier_key, from_time)
    )
    """,
    """
    CREATE TABLE erasures ( -- that somebody was erased, and not who
      erasure_id text PRIMARY KEY, erase_time double precision NOT NULL,
      identifier_count bigint NOT NULL, event_count bigint NOT NULL,
      consent_count bigint NOT NULL, link_count bigint NOT NULL
    )
    """,
    # Events without items are looked for, too, by those who show or forget a person.
    "DROP INDEX events_by_identifier",
    """
    CREATE INDEX events_by_identifier ON events (identifier_key, event_time DESC, seq DESC)
    WHERE identifier_key IS NOT NULL
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
