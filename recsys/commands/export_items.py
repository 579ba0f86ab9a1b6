"""Which items an allocation gives to whom, in the place of each person's best ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from recsys.commands.event_files import read_rows
from recsys.errors import InvalidData
from recsys.v1 import result_pb2

PRICES_NAME: Final = "prices.json"


class _Limit(msgspec.Struct, frozen=True):
    upper: float | None = None
    items: list[str] | None = None


class _Prices(msgspec.Struct, frozen=True):
    limits: list[_Limit]
    items: dict[str, Any]


class Places(NamedTuple):
    """What fills the item places of one person.

    Attributes:
        results: What, in order.
        left_out_count: How many items that she was assigned may not be shown to her any more.
    """

    results: list[result_pb2.Result]
    left_out_count: int


class AssignedItems:
    """Items by account. What is not assigned goes out only if there is enough for everybody."""

    def __init__(
        self, by_account: Mapping[str, Sequence[str]], *, scarce: frozenset[str] | None, count: int
    ) -> None:
        """Keep an allocation.

        Args:
            by_account: Items of each, in order.
            scarce: Items that fill no place of whom they are not assigned to; None for all.
            count: Places of each person.
        """
        self._by_account = by_account
        self._scarce = scarce
        self._count = count

    def places(self, account: str, results: Sequence[result_pb2.Result]) -> Places:
        """Fill somebody's places.

        First what she was assigned, as far as it is among what may be shown to her now; then
        the best of the rest.

        Args:
            account: Hers.
            results: The best that may be shown to her, more of them than places.
        """
        there = {one.item_id: one for one in results}
        assigned = self._by_account.get(account, ())
        hers = [there[item_id] for item_id in assigned if item_id in there]
        left_out_count = len(assigned) - len(hers)
        if self._scarce is not None:
            taken = self._scarce.union(assigned)
            hers += [one for one in results if one.item_id not in taken]
        return Places(hers[: self._count], left_out_count)


def read_assigned_items(path: Path, *, count: int) -> AssignedItems:
    """Read which items go to whom: `user_id`, `item_id`, and `value` to order them by.

    Places are filled up where `prices.json` beside the file says what is scarce.

    Raises:
        InvalidData: A row lacks one of the two, or `prices.json` is not of items.
    """
    found: dict[str, list[tuple[float, int, str]]] = {}
    ids: dict[str, str] = {}
    for number, (row, _) in enumerate(read_rows(path), start=1):
        user_id, item_id = row.get("user_id"), row.get("item_id")
        if not user_id or not item_id:
            raise InvalidData(path=str(path), problem=f"row {number} has no user_id or item_id")
        name = ids.setdefault(str(item_id), str(item_id))
        entry = (-float(row.get("value") or 0.0), number, name)
        found.setdefault(str(user_id), []).append(entry)
    by_account: dict[str, tuple[str, ...]] = {}
    while found:
        user_id, entries = found.popitem()
        by_account[user_id] = tuple(name for _, _, name in sorted(entries))
    return AssignedItems(by_account, scarce=_scarce(path.with_name(PRICES_NAME)), count=count)


def _scarce(path: Path) -> frozenset[str] | None:
    """Return the items of which there is an end; None where that is not known, or all of them."""
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Prices)
    except msgspec.DecodeError as error:
        raise InvalidData(path=str(path), problem=str(error)) from error
    bound = [one.items for one in found.limits if one.upper is not None]
    named = [items for items in bound if items is not None]
    return None if len(named) < len(bound) else frozenset(one for some in named for one in some)
