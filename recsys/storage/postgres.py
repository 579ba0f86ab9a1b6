"""Histories from a PostgreSQL database."""

from collections.abc import Sequence
from typing import Any, Final

from recsys import limits
from recsys.consent import ALWAYS, Permission
from recsys.domain import Identifier
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.event_rows import Keys
from recsys.storage.packed import logged_lines, newest
from recsys.storage.postgres_pool import Connection, PostgresPool

_NUL: Final = "\x00"
"""What no text in PostgreSQL can hold."""

_NEWEST: Final = """
WITH found AS (
  SELECT i.identifier_key, i.profile_key, i.consent_bits
  FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS asked (identifier_key, namespace, value)
  JOIN identifiers AS i USING (identifier_key, namespace, value)
), members AS (
  SELECT identifier_key, consent_bits FROM found
  UNION
  SELECT i.identifier_key, i.consent_bits FROM identifiers AS i JOIN found USING (profile_key)
), allowed AS (
  SELECT coalesce(bit_or(consent_bits), 0) & %s = %s AS given FROM members
)
SELECT allowed.given, line.event_time, line.event_type, line.channel, line.item_ids
FROM allowed LEFT JOIN LATERAL (
  SELECT each.* FROM members CROSS JOIN LATERAL (
    SELECT event_time, event_type, channel, item_ids, seq FROM events
    WHERE identifier_key = members.identifier_key AND item_ids <> '' AND allowed.given
    ORDER BY event_time DESC, seq DESC LIMIT %s
  ) AS each
) AS line ON true
ORDER BY line.event_time DESC, line.seq DESC LIMIT %s
"""
_Line = tuple[bool, Any, int, int, str]


class PostgresHistory:
    """Reads histories; implements `recsys.events.HistoryReader`. Safe to share by threads."""

    def __init__(self, pool: PostgresPool) -> None:
        """Share a pool, which whoever made it closes."""
        self._pool = pool

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """Return the newest events of the person behind these identifiers.

        What was committed before the call, by any process, is in it.

        Args:
            identifiers: Any identifiers, known or not. If they lead to several
                profiles, the answer joins these.
            event_count_max: Upper bound of lines returned, newest kept, positive.
            permission: What she must allow, before anything else of her is read.

        Returns:
            The history, newest first, empty if no identifier is known; None without
            permission.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        asked = [one for one in dict.fromkeys(identifiers) if _NUL not in one.value]
        count = min(event_count_max, limits.HISTORY_EVENT_COUNT_MAX)

        def read(connection: Connection, keys: Keys) -> list[_Line]:
            columns = (
                [keys.identifier(one) for one in asked],
                [one.namespace for one in asked],
                [one.value for one in asked],
            )
            values = (*columns, *permission, count, count)
            return connection.execute(_NEWEST, values).fetchall()

        if not asked:
            return EMPTY_HISTORY if permission.given_by(0) else None
        found = self._pool.run(read)
        if not found[0][0]:
            return None
        # The one row of somebody without events has nothing but the permission.
        lines = logged_lines(line[1:] for line in found if line[1] is not None)
        return newest(lines, line_count_max=count) if len(lines) > count else lines
