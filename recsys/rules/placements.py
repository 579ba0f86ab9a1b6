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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
from recsys.filters import FieldType, InvalidFilter
from recsys.rules.filtered import item_filter
from recsys.rules.rules import NO_RULES, Rules
from recsys.toml_tables import read_toml_tables

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
    own = read_toml_tables(
        text,
        Rules,
        source=source,
        refused_name=_refused_name,
        problems=lambda rules: (*rules.problems(), *problems_of_filters(rules)),
    )
    default = own.get(PLACEMENT_DEFAULT, NO_RULES)
    return Placements({name: rules.over(default) for name, rules in own.items()})


def _refused_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return ""
    return "is no placement; allowed lower case letters, digits and hyphens, starting with a letter"


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
