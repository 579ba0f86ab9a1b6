"""What each comparison means, in cases that can be checked by eye."""

import datetime as dt

import pytest

from recsys.filters import FieldType, LiveColumns, Schema, compile_filter, parse_filter, read_filter
from recsys.filters.columns import Columns
from support.filters import NOW, SCHEMA

DAY = 86_400.0


def passes(expression: str, record: dict) -> bool:
    """Tell whether a record passes, alone and as a row."""
    one = read_filter(expression, SCHEMA)
    alone = one.matches(record, now=NOW)
    live = LiveColumns(SCHEMA)
    assert bool(one.bitmap(live.write([0], [record]), now=NOW)[0]) is alone
    return alone


SHOE = {
    "brand": "Acme",
    "category": ["Clothing > Shoes > Running", "Sale"],
    "price": 49.99,
    "release_time": NOW - 10 * DAY,
    "in_stock": True,
    "attributes": {
        "color": ["red", "blue"],
        "size": 42,
        "code": "42",
        "vegan": True,
        "widths": [1, 2.5],
    },
}


@pytest.mark.parametrize(
    "expression",
    [
        "brand = Acme",
        "brand:Acme",
        "brand != acme",
        'brand = "A*e"',
        "brand:*cm*",
        "brand > Aa AND brand < B",
        "brand IN (Other, Acme)",
        "brand NOT IN (Other)",
        'category:"Clothing"',
        'category:"Shoes"',
        'category:"Clothing > Shoes"',
        'category:"Shoes>Running"',
        "category:Sale",
        "category = Sale",
        'category = "Clothing > Shoes > Running"',
        'category = "Clothing > *"',
        'category:"Runn*"',
        "category != Shoes",
        "category IN (Hats, Shoes)",
        "price = 49.99",
        "price < 50 AND price <= 49.99 AND price > 4.9e1 AND price >= +49.99",
        "price != 50",
        "price IN (1, 49.99)",
        "release_time > now - 30d",
        "release_time <= now - 10d",
        "release_time = now - 240h",
        "release_time < now + 1w",
        'release_time > "2026-12-01T00:00:00+01:00"',
        "release_time >= 2026-01-01",
        "in_stock = true",
        "in_stock != false",
        "attributes.color = red AND attributes.color = blue",
        "attributes.color:red",
        "attributes.size = 42.0 AND attributes.size > 41 AND attributes.size IN (7, 42)",
        'attributes.code = 42 AND attributes.code = "42"',
        "attributes.vegan = true",
        "attributes.widths > 2 AND attributes.widths < 2",
        "attributes:color",
        "attributes.color:*",
        "NOT attributes.nothing = 1",
        "NOT attributes:nothing",
    ],
)
def test_the_shoe_passes(expression: str) -> None:
    """Each says something true of it, and its negation something false."""
    assert passes(expression, SHOE)
    assert not passes(f"NOT ({expression})", SHOE)


@pytest.mark.parametrize(
    "expression",
    [
        "brand = acme",
        'brand = "A\\*e"',
        "brand < Acme",
        "category:shoes",
        'category:"Clothing > Running"',
        'category:"hoes"',
        "category = Shoes",
        "category != Sale",
        "category NOT IN (Shoes)",
        "attributes.color != red",
        "attributes.color NOT IN (blue, green)",
        'attributes.size = "42"',
        'attributes.size > "41"',
        "attributes.size < 42",
        "attributes.code > 41",
        'attributes.vegan = "yes"',
        "attributes.nothing != 1",
        "attributes:nothing",
        "release_time > now",
    ],
)
def test_the_shoe_does_not_pass(expression: str) -> None:
    """Unequal is false of several values of which one is equal, and of none."""
    assert not passes(expression, SHOE)


@pytest.mark.parametrize(
    "nothing", [{}, {"brand": None}, {"brand": ""}, {"brand": []}, {"brand": [""]}]
)
def test_what_is_empty_is_missing(nothing: dict) -> None:
    """Whichever way it is said."""
    assert not passes("brand:*", nothing)
    assert not passes("brand != a", nothing)
    assert passes("NOT brand = a", nothing)


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("ab*ba", ["abba", "ab-ba"], ["aba", "ab", "abbab"]),
        ("*ab*ab*", ["abab", "-ab-ab-"], ["ab", "aab", "abb"]),
        ("a*b*c", ["abc", "a-b-c"], ["acb", "ab", "bc"]),
        ("**", ["x", "**"], []),
        ("*a", ["a", "ba"], ["ab"]),
        ("a*", ["a", "ab"], ["ba"]),
        ("*a*", ["a", "bab"], ["b"]),
        ("a**a", ["aa", "aba"], ["a"]),
    ],
)
def test_wildcards_stand_for_any_characters(
    pattern: str, fits: list[str], others: list[str]
) -> None:
    """Of none to many; what stands between them does not overlap."""
    for quote in ('"', ""):
        assert all(passes(f"brand = {quote}{pattern}{quote}", {"brand": one}) for one in fits)
        assert not any(passes(f"brand = {quote}{pattern}{quote}", {"brand": one}) for one in others)
    assert passes(f'category:"{pattern}"', {"category": f"x > {fits[0]} > y"})


def test_letters_typed_as_one_code_point_or_two_are_the_same() -> None:
    """In values, in filters, in keys."""
    composed, decomposed = "J\u00e4ger", "Ja\u0308ger"
    for one, other in ((composed, decomposed), (decomposed, composed)):
        assert passes(f"brand = {one}", {"brand": other})
        assert passes(f'category:"{one}"', {"category": f"A > {other}"})
        assert passes(f'brand = "{one[:-2]}*"', {"brand": other})
        assert passes(f'attributes."{one}" = 1', {"attributes": {other: 1}})
        assert passes(f"attributes:{one}", {"attributes": {other: 1}})


def test_a_moment_can_be_given_as_one() -> None:
    """With a zone; without one it would be somebody's guess."""
    when = dt.datetime(2026, 1, 31, 19, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert passes("release_time = 2026-01-31T18:00:00Z", {"release_time": when})
    assert passes("release_time = 2026-01-31T18:00:00.000z", {"release_time": when.timestamp()})


def test_the_bounds_of_float64_are_numbers_too() -> None:
    """An integer beyond them is larger than all."""
    assert passes("price > 1e308", {"price": 10**400})
    assert not passes("price < 1e308", {"price": float("nan")})
    assert passes("price = 0", {"price": -0.0})


def test_a_filter_knows_what_it_reads() -> None:
    """And whether its answer changes by itself."""
    one = read_filter('price < 50 AND (attributes."a b":* OR -brand = x)', SCHEMA)
    assert one.fields == {"price", "attributes.a b", "brand"}
    assert not one.depends_on_now
    assert read_filter("brand = x OR release_time > now", SCHEMA).depends_on_now
    assert not read_filter("release_time > 2026-01-01", SCHEMA).depends_on_now
    assert str(one) == 'price < 50 AND (attributes."a b":* OR NOT brand = x)'
    assert one == compile_filter(parse_filter(str(one)), SCHEMA)
    assert len({one, read_filter(str(one), SCHEMA)}) == 1


def test_why_a_record_does_not_pass() -> None:
    """The parts joined at the top that fail, with what the record has."""
    one = read_filter(
        "price < 40 AND category:Shoes AND (brand = x OR attributes.size = 1)", SCHEMA
    )
    first, second = one.explain(SHOE, now=NOW)
    assert (first.expression, first.values) == ("price < 40", {"price": (49.99,)})
    assert second.expression == "brand = x OR attributes.size = 1"
    assert second.values == {"brand": ("Acme",), "attributes.size": (42.0,)}


def test_keys_that_no_record_has_are_told() -> None:
    """With the nearest that some have."""
    live = LiveColumns(SCHEMA)
    columns = live.write([0], [SHOE])
    one = read_filter("attributes.colour = red AND attributes.size = 42", SCHEMA)
    ((name, nearest),) = one.unknown_fields(columns).items()
    assert (name, nearest[0]) == ("attributes.colour", "attributes.color")


def test_nothing_is_asked_of_no_records() -> None:
    """Columns without rows, and without columns."""
    empty = Columns(schema=SCHEMA, row_count=0, version=0, columns={})
    for columns in (empty, LiveColumns(SCHEMA).columns):
        assert read_filter("NOT price < 3", SCHEMA).bitmap(columns, now=NOW).tolist() == []


def test_fields_may_have_dots_of_their_own() -> None:
    """Traits of people do."""
    schema = Schema(fields={"rfm.segment": FieldType.TEXT, "rfm.spend": FieldType.NUMBER})
    one = read_filter("rfm.segment = champions AND rfm.spend > 100", schema)
    assert one.matches({"rfm.segment": "champions", "rfm.spend": 120.0}, now=NOW)
    live = LiveColumns(schema)
    columns = live.write([0], [{"rfm.segment": "champions", "rfm.spend": 120.0}])
    assert one.bitmap(columns, now=NOW).tolist() == [1]


@pytest.mark.parametrize(
    ("fields", "maps"),
    [
        (["a b"], []),
        ([""], []),
        (["a."], []),
        (["a"], ["a"]),
        (["a", "a.b"], []),
        (["a.b"], ["a"]),
        ([], ["a-b"]),
        (["Ja\u0308ger"], []),
    ],
)
def test_a_schema_has_one_reading_of_each_name(fields: list[str], maps: list[str]) -> None:
    """A programmer's mistake, told at once."""
    with pytest.raises(ValueError, match=r"name of a field|is a field and a map"):
        Schema(fields=dict.fromkeys(fields, FieldType.TEXT), maps=frozenset(maps))
