"""The PostgreSQL storage: the contracts, migrations, and servers that go and come back."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from recsys.domain import Identifier
from recsys.errors import StorageUnavailable
from recsys.events import EventLog, HistoryReader
from recsys.profiles import LinkKind
from recsys.storage.catalog import Catalog
from recsys.storage.people import People
from recsys.storage.postgres import PostgresHistory
from recsys.storage.postgres_events import PostgresEventLog
from recsys.storage.postgres_pool import PostgresPool
from recsys.storage.postgres_profiles import PostgresProfiles
from recsys.storage.postgres_schema import HEAD, migrate
from recsys.storage.postgres_sessions import PostgresSessions
from recsys.storage.sessions import Session
from storage.catalog_contract import CatalogContract, Open
from storage.erasure_contract import ErasureContract
from storage.event_log_contract import EventLogContract, Store, event, items_of
from storage.history_contract import ANNA, Contents, HistoryContract, Load, line_event
from storage.people_contract import Household, PeopleContract
from storage.tiers_contract import TiersContract
from support.identity import link
from support.postgres import missing, running_postgres


@pytest.fixture
def open_pool(postgres_url: str) -> Iterator[Callable[[], PostgresPool]]:
    """Open pools that are closed in the end."""
    pools: list[PostgresPool] = []

    def open_one() -> PostgresPool:
        pools.append(PostgresPool(postgres_url))
        return pools[-1]

    yield open_one
    for pool in pools:
        pool.close()


class TestPostgresHistory(HistoryContract):
    """The contract holds for PostgreSQL."""

    @pytest.fixture
    def load(self, open_pool: Callable[[], PostgresPool]) -> Load:
        """Write a database."""

        def load(contents: Contents) -> HistoryReader:
            pool = open_pool()
            heads: dict[str, Identifier] = {}
            for who, profile in contents.links.items():
                heads.setdefault(profile, who)

            links = [
                link(heads[profile], who, kind=LinkKind.RULE, source="import")
                for who, profile in contents.links.items()
                if who != heads[profile]
            ]
            PostgresProfiles(pool).link(links)
            for profile, lines in contents.lines.items():
                PostgresEventLog(pool).append(
                    [
                        line_event(heads[profile], one, event_id=f"{profile}/{number}")
                        for number, one in enumerate(lines)
                    ]
                )
            return PostgresHistory(pool)

        return load


def store_of(open_pool: Callable[[], PostgresPool]) -> Store:
    """A log and a reader as two workers have them."""
    reading, writing = open_pool(), open_pool()

    def contents() -> list[str]:
        found = reading.run(
            lambda connection, _: connection.execute("SELECT content FROM events ORDER BY seq")
            .fetchall()
        )  # fmt: skip
        return [content for (content,) in found]

    def open_log() -> EventLog:
        return PostgresEventLog(open_pool())

    return Store(PostgresEventLog(writing), PostgresHistory(reading), open_log, contents)


class TestPostgresEventLog(EventLogContract):
    """The contract holds for PostgreSQL."""

    @pytest.fixture
    def store(self, open_pool: Callable[[], PostgresPool]) -> Store:
        """Make a database."""
        return store_of(open_pool)


class TestPostgresPeople(PeopleContract, ErasureContract, TiersContract):
    """The contracts hold for PostgreSQL."""

    @pytest.fixture
    def home(self, open_pool: Callable[[], PostgresPool]) -> Household:
        """Make a database."""
        store = store_of(open_pool)
        pool = open_pool()
        sessions = PostgresSessions(pool)

        def leftovers() -> str:
            def read(session: Session) -> str:
                tables = session.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                return "".join(
                    str(session.rows(f"SELECT t::text FROM {name} AS t")) for (name,) in tables
                )

            return sessions.read(read)

        return Household(
            people=People(sessions), log=store.log, reader=store.reader,
            open_people=lambda: People(PostgresSessions(open_pool())),
            open_log=store.open_log, profiles=PostgresProfiles(pool), pack=lambda _: None,
            leftovers=leftovers, sessions=sessions,
        )  # fmt: skip


class TestPostgresCatalog(CatalogContract):
    """The contract holds for PostgreSQL."""

    @pytest.fixture
    def open_catalog(self, open_pool: Callable[[], PostgresPool]) -> Open:
        """Open a database."""
        return lambda: Catalog(PostgresSessions(open_pool()))


def test_servers_that_start_together_migrate_once(
    postgres_url: str, open_pool: Callable[[], PostgresPool]
) -> None:
    """The second waits for the first and finds everything done."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [postgres_url] * 4))
    assert PostgresEventLog(open_pool()).append([event("e1")])
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_later_schema_is_refused_and_named(
    postgres_url: str, open_pool: Callable[[], PostgresPool]
) -> None:
    """An old server leaves a new database alone."""
    migrate(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageUnavailable, match="version is 9999; this version reads"):
        PostgresEventLog(open_pool()).append([event("e1")])


def test_two_identifiers_of_one_key_are_never_mixed(
    open_pool: Callable[[], PostgresPool],
) -> None:
    """The second is refused, and nobody reads the history of the first under its name."""
    pool = open_pool()
    log = PostgresEventLog(pool)
    log.append([event("e1")])
    pool.run(lambda connection, _: connection.execute("UPDATE identifiers SET value = 'other'"))
    with pytest.raises(StorageUnavailable, match="one key"):
        log.append([event("e2")])
    assert len(PostgresHistory(pool).history([ANNA], event_count_max=9)) == 0


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_nobody_answers_until_somebody_does() -> None:
    """A server that crashes and comes back costs errors in between and no event."""
    with running_postgres() as server:
        pool = PostgresPool(server.url("postgres"))
        store = Store(PostgresEventLog(pool), PostgresHistory(pool), lambda: NotImplemented, list)
        store.log.append([event("e1", items=["before"])])
        server.stop(signal.SIGQUIT)
        with pytest.raises(StorageUnavailable):
            store.log.append([event("e2", items=["during"])])
        with pytest.raises(StorageUnavailable, match="a moment ago"):
            items_of(store)
        server.start()
        pool._try_at = 0.0
        assert items_of(store) == ["before"]
        # And once more without an error in between: the pool must not trust what it has.
        server.stop(signal.SIGQUIT)
        server.start()
        store.log.append([event("e3", items=["after"], time=1_800_000_000.0)])
        assert items_of(store) == ["after", "before"]
        pool.close()
