"""People in SQLite: the contract, and what only files have."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from recsys.domain import Identifier
from recsys.errors import StorageUnavailable
from recsys.profiles import IdentityRules, LinkKind, pairs_of
from recsys.storage.people import People
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_profiles import SqliteProfiles
from storage.event_log_contract import NOW, event
from storage.history_contract import ANNA, BEN
from storage.people_contract import MAY, Household, PeopleContract
from support.identity import link


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def home(path: Path) -> Iterator[Household]:
    """A store that the first writing makes."""
    sessions = SqliteSessions(path)
    log, reader = SqliteEventLog(path), SqliteHistory(path)

    def join(identifiers: Sequence[Identifier]) -> None:
        pairs = pairs_of(identifiers, IdentityRules())
        profiles = SqliteProfiles(path)
        profiles.link([link(*pair, kind=LinkKind.EXPLICIT) for pair in pairs])
        profiles.close()

    def leftovers() -> str:
        files = path.parent.glob(f"{path.name}*")
        return "".join(file.read_bytes().decode("latin-1") for file in files)

    # The first writing makes it, and answers before that are no business of this suite.
    log.append([])
    yield Household(
        people=People(sessions), log=log, reader=reader,
        open_people=lambda: People(SqliteSessions(path)),
        open_log=lambda: SqliteEventLog(path), link=join, leftovers=leftovers,
        sessions=sessions,
    )  # fmt: skip
    reader.close()
    log.close()
    sessions.close()


class TestSqlitePeople(PeopleContract):
    """The contract holds for SQLite, whose files are searched byte by byte."""

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
    keys = [home.log._live._keys.identifier(one) for one in (ANNA, BEN)]  # type: ignore[attr-defined]  # SQLite's own
    home.log.pack(keys)  # type: ignore[attr-defined]  # as above
    assert home.reader.history([ANNA], event_count_max=1, permission=MAY)
    home.people.erase([ANNA], now=NOW)
    home.log.pack(keys)  # type: ignore[attr-defined]  # as above
    assert "secret" not in home.leftovers()
    assert len(home.reader.history([BEN], event_count_max=99, permission=MAY)) == 30
