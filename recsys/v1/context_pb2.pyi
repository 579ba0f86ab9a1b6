from recsys.v1 import catalog_pb2 as _catalog_pb2
from recsys.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Context(_message.Message):
    __slots__ = ("channel", "store_id", "recent_events", "buyer_age", "place")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RECENT_EVENTS_FIELD_NUMBER: _ClassVar[int]
    BUYER_AGE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    channel: _event_pb2.Channel
    store_id: str
    recent_events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    buyer_age: int
    place: _catalog_pb2.Place
    def __init__(self, channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., store_id: _Optional[str] = ..., recent_events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., buyer_age: _Optional[int] = ..., place: _Optional[_Union[_catalog_pb2.Place, _Mapping]] = ...) -> None: ...
