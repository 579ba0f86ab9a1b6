"""What `recsys allocate` reads, as `recsys offers values` and `recsys catalog values` write it."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from recsys.domain import NAMESPACE_ACCOUNT
from recsys.errors import InvalidInput

if TYPE_CHECKING:
    from recsys.v1 import campaign_pb2

VALUES_NAME: Final = "values.parquet"
LIMITS_NAME: Final = "limits.toml"


class MixedCurrencies(InvalidInput):
    """What things of several currencies are worth cannot be compared."""

    reason = "MIXED_CURRENCIES"

    def __init__(self, *, things: str, currencies: Iterable[str]) -> None:
        self.things = things
        self.currencies = ", ".join(currencies)
        super().__init__(f"the {things} are in {self.currencies}; an allocation needs one currency")


class NothingToAllocate(InvalidInput):
    """Nobody may have anything that is worth more than nothing."""

    reason = "NOTHING_TO_ALLOCATE"

    def __init__(self, *, things: str, considered: int) -> None:
        self.things = things
        self.considered = considered
        super().__init__(f"of {considered} people none may have {things} that are worth anything")


class Scarce(NamedTuple):
    """What there is of one thing.

    Attributes:
        name: Its id.
        key: `units` or `budget`.
        amount: How much.
    """

    name: str
    key: str
    amount: float


def account_of(one: "campaign_pb2.BatchPerson") -> str:
    """Return the account by which files name somebody; empty for none."""
    accounts = (each.value for each in one.identifiers if each.namespace == NAMESPACE_ACCOUNT)
    return next(accounts, "")


def limits_text(limits: Iterable[Scarce], *, things: str, slots: int) -> str:
    """Write limits as `recsys allocate` reads them; texts of JSON are texts of TOML.

    Args:
        limits: What is scarce.
        things: `offers` or `items`.
        slots: How many of them a person gets at most.
    """
    lines = [f"slots = {slots}"]
    for name, key, amount in limits:
        title = json.dumps(f"{name}: {key}", ensure_ascii=False)
        named = json.dumps([name], ensure_ascii=False)
        lines += ["", "[[limits]]", f"name = {title}", f"{things} = {named}", f"{key} = {amount!r}"]
    return "\n".join(lines) + "\n"
