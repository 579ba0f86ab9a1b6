"""What triggers have decided, and what they wait for."""

from typing import Final

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS: Final = (
    """
    CREATE TABLE trigger_turns ( -- whose turn it is to decide, and how far the log has been seen to
      name text PRIMARY KEY, holder text NOT NULL, until_time double precision NOT NULL,
      place bigint
    )
    """,
    """
    CREATE TABLE trigger_waits ( -- carts that are looked at later
      name text NOT NULL, identifier_key bigint NOT NULL, due_time double precision NOT NULL,
      PRIMARY KEY (name, identifier_key)
    )
    """,
    "CREATE INDEX trigger_waits_by_time ON trigger_waits (due_time)",
    "CREATE INDEX trigger_waits_by_identifier ON trigger_waits (identifier_key)",
    """
    CREATE TABLE trigger_messages ( -- what was decided; as `recsys.triggers.Message`
      message_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id_high bigint NOT NULL,
      id_low bigint NOT NULL, name text NOT NULL, identifier_key bigint NOT NULL,
      channel smallint NOT NULL, state smallint NOT NULL, cause text,
      event_time double precision NOT NULL, decide_time double precision NOT NULL,
      expire_time double precision NOT NULL, consumer text NOT NULL DEFAULT '', -- who took it last
      lease_time double precision, -- until when nobody else gets it
      content text NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX trigger_messages_by_id ON trigger_messages (id_high, id_low)",
    "CREATE INDEX trigger_messages_by_identifier ON trigger_messages (identifier_key)",
    "CREATE INDEX trigger_messages_by_time ON trigger_messages (decide_time)",
    "CREATE INDEX trigger_messages_open ON trigger_messages (message_key) WHERE state <= 2",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
