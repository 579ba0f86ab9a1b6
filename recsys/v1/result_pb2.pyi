import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReasonKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_KIND_UNSPECIFIED: _ClassVar[ReasonKind]
    REASON_KIND_PERSONAL: _ClassVar[ReasonKind]
    REASON_KIND_SIMILAR: _ClassVar[ReasonKind]
    REASON_KIND_POPULAR_HERE: _ClassVar[ReasonKind]
    REASON_KIND_POPULAR: _ClassVar[ReasonKind]
    REASON_KIND_EDITORIAL: _ClassVar[ReasonKind]
    REASON_KIND_RECENTLY_VIEWED: _ClassVar[ReasonKind]
    REASON_KIND_COMPLEMENT: _ClassVar[ReasonKind]
    REASON_KIND_BUY_AGAIN: _ClassVar[ReasonKind]
    REASON_KIND_TRENDING: _ClassVar[ReasonKind]
    REASON_KIND_NEW: _ClassVar[ReasonKind]

class FallbackCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FALLBACK_CAUSE_UNSPECIFIED: _ClassVar[FallbackCause]
    FALLBACK_CAUSE_NO_CONSENT: _ClassVar[FallbackCause]
    FALLBACK_CAUSE_STORAGE_UNAVAILABLE: _ClassVar[FallbackCause]

class ShortfallCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHORTFALL_CAUSE_UNSPECIFIED: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_EXCLUDED: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_SEEN: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_CATALOG: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_NOT_OFFERED: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_OUT_OF_STOCK: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_FILTERED: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_AGE: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_PRICE: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_HISTORY: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_SHOWN: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_VARIANT: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_CAPPED: _ClassVar[ShortfallCause]
REASON_KIND_UNSPECIFIED: ReasonKind
REASON_KIND_PERSONAL: ReasonKind
REASON_KIND_SIMILAR: ReasonKind
REASON_KIND_POPULAR_HERE: ReasonKind
REASON_KIND_POPULAR: ReasonKind
REASON_KIND_EDITORIAL: ReasonKind
REASON_KIND_RECENTLY_VIEWED: ReasonKind
REASON_KIND_COMPLEMENT: ReasonKind
REASON_KIND_BUY_AGAIN: ReasonKind
REASON_KIND_TRENDING: ReasonKind
REASON_KIND_NEW: ReasonKind
FALLBACK_CAUSE_UNSPECIFIED: FallbackCause
FALLBACK_CAUSE_NO_CONSENT: FallbackCause
FALLBACK_CAUSE_STORAGE_UNAVAILABLE: FallbackCause
SHORTFALL_CAUSE_UNSPECIFIED: ShortfallCause
SHORTFALL_CAUSE_EXCLUDED: ShortfallCause
SHORTFALL_CAUSE_SEEN: ShortfallCause
SHORTFALL_CAUSE_CATALOG: ShortfallCause
SHORTFALL_CAUSE_NOT_OFFERED: ShortfallCause
SHORTFALL_CAUSE_OUT_OF_STOCK: ShortfallCause
SHORTFALL_CAUSE_FILTERED: ShortfallCause
SHORTFALL_CAUSE_AGE: ShortfallCause
SHORTFALL_CAUSE_PRICE: ShortfallCause
SHORTFALL_CAUSE_HISTORY: ShortfallCause
SHORTFALL_CAUSE_SHOWN: ShortfallCause
SHORTFALL_CAUSE_VARIANT: ShortfallCause
SHORTFALL_CAUSE_CAPPED: ShortfallCause

class Result(_message.Message):
    __slots__ = ("item_id", "score", "reason")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    score: float
    reason: Reason
    def __init__(self, item_id: _Optional[str] = ..., score: _Optional[float] = ..., reason: _Optional[_Union[Reason, _Mapping]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("kind", "similar_to_item_id", "store_id", "fallback_cause", "goes_with_item_id", "purchase_time", "usual_interval", "message_key", "channel")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIMILAR_TO_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_CAUSE_FIELD_NUMBER: _ClassVar[int]
    GOES_WITH_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_TIME_FIELD_NUMBER: _ClassVar[int]
    USUAL_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    kind: ReasonKind
    similar_to_item_id: str
    store_id: str
    fallback_cause: FallbackCause
    goes_with_item_id: str
    purchase_time: _timestamp_pb2.Timestamp
    usual_interval: _duration_pb2.Duration
    message_key: str
    channel: _event_pb2.Channel
    def __init__(self, kind: _Optional[_Union[ReasonKind, str]] = ..., similar_to_item_id: _Optional[str] = ..., store_id: _Optional[str] = ..., fallback_cause: _Optional[_Union[FallbackCause, str]] = ..., goes_with_item_id: _Optional[str] = ..., purchase_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., usual_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., message_key: _Optional[str] = ..., channel: _Optional[_Union[_event_pb2.Channel, str]] = ...) -> None: ...

class Shortfall(_message.Message):
    __slots__ = ("missing_count", "parts")
    MISSING_COUNT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    missing_count: int
    parts: _containers.RepeatedCompositeFieldContainer[ShortfallPart]
    def __init__(self, missing_count: _Optional[int] = ..., parts: _Optional[_Iterable[_Union[ShortfallPart, _Mapping]]] = ...) -> None: ...

class ShortfallPart(_message.Message):
    __slots__ = ("cause", "item_count")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    cause: ShortfallCause
    item_count: int
    def __init__(self, cause: _Optional[_Union[ShortfallCause, str]] = ..., item_count: _Optional[int] = ...) -> None: ...
