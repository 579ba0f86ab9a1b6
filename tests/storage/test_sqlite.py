"""The SQLite storage: the contract, faults, and readers that follow a new import."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest

from recsys.domain import Identifier
from recsys.errors import StorageUnavailable
from recsys.events import History, HistoryReader, Outcome
from recsys.storage.packed import pack_lines
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_lock import store_lock
from recsys.storage.sqlite_migrations import make_current
from recsys.storage.sqlite_schema import SCHEMA_VERSION
from recsys.storage.sqlite_writer import SqliteWriter, read_fact
from storage.history_contract import (
    ANNA,
    BEN,
    Contents,
    HistoryContract,
    Load,
    line,
    line_event,
)
from support.processes import WAIT_SECONDS

ONE_LINE = Contents({ANNA: "p1"}, {"p1": [line(1.0, "old")]})
UPDATE = "UPDATE history SET item_ids = ?, codes = ?, event_times = ?"
LIVE = pack_lines(History("old\x1flive", b"\x01\x01", b"\x01\x01", np.array([1.0, 9.0]).tobytes()))
TWO_LINES = Contents({ANNA: "p1"}, {"p1": [line(1.0, "new"), line(2.0, "newer")]})


def fill(path: Path, contents: Contents) -> None:
    """Write a storage file; what a profile did belongs to its first identifier."""
    heads: dict[str, Identifier] = {}
    for who, profile in contents.links.items():
        heads.setdefault(profile, who)
    with SqliteWriter(path) as writer:
        writer.add_identifiers((who, heads[profile]) for who, profile in contents.links.items())
        for profile, lines in contents.lines.items():
            writer.add_events(
                line_event(heads[profile], one, event_id=f"{profile}/{number}")
                for number, one in enumerate(lines)
            )


def items_of(reader: HistoryReader) -> list[str]:
    """Ask for Anna."""
    return list(reader.history([ANNA], event_count_max=10).item_ids)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the storage lies."""
    return tmp_path / "history.sqlite"


@pytest.fixture
def reader(path: Path) -> Iterator[SqliteHistory]:
    """A reader of a file that need not be there yet."""
    history = SqliteHistory(path)
    yield history
    history.close()


class TestSqliteHistory(HistoryContract):
    """The contract holds for SQLite files."""

    @pytest.fixture
    def load(self, path: Path, reader: SqliteHistory) -> Load:
        """Write a file."""

        def load(contents: Contents) -> HistoryReader:
            fill(path, contents)
            return reader

        return load


def test_a_missing_file_is_unavailable_until_it_comes(path: Path, reader: SqliteHistory) -> None:
    """The reader recovers by itself."""
    with pytest.raises(StorageUnavailable, match="does not exist"):
        items_of(reader)
    fill(path, ONE_LINE)
    assert items_of(reader) == ["old"]
    path.unlink()
    time.sleep(0.011)
    with pytest.raises(StorageUnavailable, match="does not exist"):
        items_of(reader)


def test_a_missing_file_is_not_created_by_reading(path: Path, reader: SqliteHistory) -> None:
    """A wrong path must not leave an empty database behind."""
    with pytest.raises(StorageUnavailable):
        items_of(reader)
    assert not path.exists()


def test_a_new_import_is_seen_at_once(path: Path, reader: SqliteHistory) -> None:
    """A replaced file is noticed without a restart, and the old one is whole until then."""
    fill(path, ONE_LINE)
    assert items_of(reader) == ["old"]
    fill(path, TWO_LINES)
    assert items_of(reader) in (["old"], ["newer", "new"])
    time.sleep(0.011)
    assert items_of(reader) == ["newer", "new"]


@pytest.mark.parametrize(
    "content", [b"", b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5_000]
)
def test_a_damaged_file_is_unavailable_until_it_is_replaced(
    path: Path, reader: SqliteHistory, content: bytes
) -> None:
    """Damage is reported, not answered from, and healed by the next import."""
    path.write_bytes(content)
    with pytest.raises(StorageUnavailable):
        items_of(reader)
    fill(path, ONE_LINE)
    assert items_of(reader) == ["old"]


def test_a_truncated_file_is_unavailable(path: Path, reader: SqliteHistory) -> None:
    """Half a copy is not half an answer."""
    many = Contents({ANNA: "p1"}, {"p1": [line(float(t), "x" * 100) for t in range(2_000)]})
    fill(path, many)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)
    with pytest.raises(StorageUnavailable):
        reader.history([ANNA], event_count_max=2_000)


def test_another_schema_version_is_named(path: Path, reader: SqliteHistory) -> None:
    """A file of a later version is refused, saying both versions."""
    fill(path, ONE_LINE)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StorageUnavailable, match=f"version is {SCHEMA_VERSION + 1}; this version"):
        items_of(reader)


def test_a_reader_of_a_store_in_the_making_waits_for_it(path: Path, reader: SqliteHistory) -> None:
    """An empty file is no store, but whoever holds the lock may be about to fill it."""
    path.touch()
    with pytest.raises(StorageUnavailable, match="version is 0"):
        items_of(reader)
    with ThreadPoolExecutor(1) as pool:
        with store_lock(path):
            read = pool.submit(items_of, reader)
            assert not wait([read], timeout=0.1).done
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("BEGIN")
            make_current(connection, None, storage="a new store")
            connection.execute("COMMIT")
            connection.close()
        assert read.result(timeout=WAIT_SECONDS) == []


def test_a_locked_file_is_unavailable_until_it_is_free(path: Path, reader: SqliteHistory) -> None:
    """A lock costs a fraction of a second and an error, never a hang."""
    fill(path, ONE_LINE)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageUnavailable, match="locked"):
        items_of(reader)
    other.execute("ROLLBACK")
    other.close()
    assert items_of(reader) == ["old"]


def test_a_file_in_wal_mode_can_be_read_while_it_is_written(
    path: Path, reader: SqliteHistory
) -> None:
    """A writer of live events may use WAL without the readers knowing."""
    fill(path, ONE_LINE)
    writer = sqlite3.connect(path, isolation_level=None)
    assert writer.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(UPDATE, LIVE)
    assert items_of(reader) == ["old"]
    writer.execute("COMMIT")
    assert items_of(reader) == ["live", "old"]
    writer.close()


def test_columns_that_do_not_belong_together_are_unavailable(
    path: Path, reader: SqliteHistory
) -> None:
    """What another program has broken is reported, not answered from."""
    fill(path, TWO_LINES)
    connection = sqlite3.connect(path)
    for column, value in (("item_ids", "a"), ("codes", b"12345"), ("event_times", 7)):
        connection.execute(UPDATE, LIVE)
        connection.execute(f"UPDATE history SET {column} = ?", (value,))
        connection.commit()
        with pytest.raises(StorageUnavailable):
            items_of(reader)
    connection.execute(UPDATE, LIVE)
    connection.commit()
    connection.close()
    assert items_of(reader) == ["live", "old"]


def test_events_of_one_person_may_come_in_several_calls(path: Path, reader: SqliteHistory) -> None:
    """An import hands rows over in slices that know nothing of people."""
    events = [
        line_event(who, line(time, item), event_id=item)
        for who, time, item in (
            (ANNA, 1.0, "first"), (ANNA, 2.0, "second"), (ANNA, 3.0, "third"), (BEN, 4.0, "his"),
        )
    ]  # fmt: skip
    with SqliteWriter(path) as writer:
        writer.add_identifiers([(ANNA, ANNA), (BEN, BEN)])
        writer.add_events(events[:2])
        writer.add_events(events[2:])
    assert items_of(reader) == ["third", "second", "first"]


def test_an_identifier_that_comes_back_is_refused(path: Path) -> None:
    """Half a history must not pass for a whole one."""
    events = [
        line_event(who, line(1.0), event_id=str(number))
        for number, who in enumerate((ANNA, BEN, ANNA))
    ]
    with pytest.raises(StorageUnavailable), SqliteWriter(path) as writer:
        writer.add_events(events)
    assert not path.exists()


def test_events_of_one_id_and_several_people_are_all_kept(path: Path) -> None:
    """What a source has named twice is told apart, so that nothing is lost."""
    with SqliteWriter(path) as writer:
        writer.add_identifiers([(ANNA, ANNA), (BEN, BEN)])
        writer.add_events(line_event(who, line(1.0), event_id="same") for who in (ANNA, BEN))
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT event_id FROM events ORDER BY seq").fetchall()
    connection.close()
    assert found == [("same",), ("same#2",)]
    log = SqliteEventLog(path)
    again = [line_event(ANNA, line(1.0), event_id=name) for name in ("same", "same#2")]
    assert log.append(again[:1]) == [Outcome.DUPLICATE]
    assert log.append(again[1:]) == [Outcome.CONFLICT]
    log.close()


def test_what_cannot_be_packed_is_refused(path: Path) -> None:
    """An id with the separator in it would come back as two."""
    wrong = line_event(ANNA, line(1.0, "i\x1f1"), event_id="e")
    with pytest.raises(ValueError, match=r"U\+001F"), SqliteWriter(path) as writer:
        writer.add_events([wrong])
    assert not path.exists()


def test_a_read_only_folder_is_enough_to_read(path: Path, reader: SqliteHistory) -> None:
    """The imported file needs no side files."""
    fill(path, ONE_LINE)
    path.parent.chmod(0o555)
    try:
        assert items_of(reader) == ["old"]
        assert [found.name for found in path.parent.iterdir()] == [path.name]
    finally:
        path.parent.chmod(0o755)


def test_several_processes_read_one_file(path: Path) -> None:
    """Readers in other processes get the same answer at the same time."""
    fill(path, TWO_LINES)
    code = (
        "import sys; from pathlib import Path; from recsys.domain import Identifier;"
        "from recsys.storage.sqlite import SqliteHistory;"
        "reader = SqliteHistory(Path(sys.argv[1]));"
        "ids = [list(reader.history([Identifier('account', 'anna')], event_count_max=9).item_ids)"
        " for _ in range(200)];"
        "print(all(found == ['newer', 'new'] for found in ids))"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(path)]
    running = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["True"] * 3


def test_replacing_under_load_never_shows_half_a_file(path: Path, reader: SqliteHistory) -> None:
    """While imports replace the file again and again, every answer is one or the other."""
    fill(path, ONE_LINE)

    def ask(_: int) -> list[list[str]]:
        return [items_of(reader) for _ in range(60)]

    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = [pool.submit(ask, worker) for worker in range(4)]
        for round_ in range(10):
            fill(path, TWO_LINES if round_ % 2 else ONE_LINE)
        seen = [answer for future in answers for answer in future.result(timeout=60)]
    assert all(answer in (["old"], ["newer", "new"]) for answer in seen)


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(path: Path) -> None:
    """The rename is the last thing that happens."""
    fill(path, ONE_LINE)
    before = path.read_bytes()
    with pytest.raises(StorageUnavailable), SqliteWriter(path) as writer:
        writer.add_identifiers([(ANNA, ANNA), (ANNA, BEN)])
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_interrupting_a_write_keeps_the_old_file(path: Path) -> None:
    """Ctrl-C counts as failure."""
    fill(path, ONE_LINE)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), SqliteWriter(path):
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """The error is ours, with the path."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable), SqliteWriter(tmp_path / "file" / "history.sqlite"):
        pass


def test_a_file_that_is_being_written_is_not_replaced(path: Path, reader: SqliteHistory) -> None:
    """A new file under an old write-ahead log would be damaged by it."""
    fill(path, ONE_LINE)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute(UPDATE, LIVE)
    with pytest.raises(StorageUnavailable, match="is being written"):
        fill(path, TWO_LINES)
    assert items_of(reader) == ["live", "old"]
    reader.close()
    writer.close()
    fill(path, TWO_LINES)
    assert items_of(reader) == ["newer", "new"]


def test_facts_can_be_read_back(path: Path) -> None:
    """Facts tell which import a file belongs to; no file has no facts."""
    assert read_fact(path, "colour") is None
    with SqliteWriter(path) as writer:
        writer.add_facts([("colour", "blue")])
    assert read_fact(path, "colour") == "blue"
    assert read_fact(path, "size") is None
    path.write_bytes(b"damaged")
    assert read_fact(path, "colour") is None
