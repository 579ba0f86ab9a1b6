"""Histories from a PostgreSQL database."""

from collections.abc import Sequence
from typing import Final

from recsys import limits
from recsys.domain import Identifier
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.event_rows import Keys
from recsys.storage.packed import logged_lines, newest
from recsys.storage.postgres_pool import Connection, PostgresPool

_NUL: Final = "\x00"
"""What no text in PostgreSQL can hold."""

_NEWEST: Final = """
WITH found AS (
  SELECT i.identifier_key, i.profile_key
  FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS asked (identifier_key, namespace, value)
  JOIN identifiers AS i USING (identifier_key, namespace, value)
), members AS (
  SELECT identifier_key FROM found
  UNION
  SELECT i.identifier_key FROM identifiers AS i JOIN found USING (profile_key)
)
SELECT line.event_time, line.event_type, line.channel, line.item_ids FROM members
CROSS JOIN LATERAL (
  SELECT event_time, event_type, channel, item_ids, seq FROM events
  WHERE identifier_key = members.identifier_key AND item_ids <> ''
  ORDER BY event_time DESC, seq DESC LIMIT %s
) AS line
ORDER BY line.event_time DESC, line.seq DESC LIMIT %s
"""


class PostgresHistory:
    """Reads histories; implements `recsys.events.HistoryReader`. Safe to share by threads."""

    def __init__(self, pool: PostgresPool) -> None:
        """Share a pool, which whoever made it closes."""
        self._pool = pool

    def history(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> History:
        """Return the newest events of the person behind these identifiers.

        What was committed before the call, by any process, is in it.

        Args:
            identifiers: Any identifiers, known or not. If they lead to several
                profiles, the answer joins these.
            event_count_max: Upper bound of lines returned, newest kept, positive.

        Returns:
            The history, newest first; empty if no identifier is known.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        asked = [one for one in dict.fromkeys(identifiers) if _NUL not in one.value]
        count = min(event_count_max, limits.HISTORY_EVENT_COUNT_MAX)

        def read(connection: Connection, keys: Keys) -> list[tuple[float, int, int, str]]:
            columns = (
                [keys.identifier(one) for one in asked],
                [one.namespace for one in asked],
                [one.value for one in asked],
            )
            return connection.execute(_NEWEST, (*columns, count, count)).fetchall()

        lines = logged_lines(self._pool.run(read)) if asked else EMPTY_HISTORY
        return newest(lines, line_count_max=count) if len(lines) > count else lines
