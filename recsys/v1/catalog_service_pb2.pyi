import datetime

from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import catalog_pb2 as _catalog_pb2
from recsys.v1 import event_service_pb2 as _event_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ItemOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ITEM_OUTCOME_UNSPECIFIED: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_WRITTEN: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_UNCHANGED: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_INVALID: _ClassVar[ItemOutcome]

class StockOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_OUTCOME_UNSPECIFIED: _ClassVar[StockOutcome]
    STOCK_OUTCOME_WRITTEN: _ClassVar[StockOutcome]
    STOCK_OUTCOME_DUPLICATE: _ClassVar[StockOutcome]
    STOCK_OUTCOME_STALE: _ClassVar[StockOutcome]
    STOCK_OUTCOME_UNKNOWN_ITEM: _ClassVar[StockOutcome]
    STOCK_OUTCOME_UNKNOWN_STORE: _ClassVar[StockOutcome]
    STOCK_OUTCOME_INVALID: _ClassVar[StockOutcome]
ITEM_OUTCOME_UNSPECIFIED: ItemOutcome
ITEM_OUTCOME_WRITTEN: ItemOutcome
ITEM_OUTCOME_UNCHANGED: ItemOutcome
ITEM_OUTCOME_INVALID: ItemOutcome
STOCK_OUTCOME_UNSPECIFIED: StockOutcome
STOCK_OUTCOME_WRITTEN: StockOutcome
STOCK_OUTCOME_DUPLICATE: StockOutcome
STOCK_OUTCOME_STALE: StockOutcome
STOCK_OUTCOME_UNKNOWN_ITEM: StockOutcome
STOCK_OUTCOME_UNKNOWN_STORE: StockOutcome
STOCK_OUTCOME_INVALID: StockOutcome

class UpsertItemsRequest(_message.Message):
    __slots__ = ("items", "update_mask")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Item]
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, items: _Optional[_Iterable[_Union[_catalog_pb2.Item, _Mapping]]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpsertItemsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ItemResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ItemResult, _Mapping]]] = ...) -> None: ...

class ImportItemsRequest(_message.Message):
    __slots__ = ("items", "update_mask", "replacement")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Item]
    update_mask: _field_mask_pb2.FieldMask
    replacement: Replacement
    def __init__(self, items: _Optional[_Iterable[_Union[_catalog_pb2.Item, _Mapping]]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., replacement: _Optional[_Union[Replacement, _Mapping]] = ...) -> None: ...

class Replacement(_message.Message):
    __slots__ = ("allow_empty",)
    ALLOW_EMPTY_FIELD_NUMBER: _ClassVar[int]
    allow_empty: bool
    def __init__(self, allow_empty: _Optional[bool] = ...) -> None: ...

class ImportItemsResponse(_message.Message):
    __slots__ = ("settled_count", "written_count", "unchanged_count", "refused_items", "deleted_count")
    SETTLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_ITEMS_FIELD_NUMBER: _ClassVar[int]
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    settled_count: int
    written_count: int
    unchanged_count: int
    refused_items: _containers.RepeatedCompositeFieldContainer[RefusedItem]
    deleted_count: int
    def __init__(self, settled_count: _Optional[int] = ..., written_count: _Optional[int] = ..., unchanged_count: _Optional[int] = ..., refused_items: _Optional[_Iterable[_Union[RefusedItem, _Mapping]]] = ..., deleted_count: _Optional[int] = ...) -> None: ...

class RefusedItem(_message.Message):
    __slots__ = ("position", "result")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    position: int
    result: ItemResult
    def __init__(self, position: _Optional[int] = ..., result: _Optional[_Union[ItemResult, _Mapping]] = ...) -> None: ...

class GetItemRequest(_message.Message):
    __slots__ = ("item_id", "view")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    view: _catalog_pb2.ItemView
    def __init__(self, item_id: _Optional[str] = ..., view: _Optional[_Union[_catalog_pb2.ItemView, str]] = ...) -> None: ...

class GetItemResponse(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: _catalog_pb2.Item
    def __init__(self, item: _Optional[_Union[_catalog_pb2.Item, _Mapping]] = ...) -> None: ...

class ListItemsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token", "total_size", "feed_time")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    FEED_TIME_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Item]
    next_page_token: str
    total_size: int
    feed_time: _timestamp_pb2.Timestamp
    def __init__(self, items: _Optional[_Iterable[_Union[_catalog_pb2.Item, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ..., feed_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeleteItemsRequest(_message.Message):
    __slots__ = ("item_ids",)
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteItemsResponse(_message.Message):
    __slots__ = ("deleted_count",)
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    deleted_count: int
    def __init__(self, deleted_count: _Optional[int] = ...) -> None: ...

class UpsertStoresRequest(_message.Message):
    __slots__ = ("stores",)
    STORES_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Store]
    def __init__(self, stores: _Optional[_Iterable[_Union[_catalog_pb2.Store, _Mapping]]] = ...) -> None: ...

class UpsertStoresResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStoresRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStoresResponse(_message.Message):
    __slots__ = ("stores", "next_page_token")
    STORES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Store]
    next_page_token: str
    def __init__(self, stores: _Optional[_Iterable[_Union[_catalog_pb2.Store, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SetInventoryRequest(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.StockCount]
    def __init__(self, counts: _Optional[_Iterable[_Union[_catalog_pb2.StockCount, _Mapping]]] = ...) -> None: ...

class SetInventoryResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StockResult]
    def __init__(self, results: _Optional[_Iterable[_Union[StockResult, _Mapping]]] = ...) -> None: ...

class AdjustInventoryRequest(_message.Message):
    __slots__ = ("adjustments",)
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    adjustments: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.StockAdjustment]
    def __init__(self, adjustments: _Optional[_Iterable[_Union[_catalog_pb2.StockAdjustment, _Mapping]]] = ...) -> None: ...

class AdjustInventoryResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StockResult]
    def __init__(self, results: _Optional[_Iterable[_Union[StockResult, _Mapping]]] = ...) -> None: ...

class ImportInventoryRequest(_message.Message):
    __slots__ = ("counts", "adjustments")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.StockCount]
    adjustments: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.StockAdjustment]
    def __init__(self, counts: _Optional[_Iterable[_Union[_catalog_pb2.StockCount, _Mapping]]] = ..., adjustments: _Optional[_Iterable[_Union[_catalog_pb2.StockAdjustment, _Mapping]]] = ...) -> None: ...

class ImportInventoryResponse(_message.Message):
    __slots__ = ("settled_count", "written_count", "duplicate_count", "stale_count", "refused_cells")
    SETTLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    STALE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_CELLS_FIELD_NUMBER: _ClassVar[int]
    settled_count: int
    written_count: int
    duplicate_count: int
    stale_count: int
    refused_cells: _containers.RepeatedCompositeFieldContainer[RefusedCell]
    def __init__(self, settled_count: _Optional[int] = ..., written_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., stale_count: _Optional[int] = ..., refused_cells: _Optional[_Iterable[_Union[RefusedCell, _Mapping]]] = ...) -> None: ...

class RefusedCell(_message.Message):
    __slots__ = ("position", "result")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    position: int
    result: StockResult
    def __init__(self, position: _Optional[int] = ..., result: _Optional[_Union[StockResult, _Mapping]] = ...) -> None: ...

class GetInventoryRequest(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class GetInventoryResponse(_message.Message):
    __slots__ = ("levels",)
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.StockLevel]
    def __init__(self, levels: _Optional[_Iterable[_Union[_catalog_pb2.StockLevel, _Mapping]]] = ...) -> None: ...

class ItemResult(_message.Message):
    __slots__ = ("item_id", "outcome", "invalid_fields")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELDS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    outcome: ItemOutcome
    invalid_fields: _containers.RepeatedCompositeFieldContainer[_event_service_pb2.InvalidField]
    def __init__(self, item_id: _Optional[str] = ..., outcome: _Optional[_Union[ItemOutcome, str]] = ..., invalid_fields: _Optional[_Iterable[_Union[_event_service_pb2.InvalidField, _Mapping]]] = ...) -> None: ...

class StockResult(_message.Message):
    __slots__ = ("outcome", "invalid_fields")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELDS_FIELD_NUMBER: _ClassVar[int]
    outcome: StockOutcome
    invalid_fields: _containers.RepeatedCompositeFieldContainer[_event_service_pb2.InvalidField]
    def __init__(self, outcome: _Optional[_Union[StockOutcome, str]] = ..., invalid_fields: _Optional[_Iterable[_Union[_event_service_pb2.InvalidField, _Mapping]]] = ...) -> None: ...
