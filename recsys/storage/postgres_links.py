"""Links and profiles in a PostgreSQL database, within a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import psycopg

from recsys import limits
from recsys.domain import Identifier, ProfileId
from recsys.profiles import Change, IdentityRules, Link, Segment, merged, update
from recsys.storage.event_rows import Keys
from recsys.storage.link_rows import (
    FORGET_IDLE,
    LINK_COLUMNS,
    LINKS_PER_PAGE,
    RULES_FACT,
    SEGMENT_COLUMNS,
    LinkRow,
    SegmentRow,
    compared,
    identifier_rows,
    key_of_pair,
    link_row,
    profile_id,
    read_link,
    read_segment,
    segment_row,
)

Connection = psycopg.Connection[tuple[Any, ...]]

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('recsys.links'))"
_LINK: Final = """
SELECT {key}, a.namespace, a.value, b.namespace, b.value,
  l.kind, l.source, l.confidence, l.first_time, l.last_time, l.times
FROM {links} AS l
JOIN identifiers AS a ON a.identifier_key = l.one_key
JOIN identifiers AS b ON b.identifier_key = l.other_key
"""
_TOUCHING: Final = _LINK.format(
    key="asked.key",
    links="""unnest(%(keys)s::bigint[]) AS asked (key) CROSS JOIN LATERAL (
  SELECT * FROM links WHERE one_key = asked.key AND is_login = %(logins)s
  UNION ALL SELECT * FROM links WHERE other_key = asked.key AND is_login = %(logins)s
  LIMIT %(count_max)s
)""",
)
_NAMED: Final = (
    _LINK.format(key="NULL", links="links")
    + """
JOIN unnest(%s::bigint[], %s::smallint[], %s::bigint[], %s::smallint[], %s::text[])
  AS asked (one_key, is_login, other_key, kind, source)
ON (l.one_key, l.is_login, l.other_key, l.kind, l.source)
  = (asked.one_key, asked.is_login, asked.other_key, asked.kind, asked.source)
"""
)
_BETWEEN: Final = (
    _LINK.format(key="NULL", links="links")
    + "WHERE l.one_key = %s AND l.is_login = %s AND l.other_key = %s"
)
_PAGE: Final = (
    _LINK.format(key="NULL", links="links")
    + """
WHERE (l.one_key, l.is_login, l.other_key, l.kind, l.source) > (%s, %s, %s, %s, %s)
ORDER BY l.one_key, l.is_login, l.other_key, l.kind, l.source LIMIT %s
"""
)
_LINK_ARRAYS: Final = (
    "%s::bigint[], %s::smallint[], %s::bigint[], %s::smallint[], %s::text[], %s::float8[],"
    " %s::float8[], %s::float8[], %s::bytea[]"
)
_KEEP: Final = f"""
INSERT INTO links ({LINK_COLUMNS}) SELECT * FROM unnest({_LINK_ARRAYS})
ON CONFLICT (one_key, is_login, other_key, kind, source) DO UPDATE SET
  confidence = excluded.confidence, first_time = excluded.first_time,
  last_time = excluded.last_time, times = excluded.times
"""  # noqa: S608 - our own names
_FORGET: Final = """
DELETE FROM links AS l
USING unnest(%s::bigint[], %s::smallint[], %s::bigint[], %s::smallint[], %s::text[])
  AS asked (one_key, is_login, other_key, kind, source)
WHERE (l.one_key, l.is_login, l.other_key, l.kind, l.source)
  = (asked.one_key, asked.is_login, asked.other_key, asked.kind, asked.source)
"""
_FORGET_IDLE: Final = FORGET_IDLE.format(which="i.identifier_key = ANY(%s)")
_HEADS: Final = """
SELECT i.namespace, i.value, h.namespace, h.value
FROM identifiers AS i JOIN identifiers AS h ON h.identifier_key = i.profile_key
WHERE i.identifier_key = ANY(%s)
"""
_MEMBERS: Final = "SELECT namespace, value FROM identifiers WHERE profile_key = %s"
_SEGMENT: Final = """
SELECT o.namespace, o.value, i.namespace, i.value, s.from_time, s.until_time, s.login_day
FROM segments AS s
JOIN identifiers AS o ON o.identifier_key = s.owner_key
JOIN identifiers AS i ON i.identifier_key = s.identifier_key
"""
_SEGMENTS: Final = f"{_SEGMENT} WHERE s.identifier_key = ANY(%s)"
_OWNED: Final = f"{_SEGMENT} WHERE s.owner_key = ANY(%s) ORDER BY s.login_day DESC LIMIT %s"
_OWNERS: Final = """
SELECT namespace, value FROM identifiers AS i WHERE identifier_key = ANY(%s) AND EXISTS (
  SELECT 1 FROM segments AS s
  WHERE s.owner_key = i.identifier_key AND s.identifier_key <> i.identifier_key
)
"""
_SET_HEADS: Final = """
UPDATE identifiers AS i SET profile_key = new.head_key
FROM unnest(%s::bigint[], %s::bigint[]) AS new (identifier_key, head_key)
WHERE i.identifier_key = new.identifier_key
"""
_ADD_SEGMENTS: Final = f"""
INSERT INTO segments ({SEGMENT_COLUMNS})
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::integer[])
"""  # noqa: S608 - our own names
_DROP_SEGMENTS: Final = """
DELETE FROM segments AS s
USING unnest(%s::bigint[], %s::bigint[], %s::float8[]) AS gone (owner_key, identifier_key, from_time)
WHERE (s.owner_key, s.identifier_key, s.from_time)
  = (gone.owner_key, gone.identifier_key, gone.from_time)
"""
_LOGINS: Final = """
UPDATE links SET is_login = (
  (SELECT namespace = ANY(%(devices)s) FROM identifiers WHERE identifier_key = one_key)
  <> (SELECT namespace = ANY(%(devices)s) FROM identifiers WHERE identifier_key = other_key)
)::integer
"""


class PostgresGraph:
    """Links as a transaction sees them; implements `recsys.profiles.ProfileGraph`."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def links(
        self, identifiers: Collection[Identifier], *, logins: bool, count_max: int
    ) -> Mapping[Identifier, list[Link]]:
        """As `LinkGraph.links`."""
        by_key = {self._keys.identifier(one): one for one in identifiers}
        found: dict[Identifier, list[Link]] = {one: [] for one in identifiers}
        asked = {"keys": list(by_key), "logins": int(logins), "count_max": count_max}
        for key, *row in self._connection.execute(_TOUCHING, asked):
            found[by_key[key]].append(read_link(tuple(row)))
        return found

    def heads(self, identifiers: Collection[Identifier]) -> Mapping[Identifier, Identifier]:
        """As `LinkGraph.heads`."""
        found = self._connection.execute(_HEADS, (self._all(identifiers),))
        return {Identifier(*row[:2]): Identifier(*row[2:]) for row in found}

    def segments(self, identifiers: Collection[Identifier]) -> set[Segment]:
        """As `LinkGraph.segments`."""
        return set(
            map(read_segment, self._connection.execute(_SEGMENTS, (self._all(identifiers),)))
        )

    def owners(self, people: Collection[Identifier]) -> set[Identifier]:
        """As `LinkGraph.owners`."""
        found = self._connection.execute(_OWNERS, (self._all(people),))
        return {Identifier(*row) for row in found}

    def members(self, head: Identifier) -> Sequence[Identifier]:
        """As `ProfileGraph.members`."""
        found = self._connection.execute(_MEMBERS, (self._keys.identifier(head),))
        return [Identifier(*row) for row in found]

    def owned(self, people: Collection[Identifier]) -> Sequence[Segment]:
        """As `ProfileGraph.owned`."""
        asked = (self._all(people), limits.HISTORY_PART_COUNT_MAX)
        return list(map(read_segment, self._connection.execute(_OWNED, asked)))

    def profile_id(self, identifier: Identifier) -> ProfileId:
        """As `ProfileGraph.profile_id`."""
        return profile_id(self._keys.identifier(identifier))

    def write(
        self,
        heads: Mapping[Identifier, Identifier | None],
        *,
        gone: Collection[Segment],
        new: Collection[Segment],
    ) -> None:
        """As `LinkGraph.write`."""
        key = self._keys.identifier
        new_heads = [None if head is None else key(head) for head in heads.values()]
        self._connection.execute(_SET_HEADS, (self._all(heads), new_heads))
        gone_rows = [segment_row(one, self._keys)[:3] for one in gone]
        self._connection.execute(_DROP_SEGMENTS, columns_of(gone_rows, width=3))
        new_rows = [segment_row(one, self._keys) for one in new]
        width = len(SegmentRow._fields)
        self._connection.execute(_ADD_SEGMENTS, columns_of(new_rows, width=width))

    def _all(self, identifiers: Iterable[Identifier]) -> list[int]:
        return [self._keys.identifier(one) for one in identifiers]


def lock_links(connection: Connection) -> None:
    """Wait for the turn to change links, which lasts until the transaction ends.

    To be taken before anything is written: whoever has it waits for nobody.
    """
    connection.execute(_LOCK)


def keep_links(
    connection: Connection, keys: Keys, links: Sequence[Link], rules: IdentityRules
) -> Change:
    """Write links, each name once, beside what they say already; return what that changes.

    Their identifiers must be there.
    """
    names = columns_of([link_row(link, keys, rules)[:5] for link in links], width=5)
    found = (read_link(row[1:]) for row in connection.execute(_NAMED, names))
    change, rows = compared(links, {link.name: link for link in found}, keys, rules)
    if rows:
        connection.execute(_KEEP, columns_of(rows, width=len(LinkRow._fields)))
    return change


def links_between(
    connection: Connection, keys: Keys, pair: Sequence[Identifier], rules: IdentityRules
) -> list[Link]:
    """Return all links of two identifiers."""
    found = connection.execute(_BETWEEN, key_of_pair(pair, keys, rules))
    return [read_link(row[1:]) for row in found]


def links_touching(
    connection: Connection, keys: Keys, identifiers: Iterable[Identifier]
) -> list[Link]:
    """Return all links of these identifiers."""
    asked = [keys.identifier(one) for one in identifiers]
    found = [
        read_link(row[1:])
        for logins in (0, 1)
        for row in connection.execute(
            _TOUCHING, {"keys": asked, "logins": logins, "count_max": None}
        )
    ]
    return merged(found)


def stored_rules(connection: Connection) -> IdentityRules:
    """Return the rules by which profiles were made."""
    found = connection.execute("SELECT value FROM facts WHERE name = %s", (RULES_FACT,)).fetchone()
    assert found is not None  # Migrations have written it.
    return msgspec.json.decode(found[0], type=IdentityRules)


def forget_links(
    connection: Connection, keys: Keys, links: Sequence[Link], rules: IdentityRules
) -> None:
    """Delete links; everything is as if they had never been. Nobody else may write of people."""
    names = columns_of([link_row(link, keys, rules)[:5] for link in links], width=5)
    connection.execute(_FORGET, names)
    update(PostgresGraph(connection, keys), Change(removed=links), rules)
    connection.execute(_FORGET_IDLE, (list(identifier_rows(links, keys)),))


def rebuild(connection: Connection, keys: Keys, rules: IdentityRules) -> None:
    """Make all profiles anew from the links, by these rules."""
    connection.execute("UPDATE identifiers SET profile_key = NULL WHERE profile_key IS NOT NULL")
    connection.execute("DELETE FROM segments")
    connection.execute(_LOGINS, {"devices": list(rules.devices)})
    graph = PostgresGraph(connection, keys)
    last: tuple[object, ...] = (-1, 0, 0, 0, "")
    while page := [
        read_link(row[1:]) for row in connection.execute(_PAGE, (*last, LINKS_PER_PAGE)).fetchall()
    ]:
        update(graph, Change(altered=page), rules)
        last = link_row(page[-1], keys, rules)[:5]


def columns_of(rows: Iterable[tuple[object, ...]], *, width: int) -> list[list[object]]:
    """Turn rows into columns, as arrays of parameters are."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
