"""What holds of every filter and all records."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys.filters import Filter, LiveColumns, parse_filter, read_filter
from recsys.filters.columns import Columns
from support.filters import NOW, SCHEMA, expressions, records, terms

shops = st.lists(records, max_size=12)

# Each example has many records and, in most laws, several filters.
some = settings(max_examples=40)


def columns_of(shop: list[dict]) -> Columns:
    """Return the columns of some records."""
    live = LiveColumns(SCHEMA)
    return live.write(range(len(shop)), shop)


def passing(one: Filter, shop: list[dict]) -> list[bool]:
    """Return which rows of a bitmap pass, after checking its shape and its last bits."""
    bitmap = one.bitmap(columns_of(shop), now=NOW)
    bits = np.unpackbits(bitmap, bitorder="little").astype(bool).tolist()
    assert len(bitmap) == (len(shop) + 7) // 8
    assert not any(bits[len(shop) :])
    return bits[: len(shop)]


def answers(expression: str, shop: list[dict]) -> list[bool]:
    """Return what a filter says of each record; the same both ways."""
    one = read_filter(expression, SCHEMA)
    alone = [one.matches(record, now=NOW) for record in shop]
    assert passing(one, shop) == alone
    return alone


@given(expressions, shops)
@example('brand != "a"', [{}, {"brand": ["a", "b"]}, {"brand": "b"}])
@example("attributes.size = true", [{"attributes": {"size": 1.0}}, {"attributes": {"size": True}}])
def test_bitmaps_and_single_records_agree(expression: str, shop: list[dict]) -> None:
    """Two evaluations, one meaning."""
    answers(expression, shop)


@some
@given(expressions, shops)
def test_the_canonical_text_is_the_same_filter(expression: str, shop: list[dict]) -> None:
    """It parses to an equal tree, prints as itself, and answers alike."""
    tree = parse_filter(expression)
    assert parse_filter(str(tree)) == tree
    assert str(parse_filter(str(tree))) == str(tree)
    one, other = read_filter(expression, SCHEMA), read_filter(str(tree), SCHEMA)
    assert one == other
    assert passing(one, shop) == passing(other, shop)


@some
@given(expressions, shops)
def test_not_is_the_complement(expression: str, shop: list[dict]) -> None:
    """Every record passes a filter or its negation and never both, whatever is missing."""
    negated = answers(f"NOT ({expression})", shop)
    assert [not one for one in negated] == answers(expression, shop)


@some
@given(expressions, expressions, shops)
def test_de_morgan(left: str, right: str, shop: list[dict]) -> None:
    """Neither means: not one and not the other."""
    assert answers(f"NOT (({left}) OR ({right}))", shop) == answers(
        f"NOT ({left}) AND NOT ({right})", shop
    )


@some
@given(expressions, expressions, expressions, shops)
def test_and_distributes_over_or(a: str, b: str, c: str, shop: list[dict]) -> None:
    """As in any algebra of sets."""
    assert answers(f"({a}) AND (({b}) OR ({c}))", shop) == answers(
        f"(({a}) AND ({b})) OR (({a}) AND ({c}))", shop
    )


@some
@given(terms, shops)
def test_no_comparison_is_true_of_a_missing_value(term: str, shop: list[dict]) -> None:
    """Unequal, too, speaks of values that there are."""
    one = read_filter(term, SCHEMA)
    (field,) = one.fields
    there = read_filter(f"{field.replace('a b', chr(34) + 'a b' + chr(34))}:*", SCHEMA)
    for record in shop:
        assert not one.matches(record, now=NOW) or there.matches(record, now=NOW)


@some
@given(expressions, shops)
def test_an_explanation_names_the_parts_that_fail(expression: str, shop: list[dict]) -> None:
    """None of what passes; each named part fails by itself, and all others pass."""
    one = read_filter(expression, SCHEMA)
    for record in shop:
        failures = one.explain(record, now=NOW)
        assert bool(failures) is not one.matches(record, now=NOW)
        for failure in failures:
            part = read_filter(failure.expression, SCHEMA)
            assert not part.matches(record, now=NOW)
            assert failure.values.keys() == part.fields


@some
@given(expressions, shops, st.data())
def test_asking_again_for_some_rows_equals_asking_for_all(
    expression: str, shop: list[dict], data: st.DataObject
) -> None:
    """After any changes and new rows, in any order."""
    live = LiveColumns(SCHEMA)
    live.write(range(len(shop)), shop)
    one = read_filter(expression, SCHEMA)
    bitmap = one.bitmap(live.columns, now=NOW)
    rows = data.draw(st.lists(st.integers(0, len(shop) + 9), unique=True, max_size=5))
    live.write(rows, [data.draw(records) for _ in rows])
    fresh = range(len(shop), live.columns.row_count)
    asked = np.array([*{*rows, *fresh}], dtype=np.int32)
    updated = one.update(bitmap, live.columns, asked, now=NOW)
    assert updated.tolist() == one.bitmap(live.columns, now=NOW).tolist()
