"""Links and profiles in an SQLite store, within a transaction."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from recsys import limits
from recsys.domain import Identifier, ProfileId
from recsys.profiles import Change, IdentityRules, Link, LinkName, Segment, update
from recsys.storage.event_rows import Keys
from recsys.storage.link_rows import (
    FORGET_IDLE,
    LINK_COLUMNS,
    LINKS_PER_PAGE,
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
from recsys.storage.sqlite_insert import insert
from recsys.storage.sqlite_schema import ADD_IDENTIFIER

_LINK: Final = """
SELECT a.namespace, a.value, b.namespace, b.value,
  l.kind, l.source, l.confidence, l.first_time, l.last_time, l.times
FROM {links} AS l
JOIN identifiers AS a ON a.identifier_key = l.one_key
JOIN identifiers AS b ON b.identifier_key = l.other_key
"""
_TOUCHING: Final = _LINK.format(
    links="""(
  SELECT * FROM links WHERE one_key = ?1 AND is_login = ?2
  UNION ALL SELECT * FROM links WHERE other_key = ?1 AND is_login = ?2 LIMIT ?3
)"""
)
_KEPT: Final = f"""
SELECT {LINK_COLUMNS} FROM links
WHERE one_key = ? AND is_login = ? AND other_key = ? AND kind = ? AND source = ?
"""  # noqa: S608 - our own names
_BETWEEN: Final = (
    _LINK.format(links="links") + " WHERE l.one_key = ? AND l.is_login = ? AND l.other_key = ?"
)
_PAGE: Final = (
    _LINK.replace("SELECT ", "SELECT l.one_key, l.is_login, l.other_key, l.kind, l.source, ", 1)
    .format(links="(SELECT * FROM links WHERE (one_key, is_login, other_key, kind, source)"
            " > (?, ?, ?, ?, ?) ORDER BY one_key, is_login, other_key, kind, source LIMIT ?)")
)  # fmt: skip
_KEEP: Final = f"INSERT OR REPLACE INTO links ({LINK_COLUMNS}) VALUES {{rows}}"  # noqa: S608 - our own names
_FORGET: Final = """
DELETE FROM links
WHERE one_key = ? AND is_login = ? AND other_key = ? AND kind = ? AND source = ?
"""
_FORGET_IDLE: Final = FORGET_IDLE.format(which="i.identifier_key = ?")
_HEAD: Final = """
SELECT h.namespace, h.value FROM identifiers AS i
JOIN identifiers AS h ON h.identifier_key = i.profile_key WHERE i.identifier_key = ?
"""
_MEMBERS: Final = "SELECT namespace, value FROM identifiers WHERE profile_key = ?"
_SEGMENT: Final = """
SELECT o.namespace, o.value, i.namespace, i.value, s.from_time, s.until_time, s.login_day
FROM segments AS s
JOIN identifiers AS o ON o.identifier_key = s.owner_key
JOIN identifiers AS i ON i.identifier_key = s.identifier_key
"""
_SEGMENTS: Final = f"{_SEGMENT} WHERE s.identifier_key = ?"
_OWNED: Final = f"{_SEGMENT} WHERE s.owner_key = ? ORDER BY s.login_day DESC LIMIT ?"
_OWNS: Final = "SELECT 1 FROM segments WHERE owner_key = ?1 AND identifier_key <> ?1 LIMIT 1"
_SET_HEAD: Final = "UPDATE identifiers SET profile_key = ? WHERE identifier_key = ?"
_ADD_SEGMENT: Final = "INSERT INTO segments VALUES (?, ?, ?, ?, ?)"
_DROP_SEGMENT: Final = """
DELETE FROM segments WHERE owner_key = ? AND identifier_key = ? AND from_time = ?
"""


class SqliteGraph:
    """Links as a transaction sees them; implements `recsys.profiles.ProfileGraph`."""

    def __init__(self, connection: sqlite3.Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def links(
        self, identifiers: Collection[Identifier], *, logins: bool, count_max: int
    ) -> Mapping[Identifier, list[Link]]:
        """As `LinkGraph.links`."""
        execute, key = self._connection.execute, self._keys.identifier
        return {
            one: [read_link(row) for row in execute(_TOUCHING, (key(one), logins, count_max))]
            for one in identifiers
        }

    def heads(self, identifiers: Collection[Identifier]) -> Mapping[Identifier, Identifier]:
        """As `LinkGraph.heads`."""
        found = {}
        for one in identifiers:
            row = self._connection.execute(_HEAD, (self._keys.identifier(one),)).fetchone()
            if row is not None:
                found[one] = Identifier(*row)
        return found

    def segments(self, identifiers: Collection[Identifier]) -> set[Segment]:
        """As `LinkGraph.segments`."""
        return {
            read_segment(row)
            for one in identifiers
            for row in self._connection.execute(_SEGMENTS, (self._keys.identifier(one),))
        }

    def owners(self, people: Collection[Identifier]) -> set[Identifier]:
        """As `LinkGraph.owners`."""
        return {
            one
            for one in people
            if self._connection.execute(_OWNS, (self._keys.identifier(one),)).fetchone()
        }

    def members(self, head: Identifier) -> Sequence[Identifier]:
        """As `ProfileGraph.members`."""
        found = self._connection.execute(_MEMBERS, (self._keys.identifier(head),))
        return [Identifier(*row) for row in found]

    def owned(self, people: Collection[Identifier]) -> Sequence[Segment]:
        """As `ProfileGraph.owned`."""
        count_max = limits.HISTORY_PART_COUNT_MAX
        found = [
            read_segment(row)
            for one in people
            for row in self._connection.execute(_OWNED, (self._keys.identifier(one), count_max))
        ]
        return sorted(found, key=lambda one: -one.login_day)[:count_max]

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
        self._connection.executemany(
            _SET_HEAD,
            [(None if head is None else key(head), key(one)) for one, head in heads.items()],
        )
        self._connection.executemany(
            _DROP_SEGMENT, [segment_row(one, self._keys)[:3] for one in gone]
        )
        self._connection.executemany(_ADD_SEGMENT, [segment_row(one, self._keys) for one in new])


def keep_links(
    connection: sqlite3.Connection, keys: Keys, links: Sequence[Link], rules: IdentityRules
) -> Change:
    """Write links, each name once, beside what they say already; return what that changes."""
    insert(connection, ADD_IDENTIFIER, list(identifier_rows(links, keys).values()))
    before: dict[LinkName, Link] = {}
    for link in links:
        row = connection.execute(_KEPT, link_row(link, keys, rules)[:5]).fetchone()
        if row is not None:
            before[link.name] = read_link((*_names(link), *row[3:]))
    change, rows = compared(links, before, keys, rules)
    insert(connection, _KEEP, rows)
    return change


def links_between(
    connection: sqlite3.Connection, keys: Keys, pair: Sequence[Identifier], rules: IdentityRules
) -> list[Link]:
    """Return all links of two identifiers."""
    return list(map(read_link, connection.execute(_BETWEEN, key_of_pair(pair, keys, rules))))


def links_touching(connection: sqlite3.Connection, key: int) -> list[Link]:
    """Return all links of one identifier."""
    return [
        read_link(row) for sort in (0, 1) for row in connection.execute(_TOUCHING, (key, sort, -1))
    ]


def forget_links(
    connection: sqlite3.Connection, keys: Keys, links: Sequence[Link], rules: IdentityRules
) -> None:
    """Delete links; everything is as if they had never been."""
    connection.executemany(_FORGET, [link_row(link, keys, rules)[:5] for link in links])
    update(SqliteGraph(connection, keys), Change(removed=links), rules)
    connection.executemany(_FORGET_IDLE, [(key,) for key in identifier_rows(links, keys)])


def rebuild(connection: sqlite3.Connection, keys: Keys, rules: IdentityRules) -> None:
    """Make all profiles anew from the links, by these rules."""
    connection.execute("UPDATE identifiers SET profile_key = NULL WHERE profile_key IS NOT NULL")
    connection.execute("DELETE FROM segments")
    marks = ", ".join("?" * len(rules.devices))
    end = f"(SELECT namespace IN ({marks}) FROM identifiers WHERE identifier_key = {{end}})"  # noqa: S608 - our own words
    connection.execute(
        f"UPDATE links SET is_login = {end.format(end='one_key')} <> {end.format(end='other_key')}",  # noqa: S608 - as above
        (*rules.devices, *rules.devices),
    )
    graph = SqliteGraph(connection, keys)
    for page in pages_of_links(connection):
        update(graph, Change(altered=page), rules)


def pages_of_links(connection: sqlite3.Connection) -> Iterator[list[Link]]:
    """Return all links, some at a time; they may be written to meanwhile, but not renamed."""
    last: tuple[object, ...] = (-1, 0, 0, 0, "")
    while rows := connection.execute(_PAGE, (*last, LINKS_PER_PAGE)).fetchall():
        yield [read_link(row[5:]) for row in rows]
        last = rows[-1][:5]


def _names(link: Link) -> tuple[str, str, str, str]:
    one, other = link.ends
    return one.namespace, one.value, other.namespace, other.value


assert LinkRow._fields[:5] == ("one_key", "is_login", "other_key", "kind", "source")
assert SegmentRow._fields[:3] == ("owner_key", "identifier_key", "from_time")
