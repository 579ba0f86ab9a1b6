"""Offers, and the ledger of what is used of them."""

from typing import Final

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS: Final = (
    """
    CREATE TABLE offers (
      offer_key bigint PRIMARY KEY, offer_id text COLLATE "C" NOT NULL UNIQUE,
      seq bigint NOT NULL, -- of the last change
      content text -- JSON; NULL of those that were deleted, whose keys are not given again
    )
    """,
    "CREATE INDEX offers_by_seq ON offers (seq)",
    """
    CREATE TABLE offer_spends ( -- sums of reservations; costs in millionths
      offer_key bigint PRIMARY KEY, reserved_count bigint NOT NULL, reserved_cost bigint NOT NULL,
      committed_count bigint NOT NULL, committed_cost bigint NOT NULL
    ) WITH (fillfactor = 50) -- so that a row that changes all the time stays on its page
    """,
    """
    CREATE TABLE reservations ( -- as `recsys.storage.offers_rows.ReservationRow`
      reservation_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id_high bigint NOT NULL,
      id_low bigint NOT NULL, digest bigint NOT NULL, offer_key bigint NOT NULL,
      state smallint NOT NULL, cost bigint NOT NULL, reserve_time double precision NOT NULL,
      expire_time double precision NOT NULL, settle_time double precision,
      channel smallint NOT NULL, store_id text
    )
    """,
    "CREATE UNIQUE INDEX reservations_by_id ON reservations (id_high, id_low)",
    "CREATE INDEX reservations_held ON reservations (offer_key, expire_time) WHERE state = 1",
    "CREATE INDEX reservations_over ON reservations (settle_time) WHERE state >= 3",
    """
    CREATE TABLE offer_uses ( -- whose reservations are; by each identifier that was named
      identifier_key bigint NOT NULL, offer_key bigint NOT NULL, reservation_key bigint NOT NULL,
      use_time double precision NOT NULL, -- when it was reserved
      PRIMARY KEY (identifier_key, offer_key, reservation_key)
    )
    """,
    "CREATE INDEX offer_uses_by_reservation ON offer_uses (reservation_key)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
