"""Random filters and random records that they can meet: few values, so that they often do."""

from typing import Any

from hypothesis import strategies as st

from recsys.filters import FieldType, Schema

NOW = 1_800_000_000.0

SCHEMA = Schema(
    fields={
        "brand": FieldType.TEXT,
        "category": FieldType.PATH,
        "price": FieldType.NUMBER,
        "release_time": FieldType.TIME,
        "in_stock": FieldType.BOOL,
    },
    maps=frozenset({"attributes"}),
)

WORDS = ["a", "b", "red", "Red", "x*y", "ünder", 'q"t', "\\", "42", "true", "\n", "a b"]
LEVELS = ["Clothing", "Shoes", "a", "b"]
NUMBERS = [0.0, 1.0, 42.0, -1.5, 49.99]
AGES_DAYS = [-1, 0, 1, 30, 31]
KEYS = ["color", "size", "a b", "nobody has it"]

texts = st.sampled_from(WORDS)
paths = st.lists(st.sampled_from(LEVELS), min_size=1, max_size=3).map(" > ".join)
times = st.sampled_from([NOW - days * 86_400.0 for days in AGES_DAYS])


def _some(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | one | st.lists(one, max_size=3)


records = st.fixed_dictionaries(
    {},
    optional={
        "brand": _some(texts),
        "category": _some(paths),
        "price": st.none() | st.sampled_from(NUMBERS) | st.just(float("nan")),
        "release_time": st.none() | times,
        "in_stock": st.none() | st.booleans(),
        "attributes": st.dictionaries(
            st.sampled_from(KEYS[:-1]),
            _some(texts | st.sampled_from(NUMBERS) | st.booleans()),
            max_size=3,
        ),
    },
)
"""Records of the schema."""


def quote(text: str) -> str:
    """Write a text so that it means itself."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*") + '"'


_wild = st.lists(texts, min_size=2, max_size=3).map(
    lambda parts: '"' + "*".join(quote(part)[1:-1] for part in parts) + '"'
) | st.sampled_from(['"*"', '"r*"', "*d", '"*e*"'])
_text_values = texts.map(quote) | st.sampled_from(["a", "red", "42", "'b'"])
_path_values = paths.map(quote) | st.sampled_from(["Shoes", '"Sh*"', "*s"])
_number_values = st.sampled_from(["0", "1", "42", "-1.5", "49.99", "4.2e1", "+7"])
_time_values = st.sampled_from(
    ["now", "now - 30d", "now-1d", "now + 24h", "2027-01-15T08:00:00Z", '"2026-12-16"']
)
_bool_values = st.sampled_from(["true", "false"])
_any_values = _text_values | _number_values | _bool_values

_EQUAL = ["=", "!=", ":"]
_ORDER = ["<", "<=", ">", ">="]


def _compared(
    field: str, values: st.SearchStrategy[str], operators: list[str]
) -> st.SearchStrategy[str]:
    one = st.tuples(st.sampled_from(operators), values).map(
        lambda pair: f"{field} {' '.join(pair)}"
    )
    several = st.tuples(
        st.sampled_from(["IN", "NOT IN"]), st.lists(values, min_size=1, max_size=3)
    ).map(lambda pair: f"{field} {pair[0]} ({', '.join(pair[1])})")
    return one | several | st.just(f"{field}:*")


_key = st.sampled_from(["attributes.color", "attributes.size", 'attributes."a b"', "attributes.zz"])
terms = st.one_of(
    _compared("brand", _text_values | _wild, _EQUAL),
    _compared("brand", _text_values, _ORDER),
    _compared("category", _path_values, _EQUAL),
    _compared("price", _number_values, _EQUAL + _ORDER),
    _compared("release_time", _time_values, _EQUAL + _ORDER),
    _compared("in_stock", _bool_values, _EQUAL),
    _key.flatmap(lambda key: _compared(key, _any_values | _wild, _EQUAL)),
    _key.flatmap(lambda key: _compared(key, _any_values, _ORDER)),
    st.sampled_from(["attributes:color", 'attributes:"a b"']),
)
"""Single comparisons that fit the schema."""


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = inner.map(lambda text: f"({text})")
    several = st.lists(grouped, min_size=2, max_size=3)
    joiners = st.sampled_from([" AND ", " OR ", " "])
    return st.one_of(
        grouped.map("NOT {}".format),
        grouped.map("-{}".format),
        st.tuples(joiners, several).map(lambda pair: pair[0].join(pair[1])),
    )


expressions = st.recursive(terms, _joined, max_leaves=6)
"""Filters that fit the schema."""
