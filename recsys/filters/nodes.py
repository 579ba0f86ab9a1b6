"""What a filter says, as it was written: a small tree that knows no field and no type.

Trees compare by meaning of their text: where something stood is not part of it. `str` gives
the canonical text, and parsing that gives an equal tree.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    HAS = ":"
    IN = "IN"
    NOT_IN = "NOT IN"


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text in quotes.

    Attributes:
        parts: The text, cut at its wildcards: one part is an exact text.
        column: Where it begins, from 1.
    """

    parts: tuple[str, ...]
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return it in double quotes."""
        return '"' + "*".join(_escape(part) for part in self.parts) + '"'


@dataclass(frozen=True, slots=True)
class Bare:
    """A word, number or time without quotes, read as the type of its field."""

    text: str
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return it as it was written."""
        return self.text


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of the question, shifted.

    Attributes:
        amount: A number such as `30`, as written; empty for none.
        unit: One of s, m, h, d, w; empty where there is no amount.
        back: Whether it lies before now.
        column: Where it begins, from 1.
    """

    amount: str = ""
    unit: str = ""
    back: bool = False
    column: int = field(default=0, compare=False)

    @property
    def offset_seconds(self) -> float:
        """How much is added to now; infinite where the amount is beyond all numbers."""
        if not self.amount:
            return 0.0
        seconds = float(self.amount) * SECONDS_PER[self.unit]
        return -seconds if self.back else seconds

    def __str__(self) -> str:
        """Return it with spaces around the sign."""
        if not self.amount:
            return "now"
        return f"now {'-' if self.back else '+'} {self.amount}{self.unit}"


Value: TypeAlias = Quoted | Bare | Now

SECONDS_PER: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against values.

    Attributes:
        path: The field, then the keys below it.
        operator: How.
        values: One, or the list of IN and NOT IN.
        column: Where it begins, from 1.
    """

    path: tuple[str, ...]
    operator: Operator
    values: tuple[Value, ...]
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return its canonical text."""
        if self.operator in {Operator.IN, Operator.NOT_IN}:
            listed = ", ".join(map(str, self.values))
            return f"{path_text(self.path)} {self.operator} ({listed})"
        space = "" if self.operator is Operator.HAS else " "
        return f"{path_text(self.path)}{space}{self.operator}{space}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class Presence:
    """A field has a value: `field:*`."""

    path: tuple[str, ...]
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return its canonical text."""
        return f"{path_text(self.path)}:*"


@dataclass(frozen=True, slots=True)
class Not:
    """The complement of a term."""

    term: "Node"

    def __str__(self) -> str:
        """Return its canonical text."""
        inner = str(self.term)
        return f"NOT {inner}" if isinstance(self.term, Comparison | Presence) else f"NOT ({inner})"


@dataclass(frozen=True, slots=True)
class And:
    """All of these; none of them is an `And`. Without terms, everything."""

    terms: tuple["Node", ...]

    def __str__(self) -> str:
        """Return its canonical text."""
        return " AND ".join(map(_within, self.terms))


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these two or more; none of them is an `Or`."""

    terms: tuple["Node", ...]

    def __str__(self) -> str:
        """Return its canonical text."""
        return " OR ".join(map(_within, self.terms))


Term: TypeAlias = Comparison | Presence
Node: TypeAlias = Term | Not | And | Or

EVERYTHING: Final = And(())

_WORD: Final = re.compile(r"\w+")
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "*": "\\*", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def path_text(path: tuple[str, ...]) -> str:
    """Return a field and its keys with dots; keys that are no words in quotes."""
    keys = [key if _WORD.fullmatch(key) else f'"{_escape(key)}"' for key in path[1:]]
    return ".".join([path[0], *keys])


def terms_of(node: Node) -> Iterator[Term]:
    """Yield the terms of a tree that compare, from left to right."""
    if isinstance(node, Comparison | Presence):
        yield node
    elif isinstance(node, Not):
        yield from terms_of(node.term)
    else:
        for term in node.terms:
            yield from terms_of(term)


def _within(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or) else str(node)


def _escape(text: str) -> str:
    escaped = (_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in text)
    return "".join(escaped)


def _code(character: str) -> str:
    digits = f"{ord(character):04x}"
    return f"\\u{digits}" if len(digits) == len("ffff") else f"\\U{digits:0>8}"
