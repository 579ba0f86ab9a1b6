from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_RULE_UNSPECIFIED: _ClassVar[StockRule]
    STOCK_RULE_AUTO: _ClassVar[StockRule]
    STOCK_RULE_STORE: _ClassVar[StockRule]
    STOCK_RULE_ONLINE: _ClassVar[StockRule]
    STOCK_RULE_ANYWHERE: _ClassVar[StockRule]
    STOCK_RULE_NEARBY: _ClassVar[StockRule]
STOCK_RULE_UNSPECIFIED: StockRule
STOCK_RULE_AUTO: StockRule
STOCK_RULE_STORE: StockRule
STOCK_RULE_ONLINE: StockRule
STOCK_RULE_ANYWHERE: StockRule
STOCK_RULE_NEARBY: StockRule

class Rules(_message.Message):
    __slots__ = ("filter", "in_stock", "include_seen", "rebuys", "exclude_basket", "newer_than_days", "age_restricted", "price_band", "boosts", "pins", "caps", "shares", "diversity", "nearby_km", "nearby_count", "one_variant", "new_share")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    IN_STOCK_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    REBUYS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_BASKET_FIELD_NUMBER: _ClassVar[int]
    NEWER_THAN_DAYS_FIELD_NUMBER: _ClassVar[int]
    AGE_RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    PRICE_BAND_FIELD_NUMBER: _ClassVar[int]
    BOOSTS_FIELD_NUMBER: _ClassVar[int]
    PINS_FIELD_NUMBER: _ClassVar[int]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    NEARBY_KM_FIELD_NUMBER: _ClassVar[int]
    NEARBY_COUNT_FIELD_NUMBER: _ClassVar[int]
    ONE_VARIANT_FIELD_NUMBER: _ClassVar[int]
    NEW_SHARE_FIELD_NUMBER: _ClassVar[int]
    filter: str
    in_stock: StockRule
    include_seen: bool
    rebuys: _containers.RepeatedCompositeFieldContainer[Rebuy]
    exclude_basket: bool
    newer_than_days: float
    age_restricted: bool
    price_band: float
    boosts: _containers.RepeatedCompositeFieldContainer[Boost]
    pins: _containers.RepeatedCompositeFieldContainer[Pin]
    caps: _containers.RepeatedCompositeFieldContainer[Cap]
    shares: _containers.RepeatedCompositeFieldContainer[Share]
    diversity: float
    nearby_km: float
    nearby_count: int
    one_variant: bool
    new_share: float
    def __init__(self, filter: _Optional[str] = ..., in_stock: _Optional[_Union[StockRule, str]] = ..., include_seen: _Optional[bool] = ..., rebuys: _Optional[_Iterable[_Union[Rebuy, _Mapping]]] = ..., exclude_basket: _Optional[bool] = ..., newer_than_days: _Optional[float] = ..., age_restricted: _Optional[bool] = ..., price_band: _Optional[float] = ..., boosts: _Optional[_Iterable[_Union[Boost, _Mapping]]] = ..., pins: _Optional[_Iterable[_Union[Pin, _Mapping]]] = ..., caps: _Optional[_Iterable[_Union[Cap, _Mapping]]] = ..., shares: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., diversity: _Optional[float] = ..., nearby_km: _Optional[float] = ..., nearby_count: _Optional[int] = ..., one_variant: _Optional[bool] = ..., new_share: _Optional[float] = ...) -> None: ...

class Rebuy(_message.Message):
    __slots__ = ("filter", "days")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    filter: str
    days: float
    def __init__(self, filter: _Optional[str] = ..., days: _Optional[float] = ...) -> None: ...

class Boost(_message.Message):
    __slots__ = ("filter", "factor")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    filter: str
    factor: float
    def __init__(self, filter: _Optional[str] = ..., factor: _Optional[float] = ...) -> None: ...

class Pin(_message.Message):
    __slots__ = ("item_id", "position")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    position: int
    def __init__(self, item_id: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class Cap(_message.Message):
    __slots__ = ("field", "count_max")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    COUNT_MAX_FIELD_NUMBER: _ClassVar[int]
    field: str
    count_max: int
    def __init__(self, field: _Optional[str] = ..., count_max: _Optional[int] = ...) -> None: ...

class Share(_message.Message):
    __slots__ = ("filter", "share")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    filter: str
    share: float
    def __init__(self, filter: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...
