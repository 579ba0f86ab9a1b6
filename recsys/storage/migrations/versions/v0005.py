"""Which exported files hold whom."""

from typing import Final

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS: Final = (
    """
    CREATE TABLE exports ( -- files that hold people; as `recsys.storage.exports`
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, identifier_key bigint,
      kind text NOT NULL, place text NOT NULL, export_time double precision NOT NULL,
      last_seq bigint
    )
    """,
    "CREATE INDEX exports_by_identifier ON exports (identifier_key)",
)


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
