"""What can be bought, as far as answers must be shown to people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from recsys.domain import ItemId


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """What a person needs to recognise an item; empty strings where unknown."""

    item_id: ItemId
    title: str
    category: str = ""
    brand: str = ""
    price: float | None = None
    currency: str = ""


class ItemReader(Protocol):
    """Finds items by id."""

    def items(self, item_ids: Iterable[ItemId]) -> Mapping[ItemId, ItemSummary]:
        """Return the known items among these.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...
