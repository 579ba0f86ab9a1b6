"""Links between identifiers in a PostgreSQL database."""

import itertools
from collections.abc import Collection, Sequence

from recsys.domain import Identifier
from recsys.profiles import Change, Link, LinkName, Profile, Refusal, merged, profile_of, update
from recsys.storage.event_rows import Keys
from recsys.storage.link_rows import identifier_rows
from recsys.storage.postgres_identifiers import add_identifiers
from recsys.storage.postgres_links import (
    PostgresGraph,
    forget_links,
    keep_links,
    links_between,
    lock_links,
)
from recsys.storage.postgres_pool import Connection, PostgresPool
from recsys.storage.postgres_sessions import writing
from recsys.storage.tombstones import refuse_erased


class PostgresProfiles:
    """Links in a database; implements `recsys.profiles.ProfileStore`."""

    def __init__(self, pool: PostgresPool) -> None:
        """Share a pool, which whoever made it closes."""
        self._pool = pool

    def link(self, links: Sequence[Link]) -> dict[LinkName, Refusal]:
        """Keep links; as `ProfileStore.link`."""

        def keep(connection: Connection, keys: Keys) -> dict[LinkName, Refusal]:
            refuse_erased(writing(connection, keys), links)
            lock_links(connection)
            add_identifiers(connection, identifier_rows(links, keys))
            change = keep_links(connection, keys, merged(links), self._pool.rules)
            asked = Change(added=change.added, altered=merged([*change.altered, *links]))
            return update(PostgresGraph(connection, keys), asked, self._pool.rules)

        return self._pool.run(keep)

    def unlink(self, identifiers: Collection[Identifier], *, source: str | None) -> int:
        """Forget links; as `ProfileStore.unlink`."""

        def forget(connection: Connection, keys: Keys) -> int:
            # Alone: whoever acts under an identifier this moment must not lose it.
            writing(connection, keys, alone=True)
            lock_links(connection)
            rules = self._pool.rules
            links = [
                link
                for pair in itertools.combinations(sorted(set(identifiers)), 2)
                for link in links_between(connection, keys, pair, rules)
                if source is None or link.source == source
            ]
            forget_links(connection, keys, links, rules)
            return len(links)

        return self._pool.run(forget)

    def profile(self, identifier: Identifier) -> Profile:
        """Return who it is; as `ProfileStore.profile`."""
        return self._pool.run(
            lambda connection, keys: profile_of(
                PostgresGraph(connection, keys), identifier, self._pool.rules
            )
        )

    def close(self) -> None:
        """Let go; the pool stays open."""
