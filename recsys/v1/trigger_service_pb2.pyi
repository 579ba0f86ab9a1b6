import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import campaign_pb2 as _campaign_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import offer_pb2 as _offer_pb2
from recsys.v1 import offer_service_pb2 as _offer_service_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TriggerOccasion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIGGER_OCCASION_UNSPECIFIED: _ClassVar[TriggerOccasion]
    TRIGGER_OCCASION_STORE_VISIT: _ClassVar[TriggerOccasion]
    TRIGGER_OCCASION_CART_LEFT: _ClassVar[TriggerOccasion]

class TriggerAckOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIGGER_ACK_OUTCOME_UNSPECIFIED: _ClassVar[TriggerAckOutcome]
    TRIGGER_ACK_OUTCOME_SENT: _ClassVar[TriggerAckOutcome]
    TRIGGER_ACK_OUTCOME_REFUSED: _ClassVar[TriggerAckOutcome]
    TRIGGER_ACK_OUTCOME_RELEASED: _ClassVar[TriggerAckOutcome]

class TriggerMessageState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIGGER_MESSAGE_STATE_UNSPECIFIED: _ClassVar[TriggerMessageState]
    TRIGGER_MESSAGE_STATE_PENDING: _ClassVar[TriggerMessageState]
    TRIGGER_MESSAGE_STATE_LEASED: _ClassVar[TriggerMessageState]
    TRIGGER_MESSAGE_STATE_SENT: _ClassVar[TriggerMessageState]
    TRIGGER_MESSAGE_STATE_WITHDRAWN: _ClassVar[TriggerMessageState]
    TRIGGER_MESSAGE_STATE_SUPPRESSED: _ClassVar[TriggerMessageState]
TRIGGER_OCCASION_UNSPECIFIED: TriggerOccasion
TRIGGER_OCCASION_STORE_VISIT: TriggerOccasion
TRIGGER_OCCASION_CART_LEFT: TriggerOccasion
TRIGGER_ACK_OUTCOME_UNSPECIFIED: TriggerAckOutcome
TRIGGER_ACK_OUTCOME_SENT: TriggerAckOutcome
TRIGGER_ACK_OUTCOME_REFUSED: TriggerAckOutcome
TRIGGER_ACK_OUTCOME_RELEASED: TriggerAckOutcome
TRIGGER_MESSAGE_STATE_UNSPECIFIED: TriggerMessageState
TRIGGER_MESSAGE_STATE_PENDING: TriggerMessageState
TRIGGER_MESSAGE_STATE_LEASED: TriggerMessageState
TRIGGER_MESSAGE_STATE_SENT: TriggerMessageState
TRIGGER_MESSAGE_STATE_WITHDRAWN: TriggerMessageState
TRIGGER_MESSAGE_STATE_SUPPRESSED: TriggerMessageState

class WatchTriggersRequest(_message.Message):
    __slots__ = ("consumer", "channels", "triggers", "lease_duration")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    channels: _containers.RepeatedScalarFieldContainer[_event_pb2.Channel]
    triggers: _containers.RepeatedScalarFieldContainer[str]
    lease_duration: _duration_pb2.Duration
    def __init__(self, consumer: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[_event_pb2.Channel, str]]] = ..., triggers: _Optional[_Iterable[str]] = ..., lease_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WatchTriggersResponse(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[TriggerMessage]
    def __init__(self, messages: _Optional[_Iterable[_Union[TriggerMessage, _Mapping]]] = ...) -> None: ...

class TriggerMessage(_message.Message):
    __slots__ = ("message_id", "trigger", "occasion", "channel", "identifiers", "address", "offer", "offer_reason", "message_key", "items", "store_id", "attribution_token", "event_time", "decide_time", "expire_time", "lease_time")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    OCCASION_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    OFFER_REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    LEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    trigger: str
    occasion: TriggerOccasion
    channel: _event_pb2.Channel
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    address: _subject_pb2.Identifier
    offer: _offer_pb2.Offer
    offer_reason: _offer_service_pb2.OfferReason
    message_key: str
    items: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.BatchItem]
    store_id: str
    attribution_token: str
    event_time: _timestamp_pb2.Timestamp
    decide_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    lease_time: _timestamp_pb2.Timestamp
    def __init__(self, message_id: _Optional[str] = ..., trigger: _Optional[str] = ..., occasion: _Optional[_Union[TriggerOccasion, str]] = ..., channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., address: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., offer: _Optional[_Union[_offer_pb2.Offer, _Mapping]] = ..., offer_reason: _Optional[_Union[_offer_service_pb2.OfferReason, str]] = ..., message_key: _Optional[str] = ..., items: _Optional[_Iterable[_Union[_campaign_pb2.BatchItem, _Mapping]]] = ..., store_id: _Optional[str] = ..., attribution_token: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AckTriggersRequest(_message.Message):
    __slots__ = ("acks",)
    ACKS_FIELD_NUMBER: _ClassVar[int]
    acks: _containers.RepeatedCompositeFieldContainer[TriggerAck]
    def __init__(self, acks: _Optional[_Iterable[_Union[TriggerAck, _Mapping]]] = ...) -> None: ...

class TriggerAck(_message.Message):
    __slots__ = ("message_id", "outcome")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    outcome: TriggerAckOutcome
    def __init__(self, message_id: _Optional[str] = ..., outcome: _Optional[_Union[TriggerAckOutcome, str]] = ...) -> None: ...

class AckTriggersResponse(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[TriggerMessageState]
    def __init__(self, states: _Optional[_Iterable[_Union[TriggerMessageState, str]]] = ...) -> None: ...
