import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_KIND_UNSPECIFIED: _ClassVar[ExportKind]
    EXPORT_KIND_PROFILE: _ClassVar[ExportKind]
    EXPORT_KIND_SNAPSHOT: _ClassVar[ExportKind]
    EXPORT_KIND_DATASET: _ClassVar[ExportKind]
    EXPORT_KIND_CAMPAIGN: _ClassVar[ExportKind]

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    PURPOSE_PERSONALISE: _ClassVar[Purpose]
    PURPOSE_TRAINING: _ClassVar[Purpose]
    PURPOSE_MARKETING: _ClassVar[Purpose]

class ConsentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STATUS_UNSPECIFIED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_GRANTED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_DENIED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_WITHDRAWN: _ClassVar[ConsentStatus]

class RfmSegment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RFM_SEGMENT_UNSPECIFIED: _ClassVar[RfmSegment]
    RFM_SEGMENT_CHAMPION: _ClassVar[RfmSegment]
    RFM_SEGMENT_LOYAL: _ClassVar[RfmSegment]
    RFM_SEGMENT_PROMISING: _ClassVar[RfmSegment]
    RFM_SEGMENT_NEW: _ClassVar[RfmSegment]
    RFM_SEGMENT_NEEDS_ATTENTION: _ClassVar[RfmSegment]
    RFM_SEGMENT_AT_RISK: _ClassVar[RfmSegment]
    RFM_SEGMENT_HIBERNATING: _ClassVar[RfmSegment]
    RFM_SEGMENT_LOST: _ClassVar[RfmSegment]

class LifecycleStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_STAGE_UNSPECIFIED: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_PROSPECT: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_FIRST_BUYER: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_REGULAR: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_LOYAL: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_AT_RISK: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_LAPSED: _ClassVar[LifecycleStage]
EXPORT_KIND_UNSPECIFIED: ExportKind
EXPORT_KIND_PROFILE: ExportKind
EXPORT_KIND_SNAPSHOT: ExportKind
EXPORT_KIND_DATASET: ExportKind
EXPORT_KIND_CAMPAIGN: ExportKind
PURPOSE_UNSPECIFIED: Purpose
PURPOSE_PERSONALISE: Purpose
PURPOSE_TRAINING: Purpose
PURPOSE_MARKETING: Purpose
CONSENT_STATUS_UNSPECIFIED: ConsentStatus
CONSENT_STATUS_GRANTED: ConsentStatus
CONSENT_STATUS_DENIED: ConsentStatus
CONSENT_STATUS_WITHDRAWN: ConsentStatus
RFM_SEGMENT_UNSPECIFIED: RfmSegment
RFM_SEGMENT_CHAMPION: RfmSegment
RFM_SEGMENT_LOYAL: RfmSegment
RFM_SEGMENT_PROMISING: RfmSegment
RFM_SEGMENT_NEW: RfmSegment
RFM_SEGMENT_NEEDS_ATTENTION: RfmSegment
RFM_SEGMENT_AT_RISK: RfmSegment
RFM_SEGMENT_HIBERNATING: RfmSegment
RFM_SEGMENT_LOST: RfmSegment
LIFECYCLE_STAGE_UNSPECIFIED: LifecycleStage
LIFECYCLE_STAGE_PROSPECT: LifecycleStage
LIFECYCLE_STAGE_FIRST_BUYER: LifecycleStage
LIFECYCLE_STAGE_REGULAR: LifecycleStage
LIFECYCLE_STAGE_LOYAL: LifecycleStage
LIFECYCLE_STAGE_AT_RISK: LifecycleStage
LIFECYCLE_STAGE_LAPSED: LifecycleStage

class Profile(_message.Message):
    __slots__ = ("identifiers", "consents", "erase_time", "event_count", "channel_activities", "event_counts", "orders", "rfm_segment", "lifecycle_stage", "preferred_channel", "preferred_hours", "top_categories", "top_stores", "loyalty_tier")
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    ERASE_TIME_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    RFM_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STAGE_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_HOURS_FIELD_NUMBER: _ClassVar[int]
    TOP_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    TOP_STORES_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_TIER_FIELD_NUMBER: _ClassVar[int]
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    consents: _containers.RepeatedCompositeFieldContainer[Consent]
    erase_time: _timestamp_pb2.Timestamp
    event_count: int
    channel_activities: _containers.RepeatedCompositeFieldContainer[ChannelActivity]
    event_counts: _containers.RepeatedCompositeFieldContainer[EventCount]
    orders: Orders
    rfm_segment: RfmSegment
    lifecycle_stage: LifecycleStage
    preferred_channel: _event_pb2.Channel
    preferred_hours: _containers.RepeatedScalarFieldContainer[int]
    top_categories: _containers.RepeatedCompositeFieldContainer[Preference]
    top_stores: _containers.RepeatedCompositeFieldContainer[Preference]
    loyalty_tier: str
    def __init__(self, identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., consents: _Optional[_Iterable[_Union[Consent, _Mapping]]] = ..., erase_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., event_count: _Optional[int] = ..., channel_activities: _Optional[_Iterable[_Union[ChannelActivity, _Mapping]]] = ..., event_counts: _Optional[_Iterable[_Union[EventCount, _Mapping]]] = ..., orders: _Optional[_Union[Orders, _Mapping]] = ..., rfm_segment: _Optional[_Union[RfmSegment, str]] = ..., lifecycle_stage: _Optional[_Union[LifecycleStage, str]] = ..., preferred_channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., preferred_hours: _Optional[_Iterable[int]] = ..., top_categories: _Optional[_Iterable[_Union[Preference, _Mapping]]] = ..., top_stores: _Optional[_Iterable[_Union[Preference, _Mapping]]] = ..., loyalty_tier: _Optional[str] = ...) -> None: ...

class ChannelActivity(_message.Message):
    __slots__ = ("channel", "last_time")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    channel: _event_pb2.Channel
    last_time: _timestamp_pb2.Timestamp
    def __init__(self, channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EventCount(_message.Message):
    __slots__ = ("event_type", "count")
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    event_type: _event_pb2.EventType
    count: int
    def __init__(self, event_type: _Optional[_Union[_event_pb2.EventType, str]] = ..., count: _Optional[int] = ...) -> None: ...

class Orders(_message.Message):
    __slots__ = ("count", "first_time", "last_time", "recent_count", "recent_values", "unpriced_line_count")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    RECENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    RECENT_VALUES_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_LINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    first_time: _timestamp_pb2.Timestamp
    last_time: _timestamp_pb2.Timestamp
    recent_count: int
    recent_values: _containers.RepeatedCompositeFieldContainer[_event_pb2.Money]
    unpriced_line_count: int
    def __init__(self, count: _Optional[int] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recent_count: _Optional[int] = ..., recent_values: _Optional[_Iterable[_Union[_event_pb2.Money, _Mapping]]] = ..., unpriced_line_count: _Optional[int] = ...) -> None: ...

class Preference(_message.Message):
    __slots__ = ("name", "purchase_count", "activity_count")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    purchase_count: int
    activity_count: int
    def __init__(self, name: _Optional[str] = ..., purchase_count: _Optional[int] = ..., activity_count: _Optional[int] = ...) -> None: ...

class Consent(_message.Message):
    __slots__ = ("purpose", "channel", "status", "consent_time", "source", "identifier")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    purpose: Purpose
    channel: _event_pb2.Channel
    status: ConsentStatus
    consent_time: _timestamp_pb2.Timestamp
    source: str
    identifier: _subject_pb2.Identifier
    def __init__(self, purpose: _Optional[_Union[Purpose, str]] = ..., channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., status: _Optional[_Union[ConsentStatus, str]] = ..., consent_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., identifier: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ...) -> None: ...

class Erasure(_message.Message):
    __slots__ = ("erasure_id", "erase_time", "identifier_count", "event_count", "consent_count", "link_count", "exports")
    ERASURE_ID_FIELD_NUMBER: _ClassVar[int]
    ERASE_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CONSENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    LINK_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPORTS_FIELD_NUMBER: _ClassVar[int]
    erasure_id: str
    erase_time: _timestamp_pb2.Timestamp
    identifier_count: int
    event_count: int
    consent_count: int
    link_count: int
    exports: _containers.RepeatedCompositeFieldContainer[Export]
    def __init__(self, erasure_id: _Optional[str] = ..., erase_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identifier_count: _Optional[int] = ..., event_count: _Optional[int] = ..., consent_count: _Optional[int] = ..., link_count: _Optional[int] = ..., exports: _Optional[_Iterable[_Union[Export, _Mapping]]] = ...) -> None: ...

class Export(_message.Message):
    __slots__ = ("kind", "place", "export_time")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    kind: ExportKind
    place: str
    export_time: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[ExportKind, str]] = ..., place: _Optional[str] = ..., export_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
