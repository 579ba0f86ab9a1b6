"""Training from the live log: one moment of it, in either database, as from imported files."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import pytest
import typer
from mlflow import MlflowClient
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from recsys.bundle import verify_bundle
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.errors import InvalidData, StorageUnavailable
from recsys.events import Event, EventContent, EventLine, EventLog
from recsys.profiles import Export, ExportKind
from recsys.storage import log_snapshot
from recsys.storage.log_snapshot import open_snapshot
from recsys.storage.open_sessions import open_sessions
from recsys.storage.people import People
from recsys.storage.postgres_events import PostgresEventLog
from recsys.storage.postgres_pool import PostgresPool
from recsys.storage.postgres_schema import migrate
from recsys.storage.postgres_sessions import PostgresSessions
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_events import SqliteEventLog
from training import columns
from training.commands import registry, train
from training.dataset import Dataset
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME
from training.interactions import Events, read_events
from training.log_dataset import dataset_of_log
from training.simulate import simulate

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
END = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ANNA, BEN = Identifier("account", "anna"), Identifier("account", "ben")

runner = CliRunner()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A simulated shop, imported: files, and a store of the same events."""
    folder = tmp_path_factory.mktemp("shop")
    simulate(
        out=folder / "shop", user_count=150, item_count=120, seed=9, end_time=END, day_count=60
    )
    return import_events(source=folder / "shop", preset="generic", out=folder / "dataset", now=NOW)


def event(event_id: str, *items: str, who: Identifier | None = ANNA, session: str = "") -> Event:
    """Build a view."""
    content = EventContent(
        event_type=EventType.DETAIL_PAGE_VIEW,
        event_time=NOW.timestamp(),
        channel=Channel.WEB,
        identifiers=() if who is None else (who,),
        lines=tuple(EventLine(ItemId(item)) for item in items),
        session_id=session,
    )
    return Event.of(content, event_id=event_id, now=NOW.timestamp())


def copied_to_postgres(store: Path, url: str) -> str:
    """Copy a store, salt and all; return the address."""
    migrate(url)
    source = sqlite3.connect(store)
    with psycopg.connect(url) as target:
        for table in ("identifiers", "events", "links", "segments"):
            cursor = source.execute(f"SELECT * FROM {table} ORDER BY 1")
            names = ", ".join(column for column, *_ in cursor.description)
            marks = ", ".join(["%s"] * len(cursor.description))
            target.cursor().executemany(
                f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({marks})",
                cursor.fetchall(),
            )
        (salt,) = source.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()
        target.execute("UPDATE facts SET value = %s WHERE name = 'salt'", (salt,))
    source.close()
    return url


def check_same(one: Events, other: Events) -> None:
    """Compare what training sees, to the last bit."""
    for name in ("users", "items", "type_codes", "channel_codes", "stores", "times"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.user_count == other.user_count
    assert one.item_ids == other.item_ids
    assert one.store_ids == other.store_ids
    assert one.attributes is not None
    assert other.attributes is not None
    np.testing.assert_array_equal(one.attributes().indices, other.attributes().indices)


def test_the_log_of_an_import_teaches_what_its_files_teach(
    imported: Dataset, tmp_path: Path
) -> None:
    """People of several identifiers, nobody's receipts, items without events."""
    found = dataset_of_log(str(imported.folder / HISTORY_NAME), tmp_path / "log")
    for whole_catalogue in (False, True):
        check_same(
            read_events(found, whole_catalogue=whole_catalogue),
            read_events(imported, whole_catalogue=whole_catalogue),
        )
    assert found.events().collect_schema() == imported.events().collect_schema()
    # The catalogue keeps prices as people write them, to the billionth.
    assert_frame_equal(
        found.items().drop(columns.IMAGE_URL),
        imported.items().drop(columns.IMAGE_URL),
        abs_tol=1e-9,
    )


def test_postgres_teaches_what_sqlite_teaches(
    imported: Dataset, tmp_path: Path, postgres_url: str
) -> None:
    """The same events by the same names have the same fingerprint; items come from the files."""
    store = imported.folder / HISTORY_NAME
    url = copied_to_postgres(store, postgres_url)
    found = dataset_of_log(url, tmp_path / "postgres", catalogue=imported)
    other = dataset_of_log(str(store), tmp_path / "sqlite")
    check_same(
        read_events(found, whole_catalogue=True), read_events(imported, whole_catalogue=True)
    )
    assert found.info.snapshot == other.info.snapshot


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a storage that is not there yet."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "live.sqlite")


@pytest.fixture
def open_log(place: str, request: pytest.FixtureRequest) -> Callable[[], EventLog]:
    """Open the log as a server would."""

    def opened() -> EventLog:
        if place.startswith("postgresql://"):
            pool = PostgresPool(place)
            request.addfinalizer(pool.close)
            return PostgresEventLog(pool)
        log = SqliteEventLog(Path(place))
        request.addfinalizer(log.close)
        return log

    return opened


def test_a_snapshot_does_not_see_what_comes_while_it_is_read(
    place: str, open_log: Callable[[], EventLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither events nor people, however long it takes."""
    monkeypatch.setattr(log_snapshot, "_ROWS_AT_ONCE", 2)
    log = open_log()
    log.append([event(f"e{number}", f"i{number}") for number in range(5)])
    with open_snapshot(place) as snapshot:
        batches = snapshot.events()
        found = next(batches)
        log.append([event("late", "i9", who=BEN)])
        found += [one for batch in batches for one in batch]
        people = [row[2] for batch in snapshot.people() for row in batch]
    assert sorted(one.item_ids for one in found) == ["i0", "i1", "i2", "i3", "i4"]
    assert people == ["anna"]
    with open_snapshot(place) as snapshot:
        assert sum(len(batch) for batch in snapshot.events()) == 6


def test_a_live_log_says_who_belongs_together(
    place: str, open_log: Callable[[], EventLog], tmp_path: Path
) -> None:
    """Several lines of an event, nobody's visits, nobody's single events; searches are left out."""
    open_log().append(
        [
            event("a", "i1", "i2"),
            event("b", "i3", who=None, session="s1"),
            event("c", "i4", who=None, session="s1"),
            event("d", "i5", "i6", who=None),
            event("e", who=BEN),
            event("f", "i1", who=BEN),
        ]
    )
    dataset = dataset_of_log(place, tmp_path / "dataset")
    lines = dataset.events().collect()
    by_item: dict[str, list[str]] = {}
    for item, profile in lines.select(columns.ITEM_ID, columns.PROFILE_ID).iter_rows():
        by_item.setdefault(profile.partition(":")[0] + profile[-2:], []).append(item)
    found = sorted(map(sorted, by_item.values()))
    assert found == [["i1"], ["i1", "i2"], ["i3", "i4"], ["i5", "i6"]]
    assert dataset.items()[columns.ITEM_ID].to_list() == [f"i{number}" for number in range(1, 7)]
    snapshot = dataset.info.snapshot
    assert snapshot is not None
    assert (snapshot.event_count, snapshot.identifier_count) == (5, 2)
    # One of the six has no item, and a database may number those of one commit in any order.
    assert snapshot.last_seq in {5, 6}
    export = Export(kind=ExportKind.SNAPSHOT, place="lab:/again", time=NOW.timestamp())
    again = dataset_of_log(place, tmp_path / "again", export=export)
    assert again.info.fingerprint == dataset.info.fingerprint
    open_log().append([event("g", "i1")])
    more = dataset_of_log(place, tmp_path / "more")
    assert more.info.fingerprint != dataset.info.fingerprint
    with open_sessions(place) as sessions:
        # What is not kept is gone, and nobody has to know of it.
        erasure = People(sessions).erase([BEN], now=NOW.timestamp())
    assert erasure.exports == (export,)


def test_an_empty_log_is_refused(
    place: str, open_log: Callable[[], EventLog], tmp_path: Path
) -> None:
    """Nothing is left behind."""
    open_log().append([event("search")])
    with pytest.raises(InvalidData, match="no event in the log has an item"):
        dataset_of_log(place, tmp_path / "out" / "dataset")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("content", [None, b"no database at all"])
def test_what_is_no_store_is_unavailable(content: bytes | None, tmp_path: Path) -> None:
    """A missing file is not made."""
    path = tmp_path / "store.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageUnavailable), open_snapshot(str(path)):
        pass
    assert path.exists() == (content is not None)


def test_a_database_that_is_away_is_unavailable() -> None:
    """The error names the database and no password."""
    url = "postgresql://anna:secret@127.0.0.1:9/shop"
    with pytest.raises(StorageUnavailable) as caught, open_snapshot(url):
        pass
    assert "postgresql://127.0.0.1/shop" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_train_learns_from_a_live_log_and_says_from_which_moment(
    imported: Dataset, mlflow_uri: str, tmp_path: Path
) -> None:
    """`recsys train --store` leaves a model, and the snapshot as its lineage."""
    app = typer.Typer()
    train.register(app)
    registry.register(app)
    settings = tmp_path / "model.toml"
    settings.write_text('[model]\ntype = "bm25"\n')
    store = imported.folder / HISTORY_NAME
    bundles = tmp_path / "bundles"
    result = runner.invoke(
        app,
        ["train", "--store", f"sqlite:///{store}", "--config", str(settings),
         "--bundle-store", str(bundles), "--tracking-uri", mlflow_uri,
         "--experiment", "live", "--model-name", "live"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (folder,) = bundles.glob("2*")
    manifest = verify_bundle(folder).manifest
    run = MlflowClient(mlflow_uri).get_run(manifest.lineage["run_id"])
    with open_snapshot(str(store)) as snapshot:
        events = [one for batch in snapshot.events() for one in batch]
    assert run.data.tags["snapshot_source"] == str(store)
    assert run.data.tags["snapshot_last_seq"] == str(events[-1].seq)
    assert run.data.tags["snapshot_event_count"] == str(len(events))
    assert run.data.tags["snapshot_fingerprint"] == manifest.data_fingerprint
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.name == store.name
    assert logged.dataset.digest == manifest.data_fingerprint[:36]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_whoever_does_not_allow_it_is_not_learned_from(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nor anybody of whom one identifier refuses, nor the erased; what is said decides first."""
    if kind == "sqlite":
        place = str(tmp_path / "store.sqlite")
        log, people = SqliteEventLog(Path(place)), People(SqliteSessions(Path(place)))
    else:
        place = request.getfixturevalue("postgres_url")
        pool = PostgresPool(place)
        request.addfinalizer(pool.close)
        log, people = PostgresEventLog(pool), People(PostgresSessions(pool))
    names = ("granted", "refused", "silent", "erased")
    log.append(
        [event(name, f"item-{name}", who=Identifier("account", name)) for name in names]
        + [event("nobody", "item-nobody", who=None)]
    )

    tablet = Identifier("visitor", "tablet")
    log.append(
        [
            Event.of(
                EventContent(
                    event_type=EventType.DETAIL_PAGE_VIEW, event_time=NOW.timestamp() - ago,
                    identifiers=(Identifier("account", name), tablet),
                    lines=(EventLine(ItemId(f"item-{name}")),),
                ),
                event_id=name, now=NOW.timestamp(),
            )
            for name, ago in (("had the tablet", 9.0), ("has the tablet", 5.0))
        ]
    )  # fmt: skip

    def say(who: Identifier, status: ConsentStatus) -> None:
        said = Consent(purpose=Purpose.TRAINING, status=status, time=0.0)
        people.record_consents([who], [said], now=NOW.timestamp())

    say(Identifier("account", "granted"), ConsentStatus.GRANTED)
    say(Identifier("account", "refused"), ConsentStatus.WITHDRAWN)
    say(tablet, ConsentStatus.DENIED)
    people.erase([Identifier("account", "erased")], now=NOW.timestamp())

    def learned(*, by_default: bool) -> set[str]:
        found = dataset_of_log(place, tmp_path / f"{by_default}", learns_by_default=by_default)
        return {item.removeprefix("item-") for item in found.events().collect()["item_id"]}

    assert learned(by_default=True) == {"granted", "silent", "nobody"}
    assert learned(by_default=False) == {"granted", "nobody"}
