"""Items, counts and adjustments of one message: checked, written, and what became of each.

All of it is to be run in a thread.
"""

from array import array
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np

from recsys import limits
from recsys.catalog import CatalogStore, Item, StockCell, StockOutcome
from recsys.domain import ItemId
from recsys.errors import FieldViolation
from recsys.serving import wire_items, wire_stock
from recsys.serving.metrics import Metrics
from recsys.v1 import catalog_pb2
from recsys.v1 import catalog_service_pb2 as service
from recsys.v1.event_service_pb2 import InvalidField
from recsys.violations import Violations

SentT = TypeVar("SentT")

_STOCK_OUTCOMES: Final = {
    StockOutcome.WRITTEN: service.STOCK_OUTCOME_WRITTEN,
    StockOutcome.DUPLICATE: service.STOCK_OUTCOME_DUPLICATE,
    StockOutcome.STALE: service.STOCK_OUTCOME_STALE,
    StockOutcome.UNKNOWN_ITEM: service.STOCK_OUTCOME_UNKNOWN_ITEM,
    StockOutcome.UNKNOWN_STORE: service.STOCK_OUTCOME_UNKNOWN_STORE,
}
STOCK_KEPT: Final = frozenset(
    (
        service.STOCK_OUTCOME_WRITTEN,
        service.STOCK_OUTCOME_DUPLICATE,
        service.STOCK_OUTCOME_STALE,
    )
)


class WrittenItems(NamedTuple):
    """What became of the items of one message.

    Attributes:
        results: Of each.
        item_keys: Of those that exist now, also if they were refused.
    """

    results: list[service.ItemResult]
    item_keys: Sequence[int]


class CatalogWriter:
    """Writes messages to a storage, and counts what became of them."""

    def __init__(self, store: CatalogStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    def items(
        self, request: "service.UpsertItemsRequest | service.ImportItemsRequest", *, now: float
    ) -> WrittenItems:
        """Write the items of a message.

        Raises:
            InvalidRequest: The mask is wrong.
            StorageUnavailable: Nothing was written.
        """
        parts = None
        if request.HasField("update_mask"):
            wrong = Violations()
            parts = wire_items.parse_mask(request.update_mask, wrong, "update_mask")
            wrong.raise_any()
        refused: dict[int, Sequence[FieldViolation]] = {}
        positions: dict[ItemId, int] = {}
        items: dict[ItemId, Item] = {}
        for position, sent in enumerate(request.items):
            wrong = Violations()
            item_id, item = wire_items.parse_item(sent, wrong, "")
            if item_id in items:
                first = positions[item_id]
                wrong.add("item_id", f"is that of the item at position {first}, too; allowed once")
            if wrong.any:
                refused[position] = wrong.found
            else:
                positions[item_id], items[item_id] = position, item
        written = self._store.upsert_items(items, parts=parts, now=now)
        too_large = FieldViolation(
            "attributes",
            f"would make more than {limits.ITEM_KEPT_BYTES_MAX} bytes of all that is said",
        )
        refused |= {positions[item_id]: (too_large,) for item_id in written.oversized}
        changed = set(written.changed)
        results = [
            _refused_item(sent, refused[position])
            if position in refused
            else _item_result(sent.item_id, is_changed=sent.item_id in changed)
            for position, sent in enumerate(request.items)
        ]
        self._metrics.catalog_items(
            (one.outcome for one in results), (one for some in refused.values() for one in some)
        )
        named = [ItemId(request.items[at].item_id) for at in refused if results[at].item_id]
        others = self._store.item_keys(named) if named else []
        return WrittenItems(results, [*written.item_keys, *others])

    def counts(
        self, sent: "Sequence[catalog_pb2.StockCount]", *, now: float
    ) -> list[service.StockResult]:
        """Write counts.

        Raises:
            StorageUnavailable: Nothing was written.
        """
        return self._cells(sent, wire_stock.parse_count, self._store.set_stock, now=now)

    def adjustments(
        self, sent: "Sequence[catalog_pb2.StockAdjustment]", *, now: float
    ) -> list[service.StockResult]:
        """Write adjustments; raises as `counts`."""
        return self._cells(sent, wire_stock.parse_adjustment, self._store.adjust_stock, now=now)

    def _cells(
        self,
        sent: Sequence[SentT],
        parse: Callable[..., StockCell],
        write: Callable[..., Sequence[StockOutcome]],
        *,
        now: float,
    ) -> list[service.StockResult]:
        cells: list[StockCell] = []
        refused: dict[int, Sequence[FieldViolation]] = {}
        for position, one in enumerate(sent):
            wrong = Violations()
            cell = parse(one, wrong, now=now)
            if wrong.any:
                refused[position] = wrong.found
            else:
                cells.append(cell)
        outcomes = iter(write(cells, now=now) if cells else ())
        results = [
            service.StockResult(
                outcome=service.STOCK_OUTCOME_INVALID, invalid_fields=_fields(refused[position])
            )
            if position in refused
            else service.StockResult(outcome=_STOCK_OUTCOMES[next(outcomes)])
            for position in range(len(sent))
        ]
        self._metrics.stock_cells(
            (one.outcome for one in results), (one for some in refused.values() for one in some)
        )
        return results


class ItemFeed:
    """The items of one stream, which may be all that there are."""

    def __init__(self, store: CatalogStore, writer: CatalogWriter) -> None:
        self._store = store
        self._writer = writer
        self._settled_count = 0
        self._item_keys = array("q")
        self._count_before: int | None = None
        self._is_over = False

    def take(
        self, request: "service.ImportItemsRequest", *, now: float
    ) -> "service.ImportItemsResponse":
        """Write one message.

        Raises:
            InvalidRequest: The message as a whole is wrong.
            FeedTooSmall: The replacement would delete too much.
            StorageUnavailable: Nothing was written, or not all was deleted.
        """
        self._check(request)
        if self._count_before is None:
            self._count_before = self._store.item_count()
        results, item_keys = self._writer.items(request, now=now)
        self._settled_count += len(results)
        self._item_keys.extend(item_keys)
        outcomes = [one.outcome for one in results]
        deleted_count = 0
        if request.HasField("replacement"):
            self._is_over = True
            deleted_count_max = int(self._count_before * limits.FEED_DELETED_SHARE_MAX)
            deleted_count = self._store.keep_only(
                np.array(self._item_keys, dtype=np.int64),
                deleted_count_max=None if request.replacement.allow_empty else deleted_count_max,
                now=now,
            )
        return service.ImportItemsResponse(
            settled_count=self._settled_count,
            written_count=outcomes.count(service.ITEM_OUTCOME_WRITTEN),
            unchanged_count=outcomes.count(service.ITEM_OUTCOME_UNCHANGED),
            refused_items=[
                service.RefusedItem(position=position, result=result)
                for position, result in enumerate(results)
                if result.outcome == service.ITEM_OUTCOME_INVALID
            ],
            deleted_count=deleted_count,
        )

    def _check(self, request: "service.ImportItemsRequest") -> None:
        wrong = Violations()
        if self._is_over:
            wrong.add("replacement", "was in the message before; allowed in the last one")
        if request.items or not request.HasField("replacement"):
            wrong.count_from_one(request.items, "items", count_max=limits.CATALOG_WRITE_COUNT_MAX)
        wrong.raise_any()


def _item_result(item_id: str, *, is_changed: bool) -> service.ItemResult:
    outcome = service.ITEM_OUTCOME_WRITTEN if is_changed else service.ITEM_OUTCOME_UNCHANGED
    return service.ItemResult(item_id=item_id, outcome=outcome)


def _refused_item(sent: catalog_pb2.Item, wrong: Sequence[FieldViolation]) -> service.ItemResult:
    name = Violations()
    name.text(sent.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    return service.ItemResult(
        item_id="" if name.any else sent.item_id,
        outcome=service.ITEM_OUTCOME_INVALID,
        invalid_fields=_fields(wrong),
    )


def _fields(wrong: Sequence[FieldViolation]) -> list[InvalidField]:
    return [InvalidField(field=one.field, description=one.description) for one in wrong]
