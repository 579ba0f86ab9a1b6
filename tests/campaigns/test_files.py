"""Cells of files that hold several values."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.commands.export_rows import barred, parted


@given(st.lists(st.text(alphabet="ab=_|\\ ", min_size=1), max_size=5))
def test_what_is_written_into_a_cell_is_read_back(values: list[str]) -> None:
    """Whatever the values are made of, the marks themselves as well."""
    assert parted(barred(values)) == values


def test_plain_values_are_parted_by_bars_alone() -> None:
    """So other programs read them without knowing more; a lone backslash is a backslash."""
    assert barred(["account=anna", "loyalty_card=4711"]) == "account=anna|loyalty_card=4711"
    assert barred(["account=a|b"]) == "account=a\\|b"
    assert parted("account=SHOP\\anna|loyalty_card=1") == ["account=SHOP\\anna", "loyalty_card=1"]
    assert parted("") == []
