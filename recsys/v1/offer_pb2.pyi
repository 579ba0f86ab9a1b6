import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import catalog_pb2 as _catalog_pb2
from recsys.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReservationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVATION_STATE_UNSPECIFIED: _ClassVar[ReservationState]
    RESERVATION_STATE_RESERVED: _ClassVar[ReservationState]
    RESERVATION_STATE_COMMITTED: _ClassVar[ReservationState]
    RESERVATION_STATE_RELEASED: _ClassVar[ReservationState]
    RESERVATION_STATE_EXPIRED: _ClassVar[ReservationState]
    RESERVATION_STATE_RETURNED: _ClassVar[ReservationState]
RESERVATION_STATE_UNSPECIFIED: ReservationState
RESERVATION_STATE_RESERVED: ReservationState
RESERVATION_STATE_COMMITTED: ReservationState
RESERVATION_STATE_RELEASED: ReservationState
RESERVATION_STATE_EXPIRED: ReservationState
RESERVATION_STATE_RETURNED: ReservationState

class Offer(_message.Message):
    __slots__ = ("offer_id", "title", "percent_off", "amount_off", "buy_and_get", "gift", "free_delivery", "points", "sample", "currency_code", "scope", "eligibility", "validity", "hours", "time_zone", "stacking_group", "stacks_on", "priority", "value", "cost", "budget", "unit_count", "caps", "holdout_share")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_OFF_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_OFF_FIELD_NUMBER: _ClassVar[int]
    BUY_AND_GET_FIELD_NUMBER: _ClassVar[int]
    GIFT_FIELD_NUMBER: _ClassVar[int]
    FREE_DELIVERY_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ELIGIBILITY_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    STACKING_GROUP_FIELD_NUMBER: _ClassVar[int]
    STACKS_ON_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    UNIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    HOLDOUT_SHARE_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    title: str
    percent_off: PercentOff
    amount_off: AmountOff
    buy_and_get: BuyAndGet
    gift: Gift
    free_delivery: FreeDelivery
    points: Points
    sample: Sample
    currency_code: str
    scope: OfferScope
    eligibility: OfferEligibility
    validity: OfferValidity
    hours: _containers.RepeatedCompositeFieldContainer[OfferHours]
    time_zone: str
    stacking_group: str
    stacks_on: str
    priority: int
    value: _event_pb2.Money
    cost: _event_pb2.Money
    budget: _event_pb2.Money
    unit_count: int
    caps: _containers.RepeatedCompositeFieldContainer[OfferCap]
    holdout_share: float
    def __init__(self, offer_id: _Optional[str] = ..., title: _Optional[str] = ..., percent_off: _Optional[_Union[PercentOff, _Mapping]] = ..., amount_off: _Optional[_Union[AmountOff, _Mapping]] = ..., buy_and_get: _Optional[_Union[BuyAndGet, _Mapping]] = ..., gift: _Optional[_Union[Gift, _Mapping]] = ..., free_delivery: _Optional[_Union[FreeDelivery, _Mapping]] = ..., points: _Optional[_Union[Points, _Mapping]] = ..., sample: _Optional[_Union[Sample, _Mapping]] = ..., currency_code: _Optional[str] = ..., scope: _Optional[_Union[OfferScope, _Mapping]] = ..., eligibility: _Optional[_Union[OfferEligibility, _Mapping]] = ..., validity: _Optional[_Union[OfferValidity, _Mapping]] = ..., hours: _Optional[_Iterable[_Union[OfferHours, _Mapping]]] = ..., time_zone: _Optional[str] = ..., stacking_group: _Optional[str] = ..., stacks_on: _Optional[str] = ..., priority: _Optional[int] = ..., value: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., budget: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., unit_count: _Optional[int] = ..., caps: _Optional[_Iterable[_Union[OfferCap, _Mapping]]] = ..., holdout_share: _Optional[float] = ...) -> None: ...

class PercentOff(_message.Message):
    __slots__ = ("percent",)
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    percent: float
    def __init__(self, percent: _Optional[float] = ...) -> None: ...

class AmountOff(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: _event_pb2.Money
    def __init__(self, amount: _Optional[_Union[_event_pb2.Money, _Mapping]] = ...) -> None: ...

class BuyAndGet(_message.Message):
    __slots__ = ("buy_count", "get_count")
    BUY_COUNT_FIELD_NUMBER: _ClassVar[int]
    GET_COUNT_FIELD_NUMBER: _ClassVar[int]
    buy_count: int
    get_count: int
    def __init__(self, buy_count: _Optional[int] = ..., get_count: _Optional[int] = ...) -> None: ...

class Gift(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class FreeDelivery(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Points(_message.Message):
    __slots__ = ("point_count",)
    POINT_COUNT_FIELD_NUMBER: _ClassVar[int]
    point_count: int
    def __init__(self, point_count: _Optional[int] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class OfferScope(_message.Message):
    __slots__ = ("item_ids", "category_paths", "brands", "filter")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_PATHS_FIELD_NUMBER: _ClassVar[int]
    BRANDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    category_paths: _containers.RepeatedScalarFieldContainer[str]
    brands: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., category_paths: _Optional[_Iterable[str]] = ..., brands: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ...) -> None: ...

class OfferEligibility(_message.Message):
    __slots__ = ("person_filter", "basket_filter", "loyalty_tiers", "new_customers_only", "channels", "store_ids", "geofence", "basket_price_min")
    PERSON_FILTER_FIELD_NUMBER: _ClassVar[int]
    BASKET_FILTER_FIELD_NUMBER: _ClassVar[int]
    LOYALTY_TIERS_FIELD_NUMBER: _ClassVar[int]
    NEW_CUSTOMERS_ONLY_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    STORE_IDS_FIELD_NUMBER: _ClassVar[int]
    GEOFENCE_FIELD_NUMBER: _ClassVar[int]
    BASKET_PRICE_MIN_FIELD_NUMBER: _ClassVar[int]
    person_filter: str
    basket_filter: str
    loyalty_tiers: _containers.RepeatedScalarFieldContainer[str]
    new_customers_only: bool
    channels: _containers.RepeatedScalarFieldContainer[_event_pb2.Channel]
    store_ids: _containers.RepeatedScalarFieldContainer[str]
    geofence: Geofence
    basket_price_min: _event_pb2.Money
    def __init__(self, person_filter: _Optional[str] = ..., basket_filter: _Optional[str] = ..., loyalty_tiers: _Optional[_Iterable[str]] = ..., new_customers_only: _Optional[bool] = ..., channels: _Optional[_Iterable[_Union[_event_pb2.Channel, str]]] = ..., store_ids: _Optional[_Iterable[str]] = ..., geofence: _Optional[_Union[Geofence, _Mapping]] = ..., basket_price_min: _Optional[_Union[_event_pb2.Money, _Mapping]] = ...) -> None: ...

class Geofence(_message.Message):
    __slots__ = ("circles", "polygons", "store_radius_km")
    CIRCLES_FIELD_NUMBER: _ClassVar[int]
    POLYGONS_FIELD_NUMBER: _ClassVar[int]
    STORE_RADIUS_KM_FIELD_NUMBER: _ClassVar[int]
    circles: _containers.RepeatedCompositeFieldContainer[Circle]
    polygons: _containers.RepeatedCompositeFieldContainer[Polygon]
    store_radius_km: float
    def __init__(self, circles: _Optional[_Iterable[_Union[Circle, _Mapping]]] = ..., polygons: _Optional[_Iterable[_Union[Polygon, _Mapping]]] = ..., store_radius_km: _Optional[float] = ...) -> None: ...

class Circle(_message.Message):
    __slots__ = ("center", "radius_km")
    CENTER_FIELD_NUMBER: _ClassVar[int]
    RADIUS_KM_FIELD_NUMBER: _ClassVar[int]
    center: _catalog_pb2.Place
    radius_km: float
    def __init__(self, center: _Optional[_Union[_catalog_pb2.Place, _Mapping]] = ..., radius_km: _Optional[float] = ...) -> None: ...

class Polygon(_message.Message):
    __slots__ = ("corners",)
    CORNERS_FIELD_NUMBER: _ClassVar[int]
    corners: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Place]
    def __init__(self, corners: _Optional[_Iterable[_Union[_catalog_pb2.Place, _Mapping]]] = ...) -> None: ...

class OfferValidity(_message.Message):
    __slots__ = ("start_time", "end_time")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OfferHours(_message.Message):
    __slots__ = ("start_minute", "end_minute", "weekdays")
    START_MINUTE_FIELD_NUMBER: _ClassVar[int]
    END_MINUTE_FIELD_NUMBER: _ClassVar[int]
    WEEKDAYS_FIELD_NUMBER: _ClassVar[int]
    start_minute: int
    end_minute: int
    weekdays: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, start_minute: _Optional[int] = ..., end_minute: _Optional[int] = ..., weekdays: _Optional[_Iterable[int]] = ...) -> None: ...

class OfferCap(_message.Message):
    __slots__ = ("count", "period")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    count: int
    period: _duration_pb2.Duration
    def __init__(self, count: _Optional[int] = ..., period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("reservation_id", "offer_id", "state", "cost", "reserve_time", "expire_time", "settle_time")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    RESERVE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    SETTLE_TIME_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    offer_id: str
    state: ReservationState
    cost: _event_pb2.Money
    reserve_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    settle_time: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., offer_id: _Optional[str] = ..., state: _Optional[_Union[ReservationState, str]] = ..., cost: _Optional[_Union[_event_pb2.Money, _Mapping]] = ..., reserve_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settle_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
