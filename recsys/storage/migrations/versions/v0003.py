"""Links: who belongs to whom becomes evidence, and so does what events carry."""

from typing import Any, Final

import msgspec
import psycopg
from alembic import op

from recsys.domain import Identifier
from recsys.events import Event, EventContent
from recsys.profiles import SOURCE_IMPORT, IdentityRules, LinkKind, links_of_events, stated
from recsys.storage.event_rows import SALT_FACT, Keys
from recsys.storage.link_rows import RULES_FACT, identifier_rows, rules_text
from recsys.storage.postgres_identifiers import add_identifiers
from recsys.storage.postgres_links import keep_links, rebuild

revision = "0003"
down_revision = "0002"

_STATEMENTS: Final = (
    """
    CREATE TABLE links ( -- evidence; as `recsys.storage.link_rows.LinkRow`
      one_key bigint NOT NULL, is_login smallint NOT NULL, other_key bigint NOT NULL,
      kind smallint NOT NULL, source text NOT NULL, confidence double precision NOT NULL,
      first_time double precision NOT NULL, last_time double precision NOT NULL,
      times bytea NOT NULL,
      PRIMARY KEY (one_key, is_login, other_key, kind, source)
    )
    """,
    "CREATE INDEX links_by_other ON links (other_key, is_login)",
    """
    CREATE TABLE segments ( -- what links make of it; as `recsys.storage.link_rows.SegmentRow`
      owner_key bigint NOT NULL, identifier_key bigint NOT NULL,
      from_time double precision NOT NULL, until_time double precision NOT NULL,
      login_day integer NOT NULL,
      PRIMARY KEY (owner_key, identifier_key, from_time)
    )
    """,
    "CREATE INDEX segments_by_identifier ON segments (identifier_key, until_time)",
)
_OF_PROFILES: Final = """
SELECT i.namespace, i.value, h.namespace, h.value
FROM identifiers AS i JOIN identifiers AS h ON h.identifier_key = i.profile_key
WHERE i.identifier_key <> h.identifier_key
"""
_WITH_SEVERAL_IDENTIFIERS: Final = """
SELECT event_time, content FROM events WHERE jsonb_array_length(content::jsonb -> 'identifiers') > 1
"""
_ROWS_AT_ONCE: Final = 10_000


def upgrade() -> None:
    """Make the tables and fill them from what is known."""
    for statement in _STATEMENTS:
        op.execute(statement)
    connection: psycopg.Connection[tuple[Any, ...]] | None
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # It is in a transaction.
    rules = IdentityRules()
    found = connection.execute("SELECT value FROM facts WHERE name = %s", (SALT_FACT,)).fetchone()
    assert found is not None  # The first migration has drawn it.
    keys = Keys(found[0])
    with connection.cursor("profiles") as cursor:
        cursor.execute(_OF_PROFILES)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            links = [
                stated(
                    (Identifier(*row[:2]), Identifier(*row[2:])),
                    kind=LinkKind.RULE,
                    source=SOURCE_IMPORT,
                    time=0.0,
                )
                for row in rows
            ]
            keep_links(connection, keys, links, rules)
    decoder = msgspec.json.Decoder(EventContent)
    with connection.cursor("events") as cursor:
        cursor.execute(_WITH_SEVERAL_IDENTIFIERS)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            events = [Event("", time, decoder.decode(content), 0) for time, content in rows]
            links = links_of_events(events, rules)
            add_identifiers(connection, identifier_rows(links, keys))
            keep_links(connection, keys, links, rules)
    rebuild(connection, keys, rules)
    connection.execute("INSERT INTO facts VALUES (%s, %s)", (RULES_FACT, rules_text(rules)))
