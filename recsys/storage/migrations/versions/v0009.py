"""Loyalty tiers of cards and accounts."""

from typing import Final

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS: Final = (
    """
    CREATE TABLE loyalty_tiers ( -- what was said last of an identifier
      identifier_key bigint PRIMARY KEY, tier text NOT NULL, -- empty for none any more
      tier_time double precision NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
