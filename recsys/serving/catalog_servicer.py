"""`recsys.v1.CatalogService`: all of it in threads, as every message waits for a disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sized
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from recsys import limits
from recsys.catalog import CatalogFeed, CatalogStore
from recsys.domain import ItemId
from recsys.errors import ItemNotFound, StorageMissing
from recsys.serving import wire_items, wire_stock
from recsys.serving.call import Call
from recsys.serving.catalog_feed import STOCK_KEPT, CatalogWriter, ItemFeed
from recsys.serving.encode import put_moment
from recsys.serving.list_pages import page_token, parse_page
from recsys.serving.metrics import Metrics
from recsys.serving.storage import Storage
from recsys.v1 import catalog_pb2
from recsys.v1 import catalog_service_pb2 as service
from recsys.violations import Violations

ResultT = TypeVar("ResultT")

_PLACE = "the catalogue"
_COUNT_MAX = limits.CATALOG_WRITE_COUNT_MAX
_PAGE_BYTES = limits.MESSAGE_BYTES_MAX // 2


class CatalogServicer:
    """Keeps items, stores and stock; what it has acknowledged counts in the next answer."""

    def __init__(self, *, storage: Storage, metrics: Metrics, pool: Executor) -> None:
        """Write to a storage.

        Args:
            storage: May have no catalogue.
            metrics: Counts what is written.
            pool: Threads for reading.
        """
        self._store_or_none = storage.catalog_store
        self._feed_or_none = storage.catalog
        self._metrics = metrics
        self._pool = pool
        # One after the other: others would wait for the storage's lock anyway.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalog")

    async def upsert_items(self, request: service.UpsertItemsRequest, call: Call) -> bytes:
        """Write items."""
        _check_count(request.items, "items")
        written = await self._write(call, self._writer().items, request)
        return service.UpsertItemsResponse(results=written.results).SerializeToString()

    async def import_items(
        self, requests: AsyncIterator[service.ImportItemsRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Write a stream of items."""
        feed = ItemFeed(self._store(), self._writer())
        async for request in requests:
            call.renewed_now()
            yield (await self._write(call, feed.take, request)).SerializeToString()

    async def get_item(self, request: service.GetItemRequest, call: Call) -> bytes:
        """Return an item."""
        wrong = Violations()
        wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
        if request.view not in catalog_pb2.ItemView.values():
            wrong.add("view", f"is {request.view}; allowed 0 to {catalog_pb2.ITEM_VIEW_FULL}")
        wrong.raise_any()
        item_id = ItemId(request.item_id)
        found = await call.compute(self._pool, self._store().find_items, [item_id])
        if item_id not in found:
            raise ItemNotFound(item_id=item_id, place=_PLACE)
        with_margin = request.view == catalog_pb2.ITEM_VIEW_FULL
        item = wire_items.encode_item(item_id, found[item_id], with_margin=with_margin)
        return service.GetItemResponse(item=item).SerializeToString()

    async def list_items(self, request: service.ListItemsRequest, call: Call) -> bytes:
        """Return a page of items."""
        page_size, after = parse_page(
            request,
            default=limits.CATALOG_PAGE_SIZE_DEFAULT,
            most=limits.CATALOG_PAGE_SIZE_MAX,
        )
        store = self._store()

        def read() -> bytes:
            page = store.list_items(after=ItemId(after) if after else None, count_max=page_size)
            response = service.ListItemsResponse(total_size=store.item_count())
            put_moment(response.feed_time, store.feed_time())
            next_id, size = page.next_id, 0
            for item_id, item in page.items:
                sent = wire_items.encode_item(item_id, item)
                size += sent.ByteSize()
                if response.items and size > _PAGE_BYTES:
                    next_id = ItemId(response.items[-1].item_id)
                    break
                response.items.append(sent)
            response.next_page_token = page_token(next_id or "")
            return response.SerializeToString()

        return await call.compute(self._pool, read)

    async def delete_items(self, request: service.DeleteItemsRequest, call: Call) -> bytes:
        """Delete items."""
        _check_count(request.item_ids, "item_ids")
        wrong = Violations()
        for position, item_id in enumerate(request.item_ids):
            wrong.text(item_id, f"item_ids[{position}]", bytes_max=limits.ITEM_ID_BYTES_MAX)
        wrong.raise_any()
        item_ids = [ItemId(item_id) for item_id in request.item_ids]
        deleted = await self._write(call, self._store().delete_items, item_ids)
        return service.DeleteItemsResponse(deleted_count=len(deleted)).SerializeToString()

    async def upsert_stores(self, request: service.UpsertStoresRequest, call: Call) -> bytes:
        """Write stores."""
        _check_count(request.stores, "stores")
        wrong = Violations()
        stores = []
        positions: dict[str, int] = {}
        for position, sent in enumerate(request.stores):
            stores.append(wire_stock.parse_store(sent, wrong, f"stores[{position}]."))
            first = positions.setdefault(sent.store_id, position)
            if first != position:
                wrong.add(
                    f"stores[{position}].store_id", f"is that of stores[{first}]; allowed once"
                )
        wrong.raise_any()
        await self._write(call, self._store().upsert_stores, stores)
        return service.UpsertStoresResponse().SerializeToString()

    async def list_stores(self, request: service.ListStoresRequest, call: Call) -> bytes:
        """Return a page of stores."""
        page_size, after = parse_page(
            request,
            default=limits.CATALOG_PAGE_SIZE_DEFAULT,
            most=limits.CATALOG_PAGE_SIZE_MAX,
        )
        stores = await call.compute(self._pool, self._feed().stores)
        # In the order of their UTF-8 bytes, which is that of code points.
        left = [store for store in stores if store.store_id > after]
        page = left[:page_size]
        return service.ListStoresResponse(
            stores=[wire_stock.encode_store(store) for store in page],
            next_page_token=page_token(page[-1].store_id if len(left) > len(page) else ""),
        ).SerializeToString()

    async def set_inventory(self, request: service.SetInventoryRequest, call: Call) -> bytes:
        """Write what was counted."""
        _check_count(request.counts, "counts")
        results = await self._write(call, self._writer().counts, request.counts)
        return service.SetInventoryResponse(results=results).SerializeToString()

    async def adjust_inventory(self, request: service.AdjustInventoryRequest, call: Call) -> bytes:
        """Add to what was counted."""
        _check_count(request.adjustments, "adjustments")
        results = await self._write(call, self._writer().adjustments, request.adjustments)
        return service.AdjustInventoryResponse(results=results).SerializeToString()

    async def import_inventory(
        self, requests: AsyncIterator[service.ImportInventoryRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Write a stream of counts and adjustments."""
        writer = self._writer()
        settled_count = 0
        async for request in requests:
            _check_cells(request)
            call.renewed_now()
            results: list[service.StockResult] = []
            if request.counts:
                results += await self._write(call, writer.counts, request.counts)
            if request.adjustments:
                results += await self._write(call, writer.adjustments, request.adjustments)
            settled_count += len(results)
            outcomes = [one.outcome for one in results]
            yield service.ImportInventoryResponse(
                settled_count=settled_count,
                written_count=outcomes.count(service.STOCK_OUTCOME_WRITTEN),
                duplicate_count=outcomes.count(service.STOCK_OUTCOME_DUPLICATE),
                stale_count=outcomes.count(service.STOCK_OUTCOME_STALE),
                refused_cells=[
                    service.RefusedCell(position=position, result=result)
                    for position, result in enumerate(results)
                    if result.outcome not in STOCK_KEPT
                ],
            ).SerializeToString()

    async def get_inventory(self, request: service.GetInventoryRequest, call: Call) -> bytes:
        """Return the stock of an item."""
        wrong = Violations()
        wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
        wrong.raise_any()
        item_id = ItemId(request.item_id)
        store, feed = self._store(), self._feed()

        def read() -> bytes:
            if not store.item_keys([item_id]):
                raise ItemNotFound(item_id=item_id, place=_PLACE)
            levels = wire_stock.encode_levels(feed.quantities(item_id))
            return service.GetInventoryResponse(levels=levels).SerializeToString()

        return await call.compute(self._pool, read)

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _write(self, call: Call, work: Callable[..., ResultT], *arguments: object) -> ResultT:
        return await call.compute(self._thread, work, *arguments, now=call.now)

    def _writer(self) -> CatalogWriter:
        return CatalogWriter(self._store(), self._metrics)

    def _store(self) -> CatalogStore:
        if self._store_or_none is None:
            raise StorageMissing
        return self._store_or_none

    def _feed(self) -> CatalogFeed:
        if self._feed_or_none is None:
            raise StorageMissing
        return self._feed_or_none


def _check_count(entries: Sized, field: str) -> None:
    wrong = Violations()
    wrong.count_from_one(entries, field, count_max=_COUNT_MAX)
    wrong.raise_any()


def _check_cells(request: service.ImportInventoryRequest) -> None:
    wrong = Violations()
    if not request.adjustments:
        wrong.count_from_one(request.counts, "counts", count_max=_COUNT_MAX)
    wrong.count_within(request.counts, "counts", count_max=_COUNT_MAX)
    wrong.count_within(request.adjustments, "adjustments", count_max=_COUNT_MAX)
    wrong.raise_any()
