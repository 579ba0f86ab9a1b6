"""A filter that is ready: over columns, and over single records, with the same answers.

cheap = read_filter('price < 50 AND brand IN ("a", "b")', schema)
allowed = cheap.bitmap(columns, now=now)      # item i is bit i%8 of byte i//8
cheap.matches({"price": 20.0, "brand": "a"}, now=now)
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.filters.columns import CHUNK_ROWS, I32, Columns, SparseChunk, Truths
from recsys.filters.compiler import predicates_of
from recsys.filters.nodes import And, Comparison, Node, Not, Presence, Term, terms_of
from recsys.filters.parser import parse_filter
from recsys.filters.schema import Schema
from recsys.filters.values import Kept, Record, kept, record_value

U8: TypeAlias = NDArray[np.uint8]

# What stands for the chunks of a column that no record has ever had.
_NOTHING: Final = np.zeros(CHUNK_ROWS, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of a filter that a record does not pass.

    Attributes:
        expression: The part: one of those that are joined by AND at the top.
        values: What the record has in the columns that it reads; nothing where missing.
    """

    expression: str
    values: Mapping[str, Kept]


class Filter:
    """A filter whose fields and types are settled. Immutable; safe between threads."""

    def __init__(self, node: Node, schema: Schema, *, expression: str) -> None:
        """Settle a filter's fields and types.

        Args:
            node: The tree of the expression.
            schema: The fields that there are.
            expression: What was written, for errors to point at.

        Raises:
            InvalidFilter: A field is unknown, or cannot be compared like this.
        """
        self.node = node
        self.schema = schema
        self._predicates = predicates_of(node, schema, expression)
        predicates = self._predicates.values()
        self.fields = frozenset(predicate.column.name for predicate in predicates)
        """Names of the columns that it reads: `price`, `attributes.color`."""
        self.depends_on_now = any(predicate.depends_on_now for predicate in predicates)
        """Whether its answers can change without any change of the data."""

    def __str__(self) -> str:
        """Return the canonical text; parsing it gives an equal filter."""
        return str(self.node)

    def __repr__(self) -> str:
        """Return the canonical text, marked as a filter."""
        return f"Filter({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Compare text and schema."""
        if not isinstance(other, Filter):
            return NotImplemented
        return self.node == other.node and self.schema == other.schema

    def __hash__(self) -> int:
        """Hash the text alone."""
        return hash(self.node)

    def bitmap(self, columns: Columns, *, now: float) -> U8:
        """Tell which rows pass.

        Args:
            columns: n records of the filter's schema.
            now: The moment of the question, seconds since 1970 UTC.

        Returns:
            Row i is bit i%8 of byte i//8, shape (ceil(n/8),); bits from n on are 0.
        """
        held = {
            term: columns.columns.get(one.column.name) for term, one in self._predicates.items()
        }
        tests = {term: one.rows(held[term], now=now) for term, one in self._predicates.items()}
        bitmap = np.zeros((columns.row_count + 7) // 8, dtype=np.uint8)
        for number, first in enumerate(range(0, columns.row_count, CHUNK_ROWS)):
            count = min(CHUNK_ROWS, columns.row_count - first)

            def ask(term: Term, number: int = number, count: int = count) -> Truths:
                column = held[term]
                chunk = _NOTHING if column is None else column.chunks[number]
                if isinstance(chunk, SparseChunk):
                    return chunk.truths(tests[term], count)
                return tests[term](chunk[:count])

            bits = np.packbits(_evaluated(self.node, ask, count), bitorder="little")
            bitmap[first // 8 : first // 8 + len(bits)] = bits
        return bitmap

    def update(self, bitmap: U8, columns: Columns, rows: I32, *, now: float) -> U8:
        """Ask again for some rows, where the others are known.

        Args:
            bitmap: The answer for the first m <= n records.
            columns: n records.
            rows: Which to ask for, unique; those from m on need not be among them only if
                they are not to pass.
            now: The moment of the question, seconds since 1970 UTC.

        Returns:
            A new bitmap for all n records.
        """
        fresh = np.zeros((columns.row_count + 7) // 8, dtype=np.uint8)
        fresh[: len(bitmap)] = bitmap

        def ask(term: Term) -> Truths:
            predicate = self._predicates[term]
            return predicate.few(columns.columns.get(predicate.column.name), rows, now=now)

        truths = _evaluated(self.node, ask, len(rows))
        bits = np.left_shift(1, rows & 7).astype(np.uint8)
        np.bitwise_and.at(fresh, rows >> 3, ~bits)
        np.bitwise_or.at(fresh, (rows >> 3)[truths], bits[truths])
        return fresh

    def stands_until(self, columns: Columns, rows: I32 | None = None, *, now: float) -> float:
        """Return up to when the answer of this moment stays true while the data stay.

        Args:
            columns: n records.
            rows: Whose answers are meant; all by default.
            now: The moment of the answer, seconds since 1970 UTC.

        Returns:
            A moment, exclusive, infinite for a filter without `now`. It may be early by a
            millisecond; if it is not after now, only this very moment's answer is known.
        """
        return min(
            (
                predicate.stands_until(columns.columns.get(predicate.column.name), rows, now=now)
                for predicate in self._predicates.values()
                if predicate.depends_on_now
            ),
            default=np.inf,
        )

    def unknown_fields(self, columns: Columns) -> dict[str, list[str]]:
        """Return the keys that no record has had, each with the nearest that some have.

        Not wrong, as the next record may have one, but more often a slip of the pen.
        """
        unknown = sorted(self.fields - columns.columns.keys())
        return {name: difflib.get_close_matches(name, columns.columns) for name in unknown}

    def matches(self, record: Record, *, now: float) -> bool:
        """Tell whether one record passes, as its row in a bitmap would.

        Args:
            record: Its fields; others than those of the filter are not looked at.
            now: The moment of the question, seconds since 1970 UTC.

        Raises:
            InvalidValue: A value is of another type than its field.
        """
        return self._matches(self.node, record, now)

    def explain(self, record: Record, *, now: float) -> tuple[Failure, ...]:
        """Say which parts a record does not pass; none where it passes.

        Raises:
            InvalidValue: A value is of another type than its field.
        """
        parts = self.node.terms if isinstance(self.node, And) else (self.node,)
        return tuple(
            Failure(str(part), dict(self._values(part, record)))
            for part in parts
            if not self._matches(part, record, now)
        )

    def _matches(self, node: Node, record: Record, now: float) -> bool:
        if isinstance(node, Comparison | Presence):
            return self._predicates[node].matches(self.schema, record, now=now)
        if isinstance(node, Not):
            return not self._matches(node.term, record, now)
        quantifier = all if isinstance(node, And) else any
        return quantifier(self._matches(term, record, now) for term in node.terms)

    def _values(self, part: Node, record: Record) -> Iterator[tuple[str, Kept]]:
        for term in terms_of(part):
            column = self._predicates[term].column
            given = record_value(self.schema, record, column.name)
            yield column.name, kept(given, field=column.name, kind=column.type)


def compile_filter(node: Node, schema: Schema) -> Filter:
    """Settle the fields and types of a tree; errors point at its canonical text.

    Raises:
        InvalidFilter: A field is unknown, or cannot be compared like this.
    """
    return read_filter(str(node), schema)


def read_filter(expression: str, schema: Schema) -> Filter:
    """Read a filter and settle its fields and types.

    Raises:
        InvalidFilter: It is no filter, larger than allowed, or does not fit the schema.
    """
    return Filter(parse_filter(expression), schema, expression=expression)


def _evaluated(node: Node, ask: Callable[[Term], Truths], count: int) -> Truths:
    """Return what is true of so many rows; stops as soon as nothing can change any more."""
    if isinstance(node, Comparison | Presence):
        return ask(node)
    if isinstance(node, Not):
        return ~_evaluated(node.term, ask, count)
    is_and = isinstance(node, And)
    truths = np.full(count, is_and)
    for term in node.terms:
        part = _evaluated(term, ask, count)
        if is_and:
            truths &= part
        else:
            truths |= part
        if not truths.any() if is_and else truths.all():
            break
    return truths
