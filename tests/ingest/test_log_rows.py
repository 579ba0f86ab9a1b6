"""The log that an import writes, against a plain reading of the same lines, row by row."""

import datetime as dt
import gc
import sqlite3
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from ingest.conftest import GOOD, Import, WriteRows
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import Event, EventContent, EventLine
from recsys.storage.event_rows import EVENT_COLUMNS, SALT_FACT, EventRow, Keys
from recsys.storage.packed import logged_lines, pack_lines
from recsys.storage.sqlite_writer import read_fact
from training import columns
from training.dataset import Dataset
from training.ingest import history
from training.ingest.history import HISTORY_NAME
from training.simulate import simulate

ROWS = [
    GOOD,
    {**GOOD, "item_id": "i2", "quantity": "0.125", "unit_price": "", "currency": ""},
    {**GOOD, "event_id": "e2", "event_time": "2026-11-01T10:00:00.000001Z", "unit_price": "1e-7"},
    {**GOOD, "event_id": "e3", "event_type": "search", "item_id": "", "session_id": "s 1"},
    {**GOOD, "event_id": "e4", "item_id": 'ä "quoted" \\ 😀', "store_id": "ö/\t"},
    {**GOOD, "event_id": "e5", "user_id": "", "visitor_id": "v1", "loyalty_card": "c1"},
    {**GOOD, "event_id": "e6", "user_id": "", "visitor_id": "v1", "unit_price": "123456789.5"},
    {**GOOD, "event_id": "e7", "user_id": "", "session_id": "of nobody", "channel": "store"},
    {**GOOD, "event_id": "r1", "user_id": "", "basket_id": "17", "store_id": "s 1"},
    {**GOOD, "event_id": "r2", "user_id": "", "basket_id": "17", "store_id": "s 1"},
    {**GOOD, "event_id": "e8", "user_id": "ben", "event_type": "return", "quantity": "3e5"},
]
"""Several lines of an event, none, odd prices and characters, weak identifiers, nobody, her receipt."""


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated shop of few people."""
    out = tmp_path_factory.mktemp("small-shop") / "shop"
    end = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    simulate(out=out, user_count=60, item_count=80, seed=3, end_time=end, day_count=40)
    return out


def plain_rows(dataset: Dataset, keys: Keys) -> list[EventRow]:
    """Lay out the events of a dataset in the simplest way there is, in any order."""
    lines = dataset.events().sort(columns.EVENT_ID, columns.ITEM_ID, nulls_last=True).collect()
    by_event = groupby(lines.iter_rows(named=True), key=lambda line: line[columns.EVENT_ID])
    return [plain_row(list(of_one), keys) for _, of_one in by_event]


def plain_row(lines: list[dict[str, Any]], keys: Keys) -> EventRow:
    """Lay out one event."""
    first = lines[0]
    seconds = first[columns.EVENT_TIME].timestamp()
    names = columns.IDENTIFIER_NAMESPACES.items()
    content = EventContent(
        event_type=EventType(first[columns.EVENT_TYPE]),
        event_time=seconds,
        channel=Channel(first[columns.CHANNEL]),
        identifiers=tuple(Identifier(kind, first[name]) for name, kind in names if first[name]),
        lines=tuple(
            EventLine(
                ItemId(line[columns.ITEM_ID]),
                line[columns.QUANTITY],
                plain_price(line[columns.UNIT_PRICE]),
                line[columns.CURRENCY] or "",
            )
            for line in lines
            if line[columns.ITEM_ID] is not None
        ),
        store_id=StoreId(first[columns.STORE_ID]) if first[columns.STORE_ID] else None,
        session_id=plain_session(first),
    )
    event = Event.of(content, event_id=first[columns.EVENT_ID], now=seconds)
    return keys.rows([event])[1][0]


def plain_session(line: dict[str, Any]) -> str:
    """Name the visit; a receipt of nobody's is one."""
    profile: str = line[columns.PROFILE_ID]
    return profile if profile.startswith("basket:") else line[columns.SESSION_ID] or ""


def plain_price(price: float | None) -> str:
    """Write a price as a decimal number of at most six places."""
    if price is None:
        return ""
    return format(Decimal(f"{price:.6f}").normalize(), "f")


@pytest.mark.parametrize("events_per_step", [1, 2, 50_000])
def test_the_log_of_an_import_holds_every_event_as_its_lines_say(
    run: Import, write_rows: WriteRows, events_per_step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the lines are taken some at a time."""
    monkeypatch.setattr(history, "_EVENTS_PER_STEP", events_per_step)
    dataset, report = run(write_rows(ROWS))
    assert report.rows_kept == len(ROWS)
    check_log(dataset)


def test_the_log_of_a_simulated_shop_holds_every_event(small_shop: Path, run: Import) -> None:
    """Baskets of many lines, people on several channels, and nobody."""
    dataset, _ = run(small_shop)
    check_log(dataset)


def check_log(dataset: Dataset) -> None:
    """Compare the storage of a dataset with its events."""
    path = dataset.folder / HISTORY_NAME
    salt = read_fact(path, SALT_FACT)
    assert salt is not None
    expected = {row.event_id: row for row in plain_rows(dataset, Keys(salt))}
    connection = sqlite3.connect(path)
    found = [
        EventRow(*row)
        for row in connection.execute(f"SELECT {EVENT_COLUMNS} FROM events ORDER BY seq")
    ]
    packed = connection.execute("SELECT * FROM history ORDER BY identifier_key").fetchall()
    connection.close()
    assert {row.event_id: row for row in found} == expected
    assert len(found) == len(expected)
    assert packed == plain_histories(found)


def plain_histories(rows: list[EventRow]) -> list[tuple[object, ...]]:
    """Pack the histories of a log."""
    packed = []
    for key in sorted({row.identifier_key for row in rows if row.identifier_key is not None}):
        places = [place for place, row in enumerate(rows, start=1) if row.identifier_key == key]
        newest = sorted((rows[place - 1].event_time, place) for place in places)[::-1]
        theirs = [rows[place - 1] for _, place in newest]
        lines = logged_lines(
            (row.event_time, row.event_type, row.channel, row.item_ids)
            for row in theirs
            if row.item_ids
        )
        if len(lines):
            packed.append((key, max(places), *pack_lines(lines)))
    return packed


def test_an_import_leaves_the_collector_as_it_was(run: Import, write_rows: WriteRows) -> None:
    """What is switched off for speed is on again afterwards."""
    run(write_rows([GOOD]))
    assert gc.isenabled()


def test_prices_are_written_as_plain_decimal_numbers() -> None:
    """The reference itself, by hand."""
    assert [plain_price(price) for price in (9.99, 10.0, 1e-7, 100.0)] == ["9.99", "10", "0", "100"]
