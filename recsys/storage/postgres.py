"""Histories from a PostgreSQL database."""

import itertools
import operator
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
# that, and to what counts for them; for many people side by side.
_NEWEST: Final = """
WITH asked AS (
  SELECT * FROM unnest(
    %(people)s::int[], %(keys)s::bigint[], %(namespaces)s::text[], %(values)s::text[],
    %(beside)s::boolean[]
  ) AS each (person, identifier_key, namespace, value, is_beside_person)
), found AS (
  SELECT a.person, i.identifier_key, i.profile_key, i.consent_bits, a.is_beside_person
  FROM asked AS a JOIN identifiers AS i USING (identifier_key, namespace, value)
), owned AS (
  SELECT f.person, f.identifier_key, f.is_beside_person, o.profile_key, o.namespace
  FROM found AS f
  JOIN segments AS t ON t.identifier_key = f.identifier_key AND t.until_time = 'Infinity'
  JOIN identifiers AS o ON o.identifier_key = t.owner_key
  WHERE f.profile_key IS NOT NULL
), counting AS (
  SELECT DISTINCT o.person, s.identifier_key, s.from_time, s.until_time, s.login_day
  FROM owned AS o
  JOIN identifiers AS m ON m.profile_key = o.profile_key
  JOIN segments AS s ON s.owner_key = m.identifier_key
  WHERE NOT o.is_beside_person OR o.namespace = ANY(%(devices)s)
), parts AS (
  SELECT person, identifier_key,
    '-Infinity'::float8 AS from_time, 'Infinity'::float8 AS until_time
  FROM found AS f WHERE profile_key IS NULL
    -- A public device: its own for those who have nothing but it.
    OR NOT is_beside_person AND NOT EXISTS (
      SELECT 1 FROM owned AS o
      WHERE o.person = f.person AND o.identifier_key = f.identifier_key
    )
  UNION
  SELECT person, identifier_key, from_time, until_time FROM (
    SELECT *, row_number() OVER (
      PARTITION BY person ORDER BY login_day DESC, identifier_key, from_time
    ) AS place FROM counting
  ) AS each WHERE place <= %(part_count_max)s
), allowed AS (
  SELECT person, bit_or(consent_bits) & %(mask)s = %(wanted)s AS given FROM (
    SELECT person, 0 AS consent_bits FROM asked
    UNION ALL SELECT person, consent_bits FROM found
    -- What she said long ago on a device counts, though its history does not.
    UNION ALL SELECT c.person, i.consent_bits
    FROM counting AS c JOIN identifiers AS i USING (identifier_key)
  ) AS each GROUP BY person
), lines AS (
  SELECT person, line.*, row_number() OVER (
    PARTITION BY person ORDER BY line.event_time DESC, line.seq DESC
  ) AS place
  FROM parts JOIN allowed USING (person) CROSS JOIN LATERAL (
    SELECT event_time, event_type, channel, item_ids, seq FROM events
    WHERE identifier_key = parts.identifier_key AND item_ids <> '' AND allowed.given
      AND event_time > parts.from_time AND event_time <= parts.until_time
    ORDER BY event_time DESC, seq DESC LIMIT %(count)s
  ) AS line
)
SELECT person, given, event_time, event_type, channel, item_ids
FROM allowed LEFT JOIN (SELECT * FROM lines WHERE place <= %(count)s) AS line USING (person)
ORDER BY person, place
"""
_Line = tuple[int, bool, Any, int, int, str]


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
        (found,) = self.histories(
            [identifiers], event_count_max=event_count_max, permission=permission
        )
        return found

    def histories(
        self,
        asked: Sequence[Sequence[Identifier]],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> list[History | None]:
        """Return for each of several people what `history` returns, in few questions."""
        people = [[one for one in dict.fromkeys(who) if _NUL not in one.value] for who in asked]
        count = min(event_count_max, limits.HISTORY_EVENT_COUNT_MAX)
        nothing = EMPTY_HISTORY if permission.given_by(0) else None
        found: list[History | None] = [nothing] * len(people)
        named = [at for at, who in enumerate(people) if who]
        for first in range(0, len(named), limits.HISTORIES_COUNT_MAX):
            some = named[first : first + limits.HISTORIES_COUNT_MAX]
            rows = self._lines([people[at] for at in some], permission, count)
            for place, lines in itertools.groupby(rows, key=operator.itemgetter(0)):
                found[some[place]] = _history(list(lines), count)
        return found

    def _lines(
        self, people: Sequence[Sequence[Identifier]], permission: Permission, count: int
    ) -> list[_Line]:
        asked = [(at, one) for at, who in enumerate(people) for one in who]

        def read(connection: Connection, keys: Keys) -> list[_Line]:
            devices = self._pool.rules.devices
            name_person = [any(one.namespace not in devices for one in who) for who in people]
            values = {
                "people": [at for at, _ in asked],
                "keys": [keys.identifier(one) for _, one in asked],
                "namespaces": [one.namespace for _, one in asked],
                "values": [one.value for _, one in asked],
                "beside": [name_person[at] and one.namespace in devices for at, one in asked],
                "devices": list(devices),
                "part_count_max": limits.HISTORY_PART_COUNT_MAX,
                "mask": permission.mask,
                "wanted": permission.wanted,
                "count": count,
            }
            return connection.execute(_NEWEST, values).fetchall()

        return self._pool.run(read)


def _history(lines: Sequence[_Line], count: int) -> History | None:
    """Collect the lines of one person; the one row of her without events has the permission."""
    _, is_given, event_time, *_ = lines[0]
    if not is_given:
        return None
    if event_time is None:
        return EMPTY_HISTORY
    found = logged_lines(line[2:] for line in lines)
    return newest(found, line_count_max=count) if len(found) > count else found
