"""What is scarce, as somebody writes it: a TOML file of budgets, pieces and shares."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from recsys.errors import InvalidConfig
from training.allocation.problem import Limit

SLOTS_MAX = 100


class LimitSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One limit; exactly one of `budget`, `units` and shares.

    Attributes:
        name: For reports; each limit has its own.
        offers: Whose assignments are limited, together; without them all.
        items: The same, where items are assigned.
        budget: Costs at most, positive.
        units: Assignments at most, 1 or more.
        share_min: Part of all people who get one of these offers at least, 0 to 1. With
            more than one slot for each person, the part of assignments for each person.
        share_max: The same at most.
    """

    name: str
    offers: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None
    budget: float | None = None
    units: int | None = None
    share_min: float | None = None
    share_max: float | None = None

    def __post_init__(self) -> None:
        shares = self.share_min is not None or self.share_max is not None
        if (self.budget is not None) + (self.units is not None) + shares != 1:
            raise ValueError(f"{self.name}: give one of budget, units and share_min/share_max")
        if self.budget is not None and not 0 < self.budget < np.inf:
            raise ValueError(f"{self.name}: budget is {self.budget}; allowed above 0")
        if self.units is not None and self.units < 1:
            raise ValueError(f"{self.name}: units is {self.units}; allowed from 1")
        low = 0.0 if self.share_min is None else self.share_min
        high = 1.0 if self.share_max is None else self.share_max
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f"{self.name}: shares are {low} to {high}; allowed 0 to 1, share_min first"
            )
        if () in (self.offers, self.items):
            raise ValueError(f"{self.name}: offers or items is empty; leave it out for all")


class LimitsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each person may get, and what is scarce.

    Attributes:
        slots: Offers or items for each person at most, 1 to 100.
        limits: Budgets, pieces and shares.
    """

    slots: int = 1
    limits: tuple[LimitSection, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= SLOTS_MAX:
            raise ValueError(f"slots is {self.slots}; allowed 1 to {SLOTS_MAX}")
        names = [limit.name for limit in self.limits]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is the name of more than one limit")


def read_limits(path: Path) -> LimitsFile:
    """Read a file of limits.

    Raises:
        InvalidConfig: It cannot be read, or says something that makes no sense.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), LimitsFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidConfig(source=str(path), problem=str(error)) from error


def limits_of(
    file: LimitsFile,
    *,
    choice_name: str,
    choice_ids: Sequence[str],
    person_count: int,
    source: str,
) -> tuple[Limit, ...]:
    """Return the limits with rows in place of ids and counts in place of shares.

    Args:
        file: What was written.
        choice_name: What is assigned: `offer_id` or `item_id`.
        choice_ids: Ids by row.
        person_count: How many people there are.
        source: What to call the file in errors.

    Raises:
        InvalidConfig: A limit names something that nobody may get, or offers where items are
            assigned.
    """
    kind = choice_name.removesuffix("_id")
    rows = {name: row for row, name in enumerate(choice_ids)}
    found = []
    for section in file.limits:
        ours, others = section.offers, section.items
        if kind == "item":
            ours, others = others, ours
        if others is not None:
            problem = f"{section.name}: what is assigned are {kind}s, so name {kind}s"
            raise InvalidConfig(source=source, problem=problem)
        names = choice_ids if ours is None else ours
        unknown = [name for name in names if name not in rows]
        if unknown:
            problem = f"{section.name}: {kind} {unknown[0]!r} is not among what people may get"
            raise InvalidConfig(source=source, problem=problem)
        found.append(
            Limit(
                name=section.name,
                choices=tuple(sorted({rows[name] for name in names})),
                of_costs=section.budget is not None,
                lower=float(np.ceil((section.share_min or 0.0) * person_count)),
                upper=_upper(section, person_count),
            )
        )
    return tuple(found)


def _upper(section: LimitSection, person_count: int) -> float:
    if section.budget is not None:
        return section.budget
    if section.units is not None:
        return float(section.units)
    return np.inf if section.share_max is None else float(int(section.share_max * person_count))
