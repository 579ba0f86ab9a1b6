import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StoreKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STORE_KIND_UNSPECIFIED: _ClassVar[StoreKind]
    STORE_KIND_PHYSICAL: _ClassVar[StoreKind]
    STORE_KIND_ONLINE: _ClassVar[StoreKind]

class ItemView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ITEM_VIEW_UNSPECIFIED: _ClassVar[ItemView]
    ITEM_VIEW_BASIC: _ClassVar[ItemView]
    ITEM_VIEW_FULL: _ClassVar[ItemView]
STORE_KIND_UNSPECIFIED: StoreKind
STORE_KIND_PHYSICAL: StoreKind
STORE_KIND_ONLINE: StoreKind
ITEM_VIEW_UNSPECIFIED: ItemView
ITEM_VIEW_BASIC: ItemView
ITEM_VIEW_FULL: ItemView

class Item(_message.Message):
    __slots__ = ("item_id", "title", "category_paths", "brand", "prices", "page_url", "image_url", "attributes", "availability", "release_time", "primary_item_id", "age_years_min", "margin")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: AttributeValues
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[AttributeValues, _Mapping]] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_PATHS_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    PAGE_URL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    RELEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    AGE_YEARS_MIN_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    category_paths: _containers.RepeatedScalarFieldContainer[str]
    brand: str
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    page_url: str
    image_url: str
    attributes: _containers.MessageMap[str, AttributeValues]
    availability: Availability
    release_time: _timestamp_pb2.Timestamp
    primary_item_id: str
    age_years_min: int
    margin: float
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., category_paths: _Optional[_Iterable[str]] = ..., brand: _Optional[str] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., page_url: _Optional[str] = ..., image_url: _Optional[str] = ..., attributes: _Optional[_Mapping[str, AttributeValues]] = ..., availability: _Optional[_Union[Availability, _Mapping]] = ..., release_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., primary_item_id: _Optional[str] = ..., age_years_min: _Optional[int] = ..., margin: _Optional[float] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("amount", "start_time", "end_time")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    amount: _event_pb2.Money
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, amount: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AttributeValues(_message.Message):
    __slots__ = ("texts", "numbers")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    numbers: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., numbers: _Optional[_Iterable[float]] = ...) -> None: ...

class Availability(_message.Message):
    __slots__ = ("start_time", "end_time")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Store(_message.Message):
    __slots__ = ("store_id", "title", "kind", "place", "time_zone")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    title: str
    kind: StoreKind
    place: Place
    time_zone: str
    def __init__(self, store_id: _Optional[str] = ..., title: _Optional[str] = ..., kind: _Optional[_Union[StoreKind, str]] = ..., place: _Optional[_Union[Place, _Mapping]] = ..., time_zone: _Optional[str] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("latitude", "longitude")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ...) -> None: ...

class StockCount(_message.Message):
    __slots__ = ("item_id", "store_id", "quantity", "stock_time")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STOCK_TIME_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    store_id: str
    quantity: float
    stock_time: _timestamp_pb2.Timestamp
    def __init__(self, item_id: _Optional[str] = ..., store_id: _Optional[str] = ..., quantity: _Optional[float] = ..., stock_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StockAdjustment(_message.Message):
    __slots__ = ("item_id", "store_id", "quantity_change", "stock_time", "adjustment_id")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_CHANGE_FIELD_NUMBER: _ClassVar[int]
    STOCK_TIME_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    store_id: str
    quantity_change: float
    stock_time: _timestamp_pb2.Timestamp
    adjustment_id: str
    def __init__(self, item_id: _Optional[str] = ..., store_id: _Optional[str] = ..., quantity_change: _Optional[float] = ..., stock_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., adjustment_id: _Optional[str] = ...) -> None: ...

class StockLevel(_message.Message):
    __slots__ = ("store_id", "quantity", "stock_time")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STOCK_TIME_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    quantity: float
    stock_time: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., quantity: _Optional[float] = ..., stock_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
