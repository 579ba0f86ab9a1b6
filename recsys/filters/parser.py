"""From text to tree.

`OR` binds tighter than `AND` in AIP-160 and looser in SQL and most filter languages of shops.
Whoever guesses wrong shows goods that must not be shown, and nothing tells. So both at one
level, without parentheses, are refused.
"""

import functools
import itertools
import re
from importlib import resources
from typing import Final, NamedTuple, TypeAlias

from lark import (
    Lark,
    Token,
    Transformer,
    UnexpectedCharacters,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)

from recsys.filters.errors import InvalidFilter
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
from recsys.limits import (
    FILTER_BYTES_MAX,
    FILTER_DEPTH_MAX,
    FILTER_LIST_COUNT_MAX,
    FILTER_TERM_COUNT_MAX,
)


class _Part(NamedTuple):
    """A piece of a tree and where it begins, from 1."""

    node: Node
    column: int


_Path: TypeAlias = list[Token]

_NOW: Final = re.compile(r"now\s*(?:([-+])\s*([0-9.]+)([smhdw]))?")
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN"})
_OPERATORS: Final = frozenset({"COMPARATOR", "HAS", "IN"})

_PLACES: Final = (
    # What may come next is told by one of the tokens that may.
    ("HAS", "an operator: = != < <= > >= : IN or NOT IN"),
    ("IN", "IN"),
    ("BARE", "a value"),
    ("STRING", "a key"),
    ("COMMA", "a comma or a closing parenthesis"),
    ("NOT", "a field, NOT or an opening parenthesis"),
    ("NAME", "a field or an opening parenthesis"),
    ("LPAR", "an opening parenthesis"),
)


def parse_filter(expression: str) -> Node:
    """Read a filter; an empty one is the filter that everything passes.

    Raises:
        InvalidFilter: It is no filter, or larger than allowed.
    """
    _check_size(expression)
    reading = _grammar().parse_interactive(expression)
    depth = terms = 0
    tokens: list[Token] = []
    try:
        for token in reading.iter_parse():
            depth += (token.type == "LPAR") - (token.type == "RPAR")
            terms += token.type in _OPERATORS
            _check_bound(expression, token, "parentheses in each other", depth, FILTER_DEPTH_MAX)
            _check_bound(expression, token, "comparisons", terms, FILTER_TERM_COUNT_MAX)
            tokens.append(token)
        tree = reading.feed_eof(tokens[-1] if tokens else None)
    except UnexpectedInput as error:
        raise _explained(expression, error, tokens) from None
    except _Misread as error:
        raise InvalidFilter(
            expression=expression,
            column=error.column,
            problem=error.problem,
            expected=error.expected,
        ) from None
    assert isinstance(tree, Comparison | Presence | Not | And | Or)
    return tree


class _Misread(Exception):
    """What the builder found wrong; it does not know the expression."""

    def __init__(self, *, column: int, problem: str, expected: str = "") -> None:
        self.column = column
        self.problem = problem
        self.expected = expected
        super().__init__(problem)


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes nodes while the text is read, so that no deep tree is ever walked."""

    def start(self, part: _Part | None) -> Node:
        return EVERYTHING if part is None else part.node

    def expression(self, *children: _Part | Token) -> _Part:
        parts = [child for child in children if isinstance(child, _Part)]
        if len(parts) == 1:
            return parts[0]
        return _Part(_joined(children, parts), parts[0].column)

    def group(self, part: _Part) -> _Part:
        return part

    def negation(self, *children: _Part | Token) -> _Part:
        part = children[-1]
        assert isinstance(part, _Part)
        return _Part(Not(part.node), part.column)

    def comparison(self, path: _Path, operator: Token, value: Value) -> _Part:
        return _compared(path, Operator(operator), (value,))

    def presence(self, path: _Path, *_: Token) -> _Part:
        column = _column(path[0])
        return _Part(Presence(_keys(path), column), column)

    def membership(self, path: _Path, _: Token, values: tuple[Value, ...]) -> _Part:
        return _compared(path, Operator.IN, values)

    def exclusion(self, path: _Path, *rest: Token | tuple[Value, ...]) -> _Part:
        values = rest[-1]
        assert not isinstance(values, str)
        return _compared(path, Operator.NOT_IN, values)

    def field(self, *tokens: Token) -> _Path:
        if tokens[0] in _KEYWORDS:
            raise _Misread(
                column=_column(tokens[0]), problem=f"unexpected {tokens[0]}", expected="a field"
            )
        return list(tokens)

    def values(self, *values: Value) -> tuple[Value, ...]:
        if len(values) > FILTER_LIST_COUNT_MAX:
            raise _Misread(
                column=values[FILTER_LIST_COUNT_MAX].column,
                problem=f"the list has {len(values)} values; allowed {FILTER_LIST_COUNT_MAX}",
            )
        return values

    def quoted(self, token: Token) -> Quoted:
        return Quoted(_parts(token), _column(token))

    def bare(self, token: Token) -> Bare:
        if token in _KEYWORDS:
            raise _Misread(
                column=_column(token),
                problem=f"{token} is a keyword",
                expected="a value; in quotes if this word is meant",
            )
        return Bare(str(token), _column(token))

    def moment(self, token: Token) -> Now:
        found = _NOW.fullmatch(token)
        assert found is not None
        sign, amount, unit = found.groups(default="")
        return Now(amount, unit, sign == "-", _column(token))


def _compared(path: _Path, operator: Operator, values: tuple[Value, ...]) -> _Part:
    column = _column(path[0])
    return _Part(Comparison(_keys(path), operator, values, column), column)


def _joined(children: tuple[_Part | Token, ...], parts: list[_Part]) -> Node:
    """Return one And or Or of parts; a part without a word before it is joined by AND."""
    kind: str | None = None
    for before, child in itertools.pairwise(children):
        if isinstance(before, Token):
            continue
        connector = str(child) if isinstance(child, Token) else "AND"
        if kind is not None and connector != kind:
            raise _Misread(
                column=_column(child) if isinstance(child, Token) else child.column,
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
                raise _Misread(column=_column(token), problem="a key has no wildcards")
            keys.append(parts[0])
        else:
            keys.append(str(token))
    return tuple(keys)


def _parts(token: Token) -> tuple[str, ...]:
    parts, wrong = unescape(token[1:-1])
    if wrong is not None:
        raise _Misread(
            column=_column(token) + 1 + wrong,
            problem="an escape that there is none of",
            expected=r"\\ \" \' \* \n \r \t \uXXXX or \UXXXXXXXX",
        )
    return parts


def _column(token: Token) -> int:
    assert token.start_pos is not None
    return token.start_pos + 1


@functools.cache
def _grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer="contextual", transformer=_Builder())


def _check_size(expression: str) -> None:
    # Characters first: counting the bytes of a huge text would cost what it is to save.
    size = len(expression)
    if size <= FILTER_BYTES_MAX:
        try:
            size = len(expression.encode())
        except UnicodeEncodeError as error:
            raise InvalidFilter(
                expression=expression.encode(errors="replace").decode(),
                column=error.start + 1,
                problem="half a character (a lone surrogate)",
            ) from None
    if size > FILTER_BYTES_MAX:
        raise InvalidFilter(
            expression=expression[:FILTER_BYTES_MAX].encode(errors="replace").decode(),
            column=min(len(expression), FILTER_BYTES_MAX),
            problem=f"the filter has {size} bytes; allowed {FILTER_BYTES_MAX}",
        )


def _check_bound(expression: str, token: Token, what: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise InvalidFilter(
            expression=expression,
            column=_column(token),
            problem=f"more than {count_max} {what}",
        )


def _explained(expression: str, error: UnexpectedInput, tokens: list[Token]) -> InvalidFilter:
    """Say what the reader stumbled over and what may stand there.

    Args:
        expression: The filter.
        error: Where it stopped.
        tokens: What it had read, perhaps with the one that it could not use.
    """
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if isinstance(error, UnexpectedToken) and tokens and tokens[-1] is error.token:
        tokens = tokens[:-1]
    last = tokens[-1] if tokens else None
    names = _accepted(tokens)
    column = len(expression) + 1 if at_end else (error.pos_in_stream or 0) + 1
    word = _word(expression, column)
    found, expected = f"unexpected {word!a}", _expected(names)
    if last is not None and last.type == "NAME" and last.upper() in _KEYWORDS:
        # What comes after it cannot be meant; the word itself was read as a field.
        column, found = _column(last), f"{last} is read as a field"
        expected = "a field" if last in _KEYWORDS else last.upper()
    elif at_end:
        found = "the filter ends"
    elif word.upper() in _KEYWORDS - {word}:
        expected = word.upper()
    elif isinstance(error, UnexpectedCharacters) and word in {"'", '"'} and "BARE" in names:
        found, expected = "this quote is not closed", f"another {word}"
    return InvalidFilter(expression=expression, column=column, problem=found, expected=expected)


def _accepted(tokens: list[Token]) -> set[str]:
    """Return the names of what may follow; the reader itself has gone on too far to tell."""
    again = _grammar().parse_interactive("")
    for token in tokens:
        again.feed_token(token)
    return set(again.accepts())


def _expected(names: set[str]) -> str:
    """Describe the tokens that may come next."""
    ends = "the end" if "$END" in names else "a closing parenthesis"
    if "OR" in names:
        return f"AND, OR or {ends}"
    return next(text for name, text in _PLACES if name in names)


def _word(expression: str, column: int) -> str:
    """Return the word or sign at a column, shortened."""
    found = re.match(r"\w+|.", expression[column - 1 : column + 23], re.DOTALL)
    return found[0] if found else ""
