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

class WriteOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WRITE_OUTCOME_UNSPECIFIED: _ClassVar[WriteOutcome]
    WRITE_OUTCOME_WRITTEN: _ClassVar[WriteOutcome]
    WRITE_OUTCOME_DUPLICATE: _ClassVar[WriteOutcome]
    WRITE_OUTCOME_CONFLICT: _ClassVar[WriteOutcome]
    WRITE_OUTCOME_INVALID: _ClassVar[WriteOutcome]
    WRITE_OUTCOME_ERASED: _ClassVar[WriteOutcome]
WRITE_OUTCOME_UNSPECIFIED: WriteOutcome
WRITE_OUTCOME_WRITTEN: WriteOutcome
WRITE_OUTCOME_DUPLICATE: WriteOutcome
WRITE_OUTCOME_CONFLICT: WriteOutcome
WRITE_OUTCOME_INVALID: WriteOutcome
WRITE_OUTCOME_ERASED: WriteOutcome

class WriteEventRequest(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.Event
    def __init__(self, event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ...) -> None: ...

class WriteEventResponse(_message.Message):
    __slots__ = ("event_id", "outcome")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    outcome: WriteOutcome
    def __init__(self, event_id: _Optional[str] = ..., outcome: _Optional[_Union[WriteOutcome, str]] = ...) -> None: ...

class WriteEventsRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class WriteEventsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[WriteResult]
    def __init__(self, results: _Optional[_Iterable[_Union[WriteResult, _Mapping]]] = ...) -> None: ...

class ImportEventsRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class ImportEventsResponse(_message.Message):
    __slots__ = ("settled_count", "written_count", "duplicate_count", "refused_events")
    SETTLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    settled_count: int
    written_count: int
    duplicate_count: int
    refused_events: _containers.RepeatedCompositeFieldContainer[RefusedEvent]
    def __init__(self, settled_count: _Optional[int] = ..., written_count: _Optional[int] = ..., duplicate_count: _Optional[int] = ..., refused_events: _Optional[_Iterable[_Union[RefusedEvent, _Mapping]]] = ...) -> None: ...

class RefusedEvent(_message.Message):
    __slots__ = ("position", "result")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    position: int
    result: WriteResult
    def __init__(self, position: _Optional[int] = ..., result: _Optional[_Union[WriteResult, _Mapping]] = ...) -> None: ...

class PurgeEventsRequest(_message.Message):
    __slots__ = ("filter", "validate_only")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    filter: EventFilter
    validate_only: bool
    def __init__(self, filter: _Optional[_Union[EventFilter, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PurgeEventsResponse(_message.Message):
    __slots__ = ("purged_count",)
    PURGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    purged_count: int
    def __init__(self, purged_count: _Optional[int] = ...) -> None: ...

class WriteResult(_message.Message):
    __slots__ = ("event_id", "outcome", "invalid_fields")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELDS_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    outcome: WriteOutcome
    invalid_fields: _containers.RepeatedCompositeFieldContainer[InvalidField]
    def __init__(self, event_id: _Optional[str] = ..., outcome: _Optional[_Union[WriteOutcome, str]] = ..., invalid_fields: _Optional[_Iterable[_Union[InvalidField, _Mapping]]] = ...) -> None: ...

class InvalidField(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class EventFilter(_message.Message):
    __slots__ = ("identifier", "event_types", "channels", "store_ids", "start_time", "end_time")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    STORE_IDS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    identifier: _subject_pb2.Identifier
    event_types: _containers.RepeatedScalarFieldContainer[_event_pb2.EventType]
    channels: _containers.RepeatedScalarFieldContainer[_event_pb2.Channel]
    store_ids: _containers.RepeatedScalarFieldContainer[str]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, identifier: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., event_types: _Optional[_Iterable[_Union[_event_pb2.EventType, str]]] = ..., channels: _Optional[_Iterable[_Union[_event_pb2.Channel, str]]] = ..., store_ids: _Optional[_Iterable[str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
