"""What is wrong with a filter, with the place to look at; and with a value that is to be kept."""

from recsys.errors import InvalidInput
from recsys.limits import FILTER_BYTES_MAX


class InvalidFilter(InvalidInput):
    """A filter cannot be read, or does not fit the fields that there are.

    Attributes:
        expression: The filter; its beginning where it is longer than allowed.
        column: The character to look at, counted from 1 over all lines.
        problem: What is wrong there.
        expected: What may stand there; empty where the problem says it.
    """

    reason = "INVALID_FILTER"

    def __init__(self, *, expression: str, column: int, problem: str, expected: str = "") -> None:
        self.expression = expression[:FILTER_BYTES_MAX]
        self.column = column
        self.problem = problem
        self.expected = expected
        super().__init__(f"filter, {self.detail}")

    @property
    def detail(self) -> str:
        """What is wrong and where, for those who have named the filter already."""
        hint = f"; expected {self.expected}" if self.expected else ""
        return f"column {self.column}: {self.problem}{hint}"

    def pointer(self) -> str:
        """Return the line of the filter that is meant and, below it, a caret at the column."""
        before = self.expression[: self.column - 1]
        start = before.rfind("\n") + 1
        line = self.expression[start:].split("\n", 1)[0]
        return f"{line}\n{' ' * (len(before) - start)}^"


class InvalidValue(InvalidInput):
    """A value is of another type than its field."""

    reason = "INVALID_VALUE"

    def __init__(self, *, field: str, found: str, allowed: str) -> None:
        self.field = field
        self.found = found
        self.allowed = allowed
        super().__init__(f"{field} is {found}; allowed {allowed}")
