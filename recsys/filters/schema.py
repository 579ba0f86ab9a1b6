"""Which fields there are, and of which type."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from recsys.domain import normal_text
from recsys.filters.nodes import path_text

_NAME: Final = re.compile(r"\w+(?:\.\w+)*")
_COMPARED_CHARS: Final = 64


class FieldType(StrEnum):
    """What a field holds; each may be missing.

    Texts and paths can have several values in one record.
    """

    TEXT = "text"
    PATH = "category path"
    NUMBER = "number"
    TIME = "time"
    BOOL = "truth value"
    ANY = "any value"
    """What the data has: texts, numbers or truth values, one or several; keys of maps."""


class Column(NamedTuple):
    """A field, or a key of a map.

    Attributes:
        name: `price`, or `attributes.color` for a key.
        type: What it holds.
    """

    name: str
    type: FieldType


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The fields that a filter may name.

    Attributes:
        fields: The type of each field.
        maps: Fields with keys of any name, each holding any value.
    """

    fields: Mapping[str, FieldType]
    maps: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        """Check that every column has one name and one reading.

        Raises:
            ValueError: A name is no word, or stands for two things.
        """
        for name in [*self.fields, *self.maps]:
            above = {name[: dot.start()] for dot in re.finditer(r"\.", name)}
            is_name = _NAME.fullmatch(name) and name == normal_text(name)
            if not is_name or above & (self.maps | self.fields.keys()):
                raise ValueError(f"{name!r} cannot be the name of a field")
        if both := self.maps & self.fields.keys():
            raise ValueError(f"{min(both)!r} is a field and a map")

    def column(self, path: tuple[str, ...]) -> Column | None:
        """Return what a path leads to; None where there is no such field."""
        name = ".".join(path)
        if name in self.fields:
            return Column(name, self.fields[name])
        if len(path) > 1 and path[0] in self.maps:
            return Column(name, FieldType.ANY)
        return None

    def column_type(self, name: str) -> FieldType | None:
        """Return the type of a column by its name; None where there is no such column."""
        found = self.column(tuple(name.split(".")))
        return found.type if found else None

    def suggestions(self, path: tuple[str, ...]) -> list[str]:
        """Return names that a wrong path may have meant, the nearest first."""
        near = difflib.get_close_matches(_beginning(".".join(path)), self.fields)
        maps = difflib.get_close_matches(_beginning(path[0]), self.maps)
        return [*near, *(path_text((name, *path[1:])) for name in maps)]


def _beginning(name: str) -> str:
    # No field has a name as long as a hostile one, and comparing takes time.
    return name[:_COMPARED_CHARS]
