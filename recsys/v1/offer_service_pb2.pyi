import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from recsys.v1 import context_pb2 as _context_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import offer_pb2 as _offer_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OfferReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OFFER_REASON_UNSPECIFIED: _ClassVar[OfferReason]
    OFFER_REASON_AFFINITY: _ClassVar[OfferReason]
    OFFER_REASON_POPULARITY: _ClassVar[OfferReason]
    OFFER_REASON_LEARNED: _ClassVar[OfferReason]
OFFER_REASON_UNSPECIFIED: OfferReason
OFFER_REASON_AFFINITY: OfferReason
OFFER_REASON_POPULARITY: OfferReason
OFFER_REASON_LEARNED: OfferReason

class UpsertOffersRequest(_message.Message):
    __slots__ = ("offers",)
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[_offer_pb2.Offer]
    def __init__(self, offers: _Optional[_Iterable[_Union[_offer_pb2.Offer, _Mapping]]] = ...) -> None: ...

class UpsertOffersResponse(_message.Message):
    __slots__ = ("written_count", "unchanged_count")
    WRITTEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    written_count: int
    unchanged_count: int
    def __init__(self, written_count: _Optional[int] = ..., unchanged_count: _Optional[int] = ...) -> None: ...

class GetOfferRequest(_message.Message):
    __slots__ = ("offer_id",)
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    def __init__(self, offer_id: _Optional[str] = ...) -> None: ...

class GetOfferResponse(_message.Message):
    __slots__ = ("offer", "spend")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    SPEND_FIELD_NUMBER: _ClassVar[int]
    offer: _offer_pb2.Offer
    spend: OfferSpend
    def __init__(self, offer: _Optional[_Union[_offer_pb2.Offer, _Mapping]] = ..., spend: _Optional[_Union[OfferSpend, _Mapping]] = ...) -> None: ...

class OfferSpend(_message.Message):
    __slots__ = ("reserved_count", "reserved_cost", "committed_count", "committed_cost")
    RESERVED_COUNT_FIELD_NUMBER: _ClassVar[int]
    RESERVED_COST_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_COST_FIELD_NUMBER: _ClassVar[int]
    reserved_count: int
    reserved_cost: _event_pb2.Money
    committed_count: int
    committed_cost: _event_pb2.Money
    def __init__(self, reserved_count: _Optional[int] = ..., reserved_cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., committed_count: _Optional[int] = ..., committed_cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ...) -> None: ...

class ListOffersRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOffersResponse(_message.Message):
    __slots__ = ("offers", "next_page_token")
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[_offer_pb2.Offer]
    next_page_token: str
    def __init__(self, offers: _Optional[_Iterable[_Union[_offer_pb2.Offer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteOffersRequest(_message.Message):
    __slots__ = ("offer_ids",)
    OFFER_IDS_FIELD_NUMBER: _ClassVar[int]
    offer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, offer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteOffersResponse(_message.Message):
    __slots__ = ("deleted_count",)
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    deleted_count: int
    def __init__(self, deleted_count: _Optional[int] = ...) -> None: ...

class RecommendOffersRequest(_message.Message):
    __slots__ = ("subject", "context", "basket", "loyalty_tier", "page_size", "explain", "placement")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    BASKET_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_TIER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    context: _context_pb2.Context
    basket: Basket
    loyalty_tier: str
    page_size: int
    explain: bool
    placement: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., basket: _Optional[_Union[Basket, _Mapping]] = ..., loyalty_tier: _Optional[str] = ..., page_size: _Optional[int] = ..., explain: _Optional[bool] = ..., placement: _Optional[str] = ...) -> None: ...

class Basket(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[_event_pb2.ItemLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[_event_pb2.ItemLine, _Mapping]]] = ...) -> None: ...

class RecommendOffersResponse(_message.Message):
    __slots__ = ("results", "refused_offers", "attribution_token", "model_version")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_OFFERS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[OfferResult]
    refused_offers: _containers.RepeatedCompositeFieldContainer[RefusedOffer]
    attribution_token: str
    model_version: str
    def __init__(self, results: _Optional[_Iterable[_Union[OfferResult, _Mapping]]] = ..., refused_offers: _Optional[_Iterable[_Union[RefusedOffer, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ...) -> None: ...

class OfferResult(_message.Message):
    __slots__ = ("offer", "reason", "applicable", "propensity", "expected_value")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPLICABLE_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VALUE_FIELD_NUMBER: _ClassVar[int]
    offer: _offer_pb2.Offer
    reason: OfferReason
    applicable: bool
    propensity: float
    expected_value: float
    def __init__(self, offer: _Optional[_Union[_offer_pb2.Offer, _Mapping]] = ..., reason: _Optional[_Union[OfferReason, str]] = ..., applicable: _Optional[bool] = ..., propensity: _Optional[float] = ..., expected_value: _Optional[float] = ...) -> None: ...

class RefusedOffer(_message.Message):
    __slots__ = ("offer_id", "rule", "detail")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    rule: str
    detail: str
    def __init__(self, offer_id: _Optional[str] = ..., rule: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class ReserveOfferRequest(_message.Message):
    __slots__ = ("reservation_id", "offer_id", "subject", "context", "basket", "loyalty_tier", "hold_duration", "cost")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    BASKET_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_TIER_FIELD_NUMBER: _ClassVar[int]
    HOLD_DURATION_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    offer_id: str
    subject: _subject_pb2.Subject
    context: _context_pb2.Context
    basket: Basket
    loyalty_tier: str
    hold_duration: _duration_pb2.Duration
    cost: _event_pb2.Money
    def __init__(self, reservation_id: _Optional[str] = ..., offer_id: _Optional[str] = ..., subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., basket: _Optional[_Union[Basket, _Mapping]] = ..., loyalty_tier: _Optional[str] = ..., hold_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ...) -> None: ...

class ReserveOfferResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _offer_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_offer_pb2.Reservation, _Mapping]] = ...) -> None: ...

class CommitOfferRequest(_message.Message):
    __slots__ = ("reservation_id", "cost")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    cost: _event_pb2.Money
    def __init__(self, reservation_id: _Optional[str] = ..., cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ...) -> None: ...

class CommitOfferResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _offer_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_offer_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ReleaseOfferRequest(_message.Message):
    __slots__ = ("reservation_id", "returned")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    returned: bool
    def __init__(self, reservation_id: _Optional[str] = ..., returned: _Optional[bool] = ...) -> None: ...

class ReleaseOfferResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _offer_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_offer_pb2.Reservation, _Mapping]] = ...) -> None: ...
