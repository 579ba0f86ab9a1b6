"""What is a filter, what is none, and what is said of that."""

import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys import limits
from recsys.filters import InvalidFilter, InvalidValue, parse_filter, read_filter
from recsys.filters.nodes import EVERYTHING, And, Bare, Comparison, Not, Operator, Or, Quoted
from support.filters import NOW, SCHEMA, expressions


@pytest.mark.parametrize(
    ("expression", "canonical"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("a=1", "a = 1"),
        ("a : 1", "a:1"),
        ("a:*", "a:*"),
        ("a=*", "a = *"),
        ("a=1 b!=2", "a = 1 AND b != 2"),
        ("a<1 AND b<=2 c>3 AND d>=4", "a < 1 AND b <= 2 AND c > 3 AND d >= 4"),
        ("(a=1)", "a = 1"),
        ("((a=1) AND ((b=2) (c=3)))", "a = 1 AND b = 2 AND c = 3"),
        ("a=1 OR (b=2 OR c=3)", "a = 1 OR b = 2 OR c = 3"),
        ("(a=1 OR b=2) c=3", "(a = 1 OR b = 2) AND c = 3"),
        ("-a=1", "NOT a = 1"),
        ("NOT a=-1", "NOT a = -1"),
        ("NOT (NOT a=1)", "NOT (NOT a = 1)"),
        ("a=1 OR NOT (b=2 AND c=3)", "a = 1 OR NOT (b = 2 AND c = 3)"),
        ("a IN(1,'two' , \"three\")", 'a IN (1, "two", "three")'),
        ("NOT a NOT IN (1)", "NOT a NOT IN (1)"),
        ('m.k = 1 m."a b".c:* m."k" = 2', 'm.k = 1 AND m."a b".c:* AND m.k = 2'),
        ("m.AND = 1", "m.AND = 1"),
        (r"""a = 'it\'s "so"'""", r'''a = "it's \"so\""'''),
        (r'a = "\u00e4\t\U0001F600\\"', 'a = "ä\\t\N{GRINNING FACE}\\\\"'),
        (r'a = "x*\*"', r'a = "x*\*"'),
        ('a = "\x00\u2028"', r'a = "\u0000\u2028"'),
        ("t>now-30d t<now  +  1.5h t=now", "t > now - 30d AND t < now + 1.5h AND t = now"),
        ("a = nowhere", "a = nowhere"),
        ("a = now-here", "a = now-here"),
        ("t>=2026-01-01T00:00:00+01:00", "t >= 2026-01-01T00:00:00+01:00"),
        ("größe = 5", "größe = 5"),
    ],
)
def test_a_filter_has_one_canonical_text(expression: str, canonical: str) -> None:
    """Which parses to the same tree."""
    tree = parse_filter(expression)
    assert str(tree) == canonical
    assert parse_filter(canonical) == tree


def test_the_tree_is_what_was_written() -> None:
    """Nested lists of one kind are one list, and places are no part of what a tree is."""
    a, b = (
        Comparison(("a",), Operator.EQUAL, (Bare("1"),)),
        Comparison(("m", "b"), Operator.IN, (Quoted(("x", "")), Bare("y"))),
    )
    assert parse_filter('a = 1 AND NOT (m.b IN ("x*", y) OR a = 1)') == And((a, Not(Or((b, a)))))
    assert parse_filter("") == EVERYTHING


@pytest.mark.parametrize(
    ("expression", "column", "words"),
    [
        ("a", 2, "the filter ends; expected an operator: ="),
        ("a =", 4, "the filter ends; expected a value"),
        ("a == 1", 4, "unexpected '='; expected a value"),
        ("a. = 1", 4, "unexpected '='; expected a key"),
        ("= 1", 1, "unexpected '='; expected a field"),
        ("a = 1 AND", 10, "the filter ends; expected a field"),
        ("a = 1 OR b = 2 AND c = 3", 16, "AND and OR without parentheses"),
        ("a = 1 AND b = 2 OR c = 3", 17, "AND and OR without parentheses"),
        ("a = 1 OR b = 2 c = 3", 16, "AND and OR without parentheses"),
        ("a = 1 OR b = 2 (c = 3)", 17, "AND and OR without parentheses"),
        ("a = 1 and b = 2", 7, "and is read as a field; expected AND"),
        ("not a = 1", 1, "not is read as a field; expected NOT"),
        ("a in (1)", 3, "unexpected 'in'; expected IN"),
        ("a = 1 AND AND b = 2", 11, "AND is read as a field; expected a field"),
        ("AND = 1", 1, "unexpected AND; expected a field"),
        ("a = OR", 5, "OR is a keyword"),
        ('a = "x', 5, 'this quote is not closed; expected another "'),
        ("a = 'x\"", 5, "this quote is not closed; expected another '"),
        (r'a = "x\q"', 7, "an escape that there is none of"),
        (r'a = "\u12"', 6, "an escape that there is none of"),
        (r'a = "\ud800"', 6, "an escape that there is none of"),
        (r'a = "\U00110000"', 6, "an escape that there is none of"),
        ("a = (1)", 5, "unexpected '('; expected a value"),
        ("a = 1)", 6, "unexpected ')'; expected AND, OR or the end"),
        ("(a = 1", 7, "the filter ends; expected AND, OR or a closing parenthesis"),
        ("a IN ()", 7, "unexpected ')'; expected a value"),
        ("a IN (1, 2", 11, "the filter ends; expected a comma or a closing parenthesis"),
        ("a IN (1,)", 9, "unexpected ')'; expected a value"),
        ("a IN 1", 6, "unexpected '1'; expected an opening parenthesis"),
        ("a NOT = 1", 7, "unexpected '='; expected IN"),
        ('m."a*b" = 1', 3, "a key has no wildcards"),
        ('"a" = 1', 1, "unexpected '\"'; expected a field"),
        ("NOT NOT a = 1", 5, "NOT is read as a field; expected a field"),
        ("a = 1 # b", 7, "unexpected '#'; expected AND, OR or the end"),
        ("a = 1\nb", 8, "the filter ends; expected an operator"),
        ("t > now - 30days", 17, "the filter ends"),
        ("\ud800 = 1", 1, "half a character"),
        ('a = "\udfff"', 6, "half a character"),
    ],
    ids=ascii,
)
def test_what_is_no_filter_is_shown_with_its_column(
    expression: str, column: int, words: str
) -> None:
    """And with what may stand there."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(expression)
    assert words in str(caught.value)
    assert caught.value.column == column
    assert caught.value.metadata()["column"] == str(column)


@pytest.mark.parametrize(
    ("expression", "column", "words"),
    [
        ("brand = a AND pric < 5", 15, "there is no field pric; expected price"),
        ("nonsense = 1", 1, "there is no field nonsense"),
        ("price.x = 1", 1, "there is no field price.x; expected price"),
        ("attribute.color = 1", 1, "there is no field attribute.color; expected attributes.color"),
        ("attributes = 1", 1, "attributes has keys; expected attributes.key"),
        ("attributes:*", 1, "attributes has keys"),
        ('price < "50"', 9, '"50" cannot be compared with price, a number; expected a finite'),
        ("price < cheap", 9, "cheap cannot be compared with price, a number"),
        ("price < NaN", 9, "NaN cannot be compared with price"),
        ("price < -inf", 9, "-inf cannot be compared with price"),
        ("price < 1e999", 9, "1e999 cannot be compared with price"),
        ("price < 1_000", 9, "1_000 cannot be compared with price"),
        ("price < ٣", 9, "cannot be compared with price"),
        ("price IN (1, 2, x)", 17, "x cannot be compared with price"),
        ("price > now", 9, "now cannot be compared with price"),
        ("category < Shoes", 1, "category is a category path, which has no order"),
        ('category = " > "', 12, "cannot be compared with category"),
        ('category:"A* > B"', 10, "wildcards within one level"),
        ("in_stock > true", 1, "in_stock is a truth value, which has no order"),
        ('in_stock = "true"', 12, "expected true or false"),
        ("in_stock = 1", 12, "expected true or false"),
        ("brand = now", 9, "in quotes if this word is meant"),
        ('brand = ""', 9, "expected brand:* to ask whether there is one"),
        ('brand > "a*"', 9, "without wildcards"),
        ("attributes.size > 1e999", 19, "1e999 cannot be compared with attributes.size"),
        ("attributes.day > now", 18, "now cannot be compared with attributes.day"),
        ("release_time > yesterday", 16, "such as 2026-01-31T18:00:00Z"),
        ("release_time > 2026-02-30", 16, "cannot be compared with release_time, a time"),
        ("release_time > 2026-01-01T00:00:00", 16, "cannot be compared with release_time"),
        ("release_time > 2026-01-01T25:00:00Z", 16, "cannot be compared with release_time"),
        (f"release_time > now - {'9' * 400}d", 16, "a finite span of time"),
        (" ".join(["brand = a*"] * 16 + ['brand < "b"']), 177, "more than 16 wildcards"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_does_not_fit_the_fields_is_shown_with_its_column(
    expression: str, column: int, words: str
) -> None:
    """In the text as it was written, and with what would fit."""
    with pytest.raises(InvalidFilter) as caught:
        read_filter(f"  {expression}", SCHEMA)
    assert words in str(caught.value)
    assert caught.value.column == column + 2
    assert caught.value.expression == f"  {expression}"


def test_an_error_can_be_shown_below_its_line() -> None:
    """For people at a terminal."""
    with pytest.raises(InvalidFilter) as caught:
        read_filter("brand = a\nAND price < cheap\nAND in_stock = true", SCHEMA)
    assert caught.value.pointer() == "AND price < cheap\n            ^"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("a=" + "x" * limits.FILTER_BYTES_MAX, "has 8194 bytes; allowed 8192"),
        ("a=" + "ü" * 5_000, "has 10002 bytes; allowed 8192"),
        ("x" * 100_000, "has 100000 bytes; allowed 8192"),
        ("(" * 10_000 + "a=1" + ")" * 10_000, "has 20003 bytes"),
        ("(" * 33 + "a=1" + ")" * 33, "more than 32 parentheses in each other"),
        ("(" * 8_000, "more than 32 parentheses in each other"),
        ("NOT (" * 33 + "a=1" + ")" * 33, "more than 32 parentheses in each other"),
        (" ".join(["a=1"] * 101), "more than 100 comparisons"),
        (" OR ".join(["a:1"] * 101), "more than 100 comparisons"),
        (f"a IN ({','.join(['1'] * 1_001)})", "the list has 1001 values; allowed 1000"),
    ],
    ids=lambda value: value[:12],
)
def test_bounds_are_named(expression: str, words: str) -> None:
    """Before the work that they save."""
    with pytest.raises(InvalidFilter, match=words) as caught:
        parse_filter(expression)
    assert len(caught.value.expression) <= limits.FILTER_BYTES_MAX


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 32 + "a=1" + ")" * 32,
        " ".join(["a=1"] * 100),
        f"a IN ({','.join(['1'] * 1_000)})",
        f'a="{"x" * (limits.FILTER_BYTES_MAX - 4)}"',
    ],
    ids=lambda value: value[:12],
)
def test_what_is_just_within_the_bounds_is_read(expression: str) -> None:
    """And its canonical text, too, where that is no longer."""
    tree = parse_filter(expression)
    if len(str(tree)) <= limits.FILTER_BYTES_MAX:
        assert parse_filter(str(tree)) == tree


_SIGNS = [
    "(",
    ")",
    " ",
    "AND",
    "OR",
    "NOT",
    "IN",
    "-",
    "=",
    "!=",
    "<",
    ":",
    "*",
    ",",
    '"',
    "'",
    "\\",
]
_WORDS = [
    "price",
    "brand",
    "attributes.",
    "now",
    "30d",
    "1e999",
    "NaN",
    "\n",
    "2026-01-01",
    "ü",
    ">",
]
_PIECES = st.sampled_from(_SIGNS + _WORDS)


@given(st.text() | st.lists(_PIECES).map("".join) | st.lists(_PIECES).map(" ".join))
@example('a="' + "\\" * 8_000)
@example("'\"" * 4_000)
@example("now - " * 1_000)
@example("a=now" + " " * 8_000 + "- 3x")
@example("-" * 8_000)
@example("a." * 4_000)
@example("a IN (" * 1_000)
@example("brand = " + "*" * 8_000)
def test_any_text_is_a_filter_or_refused_as_one(expression: str) -> None:
    """No other error, whatever is written, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read = read_filter(expression, SCHEMA)
        except InvalidFilter as error:
            refused = error
        else:
            read.matches({"brand": "x" * 100, "price": 1.0}, now=NOW)
            return
    assert 1 <= refused.column <= max(len(expression), 1) + 1
    assert refused.pointer()


@given(expressions, st.integers(0, 200), st.sampled_from(list("()=<>!:*,\"'\\-. \nxA0")))
def test_one_wrong_key_is_no_other_error(expression: str, place: int, typed: str) -> None:
    """Slips of the pen, too, are refused as a filter or read as another."""
    place = min(place, len(expression))
    for slip in (expression[:place] + typed + expression[place:], expression[:place]):
        try:
            tree = read_filter(slip, SCHEMA).node
            assert parse_filter(str(tree)) == tree
        except InvalidFilter:
            pass


def test_a_record_of_another_type_is_refused_by_name() -> None:
    """As it is when it is written into columns."""
    with pytest.raises(InvalidValue, match="price is a str; allowed a number"):
        read_filter("price < 5", SCHEMA).matches({"price": "5"}, now=NOW)
