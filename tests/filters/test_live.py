"""Columns are written while they are read."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.filters import InvalidValue, LiveColumns, read_filter
from recsys.filters.columns import CHUNK_ROWS, SparseChunk, TextColumn, taken
from support.filters import NOW, SCHEMA, records


def passing(columns: Any, expression: str) -> list[int]:
    """Return the rows that pass."""
    bitmap = read_filter(expression, SCHEMA).bitmap(columns, now=NOW)
    return np.flatnonzero(np.unpackbits(bitmap, bitorder="little")).tolist()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), records), max_size=12))
def test_a_history_of_writes_equals_its_last_records(writes: list[tuple[int, dict]]) -> None:
    """One at a time or all at once: the same columns, whatever was there before."""
    live = LiveColumns(SCHEMA)
    last: dict[int, dict] = {row: {} for row in range(10)}
    for row, record in writes:
        live.write([row], [record])
        last[row] = record
    at_once = LiveColumns(SCHEMA)
    at_once.write(list(last), list(last.values()))
    for expression in (
        "brand = a",
        "category:Shoes",
        "price > 0",
        "in_stock = true",
        "attributes:size",
    ):
        assert passing(live.columns, expression) == passing(at_once.columns, expression)


def test_readers_keep_the_moment_that_they_hold() -> None:
    """Changed rows and new ones are in the next columns, not in these."""
    live = LiveColumns(SCHEMA)
    before = live.write([0, 1], [{"brand": "a", "price": 1.0}, {"brand": "b"}])
    after = live.write([0, 2], [{"brand": "b"}, {"brand": "a"}])
    assert passing(before, "brand = a") == [0]
    assert passing(after, "brand = a") == [2]
    assert passing(before, "price:*") == [0]
    assert passing(after, "price:*") == []
    assert passing(after, "brand = b") == [0, 1]


def test_whole_records_can_be_written_by_column() -> None:
    """What is not among the columns is missing, in old rows and new ones."""
    live = LiveColumns(SCHEMA)
    live.write(
        [0, 1], [{"brand": "a", "price": 1.0, "attributes": {"size": 1, "color": "red"}}] * 2
    )
    live.replace([1, 2], {"brand": ["b", "c"], "attributes.size": [None, 2]})
    assert passing(live.columns, "brand:*") == [0, 1, 2]
    assert passing(live.columns, "price:*") == [0]
    assert passing(live.columns, "attributes:color") == [0]
    assert passing(live.columns, "attributes:size") == [0, 2]
    live.replace([CHUNK_ROWS + 5, 0], {})
    assert passing(live.columns, "brand:* OR price:* OR attributes:size") == [1, 2]


def test_some_columns_can_be_written_alone() -> None:
    """The others stay."""
    live = LiveColumns(SCHEMA)
    live.write([0], [{"brand": "a", "price": 1.0}])
    live.put([0], {"price": [2.0], "attributes.color": ["red"]})
    assert passing(live.columns, "brand = a AND price = 2 AND attributes.color = red") == [0]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"brand": 3}, "brand is a int; allowed a text or several"),
        ({"price": "3"}, "price is a str; allowed a number"),
        ({"price": True}, "price is a bool"),
        ({"price": [1.0, 2.0]}, "price is a list"),
        ({"brand": {"a": "b"}}, "brand is a dict"),
        ({"brand": b"a"}, "brand is a bytes"),
        ({"in_stock": 1}, "in_stock is a int; allowed true or false"),
        ({"colour": "red"}, "colour is unknown"),
        ({"attributes": "red"}, "attributes is a str; allowed a mapping"),
        ({"attributes": {"a": object()}}, "attributes.a is a object"),
        ({"category": " > ".join("abcdefghijklmnopq")}, "a category path of 17 levels"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_value_is_named_and_changes_nothing(record: dict, words: str) -> None:
    """Not even the records before it."""
    live = LiveColumns(SCHEMA)
    before = live.write([0], [{"brand": "a"}])
    with pytest.raises(InvalidValue, match=words):
        live.write([0, 1], [{"brand": "b"}, record])
    assert live.columns is before


@pytest.mark.parametrize("rows", [[-1], [2**31 - 1], [2**40], [3, 3]])
def test_rows_that_cannot_be_are_refused(rows: list[int]) -> None:
    """Before memory is asked for."""
    with pytest.raises(InvalidValue, match="rows"):
        LiveColumns(SCHEMA).write(rows, [{}] * len(rows))


def test_rows_of_several_chunks_keep_their_places() -> None:
    """Also where a chunk has been all missing, and codes outgrow a byte."""
    live = LiveColumns(SCHEMA)
    last = 2 * CHUNK_ROWS + 7
    live.write([last], [{"brand": "a"}])
    assert passing(live.columns, "brand:*") == [last]
    many = range(CHUNK_ROWS - 300, CHUNK_ROWS + 300)
    live.put(many, {"brand": [f"b{row}" for row in many]})
    assert passing(live.columns, f'brand = "b{CHUNK_ROWS + 299}"') == [CHUNK_ROWS + 299]
    assert passing(live.columns, "brand = b*") == list(many)
    column = live.columns.columns["brand"]
    assert isinstance(column, TextColumn)
    assert [len(chunk) for chunk in column.chunks] == [CHUNK_ROWS, CHUNK_ROWS, 64]
    assert column.codes(last + 1)[many].tolist() == taken(column, np.array(many)).tolist()


def test_a_key_that_few_items_have_takes_little_room() -> None:
    """In one form or the other, whatever is written where; readers see no difference."""
    live = LiveColumns(SCHEMA)
    rng = np.random.default_rng(5)
    truth = np.zeros(CHUNK_ROWS + 500, dtype=np.int64)
    for count in (3, 2_000, 9_000, 30_000):
        rows = np.sort(rng.choice(len(truth), size=count, replace=False))
        truth[rows] = rng.integers(1, 300, size=count)
        values = [f"v{value}" for value in truth[rows]]
        live.put(rows.tolist(), {"attributes.color": values})
        _agree(live, truth)
        gone = np.flatnonzero(truth)[10:]
        live.put(gone.tolist(), {"attributes.color": [None] * len(gone)})
        held, truth = live.columns, np.where(np.isin(np.arange(len(truth)), gone), 0, truth)
        _agree(live, truth)
        column = held.columns["attributes.color"]
        assert isinstance(column, TextColumn)
        assert all(isinstance(c, SparseChunk) or not c.flags.writeable for c in column.chunks)


def _agree(live: LiveColumns, truth: np.ndarray) -> None:
    columns = live.columns
    column = columns.columns["attributes.color"]
    assert isinstance(column, TextColumn)
    rows = np.arange(columns.row_count, dtype=np.int32)
    codes = column.codes(columns.row_count)
    assert codes.tolist() == taken(column, rows).tolist()
    found = [(column.values_of(code) or ("v0",))[0] for code in codes.tolist()]
    assert found == [f"v{value}" for value in truth[: len(found)]]
    assert not truth[len(found) :].any()
    assert passing(columns, "attributes.color:*") == np.flatnonzero(truth).tolist()
    assert passing(columns, "attributes.color = v7") == np.flatnonzero(truth == 7).tolist()


def test_texts_that_no_row_has_any_more_are_swept_out() -> None:
    """A title that changes every day does not fill the memory."""
    live = LiveColumns(SCHEMA)
    live.write([0, 1], [{"brand": "kept", "attributes": {"a": 1}}, {}])
    held = live.columns
    for day in range(30):
        live.put(range(1, 1_001), {"brand": [f"{day}-{row}" for row in range(1_000)]})
    column = live.columns.columns["brand"]
    assert isinstance(column, TextColumn)
    assert column.count <= 2 * 1_001 + 4_096
    assert passing(live.columns, "brand = kept") == [0]
    assert passing(live.columns, 'brand = "29-999"') == [1_000]
    assert passing(live.columns, 'brand = "0-1"') == []
    assert passing(held, "brand = kept") == [0]


def test_changes_are_told_by_column_until_they_are_many() -> None:
    """What wrote the same value has changed nothing."""
    live = LiveColumns(SCHEMA)
    first = live.write([0, 1, 2], [{"brand": "a", "price": 1.0}] * 3).version
    live.put([1], {"price": [2.0]})
    live.put([0, 2], {"brand": ["a", "b"]})
    columns = live.columns
    assert columns.changed_since(first, frozenset({"price"})).tolist() == [1]
    assert columns.changed_since(first, frozenset({"brand"})).tolist() == [2]
    assert columns.changed_since(first, frozenset({"price", "brand"})).tolist() == [1, 2]
    assert columns.changed_since(columns.version, frozenset({"price"})).tolist() == []
    live.put(range(5_000), {"price": [3.0] * 5_000})
    assert live.columns.changed_since(first, frozenset({"price"})) is None
    assert live.columns.changed_since(-1, frozenset({"price"})) is None
