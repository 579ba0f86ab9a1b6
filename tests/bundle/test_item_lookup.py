"""Many ids at once: the compiled lookup says what a dictionary would."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import _items
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
    [[0, 0, 0, 0], [2**31 - 1] * 4, [2, 1, 0, 1]],
    ids=["full of one row", "rows outside", "no free slot"],
)
def test_a_damaged_table_ends_in_an_unknown_id(slots: list[int]) -> None:
    """A lookup in an unverified bundle reads nothing outside and always ends."""
    sound = ItemIndex.from_ids(["a", "b", "c"])
    table = np.array(slots, dtype=np.int32)
    index = ItemIndex(id_bytes=sound.id_bytes, offsets=sound.offsets, slots=table)
    assert index.row("zebra") is None


def test_the_stub_names_what_the_module_has(repo_root: Path) -> None:
    """`_items.pyi` and the compiled module agree."""
    program = (
        "import recsys._items as m; print(*[n for n in vars(m) if n.endswith(('_rows', '_of'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repo_root
    )
    stub = (repo_root / "recsys/_items.pyi").read_text()
    assert done.stdout.split()
    assert all(f"def {name}(" in stub for name in done.stdout.split())
    assert stub.count("def ") == len(done.stdout.split())
    assert callable(_items.find_rows)
