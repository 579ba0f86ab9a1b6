import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import offer_service_pb2 as _offer_service_pb2
from recsys.v1 import profile_pb2 as _profile_pb2
from recsys.v1 import result_pb2 as _result_pb2
from recsys.v1 import rules_pb2 as _rules_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SuppressionCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUPPRESSION_CAUSE_UNSPECIFIED: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_ERASED: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_UNKNOWN: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_DUPLICATE: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_NOT_IN_SEGMENT: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_NO_ADDRESS: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_NO_CONSENT: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_HOLDOUT: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_QUIET_HOURS: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_MINIMUM_GAP: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_CAPPED: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_NOTHING_TO_SHOW: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_FAILED: _ClassVar[SuppressionCause]
    SUPPRESSION_CAUSE_NO_OFFER: _ClassVar[SuppressionCause]
SUPPRESSION_CAUSE_UNSPECIFIED: SuppressionCause
SUPPRESSION_CAUSE_ERASED: SuppressionCause
SUPPRESSION_CAUSE_UNKNOWN: SuppressionCause
SUPPRESSION_CAUSE_DUPLICATE: SuppressionCause
SUPPRESSION_CAUSE_NOT_IN_SEGMENT: SuppressionCause
SUPPRESSION_CAUSE_NO_ADDRESS: SuppressionCause
SUPPRESSION_CAUSE_NO_CONSENT: SuppressionCause
SUPPRESSION_CAUSE_HOLDOUT: SuppressionCause
SUPPRESSION_CAUSE_QUIET_HOURS: SuppressionCause
SUPPRESSION_CAUSE_MINIMUM_GAP: SuppressionCause
SUPPRESSION_CAUSE_CAPPED: SuppressionCause
SUPPRESSION_CAUSE_NOTHING_TO_SHOW: SuppressionCause
SUPPRESSION_CAUSE_FAILED: SuppressionCause
SUPPRESSION_CAUSE_NO_OFFER: SuppressionCause

class Batch(_message.Message):
    __slots__ = ("segment", "filter", "listed", "placement", "channel", "purpose", "page_size", "include_seen", "rules", "store_id", "address_namespaces", "holdout_share", "holdout_name", "with_habits", "with_items", "with_suppressed", "as_of_time", "send_time", "destination", "offers")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    HOLDOUT_SHARE_FIELD_NUMBER: _ClassVar[int]
    HOLDOUT_NAME_FIELD_NUMBER: _ClassVar[int]
    WITH_HABITS_FIELD_NUMBER: _ClassVar[int]
    WITH_ITEMS_FIELD_NUMBER: _ClassVar[int]
    WITH_SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    SEND_TIME_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    segment: str
    filter: str
    listed: ListedPeople
    placement: str
    channel: _event_pb2.Channel
    purpose: _profile_pb2.Purpose
    page_size: int
    include_seen: bool
    rules: _rules_pb2.Rules
    store_id: str
    address_namespaces: _containers.RepeatedScalarFieldContainer[str]
    holdout_share: float
    holdout_name: str
    with_habits: bool
    with_items: bool
    with_suppressed: bool
    as_of_time: _timestamp_pb2.Timestamp
    send_time: _timestamp_pb2.Timestamp
    destination: str
    offers: BatchOffers
    def __init__(self, segment: _Optional[str] = ..., filter: _Optional[str] = ..., listed: _Optional[_Union[ListedPeople, _Mapping]] = ..., placement: _Optional[str] = ..., channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., purpose: _Optional[_Union[_profile_pb2.Purpose, str]] = ..., page_size: _Optional[int] = ..., include_seen: _Optional[bool] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., store_id: _Optional[str] = ..., address_namespaces: _Optional[_Iterable[str]] = ..., holdout_share: _Optional[float] = ..., holdout_name: _Optional[str] = ..., with_habits: _Optional[bool] = ..., with_items: _Optional[bool] = ..., with_suppressed: _Optional[bool] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., send_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., destination: _Optional[str] = ..., offers: _Optional[_Union[BatchOffers, _Mapping]] = ...) -> None: ...

class BatchOffers(_message.Message):
    __slots__ = ("page_size", "required", "alone")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    ALONE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    required: bool
    alone: bool
    def __init__(self, page_size: _Optional[int] = ..., required: _Optional[bool] = ..., alone: _Optional[bool] = ...) -> None: ...

class ListedPeople(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BatchPerson(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "subject", "identifiers", "suppression_cause", "address", "preferred_channel", "preferred_hour", "time_zone", "error", "offer_id", "offers")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSION_CAUSE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_HOUR_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    subject: _subject_pb2.Subject
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    suppression_cause: SuppressionCause
    address: _subject_pb2.Identifier
    preferred_channel: _event_pb2.Channel
    preferred_hour: int
    time_zone: str
    error: str
    offer_id: str
    offers: _containers.RepeatedCompositeFieldContainer[BatchOffer]
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., suppression_cause: _Optional[_Union[SuppressionCause, str]] = ..., address: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., preferred_channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., preferred_hour: _Optional[int] = ..., time_zone: _Optional[str] = ..., error: _Optional[str] = ..., offer_id: _Optional[str] = ..., offers: _Optional[_Iterable[_Union[BatchOffer, _Mapping]]] = ...) -> None: ...

class BatchOffer(_message.Message):
    __slots__ = ("offer_id", "reason", "propensity", "expected_value", "expected_cost")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VALUE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COST_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    reason: _offer_service_pb2.OfferReason
    propensity: float
    expected_value: float
    expected_cost: float
    def __init__(self, offer_id: _Optional[str] = ..., reason: _Optional[_Union[_offer_service_pb2.OfferReason, str]] = ..., propensity: _Optional[float] = ..., expected_value: _Optional[float] = ..., expected_cost: _Optional[float] = ...) -> None: ...

class RefusedOffers(_message.Message):
    __slots__ = ("rule", "refused_count")
    RULE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    refused_count: int
    def __init__(self, rule: _Optional[str] = ..., refused_count: _Optional[int] = ...) -> None: ...

class BatchItem(_message.Message):
    __slots__ = ("item_id", "title", "page_url", "image_url", "price", "currency")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PAGE_URL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    page_url: str
    image_url: str
    price: str
    currency: str
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., page_url: _Optional[str] = ..., image_url: _Optional[str] = ..., price: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class SuppressedCount(_message.Message):
    __slots__ = ("cause", "person_count")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PERSON_COUNT_FIELD_NUMBER: _ClassVar[int]
    cause: SuppressionCause
    person_count: int
    def __init__(self, cause: _Optional[_Union[SuppressionCause, str]] = ..., person_count: _Optional[int] = ...) -> None: ...

class SavedSegment(_message.Message):
    __slots__ = ("name", "filter", "description", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    filter: str
    description: str
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., filter: _Optional[str] = ..., description: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
