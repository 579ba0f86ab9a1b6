"""What is known of items, for messages that show them: read once for many people."""

from collections.abc import Iterable
from typing import Final

from recsys.catalog import CatalogFeed, Item
from recsys.domain import ItemId

_KEPT_COUNT_MAX: Final = 100_000


class ItemCards:
    """Items by id, until the catalogue changes. Used by one thread at a time."""

    def __init__(self, catalog: CatalogFeed) -> None:
        """Read from a catalogue."""
        self._catalog = catalog
        self._seq = -1
        self._kept: dict[ItemId, Item] = {}

    def of(self, item_ids: Iterable[ItemId]) -> dict[ItemId, Item]:
        """Return the known items among these; raises StorageUnavailable."""
        seq = self._catalog.last_seq()
        if seq != self._seq or len(self._kept) > _KEPT_COUNT_MAX:
            self._seq, self._kept = seq, {}
        wanted = dict.fromkeys(item_ids)
        missing = [item_id for item_id in wanted if item_id not in self._kept]
        if missing:
            self._kept.update(self._catalog.find_items(missing))
        return {item_id: self._kept[item_id] for item_id in wanted if item_id in self._kept}
