"""Links of a whole import at once: what its rule has found becomes evidence and profiles.

The rule gives every identifier to one head. Nearly always that is an account with a few
cards and devices, of which no limit forbids any; these become profiles by a few
statements over all of them. Others go the way of links that arrive one by one.
"""

import sqlite3
from typing import Final

from recsys.profiles import ALWAYS_DAY, SOURCE_IMPORT, Change, IdentityRules, LinkKind, update
from recsys.storage.event_rows import Keys
from recsys.storage.link_rows import LINK_COLUMNS, RULES_FACT, rules_text
from recsys.storage.sqlite_links import SqliteGraph, links_touching
from recsys.storage.sqlite_schema import set_fact

_HEADS: Final = """
CREATE TEMP TABLE heads AS
SELECT i.identifier_key, i.profile_key AS head_key, h.namespace AS head_namespace,
  i.namespace, i.value, h.value AS head_value, i.namespace IN ({devices}) AS is_device,
  h.namespace IN ({devices}) AS head_is_device
FROM identifiers AS i JOIN identifiers AS h ON h.identifier_key = i.profile_key
WHERE i.identifier_key <> i.profile_key
"""
# At no particular time.
_LINKS: Final = f"""
INSERT INTO links ({LINK_COLUMNS})
SELECT
  iif((namespace, value) < (head_namespace, head_value), identifier_key, head_key),
  is_device <> head_is_device,
  iif((namespace, value) < (head_namespace, head_value), head_key, identifier_key),
  {int(LinkKind.RULE)}, '{SOURCE_IMPORT}', 1.0, 0.0, 0.0, zeroblob(8)
FROM heads
"""  # noqa: S608 - our own names
# Not of the usual kind: the head is no account, one of its own namespace goes with it, or
# there are so many that a limit may matter.
_UNUSUAL: Final = """
CREATE TEMP TABLE unusual AS
SELECT head_key FROM heads WHERE head_namespace <> ? OR namespace = head_namespace
UNION
SELECT head_key FROM heads WHERE NOT is_device GROUP BY head_key, namespace HAVING count(*) > ?
UNION
SELECT head_key FROM heads WHERE NOT is_device GROUP BY head_key HAVING count(*) >= ?
"""
_WITHOUT_UNUSUAL: Final = "DELETE FROM heads WHERE head_key IN (SELECT head_key FROM unusual)"
_PROFILES: Final = (
    "UPDATE identifiers SET profile_key = NULL WHERE profile_key IS NOT NULL",
    """
    UPDATE identifiers SET profile_key = iif(heads.is_device, heads.identifier_key, head_key)
    FROM heads WHERE heads.identifier_key = identifiers.identifier_key
    """,
    """
    UPDATE identifiers SET profile_key = identifier_key
    WHERE identifier_key IN (SELECT head_key FROM heads)
    """,
    "INSERT INTO segments SELECT DISTINCT head_key, head_key, -9e999, 9e999, :always FROM heads",
    """
    INSERT INTO segments
    SELECT iif(is_device, head_key, identifier_key), identifier_key, -9e999, 9e999,
      iif(is_device, 0, :always)
    FROM heads
    """,
)


def add_links_of_heads(connection: sqlite3.Connection, rules: IdentityRules) -> None:
    """Make a link of each identifier's `profile_key`, which names the head that it belongs to."""
    marks = ", ".join("?" * len(rules.devices)) or "NULL"
    connection.execute(_HEADS.format(devices=marks), (*rules.devices, *rules.devices))
    connection.execute(_LINKS)


def link_imported(connection: sqlite3.Connection, keys: Keys) -> None:
    """Make links and profiles of `profile_key`, within a transaction; by the usual rules."""
    rules = IdentityRules()
    add_links_of_heads(connection, rules)
    per_namespace = min((*rules.limits.values(), rules.limit_default))
    connection.execute(
        _UNUSUAL, (rules.priority[0], per_namespace - 1, rules.identifiers_per_person)
    )
    connection.execute(_WITHOUT_UNUSUAL)
    for statement in _PROFILES:
        connection.execute(statement, {"always": ALWAYS_DAY})
    graph = SqliteGraph(connection, keys)
    for (head_key,) in connection.execute("SELECT head_key FROM unusual").fetchall():
        update(graph, Change(altered=links_touching(connection, head_key)), rules)
    connection.execute("DROP TABLE heads")
    connection.execute("DROP TABLE unusual")
    set_fact(connection, RULES_FACT, rules_text(rules))
