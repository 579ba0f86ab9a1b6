"""Item ids and rows, in arrays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import limits
from recsys.bundle import ItemIndex

IDS = st.text(min_size=1, max_size=30).filter(
    lambda text: (
        not any("\ud800" <= char <= "\udfff" for char in text)
        and len(text.encode()) <= limits.ITEM_ID_BYTES_MAX
    )
)


@given(st.lists(IDS, unique=True, max_size=60), st.lists(IDS, max_size=10))
def test_every_id_has_its_row_and_no_other_id_has_one(ids: list[str], others: list[str]) -> None:
    """Ids and rows lead to each other; strangers lead nowhere."""
    index = ItemIndex.from_ids(ids)
    assert len(index) == len(ids)
    for row, item_id in enumerate(ids):
        assert index.id(row) == item_id
        assert index.row(item_id) == row
    for other in set(others) - set(ids):
        assert index.row(other) is None


@given(st.lists(IDS, unique=True, min_size=1, max_size=30))
def test_a_copy_of_the_arrays_is_the_same_index(ids: list[str]) -> None:
    """The arrays are all there is."""
    index = ItemIndex.from_ids(ids)
    copy = ItemIndex(
        id_bytes=index.id_bytes.copy(), offsets=index.offsets.copy(), slots=index.slots.copy()
    )
    assert [copy.row(item_id) for item_id in ids] == list(range(len(ids)))


@given(st.lists(IDS, unique=True, max_size=30), st.data())
def test_known_rows_are_distinct_and_ascending(ids: list[str], data: st.DataObject) -> None:
    """Whatever is asked, in whatever order and however often."""
    asked = data.draw(st.lists(st.sampled_from([*ids, "?"]), max_size=40))
    rows = ItemIndex.from_ids(ids).known_rows(asked)
    assert rows.tolist() == sorted({ids.index(item_id) for item_id in asked if item_id in ids})


@pytest.mark.parametrize(
    "ids",
    [["a", "b", "a"], [""], ["x" * 129], ["ü" * 65]],
    ids=["twice", "empty", "long", "long in bytes"],
)
def test_impossible_ids_are_refused(ids: list[str]) -> None:
    """An index is born valid."""
    with pytest.raises(ValueError, match="item id"):
        ItemIndex.from_ids(ids)


@pytest.mark.parametrize("row", [-1, 3])
def test_rows_outside_are_refused(row: int) -> None:
    """Never a neighbour's id."""
    with pytest.raises(IndexError):
        ItemIndex.from_ids(["a", "b", "c"]).id(row)
