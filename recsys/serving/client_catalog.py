"""The part of the client that writes and reads the catalogue; see `recsys.serving.client`."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from recsys import limits
from recsys.catalog import Item, StockCell, Store
from recsys.domain import ItemId
from recsys.serving.client_stream import StreamSender
from recsys.serving.encode import put_moment
from recsys.serving.enum_words import enum_word
from recsys.serving.wire_items import encode_item, mask_of
from recsys.serving.wire_stock import encode_store
from recsys.v1 import catalog_pb2, catalog_service_pb2_grpc
from recsys.v1 import catalog_service_pb2 as service

ITEMS_PER_MESSAGE: Final = 500
CELLS_PER_MESSAGE: Final = limits.CATALOG_WRITE_COUNT_MAX
LONG_SECONDS: Final = 600.0
"""Deadline of what waits for the disk."""
_REFUSALS_KEPT: Final = 20

ItemParts = tuple[ItemId, Item, tuple[str, ...] | None]
"""An item, and which parts of it count; None for all."""


@dataclass(slots=True)
class CatalogSent:
    """What became of what was sent.

    Attributes:
        written: Items or cells that are other than before.
        unchanged: Those that were so before.
        stale: Cells that were older than what is known.
        refused: Those that were refused.
        deleted: Items that a replacement deleted.
        refusals: The first that were refused, in words.
        reconnects: How often the connection was made anew.
    """

    written: int = 0
    unchanged: int = 0
    stale: int = 0
    refused: int = 0
    deleted: int = 0
    refusals: list[str] = field(default_factory=list)
    reconnects: int = 0

    @property
    def settled(self) -> int:
        """Those that the server has answered for."""
        return self.written + self.unchanged + self.stale + self.refused

    def refuse(self, names: Iterable[str]) -> None:
        """Count what was refused, and keep the first of it."""
        for name in names:
            self.refuse_one(name)

    def refuse_one(self, name: str) -> None:
        """Count something that was refused, and keep it if it is among the first."""
        self.refused += 1
        if len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(name)

    def refuse_all(self, others: "CatalogSent") -> None:
        """Count what others refused, too."""
        self.refused += others.refused
        self.refusals += others.refusals[: _REFUSALS_KEPT - len(self.refusals)]

    def reconnected(self) -> None:
        """Count a new connection."""
        self.reconnects += 1


Progress = Callable[[CatalogSent], None]


class CatalogClient:
    """Writes and reads the catalogue. Safe between threads; errors as of `Client`."""

    def __init__(self, channel: grpc.Channel, *, ask: Callable[..., Any]) -> None:
        self._stub = catalog_service_pb2_grpc.CatalogServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._ask = ask

    def item(self, item_id: str, *, with_margin: bool = False) -> catalog_pb2.Item:
        """Ask what is said of an item."""
        view = catalog_pb2.ITEM_VIEW_FULL if with_margin else catalog_pb2.ITEM_VIEW_BASIC
        request = service.GetItemRequest(item_id=item_id, view=view)
        response: service.GetItemResponse = self._ask(self._stub.GetItem, request)
        return response.item

    def inventory(self, item_id: str) -> list[catalog_pb2.StockLevel]:
        """Ask where an item is, and how much of it."""
        request = service.GetInventoryRequest(item_id=item_id)
        response: service.GetInventoryResponse = self._ask(self._stub.GetInventory, request)
        return list(response.levels)

    def pages(self, *, page_size: int) -> Iterator[service.ListItemsResponse]:
        """Ask for all items, page by page."""
        request = service.ListItemsRequest(page_size=page_size)
        while True:
            response: service.ListItemsResponse = self._ask(self._stub.ListItems, request)
            yield response
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def stores(self) -> Iterator[catalog_pb2.Store]:
        """Ask for all stores."""
        request = service.ListStoresRequest(page_size=limits.CATALOG_PAGE_SIZE_MAX)
        while True:
            response: service.ListStoresResponse = self._ask(self._stub.ListStores, request)
            yield from response.stores
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def delete(self, item_ids: Sequence[str]) -> int:
        """Delete items; returns how many there were."""
        request = service.DeleteItemsRequest(item_ids=item_ids)
        response: service.DeleteItemsResponse = self._ask(
            self._stub.DeleteItems, request, timeout_seconds=LONG_SECONDS
        )
        return response.deleted_count

    def upsert_stores(self, stores: Iterable[Store]) -> int:
        """Write stores; returns how many."""
        count = 0
        waiting = map(encode_store, stores)
        while some := list(itertools.islice(waiting, limits.CATALOG_WRITE_COUNT_MAX)):
            request = service.UpsertStoresRequest(stores=some)
            self._ask(self._stub.UpsertStores, request, timeout_seconds=LONG_SECONDS)
            count += len(some)
        return count

    def send_items(
        self,
        items: Iterable[ItemParts],
        *,
        replaces: bool = False,
        allow_empty: bool = False,
        is_whole: Callable[[], bool] = lambda: True,
        patience_seconds: float,
        on_progress: Progress = lambda _: None,
    ) -> CatalogSent:
        """Send any number of items.

        Args:
            items: What to write.
            replaces: Whether these are all items that there are: others are deleted when
                all are sent. A connection that breaks ends it then, and nothing is deleted.
            allow_empty: Whether more than half of the items may be deleted.
            is_whole: Asked when all are sent: whether none was left out. If one was, nothing
                is deleted.
            patience_seconds: How long to try without any acknowledgement.
            on_progress: Told after each acknowledgement.
        """
        sent = CatalogSent()

        def settle(
            message: service.ImportItemsRequest, answer: service.ImportItemsResponse
        ) -> None:
            sent.written += answer.written_count
            sent.unchanged += answer.unchanged_count
            sent.deleted += answer.deleted_count
            sent.refuse(
                _in_words(
                    message.items[one.position].item_id or "an item without an id",
                    "; ".join(f"{w.field} {w.description}" for w in one.result.invalid_fields),
                )
                for one in answer.refused_items
            )
            on_progress(sent)

        messages = _item_messages(items)
        if replaces:
            last = service.Replacement(allow_empty=allow_empty)
            messages = _then(messages, service.ImportItemsRequest(replacement=last), if_=is_whole)
        sender = StreamSender(
            self._stub.ImportItems, settle, patience_seconds=0 if replaces else patience_seconds
        )
        sender.send(messages, on_reconnect=sent.reconnected)
        return sent

    def send_stock(
        self,
        cells: Iterable[StockCell],
        *,
        patience_seconds: float,
        on_progress: Progress = lambda _: None,
    ) -> CatalogSent:
        """Send any number of counts, and of adjustments, which have an `adjustment_id`."""
        sent = CatalogSent()

        def settle(
            message: service.ImportInventoryRequest, answer: service.ImportInventoryResponse
        ) -> None:
            sent.written += answer.written_count
            sent.unchanged += answer.duplicate_count
            sent.stale += answer.stale_count
            both: list[catalog_pb2.StockCount | catalog_pb2.StockAdjustment]
            both = [*message.counts, *message.adjustments]
            sent.refuse(
                _in_words(
                    f"{both[one.position].item_id} in {both[one.position].store_id}",
                    _why(one.result),
                )
                for one in answer.refused_cells
            )
            on_progress(sent)

        sender = StreamSender(self._stub.ImportInventory, settle, patience_seconds=patience_seconds)
        sender.send(_stock_messages(cells), on_reconnect=sent.reconnected)
        return sent


def _in_words(name: str, why: str) -> str:
    return f"{name}: {why}"


def _why(result: service.StockResult) -> str:
    if result.invalid_fields:
        return "; ".join(f"{one.field} {one.description}" for one in result.invalid_fields)
    return enum_word(service.StockOutcome, result.outcome)


def _then(
    messages: Iterable[service.ImportItemsRequest],
    last: service.ImportItemsRequest,
    *,
    if_: Callable[[], bool],
) -> Iterator[service.ImportItemsRequest]:
    """Send a last message, if all before say so by then."""
    yield from messages
    if if_():
        yield last


def _item_messages(items: Iterable[ItemParts]) -> Iterator[service.ImportItemsRequest]:
    """Put neighbours of which the same parts count into one message, each id once."""
    for parts, group in itertools.groupby(items, key=lambda one: one[2]):
        message = _new_message(parts)
        seen: set[ItemId] = set()
        for item_id, item, _ in group:
            if len(seen) == ITEMS_PER_MESSAGE or item_id in seen:
                yield message
                message, seen = _new_message(parts), set()
            seen.add(item_id)
            message.items.append(encode_item(item_id, item, with_margin=True))
        yield message


def _new_message(parts: tuple[str, ...] | None) -> service.ImportItemsRequest:
    mask = None if parts is None else mask_of(parts)
    return service.ImportItemsRequest(update_mask=mask)


def _stock_messages(cells: Iterable[StockCell]) -> Iterator[service.ImportInventoryRequest]:
    """Keep the order of counts and adjustments: counts of a message are taken first."""
    for is_adjusted, group in itertools.groupby(cells, key=lambda cell: bool(cell.adjustment_id)):
        while some := list(itertools.islice(group, CELLS_PER_MESSAGE)):
            if is_adjusted:
                yield service.ImportInventoryRequest(adjustments=map(_adjustment, some))
            else:
                yield service.ImportInventoryRequest(counts=map(_count, some))


def _count(cell: StockCell) -> catalog_pb2.StockCount:
    sent = catalog_pb2.StockCount(
        item_id=cell.item_id, store_id=cell.store_id, quantity=cell.quantity
    )
    put_moment(sent.stock_time, cell.stock_time)
    return sent


def _adjustment(cell: StockCell) -> catalog_pb2.StockAdjustment:
    sent = catalog_pb2.StockAdjustment(
        item_id=cell.item_id,
        store_id=cell.store_id,
        quantity_change=cell.quantity,
        adjustment_id=cell.adjustment_id,
    )
    put_moment(sent.stock_time, cell.stock_time)
    return sent
