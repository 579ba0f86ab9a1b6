"""The page about filters says what is so: its example, its errors, its bounds."""

import re
from pathlib import Path

import pytest

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
from recsys.filters import FieldType, InvalidFilter, Schema, read_filter

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "filters.md").read_text("utf-8")
SCHEMA = Schema(
    fields={
        "brand": FieldType.TEXT,
        "category": FieldType.PATH,
        "price": FieldType.NUMBER,
        "a": FieldType.NUMBER,
        "b": FieldType.NUMBER,
        "c": FieldType.NUMBER,
    },
    maps=frozenset({"attributes"}),
)


def test_the_example_gives_what_its_comments_say() -> None:
    """Line by line, as in a notebook."""
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    begin = example.index("cheap.matches")
    setting, asked = example[:begin], example[begin:]
    names: dict = {}
    exec(setting, names)
    said = re.findall(r"^(.+?)  # (False|True|\[.*\])$", asked, re.MULTILINE)
    assert len(said) == 2
    for code, result in said:
        assert repr(eval(code, names)) == result
    exec(asked, names)
    assert names["cheap"].bitmap(names["live"].columns, now=names["now"]).tolist() == [1]


def test_every_filter_of_the_page_is_one() -> None:
    """Those in the tables of comparisons, and the first."""
    table = PAGE.partition("## Comparisons")[2].partition("`AND`, `OR`")[0]
    left = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    written = [code for cell in left for code in re.findall(r"`([^`]+)`", cell)]
    filters = [code for code in written if code not in {"<=", ">", ">="}]
    assert len(filters) == 13
    first = re.search(r"^```\n(.+)\n```", PAGE, re.MULTILINE)
    assert first is not None
    for expression in [*filters, first[1], "a = 1 AND (b = 2 OR c = 3)"]:
        read_filter(expression, SCHEMA)


def test_the_fields_of_items_are_listed() -> None:
    """All of them, with their types."""
    table = PAGE.partition("## Fields of items")[2].partition("## ")[0]
    listed: dict[str, str] = {}
    for line in re.findall(r"^\| `.*$", table, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        listed |= dict.fromkeys(re.findall(r"`([\w.…]+)`", cells[0]), cells[1])
    fields = {name: str(kind) for name, kind in ITEM_SCHEMA.fields.items()}
    maps = {f"{name}.…": str(FieldType.ANY) for name in ITEM_SCHEMA.maps}
    assert listed == fields | maps


@pytest.mark.parametrize(
    ("expression", "column"),
    [('price < "50"', 9), ("pric < 50", 1), ("a = 1 OR b = 2 AND c = 3", 16)],
)
def test_the_errors_of_the_page_are_raised(expression: str, column: int) -> None:
    """Word for word."""
    with pytest.raises(InvalidFilter) as caught:
        read_filter(expression, SCHEMA)
    assert caught.value.column == column
    assert f"\n{caught.value}\n" in PAGE


@pytest.mark.parametrize(
    ("words", "bound"),
    [
        ("| size | {:,} bytes", limits.FILTER_BYTES_MAX),
        ("| parentheses in each other | {} |", limits.FILTER_DEPTH_MAX),
        ("| comparisons | {} |", limits.FILTER_TERM_COUNT_MAX),
        ("| values of one `IN` | {:,} |", limits.FILTER_LIST_COUNT_MAX),
        ("| wildcards, and orders of texts | {} in all", limits.FILTER_SCAN_COUNT_MAX),
        ("| levels of a category path in the data | {} |", limits.PATH_LEVEL_COUNT_MAX),
        ("`FILTER_CACHE_BYTES_MAX`, {} MiB", limits.FILTER_CACHE_BYTES_MAX // 2**20),
    ],
)
def test_the_bounds_of_the_page_are_those_of_the_code(words: str, bound: int) -> None:
    """Each stands there as it is."""
    assert words.format(bound) in PAGE
