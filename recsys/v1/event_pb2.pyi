import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_TYPE_UNSPECIFIED: _ClassVar[EventType]
    EVENT_TYPE_DETAIL_PAGE_VIEW: _ClassVar[EventType]
    EVENT_TYPE_SEARCH: _ClassVar[EventType]
    EVENT_TYPE_ADD_TO_CART: _ClassVar[EventType]
    EVENT_TYPE_REMOVE_FROM_CART: _ClassVar[EventType]
    EVENT_TYPE_ADD_TO_WISHLIST: _ClassVar[EventType]
    EVENT_TYPE_PURCHASE_COMPLETE: _ClassVar[EventType]
    EVENT_TYPE_RETURN: _ClassVar[EventType]
    EVENT_TYPE_RATE: _ClassVar[EventType]
    EVENT_TYPE_IMPRESSION: _ClassVar[EventType]
    EVENT_TYPE_CLICK: _ClassVar[EventType]
    EVENT_TYPE_OFFER_VIEW: _ClassVar[EventType]
    EVENT_TYPE_OFFER_REDEEM: _ClassVar[EventType]
    EVENT_TYPE_STORE_VISIT: _ClassVar[EventType]

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_WEB: _ClassVar[Channel]
    CHANNEL_MOBILE_APP: _ClassVar[Channel]
    CHANNEL_STORE: _ClassVar[Channel]
    CHANNEL_CALL_CENTER: _ClassVar[Channel]
    CHANNEL_EMAIL: _ClassVar[Channel]
    CHANNEL_SMS: _ClassVar[Channel]
    CHANNEL_PUSH: _ClassVar[Channel]
    CHANNEL_SOCIAL: _ClassVar[Channel]
    CHANNEL_MARKETPLACE: _ClassVar[Channel]
    CHANNEL_MESSAGING: _ClassVar[Channel]
    CHANNEL_KIOSK: _ClassVar[Channel]
EVENT_TYPE_UNSPECIFIED: EventType
EVENT_TYPE_DETAIL_PAGE_VIEW: EventType
EVENT_TYPE_SEARCH: EventType
EVENT_TYPE_ADD_TO_CART: EventType
EVENT_TYPE_REMOVE_FROM_CART: EventType
EVENT_TYPE_ADD_TO_WISHLIST: EventType
EVENT_TYPE_PURCHASE_COMPLETE: EventType
EVENT_TYPE_RETURN: EventType
EVENT_TYPE_RATE: EventType
EVENT_TYPE_IMPRESSION: EventType
EVENT_TYPE_CLICK: EventType
EVENT_TYPE_OFFER_VIEW: EventType
EVENT_TYPE_OFFER_REDEEM: EventType
EVENT_TYPE_STORE_VISIT: EventType
CHANNEL_UNSPECIFIED: Channel
CHANNEL_WEB: Channel
CHANNEL_MOBILE_APP: Channel
CHANNEL_STORE: Channel
CHANNEL_CALL_CENTER: Channel
CHANNEL_EMAIL: Channel
CHANNEL_SMS: Channel
CHANNEL_PUSH: Channel
CHANNEL_SOCIAL: Channel
CHANNEL_MARKETPLACE: Channel
CHANNEL_MESSAGING: Channel
CHANNEL_KIOSK: Channel

class Event(_message.Message):
    __slots__ = ("event_id", "event_type", "event_time", "channel", "store_id", "session_id", "lines", "subject", "attribution_token", "offer_id", "search_query", "referrer")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    SEARCH_QUERY_FIELD_NUMBER: _ClassVar[int]
    REFERRER_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event_type: EventType
    event_time: _timestamp_pb2.Timestamp
    channel: Channel
    store_id: str
    session_id: str
    lines: _containers.RepeatedCompositeFieldContainer[ItemLine]
    subject: _subject_pb2.Subject
    attribution_token: str
    offer_id: str
    search_query: str
    referrer: str
    def __init__(self, event_id: _Optional[str] = ..., event_type: _Optional[_Union[EventType, str]] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channel: _Optional[_Union[Channel, str]] = ..., store_id: _Optional[str] = ..., session_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ItemLine, _Mapping]]] = ..., subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., attribution_token: _Optional[str] = ..., offer_id: _Optional[str] = ..., search_query: _Optional[str] = ..., referrer: _Optional[str] = ...) -> None: ...

class ItemLine(_message.Message):
    __slots__ = ("item_id", "quantity", "unit_price")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    quantity: float
    unit_price: Money
    def __init__(self, item_id: _Optional[str] = ..., quantity: _Optional[float] = ..., unit_price: _Optional[_Union[Money, _Mapping]] = ...) -> None: ...

class Money(_message.Message):
    __slots__ = ("currency_code", "units", "nanos")
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    NANOS_FIELD_NUMBER: _ClassVar[int]
    currency_code: str
    units: int
    nanos: int
    def __init__(self, currency_code: _Optional[str] = ..., units: _Optional[int] = ..., nanos: _Optional[int] = ...) -> None: ...
