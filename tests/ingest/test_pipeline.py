"""Imports as a whole: all or nothing, again and again, damaged files, the whole way."""

import contextlib
import datetime as dt
import gzip
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.conftest import GOOD, NOW, Import, WriteRows, reasons
from recsys.domain import Identifier
from recsys.errors import InvalidData, StorageUnavailable
from recsys.storage.sqlite import SqliteHistory
from training import columns
from training.dataset import Dataset
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME
from training.ingest.report import EXAMPLE_COUNT_MAX, read_report
from training.simulate import simulate

BAD = {**GOOD, "event_type": "x"}


def names(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated shop."""
    out = tmp_path_factory.mktemp("shop") / "shop"
    simulate(
        out=out,
        user_count=300,
        item_count=160,
        seed=5,
        end_time=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        day_count=91,
    )
    return out


def test_a_simulated_shop_becomes_a_dataset(shop: Path, run: Import) -> None:
    """Everything the dataset promises is there, and nothing but repeated lines is lost."""
    dataset, report = run(shop)
    assert set(reasons(report)) == {"duplicate"}
    assert names(dataset.folder) == [
        "dataset.json", "events", HISTORY_NAME, "items.parquet", "links.parquet",
        "rejects.parquet", "report.json", "stores.parquet",
    ]  # fmt: skip
    events = dataset.events().collect()
    assert events.schema == pl.Schema(columns.RESOLVED_EVENTS)
    assert events[columns.PROFILE_ID].null_count() == 0
    assert events.height == dataset.info.event_count == report.rows_kept
    assert dataset.items().height == dataset.info.item_count == 160
    assert report.identity.joined["loyalty_card"] > 0
    assert report.identity.joined["visitor"] > 0
    assert report.identity.ambiguous["visitor"] > 0


def test_joined_channels_name_the_right_person(shop: Path, run: Import) -> None:
    """Cards and browsers that lead to an account lead to that of their planted holder."""
    dataset, report = run(shop)
    truth = pl.read_parquet(shop / "tastes.parquet")
    links = dataset.links().collect()
    cards = links.filter(
        pl.col("namespace") == "loyalty_card", pl.col("profile_id").str.starts_with("account:")
    )
    joined = cards.join(truth, left_on="value", right_on="loyalty_card")
    assert joined.height == report.identity.joined["loyalty_card"]
    assert (joined["profile_id"] == "account:" + joined["user_id"]).all()


def test_histories_for_serving_agree_with_the_events(shop: Path, run: Import) -> None:
    """Every person's newest lines are in the storage, in order, under all their names."""
    dataset, _ = run(shop)
    reader = SqliteHistory(dataset.folder / HISTORY_NAME)
    events = dataset.events().filter(pl.col("item_id").is_not_null()).collect()
    links = dataset.links().collect().sample(60, seed=1)
    for namespace, value, profile in links.iter_rows():
        theirs = events.filter(pl.col("profile_id") == profile).sort("event_time")
        found = reader.history([Identifier(namespace, value)], event_count_max=20)
        newest = theirs.tail(20)
        assert len(found) == newest.height
        times = newest["event_time"].dt.epoch("us").reverse() / 1e6
        assert found.event_times.tolist() == times.to_list()
        assert Counter(found.item_ids) <= Counter(theirs["item_id"])
    reader.close()


def test_the_same_import_again_does_nothing(shop: Path, run: Import) -> None:
    """Equal input and mapping are recognised by content, and quickly."""
    first, _ = run(shop)
    before = (first.folder / "items.parquet").stat().st_mtime_ns
    second, _ = run(shop)
    assert (second.folder / "items.parquet").stat().st_mtime_ns == before
    assert second.info == first.info


def test_equal_imports_write_equal_data(shop: Path, tmp_path: Path) -> None:
    """Two imports of one source agree in every byte of data, but for the storage's salted keys."""
    folders = [tmp_path / name for name in "ab"]
    for out in folders:
        import_events(source=shop, preset="generic", out=out, now=NOW)
    for name in ("items.parquet", "links.parquet", "events/part-00000.parquet"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    histories = [all_histories(Dataset.open(folder)) for folder in folders]
    assert histories[0] == histories[1]


def test_a_lost_history_is_written_again(shop: Path, run: Import) -> None:
    """The same import is not taken for done when its storage is gone."""
    dataset, _ = run(shop)
    (dataset.folder / HISTORY_NAME).unlink()
    run(shop)
    assert (dataset.folder / HISTORY_NAME).is_file()


def test_the_history_can_lie_elsewhere(write_rows: WriteRows, tmp_path: Path) -> None:
    """--history-db names the file that serving reads."""
    elsewhere = tmp_path / "serving" / "people.sqlite"
    out = tmp_path / "dataset"
    import_events(
        source=write_rows([GOOD]), preset="generic", out=out, now=NOW, history_path=elsewhere
    )
    assert not (out / HISTORY_NAME).exists()
    found = SqliteHistory(elsewhere).history([Identifier("account", "anna")], event_count_max=9)
    assert list(found.item_ids) == ["i1"]


def test_a_changed_source_replaces_the_dataset(write_rows: WriteRows, run: Import) -> None:
    """New content gives a new fingerprint and a new dataset."""
    first, _ = run(write_rows([GOOD]))
    second, _ = run(write_rows([GOOD, {**GOOD, "event_id": "e2"}]))
    assert second.info.fingerprint != first.info.fingerprint
    assert Dataset.open(second.folder).info.event_count == 2


def test_strict_refuses_a_single_bad_row_and_leaves_nothing(
    write_rows: WriteRows, run: Import, tmp_path: Path
) -> None:
    """With the counts by reason in the error."""
    source = write_rows([GOOD, BAD])
    with pytest.raises(InvalidData, match=r"1 of 2 rows rejected \(unknown-event-type 1\)"):
        run(source, strict=True)
    assert names(tmp_path) == ["source"]


def test_strict_is_not_satisfied_by_an_earlier_lenient_import(
    write_rows: WriteRows, run: Import
) -> None:
    """The dataset of the lenient import stays."""
    source = write_rows([GOOD, BAD])
    dataset, _ = run(source)
    with pytest.raises(InvalidData, match="--strict"):
        run(source, strict=True)
    assert Dataset.open(dataset.folder).info == dataset.info


def test_strict_accepts_a_clean_source(write_rows: WriteRows, run: Import) -> None:
    """Nothing rejected, nothing to complain about."""
    assert run(write_rows([GOOD]), strict=True)[0].info.event_count == 1


def test_examples_and_kept_rejects_are_bounded(
    write_rows: WriteRows, run: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts are exact; rows beyond the bound are only counted."""
    monkeypatch.setattr("training.ingest.report.REJECT_COUNT_MAX", 7)
    rows = [{**BAD, "event_id": f"e{number}"} for number in range(20)]
    dataset, report = run(write_rows([GOOD, *rows, {**GOOD, "event_id": "z", "quantity": "0"}]))
    assert reasons(report) == {"unknown-event-type": 20, "quantity-not-positive": 1}
    assert [len(part.examples) for part in report.rejected] == [EXAMPLE_COUNT_MAX, 1]
    assert pl.read_parquet(dataset.folder / "rejects.parquet").height == 7


def test_broken_lines_are_bounded_and_counted_too(
    tmp_path: Path, run: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share the room with other rejects; each is cheap, for a file can be full of them."""
    monkeypatch.setattr("training.ingest.report.REJECT_COUNT_MAX", 7)
    source = tmp_path / "events.csv"
    lines = ["event_type,event_time,user_id,item_id", "purchase-complete,2026-01-01,anna,i1"]
    source.write_text("\n".join([*lines, *(f"a,{number}" for number in range(20)), "x,,b,c"]))
    dataset, report = run(source)
    assert reasons(report) == {"malformed-row": 20, "unknown-event-type": 1}
    assert [len(part.examples) for part in report.rejected] == [EXAMPLE_COUNT_MAX, 1]
    kept = pl.read_parquet(dataset.folder / "rejects.parquet")
    assert kept["record"].to_list() == [f"a,{number}" for number in range(7)]


def test_compressed_files_are_read_as_plain_ones(
    write_rows: WriteRows, tmp_path: Path, run: Import
) -> None:
    """Whoever sends .csv.gz need not unpack it, and one that was cut short is named."""
    plain = write_rows([{**GOOD, "user_id": name} for name in ("anna", "ben")])
    expected = run(plain)[0].events().collect()
    packed = tmp_path / "packed"
    packed.mkdir()
    content = gzip.compress((plain / "events.csv").read_bytes())
    (packed / "events.csv.gz").write_bytes(content)
    assert_frame_equal(run(packed)[0].events().collect(), expected)
    assert_frame_equal(run(packed / "events.csv.gz")[0].events().collect(), expected)
    (packed / "events.csv.gz").write_bytes(content[:-20])
    with pytest.raises(InvalidData, match=r"events\.csv\.gz: cannot be read"):
        run(packed)


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz", "events.parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"PAR1\x00\x01\x02PAR1", os.urandom(4_096)], ids=["empty", "stub", "noise"]
)
def test_a_file_of_another_kind_is_named(
    tmp_path: Path, run: Import, name: str, content: bytes
) -> None:
    """Neither a crash nor an empty dataset."""
    source = tmp_path / "source"
    source.mkdir()
    (source / name).write_bytes(content)
    with pytest.raises(InvalidData, match=name):
        run(source)
    assert names(tmp_path) == ["source"]


def test_a_damaged_parquet_file_is_named(shop: Path, tmp_path: Path, run: Import) -> None:
    """Damage in the middle is found while reading, and nothing is left behind."""
    source = tmp_path / "source"
    source.mkdir()
    content = bytearray((shop / "events" / "part-00000.parquet").read_bytes())
    middle = len(content) // 3
    content[middle : middle + 20_000] = b"\x00" * 20_000
    (source / "events.parquet").write_bytes(content)
    with pytest.raises(InvalidData, match=r"events\.parquet"):
        run(source)
    (source / "events.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidData, match=r"events\.parquet"):
        run(source)
    assert names(tmp_path) == ["source"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("event_type,event_time,user_id,item_id,item_id", "has 2 columns 'item_id'"),
        ("event_type;event_time", "has no column 'event_type'; it has event_type;event_time$"),
        (",".join(f"c{number}" for number in range(50)), "c28, c29 and 20 more$"),
        ("\x1b[31mred,\x00", r"it has \?\[31mred, \?$"),
    ],
)
def test_wrong_columns_are_named_readably(
    tmp_path: Path, run: Import, header: str, problem: str
) -> None:
    """Whatever is in the file, the message fits a terminal."""
    source = tmp_path / "events.csv"
    source.write_text(f"{header}\n{','.join('x' * (header.count(',') + 1))}\n")
    with pytest.raises(InvalidData, match=problem):
        run(source)


def test_a_repeated_column_that_nobody_reads_is_fine(tmp_path: Path, run: Import) -> None:
    """Only what the preset maps must be unambiguous."""
    source = tmp_path / "events.csv"
    source.write_text(
        "event_type,event_time,user_id,item_id,x,x\npurchase-complete,2026-01-01,u,i,1,2\n"
    )
    assert run(source)[0].info.event_count == 1


def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path, run: Import) -> None:
    """A pipe cannot be read twice."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InvalidData, match="neither a file nor a folder"):
        run(tmp_path / "pipe.csv")


def test_a_column_of_an_impossible_type_is_named(tmp_path: Path, run: Import) -> None:
    """Typed files can hold what no mapping fits."""
    source = tmp_path / "events.parquet"
    pl.DataFrame({"event_type": [["a"]], "event_time": [[1]]}).write_parquet(source)
    with pytest.raises(InvalidData, match=r"events\.parquet"):
        run(source)


def test_interrupting_keeps_the_old_dataset_and_leaves_nothing(
    write_rows: WriteRows, run: Import, tmp_path: Path
) -> None:
    """Ctrl-C at any step is as if nothing had been tried."""
    dataset, _ = run(write_rows([GOOD]))
    source = write_rows([GOOD, {**GOOD, "event_id": "e2"}])
    before = names(tmp_path)
    steps: list[str] = []
    last_step = 5

    def interrupt(step: str, _share: float) -> None:
        steps.append(step)
        if len(steps) == last_step:
            raise KeyboardInterrupt

    for last_step in range(1, 6):
        steps.clear()
        with pytest.raises(KeyboardInterrupt):
            import_events(
                source=source, preset="generic", out=dataset.folder, now=NOW, progress=interrupt
            )
        assert len(steps) == last_step
        assert names(tmp_path) == before
        assert Dataset.open(dataset.folder).info == dataset.info


def test_what_a_killed_import_left_is_cleared_by_the_next(
    shop: Path, run: Import, tmp_path: Path
) -> None:
    """SIGKILL leaves only hidden scratch, which does not stay."""
    code = (
        "import sys, time, datetime as dt; from pathlib import Path;"
        "from training.ingest import import_events;"
        "import_events(source=Path(sys.argv[1]), preset='generic', out=Path(sys.argv[2]),"
        " now=dt.datetime(2026, 11, 21, tzinfo=dt.UTC),"
        " progress=lambda *_: (print('step', flush=True), time.sleep(60)))"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(shop), str(tmp_path / "dataset")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert [name.startswith(".dataset.part-") for name in names(tmp_path)] == [True]
    run(shop)
    assert names(tmp_path) == ["dataset"]


def test_a_folder_with_other_files_is_not_replaced(write_rows: WriteRows, tmp_path: Path) -> None:
    """A wrong --out costs nobody their files."""
    source = write_rows([GOOD])
    with pytest.raises(InvalidData, match="holds other files"):
        import_events(source=source, preset="generic", out=source, now=NOW)
    assert names(source) == ["events.csv"]
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InvalidData, match="is a file"):
        import_events(source=source, preset="generic", out=file, now=NOW)


def test_a_storage_that_cannot_be_written_fails_the_import(
    write_rows: WriteRows, tmp_path: Path
) -> None:
    """And no dataset claims to be served."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        import_events(
            source=write_rows([GOOD]),
            preset="generic",
            out=tmp_path / "dataset",
            now=NOW,
            history_path=tmp_path / "file" / "history.sqlite",
        )
    assert names(tmp_path) == ["file", "source"]


@pytest.mark.parametrize("step", ["simulate", "import"])
def test_a_full_disk_fails_cleanly(shop: Path, tmp_path: Path, step: str) -> None:
    """Files that cannot grow stand for a full disk: our own error, and nothing left."""
    code = (
        "import sys, resource, datetime as dt; from pathlib import Path;"
        "from training.ingest import import_events; from training.simulate import simulate;"
        "from recsys.errors import StorageUnavailable;"
        "now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "out = Path(sys.argv[2]);\n"
        "try:\n"
        "    if sys.argv[3] == 'import':\n"
        "        import_events(source=Path(sys.argv[1]), preset='generic', out=out, now=now)\n"
        "    else:\n"
        "        simulate(out=out, user_count=300, item_count=160, seed=1, end_time=now)\n"
        "except StorageUnavailable as error:\n"
        "    print(error)\n"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(shop), str(tmp_path / "out"), step]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    assert "File too large" in told.stdout, told.stderr
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(write_rows: WriteRows, tmp_path: Path) -> None:
    """The error is ours, with the path."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="file"):
        import_events(
            source=write_rows([GOOD]), preset="generic", out=tmp_path / "file" / "x", now=NOW
        )


def test_many_small_batches_give_what_one_large_one_gives(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch and bucket sizes bound memory and change nothing else."""
    whole = import_events(source=shop, preset="generic", out=tmp_path / "a", now=NOW)
    monkeypatch.setattr("training.ingest.read.BATCH_ROW_COUNT", 700)
    monkeypatch.setattr("training.ingest.history._LINES_PER_BUCKET", 900)
    monkeypatch.setattr("training.ingest.items._OPEN_ROWS_MAX", 20)
    pieces = import_events(source=shop, preset="generic", out=tmp_path / "b", now=NOW)
    assert pieces.info == whole.info
    assert pieces.events().collect().equals(whole.events().collect())
    for name in ("items.parquet", "links.parquet"):
        assert (pieces.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert all_histories(pieces) == all_histories(whole)
    assert names(pieces.folder) == names(whole.folder)


def all_histories(dataset: Dataset) -> list[tuple[object, ...]]:
    """List what the storage knows of everybody; its inner keys are its own affair."""
    with contextlib.closing(sqlite3.connect(dataset.folder / HISTORY_NAME)) as connection:
        return connection.execute(
            "SELECT namespace, value, item_ids, codes, event_times FROM identifiers "
            "LEFT JOIN history USING (identifier_key) ORDER BY namespace, value"
        ).fetchall()


def test_the_first_of_repeated_rows_stays_wherever_the_others_are(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a batch, in later batches, in another order: equal to looking at row by row."""
    monkeypatch.setattr("training.ingest.read.BATCH_ROW_COUNT", 7)
    rng = random.Random(1)
    rows = [
        {**GOOD, "event_id": f"e{rng.randrange(40)}", "item_id": f"i{rng.randrange(3)}"}
        | {"quantity": str(number + 1)}
        for number in range(200)
    ]
    source = write_rows(rows).parent / "rows.parquet"
    pl.DataFrame(rows).write_parquet(source)
    dataset = import_events(source=source, preset="generic", out=tmp_path / "d", now=NOW)
    firsts = {(row["event_id"], row["item_id"]): row for row in reversed(rows)}
    expected = sorted((float(row["quantity"]), *key) for key, row in firsts.items())
    kept = dataset.events().select("quantity", "event_id", "item_id").collect()
    assert kept.rows() == expected
    report = read_report(dataset.folder)
    assert report is not None
    assert reasons(report) == {"duplicate": 200 - len(expected)}


def test_no_more_than_two_hundred_lines_of_a_person_are_kept_for_serving(
    write_rows: WriteRows, run: Import
) -> None:
    """The newest, as the bound of histories says."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    rows = [
        {
            **GOOD,
            "event_id": f"e{number}",
            "item_id": f"i{number}",
            "event_time": (start + dt.timedelta(hours=number)).isoformat(),
        }
        for number in range(230)
    ]
    dataset, _ = run(write_rows(rows))
    reader = SqliteHistory(dataset.folder / HISTORY_NAME)
    found = reader.history([Identifier("account", "anna")], event_count_max=1_000)
    assert list(found.item_ids) == [f"i{number}" for number in range(229, 29, -1)]


def test_an_import_takes_seconds_for_a_demo(shop: Path, tmp_path: Path) -> None:
    """Not a benchmark: a guard against something going quadratic."""
    began = time.monotonic()
    import_events(source=shop, preset="generic", out=tmp_path / "a", now=NOW)
    assert time.monotonic() - began < 30
