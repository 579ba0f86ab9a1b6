"""Many ids at once: the compiled lookup says what a dictionary would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.bundle import ItemIndex


def is_utf8(text: str) -> bool:
    """Whether a text can be an item id at all."""
    try:
        return 1 <= len(text.encode()) <= 128
    except UnicodeEncodeError:
        return False


IDS = st.text(min_size=1, max_size=20).filter(is_utf8)


@given(st.lists(IDS, unique=True, max_size=60), st.lists(st.text(max_size=20), max_size=60))
def test_lookups_equal_a_dictionary(known: list[str], others: list[str]) -> None:
    """Rows and positions of the known ids, in the order asked; the rest is left out."""
    index = ItemIndex.from_ids(known)
    expected = {item_id: row for row, item_id in enumerate(known)}
    asked = [*others, *known, *known[:3], "\ud800", ""]
    rows, positions = index.find(asked)
    wanted = [(expected[name], at) for at, name in enumerate(asked) if name in expected]
    assert list(zip(rows.tolist(), positions.tolist(), strict=True)) == wanted
    assert [index.row(name) for name in asked] == [expected.get(name) for name in asked]
    assert index.ids(rows) == [asked[at] for at in positions.tolist()]
    assert index.known_rows(asked).tolist() == sorted(expected.values())


@pytest.mark.parametrize("row", [-1, 3, 2**31 - 1])
def test_a_row_outside_is_an_index_error(row: int) -> None:
    """The bound is named."""
    index = ItemIndex.from_ids(["a", "b", "c"])
    with pytest.raises(IndexError, match="allowed 0 to 2"):
        index.id(row)


@pytest.mark.parametrize(
    "slots",
    [[0, 0, 0, 0], [2**31 - 1] * 4, [2, 1, 0, 1], [0, 1, 2], []],
    ids=["full of one row", "rows outside", "no free slot", "three slots", "no slots"],
)
def test_a_damaged_table_ends_in_an_unknown_id(slots: list[int]) -> None:
    """A lookup in an unverified bundle reads nothing outside and always ends."""
    sound = ItemIndex.from_ids(["a", "b", "c"])
    table = np.array(slots, dtype=np.int32)
    index = ItemIndex(id_bytes=sound.id_bytes, offsets=sound.offsets, slots=table)
    assert index.row("zebra") is None
