"""The event log in SQLite: the contract, packing, several processes, and faults."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys import limits
from recsys.errors import StorageUnavailable
from recsys.events import EventLog, Outcome
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_schema import SCHEMA_VERSION
from recsys.storage.sqlite_writer import SqliteWriter
from storage.event_log_contract import NOW, EventLogContract, Store, event, items_of
from storage.history_contract import ANNA, BEN

WRITER = """
import sys
from pathlib import Path
sys.path[:0] = ["tests", "."]
from recsys.domain import Identifier
from recsys.storage.sqlite_events import SqliteEventLog
from storage.event_log_contract import event
log = SqliteEventLog(Path(sys.argv[1]))
number = 0
while True:
    names = [f"{sys.argv[2]}-{number + one}" for one in range(7)]
    log.append([event(name, items=[name]) for name in names])
    print(*names, flush=True)
    number += 7
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store that the first append makes."""
    log, reader = SqliteEventLog(path), SqliteHistory(path)

    def contents() -> list[str]:
        connection = sqlite3.connect(path)
        found = connection.execute("SELECT content FROM events ORDER BY seq").fetchall()
        connection.close()
        return [content for (content,) in found]

    def open_log() -> EventLog:
        return SqliteEventLog(path)

    yield Store(log, reader_after_first_event(reader, log), open_log, contents)
    reader.close()
    log.close()


def reader_after_first_event(reader: SqliteHistory, log: SqliteEventLog) -> SqliteHistory:
    """Return the reader of a store that is there."""
    log.append([])
    return reader


class TestSqliteEventLog(EventLogContract):
    """The contract holds for SQLite."""

    @pytest.fixture
    def store(self, store: Store) -> Store:
        """Readers ask for no packing here."""
        return store


class TestSqliteEventLogWithPacking(EventLogContract):
    """The contract holds when whatever waits is packed as soon as a reader asks for it."""

    @pytest.fixture
    def store(self, path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        """Pack at once, and at the first event."""
        monkeypatch.setattr(limits, "UNPACKED_EVENT_COUNT", 0)
        log = SqliteEventLog(path)
        reader = SqliteHistory(path, on_unpacked=lambda key: log.pack([key]))
        yield Store(store.log, reader, store.open_log, store.contents)
        reader.close()
        log.close()


def test_packing_changes_no_answer_and_is_asked_for_once(path: Path) -> None:
    """A reader says who waits; after packing nobody does."""
    asked: list[int] = []
    log, reader = SqliteEventLog(path), SqliteHistory(path, on_unpacked=asked.append)
    log.append(
        [event(f"e{number}", time=NOW - number, items=[f"i{number}"]) for number in range(30)]
    )
    before = reader.history([ANNA], event_count_max=200)
    assert len(asked) == 1
    log.pack(asked)
    after = reader.history([ANNA], event_count_max=200)
    assert (after.joined_ids, after.times) == (before.joined_ids, before.times)
    assert len(asked) == 1
    reader.close()
    log.close()


def test_an_import_can_be_written_to_and_is_then_never_replaced(path: Path) -> None:
    """Live events join what was imported, and an import refuses to lose them."""

    def fill() -> None:
        with SqliteWriter(path) as writer:
            writer.add_identifiers([(ANNA, ANNA), (BEN, ANNA)])
            writer.add_events([event("old", items=["old"], time=1.0)])

    fill()
    fill()
    log, reader = SqliteEventLog(path), SqliteHistory(path)
    assert log.append([event("old", items=["old"], time=1.0), event("new", items=["new"])]) == [
        Outcome.DUPLICATE, Outcome.WRITTEN,
    ]  # fmt: skip
    assert list(reader.history([BEN], event_count_max=9).item_ids) == ["new", "old"]
    log.close()
    reader.close()
    with pytest.raises(StorageUnavailable, match="import to another file"):
        fill()


def test_killed_writers_lose_nothing_that_they_acknowledged(path: Path) -> None:
    """Kill -9 at any moment; the others go on, and whole batches are there or not."""
    root = Path(__file__).resolve().parents[2]
    outputs = [path.with_name(f"acknowledged-{worker}") for worker in range(3)]
    running = []
    for worker, output in enumerate(outputs):
        with output.open("wb") as file:
            command = [sys.executable, "-c", WRITER, str(path), f"w{worker}"]
            running.append(subprocess.Popen(command, cwd=root, stdout=file))
    for process, output in zip(running, outputs, strict=True):
        deadline = time.monotonic() + 30
        while output.stat().st_size < 2_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    acknowledged = {
        name
        for output in outputs
        for line in output.read_text().splitlines(keepends=True)
        if line.endswith("\n")
        for name in line.split()
    }
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = {name for (name,) in connection.execute("SELECT event_id FROM events")}
    connection.close()
    assert acknowledged <= kept
    assert len(kept) % 7 == 0


def test_two_identifiers_of_one_key_are_never_mixed(path: Path, store: Store) -> None:
    """The second is refused, and nobody reads the history of the first under its name."""
    store.log.append([event("e1")])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE identifiers SET value = 'other'")
    connection.commit()
    connection.close()
    with pytest.raises(StorageUnavailable, match="NOT NULL"):
        store.log.append([event("e2")])
    assert items_of(store) == []
    assert len(store.contents()) == 1


def test_another_schema_version_is_left_alone(path: Path, store: Store) -> None:
    """A file of a later version is refused, saying both versions."""
    store.log.append([event("e1")])
    store.log.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StorageUnavailable, match=f"version is {SCHEMA_VERSION + 1}; this version"):
        store.log.append([event("e2")])
    assert len(store.contents()) == 1


def test_a_full_disk_refuses_the_batch_and_keeps_the_rest(store: Store) -> None:
    """Nothing of a refused batch is kept; with room again, the same batch is."""
    store.log.append([event("e1")])
    connection = store.log._live._connection  # type: ignore[attr-defined]  # SQLite's own limit
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    batch = [event(f"big-{number}", referrer="x" * 900) for number in range(300)]
    with pytest.raises(StorageUnavailable, match="full"):
        store.log.append(batch)
    assert len(store.contents()) == 1
    assert set(store.log.append(batch)) == {Outcome.WRITTEN}
    assert len(store.contents()) == 301


def test_a_damaged_store_is_unavailable_and_left_alone(path: Path) -> None:
    """What is no store is never written over."""
    path.write_bytes(b"no database at all" * 500)
    log = SqliteEventLog(path)
    with pytest.raises(StorageUnavailable):
        log.append([event("e1")])
    assert path.read_bytes() == b"no database at all" * 500
