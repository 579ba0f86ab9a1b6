"""The catalogue: items, stores, stock, and what has changed of them."""

from typing import Final

from alembic import op

from recsys.catalog import STORE_ONLINE, Store, StoreKind
from recsys.storage.catalog_rows import ONLINE_KEY, store_text

revision = "0004"
down_revision = "0003"

_STATEMENTS: Final = (
    """
    CREATE TABLE items (
      item_key bigint PRIMARY KEY, item_id text COLLATE "C" NOT NULL UNIQUE,
      content text -- JSON; NULL of those that were deleted, whose keys are not given again
    )
    """,
    "CREATE INDEX items_deleted ON items (item_key) WHERE content IS NULL",
    """
    CREATE TABLE stores (
      store_key bigint PRIMARY KEY, store_id text COLLATE "C" NOT NULL UNIQUE,
      content text NOT NULL
    )
    """,
    """
    CREATE TABLE stock ( -- keys as `recsys.storage.catalog_rows.cell_key`
      cell_key bigint PRIMARY KEY, counted double precision NOT NULL,
      counted_time double precision, -- NULL if it never was
      total double precision -- NULL if nothing was adjusted since
    )
    """,
    """
    CREATE TABLE stock_adjustments (
      cell_key bigint NOT NULL, adjustment_id text NOT NULL,
      stock_time double precision NOT NULL, quantity double precision NOT NULL,
      PRIMARY KEY (cell_key, adjustment_id)
    )
    """,
    """
    CREATE TABLE catalog_changes ( -- as `recsys.storage.catalog_log`
      seq bigint PRIMARY KEY, kind smallint NOT NULL, subject_key bigint NOT NULL
    )
    """,
)
_ONLINE: Final = Store(store_id=STORE_ONLINE, kind=StoreKind.ONLINE)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
    op.execute(
        f"INSERT INTO stores VALUES ({ONLINE_KEY}, '{STORE_ONLINE}', '{store_text(_ONLINE)}')"  # noqa: S608 - all ours
    )
