"""From what the grammar finds to nodes, while the text is read.

`OR` binds tighter than `AND` in AIP-160 and looser in SQL and most filter languages of shops.
Whoever guesses wrong shows goods that must not be shown, and nothing tells. So both at one
level, without parentheses, are refused.
"""

import itertools
import re
from typing import Final, NamedTuple, TypeAlias

from lark import Token, Transformer, v_args

from recsys.filters.literals import unescape
from recsys.filters.nodes import (
    EVERYTHING,
    And,
    Bare,
    Comparison,
    Node,
    Not,
    Now,
    Operator,
    Or,
    Presence,
    Quoted,
    Value,
)
from recsys.limits import FILTER_LIST_COUNT_MAX

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN"})
_NOW: Final = re.compile(r"now\s*(?:([-+])\s*([0-9.]+)([smhdw]))?")


_Path: TypeAlias = list[Token]


class _Part(NamedTuple):
    """A piece of a tree and where it begins, from 1."""

    node: Node
    column: int


class Misread(Exception):
    """What the builder found wrong; it does not know the expression."""

    def __init__(self, *, column: int, problem: str, expected: str = "") -> None:
        self.column = column
        self.problem = problem
        self.expected = expected
        super().__init__(problem)


@v_args(inline=True)
class Builder(Transformer[Token, Node]):
    """Makes nodes while the text is read, so that no deep tree is ever walked."""

    def start(self, part: _Part | None) -> Node:
        """Return the whole; of nothing written, everything."""
        return EVERYTHING if part is None else part.node

    def expression(self, *children: _Part | Token) -> _Part:
        """Join parts by one of AND and OR."""
        parts = [child for child in children if isinstance(child, _Part)]
        if len(parts) == 1:
            return parts[0]
        return _Part(_joined(children, parts), parts[0].column)

    def group(self, part: _Part) -> _Part:
        """Return what stands in parentheses."""
        return part

    def negation(self, *children: _Part | Token) -> _Part:
        """Negate a part."""
        part = children[-1]
        assert isinstance(part, _Part)
        return _Part(Not(part.node), part.column)

    def comparison(self, path: _Path, operator: Token, value: Value) -> _Part:
        """Compare with one value."""
        return _compared(path, Operator(operator), (value,))

    def presence(self, path: _Path, *_: Token) -> _Part:
        """Ask whether there is a value."""
        column = column_of(path[0])
        return _Part(Presence(_keys(path), column), column)

    def membership(self, path: _Path, _: Token, values: tuple[Value, ...]) -> _Part:
        """Compare with a list."""
        return _compared(path, Operator.IN, values)

    def exclusion(self, path: _Path, *rest: Token | tuple[Value, ...]) -> _Part:
        """Compare with a list, negated."""
        values = rest[-1]
        assert not isinstance(values, str)
        return _compared(path, Operator.NOT_IN, values)

    def field(self, *tokens: Token) -> _Path:
        """Return the words of a field."""
        if tokens[0] in KEYWORDS:
            raise Misread(
                column=column_of(tokens[0]), problem=f"unexpected {tokens[0]}", expected="a field"
            )
        return list(tokens)

    def values(self, *values: Value) -> tuple[Value, ...]:
        """Return the values of a list."""
        if len(values) > FILTER_LIST_COUNT_MAX:
            raise Misread(
                column=values[FILTER_LIST_COUNT_MAX].column,
                problem=f"the list has {len(values)} values; allowed {FILTER_LIST_COUNT_MAX}",
            )
        return values

    def quoted(self, token: Token) -> Quoted:
        """Read a text in quotes."""
        return Quoted(_parts(token), column_of(token))

    def bare(self, token: Token) -> Bare:
        """Return a word as it is; its meaning is its field's."""
        if token in KEYWORDS:
            raise Misread(
                column=column_of(token),
                problem=f"{token} is a keyword",
                expected="a value; in quotes if this word is meant",
            )
        return Bare(str(token), column_of(token))

    def moment(self, token: Token) -> Now:
        """Read `now` and what is added to it."""
        found = _NOW.fullmatch(token)
        assert found is not None
        sign, amount, unit = found.groups(default="")
        return Now(amount, unit, sign == "-", column_of(token))


def _compared(path: _Path, operator: Operator, values: tuple[Value, ...]) -> _Part:
    column = column_of(path[0])
    return _Part(Comparison(_keys(path), operator, values, column), column)


def _joined(children: tuple[_Part | Token, ...], parts: list[_Part]) -> Node:
    """Return one And or Or of parts; a part without a word before it is joined by AND."""
    kind: str | None = None
    for before, child in itertools.pairwise(children):
        if isinstance(before, Token):
            continue
        connector = str(child) if isinstance(child, Token) else "AND"
        if kind is not None and connector != kind:
            raise Misread(
                column=column_of(child) if isinstance(child, Token) else child.column,
                problem="AND and OR without parentheses: readers differ on which binds tighter",
                expected="parentheses, such as a AND (b OR c)",
            )
        kind = connector
    whole = Or if kind == "OR" else And
    terms: list[Node] = []
    for part in parts:
        terms.extend(part.node.terms if isinstance(part.node, whole) else [part.node])
    return whole(tuple(terms))


def _keys(path: _Path) -> tuple[str, ...]:
    keys = []
    for token in path:
        if token.type == "STRING":
            parts = _parts(token)
            if len(parts) > 1:
                raise Misread(column=column_of(token), problem="a key has no wildcards")
            keys.append(parts[0])
        else:
            keys.append(str(token))
    return tuple(keys)


def _parts(token: Token) -> tuple[str, ...]:
    parts, wrong = unescape(token[1:-1])
    if wrong is not None:
        raise Misread(
            column=column_of(token) + 1 + wrong,
            problem="an escape that there is none of",
            expected=r"\\ \" \' \* \n \r \t \uXXXX or \UXXXXXXXX",
        )
    return parts


def column_of(token: Token) -> int:
    """Return where a token begins, from 1."""
    assert token.start_pos is not None
    return token.start_pos + 1
