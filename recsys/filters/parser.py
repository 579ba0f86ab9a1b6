"""From text to tree, within bounds, with errors that say where to look and what is expected."""

import functools
import re
from importlib import resources
from typing import Final

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from recsys.filters.builder import KEYWORDS, Builder, Misread, column_of
from recsys.filters.errors import InvalidFilter
from recsys.filters.nodes import And, Comparison, Node, Not, Or, Presence
from recsys.limits import FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TERM_COUNT_MAX

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
    except Misread as error:
        raise InvalidFilter(
            expression=expression,
            column=error.column,
            problem=error.problem,
            expected=error.expected,
        ) from None
    assert isinstance(tree, Comparison | Presence | Not | And | Or)
    return tree


@functools.cache
def _grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer="contextual", transformer=Builder())


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
            column=column_of(token),
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
    if last is not None and last.type == "NAME" and last.upper() in KEYWORDS:
        # What comes after it cannot be meant; the word itself was read as a field.
        column, found = column_of(last), f"{last} is read as a field"
        expected = "a field" if last in KEYWORDS else last.upper()
    elif at_end:
        found = "the filter ends"
    elif word.upper() in KEYWORDS - {word}:
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
