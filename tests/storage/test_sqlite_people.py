"""People in SQLite: the contract, and what only files have."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from recsys.domain import Identifier
from recsys.errors import StorageUnavailable
from recsys.storage.people import People
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_profiles import SqliteProfiles
from storage.erasure_contract import ErasureContract
from storage.event_log_contract import NOW, event
from storage.history_contract import ANNA, BEN
from storage.people_contract import MAY, Household, PeopleContract
from storage.tiers_contract import TiersContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def home(path: Path) -> Iterator[Household]:
    """A store that the first writing makes."""
    sessions, profiles = SqliteSessions(path), SqliteProfiles(path)
    log, reader = SqliteEventLog(path), SqliteHistory(path)

    def pack(identifiers: Sequence[Identifier]) -> None:
        keys = log._live._keys  # Of the store, once it has been written to.
        log.pack([keys.identifier(one) for one in identifiers])

    def leftovers() -> str:
        files = path.parent.glob(f"{path.name}*")
        return "".join(file.read_bytes().decode("latin-1") for file in files)

    # The first writing makes it, and answers before that are no business of this suite.
    log.append([])
    yield Household(
        people=People(sessions), log=log, reader=reader,
        open_people=lambda: People(SqliteSessions(path)),
        open_log=lambda: SqliteEventLog(path), profiles=profiles, pack=pack,
        leftovers=leftovers, sessions=sessions,
    )  # fmt: skip
    reader.close()
    log.close()
    profiles.close()
    sessions.close()


class TestSqlitePeople(PeopleContract, ErasureContract, TiersContract):
    """The contracts hold for SQLite, whose files are searched byte by byte."""

    @pytest.fixture
    def home(self, home: Household) -> Household:
        """Make a store."""
        return home


def test_a_damaged_store_is_unavailable(path: Path) -> None:
    """Nobody is taken for unknown because nothing can be read."""
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(StorageUnavailable):
        People(SqliteSessions(path)).person([ANNA], event_count_max=9)


def test_what_others_packed_goes_with_her(home: Household) -> None:
    """A copy of the log is no place to hide."""
    home.log.append([event(f"e{n}", items=[f"secret-{n}"]) for n in range(30)])
    home.log.append([event(f"b{n}", who=[BEN]) for n in range(30)])
    home.pack([ANNA, BEN])
    assert home.reader.history([ANNA], event_count_max=1, permission=MAY)
    home.people.erase([ANNA], now=NOW)
    home.pack([ANNA, BEN])
    assert "secret" not in home.leftovers()
    assert len(home.reader.history([BEN], event_count_max=99, permission=MAY)) == 30
