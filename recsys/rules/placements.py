"""The rules of each placement, from a file that a merchandiser writes.

[default]                      # of every placement, where its own say nothing
in_stock = "auto"

[till]
in_stock = "store"
caps = [{ field = "brand", count_max = 3 }]

[home]
filter = 'NOT category:"Gift cards"'
boosts = [{ filter = 'release_time > now - 30d', factor = 1.5 }]
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
from recsys.errors import InvalidConfig
from recsys.filters import FieldType, InvalidFilter
from recsys.rules.filtered import item_filter
from recsys.rules.rules import NO_RULES, Rules

PLACEMENT_DEFAULT: Final = "default"

_GROUPED: Final = {FieldType.TEXT, FieldType.PATH, FieldType.ANY}

_NAME: Final = re.compile(rf"[a-z][a-z0-9-]{{0,{limits.PLACEMENT_CHARS_MAX - 1}}}")


@dataclass(frozen=True, slots=True)
class Placements:
    """Rules by placement."""

    rules: Mapping[str, Rules] = field(default_factory=dict)

    def of(self, placement: str) -> Rules:
        """Return the rules of a placement; those without any have those of `default`."""
        return self.rules.get(placement) or self.rules.get(PLACEMENT_DEFAULT, NO_RULES)


def read_placements(text: str, *, source: str) -> Placements:
    """Read and check the rules of all placements.

    Args:
        text: TOML, a table for each placement.
        source: What to call it in errors.

    Raises:
        InvalidConfig: With the placement, the key and what is allowed.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(source=source, problem=str(error)) from error
    own: dict[str, Rules] = {}
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            allowed = "lower case letters, digits and hyphens, starting with a letter"
            raise InvalidConfig(
                source=source, problem=f"[{name}] is no placement; allowed {allowed}"
            )
        try:
            own[name] = msgspec.convert(table, Rules)
        except msgspec.ValidationError as error:
            raise InvalidConfig(source=source, problem=f"[{name}] {error}") from error
        for place, problem in (*own[name].problems(), *problems_of_filters(own[name])):
            raise InvalidConfig(source=source, problem=f"[{name}] {place} {problem}")
    default = own.get(PLACEMENT_DEFAULT, NO_RULES)
    return Placements({name: rules.over(default) for name, rules in own.items()})


def problems_of_filters(rules: Rules) -> list[tuple[str, str]]:
    """Return each field of some rules that names no items, and why."""
    problems = []
    for place, expression in rules.filters():
        try:
            item_filter(expression)
        except InvalidFilter as error:
            problems.append((place, error.detail))
    for at, cap in enumerate(rules.caps or ()):
        if ITEM_SCHEMA.column_type(cap.field) not in _GROUPED:
            allowed = "brand, category, currency, primary_item_id or attributes.*"
            problems.append((f"caps[{at}].field", f"is {cap.field!r}; allowed {allowed}"))
    return problems
