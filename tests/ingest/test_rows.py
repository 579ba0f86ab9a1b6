"""Row by row: what is rejected and why, what is understood, what is kept."""

import datetime as dt
import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from ingest.conftest import GOOD, Import, WriteRows, reasons
from recsys.errors import InvalidData
from training import columns
from training.ingest.checks import Reason

OTHER = {"event_id": "other", "user_id": "ben"}

REJECTED = [
    ({"event_type": ""}, Reason.MISSING_EVENT_TYPE),
    ({"event_type": "bought"}, Reason.UNKNOWN_EVENT_TYPE),
    ({"event_type": "PURCHASE-COMPLETE"}, Reason.UNKNOWN_EVENT_TYPE),
    ({"channel": "fax"}, Reason.UNKNOWN_CHANNEL),
    ({"event_time": ""}, Reason.MISSING_TIME),
    ({"event_time": "yesterday"}, Reason.UNREADABLE_TIME),
    ({"event_time": "2026-02-30T10:00:00Z"}, Reason.UNREADABLE_TIME),
    ({"event_time": "1762000000"}, Reason.UNREADABLE_TIME),
    ({"event_time": "2026-11-21T12:05:01Z"}, Reason.TIME_IN_FUTURE),
    ({"event_time": "9999-12-31T00:00:00Z"}, Reason.TIME_IN_FUTURE),
    ({"event_time": "1989-12-31T23:59:59Z"}, Reason.TIME_TOO_OLD),
    ({"event_time": "0001-01-01T00:00:00Z"}, Reason.TIME_TOO_OLD),
    ({"item_id": ""}, Reason.MISSING_ITEM),
    ({"item_id": "   "}, Reason.MISSING_ITEM),
    ({"item_id": "i" * 129}, Reason.ID_TOO_LONG),
    ({"item_id": "ü" * 65}, Reason.ID_TOO_LONG),
    ({"user_id": "u" * 257}, Reason.ID_TOO_LONG),
    ({"event_id": "e" * 129}, Reason.ID_TOO_LONG),
    ({"store_id": "s" * 129}, Reason.ID_TOO_LONG),
    ({"item_id": "i\x001"}, Reason.CONTROL_CHARACTERS),
    ({"user_id": "a\nb"}, Reason.CONTROL_CHARACTERS),
    ({"visitor_id": "a\x7f"}, Reason.CONTROL_CHARACTERS),
    ({"quantity": "many"}, Reason.UNREADABLE_QUANTITY),
    ({"quantity": "NaN"}, Reason.QUANTITY_NOT_FINITE),
    ({"quantity": "inf"}, Reason.QUANTITY_NOT_FINITE),
    ({"quantity": "-inf"}, Reason.QUANTITY_NOT_FINITE),
    ({"quantity": "0"}, Reason.QUANTITY_NOT_POSITIVE),
    ({"quantity": "-3"}, Reason.QUANTITY_NOT_POSITIVE),
    ({"quantity": "1000001"}, Reason.QUANTITY_TOO_LARGE),
    ({"user_id": ""}, Reason.NO_IDENTIFIER),
]


@pytest.mark.parametrize(("change", "reason"), REJECTED, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_rejected_with_its_reason(
    run: Import, write_rows: WriteRows, change: dict[str, str], reason: Reason
) -> None:
    """The row is gone, its neighbour stays, and the report says what was wrong."""
    dataset, report = run(write_rows([{**GOOD, **change}, {**GOOD, **OTHER}]))
    assert reasons(report) == {str(reason): 1}
    assert dataset.events().collect()["user_id"].to_list() == ["ben"]
    (example,) = report.rejected[0].examples
    assert example.file == "events.csv"
    assert example.row == 1
    name, value = next(iter(change.items()))
    assert json.loads(example.record)[name] == value
    kept = pl.read_parquet(dataset.folder / "rejects.parquet")
    assert kept["reason"].to_list() == [str(reason)]


def test_every_reason_has_a_test() -> None:
    """A new reason needs a row in the table, or a test of its own below."""
    elsewhere = {
        Reason.MALFORMED_ROW,
        Reason.NOT_UTF8,
        Reason.MISSING_CHANNEL,
        Reason.NOT_AN_ITEM,
        Reason.IN_EARLIER_FILE,
        Reason.DUPLICATE,
    }
    assert {reason for _, reason in REJECTED} | elsewhere == set(Reason)


ACCEPTED_TIMES = [
    ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00"),
    ("2026-11-01T10:00:00z", "2026-11-01T10:00:00"),
    ("2026-11-01 10:00:00", "2026-11-01T10:00:00"),
    ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00"),
    ("2026-11-01T10:00:00+0200", "2026-11-01T08:00:00"),
    ("2026-11-01T10:00:00.123456-05:30", "2026-11-01T15:30:00.123456"),
    ("2026-11-01 10:00", "2026-11-01T10:00:00"),
    ("2026-11-01", "2026-11-01T00:00:00"),
    (" 2026-11-01T10:00:00.5 ", "2026-11-01T10:00:00.500000"),
    ("2026-11-21T12:04:59Z", "2026-11-21T12:04:59"),
]


def test_times_are_understood_in_every_usual_spelling(run: Import, write_rows: WriteRows) -> None:
    """All spellings, mixed in one file, become UTC."""
    rows = [
        {**GOOD, "event_id": f"e{number}", "event_time": text}
        for number, (text, _) in enumerate(ACCEPTED_TIMES)
    ]
    dataset, report = run(write_rows(rows))
    assert reasons(report) == {}
    found = dataset.events().collect().sort(pl.col("event_id").str.slice(1).cast(pl.Int32))
    times = [time.replace(tzinfo=None).isoformat() for time in found["event_time"]]
    assert times == [expected for _, expected in ACCEPTED_TIMES]


@pytest.mark.parametrize(
    ("change", "column", "expected"),
    [
        ({"quantity": ""}, "quantity", 1.0),
        ({"quantity": "0.25"}, "quantity", 0.25),
        ({"quantity": "1000000"}, "quantity", 1_000_000.0),
        ({"unit_price": "NaN"}, "unit_price", None),
        ({"unit_price": "-1"}, "unit_price", None),
        ({"unit_price": "free"}, "unit_price", None),
        ({"channel": ""}, "channel", "web"),
        ({"item_id": " i1\t"}, "item_id", "i1"),
        ({"item_id": "ü" * 64}, "item_id", "ü" * 64),
        ({"event_type": "search", "item_id": ""}, "item_id", None),
        ({"user_id": "", "visitor_id": "v1"}, "profile_id", "visitor:v1"),
        ({"user_id": "", "loyalty_card": "c", "visitor_id": "v"}, "profile_id", "loyalty_card:c"),
        ({"visitor_id": "v1"}, "profile_id", "account:anna"),
        ({"user_id": "", "basket_id": "b"}, "profile_id", "basket:/b"),
        ({"user_id": "", "basket_id": "b", "store_id": "s"}, "profile_id", "basket:s/b"),
        ({"user_id": "", "session_id": "x"}, "profile_id", "session:x"),
    ],
    ids=str,
)
def test_an_unusual_row_is_understood(
    run: Import,
    write_rows: WriteRows,
    change: dict[str, str],
    column: str,
    expected: object,
) -> None:
    """What can be understood is kept."""
    dataset, report = run(write_rows([{**GOOD, **change}]))
    assert reasons(report) == {}
    assert dataset.events().collect()[column].to_list() == [expected]


def test_lines_delivered_twice_count_once(run: Import, write_rows: WriteRows) -> None:
    """The same event and item is the same line; another item of the event is not."""
    twice = [GOOD, {**GOOD, "item_id": "i2"}, GOOD, {**GOOD, "event_id": "e2"}]
    dataset, report = run(write_rows(twice))
    assert reasons(report) == {"duplicate": 1}
    assert dataset.info.event_count == 3


def test_derived_event_ids_depend_on_the_row_alone(tmp_path: Path, run: Import) -> None:
    """Without event ids, equal rows are one event in whatever file and order they come."""
    source = tmp_path / "source"
    source.mkdir()
    rows = [{**GOOD, "user_id": f"u{number % 5}"} for number in range(8)]
    frame = pl.DataFrame(rows).drop("event_id")
    frame.write_csv(source / "events.csv")
    first, report = run(source)
    ids = first.events().sort("user_id").collect()["event_id"].to_list()
    assert reasons(report) == {"duplicate": 3}
    assert len(set(ids)) == 5
    frame.reverse().write_csv(source / "events.csv")
    second, _ = run(source)
    assert second.events().sort("user_id").collect()["event_id"].to_list() == ids
    # Computed by hand: what any version imported must be recognised by all others.
    microseconds = "1793527200000000"
    fields = ["purchase-complete", microseconds, "web", "u0", "", "", "", "", "", "i1", "2.0",
              "9.99", "EUR"]  # fmt: skip
    assert ids[0] == hashlib.blake2b("\x1f".join(fields).encode(), digest_size=16).hexdigest()


def test_broken_lines_and_letters_cost_only_themselves(tmp_path: Path, run: Import) -> None:
    """Too many or too few fields, and bytes that are no text, are rejected one by one."""
    source = tmp_path / "source"
    source.mkdir()
    header = "event_type,event_time,user_id,item_id"
    good = "purchase-complete,2026-11-01,anna,i1"
    lines = [header, good, "a,b", "1,2,3,4,5", "purchase-complete,2026-11-01,\xff\xfe,i2", "\xff"]
    (source / "events.csv").write_bytes("\r\n".join(lines).encode("latin-1"))
    dataset, report = run(source)
    assert reasons(report) == {"malformed-row": 3, "not-utf-8": 1}
    assert report.rows_read == 5
    assert dataset.info.event_count == 1


def test_a_byte_order_mark_and_quotes_are_no_obstacle(tmp_path: Path, run: Import) -> None:
    """Files as spreadsheets write them."""
    source = tmp_path / "source"
    source.mkdir()
    text = '\ufeffevent_type,event_time,user_id,item_id\n"search","2026-11-01","a ""b"", c",\n'
    (source / "events.csv").write_text(text, encoding="utf-8")
    dataset, _ = run(source)
    assert dataset.events().collect()["user_id"].to_list() == ['a "b", c']


def test_items_of_events_are_items_with_or_without_a_catalogue(
    run: Import, write_rows: WriteRows
) -> None:
    """The table holds what events mention and what the catalogue lists, each once."""
    source = write_rows([GOOD, {**GOOD, "event_id": "e2", "item_id": "only-event"}])
    catalogue = "item_id,title,price\ni1,Thing,5\ni1,Again,6\nunsold,Other,NaN\n,Nothing,1\n"
    (source / "items.csv").write_text(catalogue)
    dataset, report = run(source)
    assert dataset.items().select("item_id", "title", "price").rows() == [
        ("i1", "Thing", 5.0),
        ("only-event", None, None),
        ("unsold", "Other", None),
    ]
    assert dataset.items().schema == pl.Schema(columns.ITEMS)
    assert (report.items_described, report.items_rejected) == (2, 1)


def test_nothing_usable_is_an_error(run: Import, write_rows: WriteRows) -> None:
    """A dataset without events would only fail later."""
    with pytest.raises(InvalidData, match=r"no usable row among 1 \(unknown-event-type 1\)"):
        run(write_rows([{**GOOD, "event_type": "x"}]))


def test_a_time_in_the_future_is_welcome_once_it_has_come(
    run: Import, write_rows: WriteRows
) -> None:
    """Importing the same file later is not mistaken for the same import."""
    source = write_rows([GOOD, {**GOOD, "event_id": "e2", "event_time": "2026-12-01T00:00:00Z"}])
    _, early = run(source)
    assert reasons(early) == {"time-in-future": 1}
    _, late = run(source, now=dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
    assert reasons(late) == {}
