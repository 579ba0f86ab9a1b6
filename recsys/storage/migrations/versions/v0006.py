"""In which order identifiers came, for walks over all people; and saved segments."""

from typing import Final

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS: Final = (
    "ALTER TABLE identifiers ADD COLUMN added_number bigint GENERATED ALWAYS AS IDENTITY",
    "CREATE INDEX identifiers_by_number ON identifiers (added_number)",
    'CREATE TABLE saved_segments (name text COLLATE "C" PRIMARY KEY, content text NOT NULL)',
)


def upgrade() -> None:
    """Number the identifiers and make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
