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

# As `recsys.storage.sqlite`: from who has an identifier at last to all that are one with
# that, and to what counts for them.
_NEWEST: Final = """
WITH found AS (
  SELECT i.identifier_key, i.profile_key, i.consent_bits, asked.is_beside_person
  FROM unnest(%(keys)s::bigint[], %(namespaces)s::text[], %(values)s::text[], %(beside)s::boolean[])
    AS asked (identifier_key, namespace, value, is_beside_person)
  JOIN identifiers AS i USING (identifier_key, namespace, value)
), owned AS (
  SELECT f.identifier_key, f.is_beside_person, o.profile_key, o.namespace
  FROM found AS f
  JOIN segments AS t ON t.identifier_key = f.identifier_key AND t.until_time = 'Infinity'
  JOIN identifiers AS o ON o.identifier_key = t.owner_key
  WHERE f.profile_key IS NOT NULL
), counting AS (
  SELECT s.identifier_key, s.from_time, s.until_time, s.login_day
  FROM owned AS o
  JOIN identifiers AS m ON m.profile_key = o.profile_key
  JOIN segments AS s ON s.owner_key = m.identifier_key
  WHERE NOT o.is_beside_person OR o.namespace = ANY(%(devices)s)
), parts AS (
  SELECT identifier_key, '-Infinity'::float8 AS from_time, 'Infinity'::float8 AS until_time
  FROM found WHERE profile_key IS NULL
    -- A public device: its own for those who have nothing but it.
    OR NOT is_beside_person AND identifier_key NOT IN (SELECT identifier_key FROM owned)
  UNION
  (
    SELECT identifier_key, from_time, until_time FROM counting
    ORDER BY login_day DESC, identifier_key, from_time LIMIT %(part_count_max)s
  )
), allowed AS (
  SELECT coalesce(bit_or(consent_bits), 0) & %(mask)s = %(wanted)s AS given FROM (
    SELECT consent_bits FROM found
    -- What she said long ago on a device counts, though its history does not.
    UNION ALL SELECT consent_bits FROM identifiers
    WHERE identifier_key IN (SELECT identifier_key FROM counting)
  ) AS each
)
SELECT allowed.given, line.event_time, line.event_type, line.channel, line.item_ids
FROM allowed LEFT JOIN LATERAL (
  SELECT each.* FROM parts CROSS JOIN LATERAL (
    SELECT event_time, event_type, channel, item_ids, seq FROM events
    WHERE identifier_key = parts.identifier_key AND item_ids <> '' AND allowed.given
      AND event_time > parts.from_time AND event_time <= parts.until_time
    ORDER BY event_time DESC, seq DESC LIMIT %(count)s
  ) AS each
) AS line ON true
ORDER BY line.event_time DESC, line.seq DESC LIMIT %(count)s
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
                profiles, the answer joins these; but a device that is named beside a
                person adds nothing of another person.
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
            devices = self._pool.rules.devices
            names_person = any(one.namespace not in devices for one in asked)
            values = {
                "keys": [keys.identifier(one) for one in asked],
                "namespaces": [one.namespace for one in asked],
                "values": [one.value for one in asked],
                "beside": [names_person and one.namespace in devices for one in asked],
                "devices": list(devices),
                "part_count_max": limits.HISTORY_PART_COUNT_MAX,
                "mask": permission.mask,
                "wanted": permission.wanted,
                "count": count,
            }
            return connection.execute(_NEWEST, values).fetchall()

        if not asked:
            return EMPTY_HISTORY if permission.given_by(0) else None
        found = self._pool.run(read)
        if not found[0][0]:
            return None
        # The one row of somebody without events has nothing but the permission.
        lines = logged_lines(line[1:] for line in found if line[1] is not None)
        return newest(lines, line_count_max=count) if len(lines) > count else lines
