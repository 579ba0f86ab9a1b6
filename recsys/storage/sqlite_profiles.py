"""Links between identifiers in an SQLite store."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

from recsys.domain import Identifier
from recsys.profiles import (
    Change,
    IdentityRules,
    Link,
    LinkName,
    Profile,
    Refusal,
    merged,
    profile_of,
    update,
)
from recsys.storage.sessions import SqliteSession
from recsys.storage.sqlite_connection import ReadConnections
from recsys.storage.sqlite_links import SqliteGraph, forget_links, keep_links, links_between
from recsys.storage.sqlite_live import LiveConnection
from recsys.storage.tombstones import refuse_erased


class SqliteProfiles:
    """Links in an SQLite store; implements `recsys.profiles.ProfileStore`."""

    def __init__(self, path: Path, rules: IdentityRules | None = None) -> None:
        """Point at a file, which the first link makes if it is not there.

        Args:
            path: The file.
            rules: By which profiles are made; None for those that the store has.
        """
        self._live = LiveConnection(path, rules)
        self._reading = ReadConnections(path, rules, may_be_missing=True)

    def link(self, links: Sequence[Link]) -> dict[LinkName, Refusal]:
        """Keep links; as `ProfileStore.link`."""
        with self._live.turn() as (connection, keys):
            refuse_erased(SqliteSession(connection, keys), links)
            change = keep_links(connection, keys, merged(links), self._live.rules)
            asked = Change(added=change.added, altered=merged([*change.altered, *links]))
            return update(SqliteGraph(connection, keys), asked, self._live.rules)

    def unlink(self, identifiers: Collection[Identifier], *, source: str | None) -> int:
        """Forget links; as `ProfileStore.unlink`."""
        with self._live.turn() as (connection, keys):
            rules = self._live.rules
            links = [
                link
                for pair in itertools.combinations(sorted(set(identifiers)), 2)
                for link in links_between(connection, keys, pair, rules)
                if source is None or link.source == source
            ]
            forget_links(connection, keys, links, rules)
            return len(links)

    def profile(self, identifier: Identifier) -> Profile:
        """Return who it is; as `ProfileStore.profile`."""
        return self._reading.read(
            lambda handle: profile_of(
                SqliteGraph(handle.connection, handle.keys), identifier, handle.rules
            )
        )

    def close(self) -> None:
        """Close the connections of this thread; the next call opens others."""
        self._live.close()
        self._reading.close()
