import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import context_pb2 as _context_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import result_pb2 as _result_pb2
from recsys.v1 import rules_pb2 as _rules_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecommendRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "page_size", "exclude_item_ids", "include_seen", "rules", "page_token", "explain")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    include_seen: bool
    rules: _rules_pb2.Rules
    page_token: str
    explain: bool
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., include_seen: _Optional[bool] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., page_token: _Optional[str] = ..., explain: _Optional[bool] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class SimilarItemsRequest(_message.Message):
    __slots__ = ("item_id", "placement", "context", "page_size", "exclude_item_ids", "rules", "subject", "explain", "page_token")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    subject: _subject_pb2.Subject
    explain: bool
    page_token: str
    def __init__(self, item_id: _Optional[str] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., explain: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class SimilarItemsResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class LocateItemRequest(_message.Message):
    __slots__ = ("item_id", "context", "placement", "store_count", "page_size", "rules")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    STORE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    context: _context_pb2.Context
    placement: str
    store_count: int
    page_size: int
    rules: _rules_pb2.Rules
    def __init__(self, item_id: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., placement: _Optional[str] = ..., store_count: _Optional[int] = ..., page_size: _Optional[int] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ...) -> None: ...

class LocateItemResponse(_message.Message):
    __slots__ = ("is_here", "here", "stores", "equivalents", "shortfall", "attribution_token", "model_version")
    IS_HERE_FIELD_NUMBER: _ClassVar[int]
    HERE_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    EQUIVALENTS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    is_here: bool
    here: StoreStock
    stores: _containers.RepeatedCompositeFieldContainer[StoreStock]
    equivalents: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    shortfall: _result_pb2.Shortfall
    attribution_token: str
    model_version: str
    def __init__(self, is_here: _Optional[bool] = ..., here: _Optional[_Union[StoreStock, _Mapping]] = ..., stores: _Optional[_Iterable[_Union[StoreStock, _Mapping]]] = ..., equivalents: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ...) -> None: ...

class StoreStock(_message.Message):
    __slots__ = ("store_id", "quantity", "stock_time", "distance_km")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STOCK_TIME_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_KM_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    quantity: float
    stock_time: _timestamp_pb2.Timestamp
    distance_km: float
    def __init__(self, store_id: _Optional[str] = ..., quantity: _Optional[float] = ..., stock_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., distance_km: _Optional[float] = ...) -> None: ...

class ExplainItemRequest(_message.Message):
    __slots__ = ("item_id", "request")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    request: RecommendRequest
    def __init__(self, item_id: _Optional[str] = ..., request: _Optional[_Union[RecommendRequest, _Mapping]] = ...) -> None: ...

class ExplainItemResponse(_message.Message):
    __slots__ = ("is_known", "position", "score", "score_parts", "influences", "refusals", "model_version", "pinned_position")
    IS_KNOWN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORE_PARTS_FIELD_NUMBER: _ClassVar[int]
    INFLUENCES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PINNED_POSITION_FIELD_NUMBER: _ClassVar[int]
    is_known: bool
    position: int
    score: float
    score_parts: _containers.RepeatedCompositeFieldContainer[ScorePart]
    influences: _containers.RepeatedCompositeFieldContainer[Influence]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    model_version: str
    pinned_position: int
    def __init__(self, is_known: _Optional[bool] = ..., position: _Optional[int] = ..., score: _Optional[float] = ..., score_parts: _Optional[_Iterable[_Union[ScorePart, _Mapping]]] = ..., influences: _Optional[_Iterable[_Union[Influence, _Mapping]]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., model_version: _Optional[str] = ..., pinned_position: _Optional[int] = ...) -> None: ...

class AnswerExplanation(_message.Message):
    __slots__ = ("results", "filtered", "pins_left_out")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    FILTERED_FIELD_NUMBER: _ClassVar[int]
    PINS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ResultExplanation]
    filtered: _containers.RepeatedCompositeFieldContainer[FilteredItems]
    pins_left_out: _containers.RepeatedCompositeFieldContainer[PinLeftOut]
    def __init__(self, results: _Optional[_Iterable[_Union[ResultExplanation, _Mapping]]] = ..., filtered: _Optional[_Iterable[_Union[FilteredItems, _Mapping]]] = ..., pins_left_out: _Optional[_Iterable[_Union[PinLeftOut, _Mapping]]] = ...) -> None: ...

class PinLeftOut(_message.Message):
    __slots__ = ("item_id", "position", "refusals")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    position: int
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, item_id: _Optional[str] = ..., position: _Optional[int] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class ResultExplanation(_message.Message):
    __slots__ = ("item_id", "score_parts", "influences")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_PARTS_FIELD_NUMBER: _ClassVar[int]
    INFLUENCES_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    score_parts: _containers.RepeatedCompositeFieldContainer[ScorePart]
    influences: _containers.RepeatedCompositeFieldContainer[Influence]
    def __init__(self, item_id: _Optional[str] = ..., score_parts: _Optional[_Iterable[_Union[ScorePart, _Mapping]]] = ..., influences: _Optional[_Iterable[_Union[Influence, _Mapping]]] = ...) -> None: ...

class FilteredItems(_message.Message):
    __slots__ = ("cause", "rule", "item_count")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ITEM_COUNT_FIELD_NUMBER: _ClassVar[int]
    cause: _result_pb2.ShortfallCause
    rule: str
    item_count: int
    def __init__(self, cause: _Optional[_Union[_result_pb2.ShortfallCause, str]] = ..., rule: _Optional[str] = ..., item_count: _Optional[int] = ...) -> None: ...

class ScorePart(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class Influence(_message.Message):
    __slots__ = ("item_id", "value", "message_key")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    value: float
    message_key: str
    def __init__(self, item_id: _Optional[str] = ..., value: _Optional[float] = ..., message_key: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("cause", "detail")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    cause: _result_pb2.ShortfallCause
    detail: str
    def __init__(self, cause: _Optional[_Union[_result_pb2.ShortfallCause, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class RankItemsRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "item_ids", "rules", "explain")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    explain: bool
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., item_ids: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., explain: _Optional[bool] = ...) -> None: ...

class RankItemsResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "unknown_item_ids", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    unknown_item_ids: _containers.RepeatedScalarFieldContainer[str]
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., unknown_item_ids: _Optional[_Iterable[str]] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class RecentlyViewedRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "page_size", "exclude_item_ids", "event_types", "rules", "explain", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    event_types: _containers.RepeatedScalarFieldContainer[_event_pb2.EventType]
    rules: _rules_pb2.Rules
    explain: bool
    page_token: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., event_types: _Optional[_Iterable[_Union[_event_pb2.EventType, str]]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., explain: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class RecentlyViewedResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class CompleteBasketRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "page_size", "exclude_item_ids", "rules", "item_ids", "add_stored_basket", "explain", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    ADD_STORED_BASKET_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    add_stored_basket: bool
    explain: bool
    page_token: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., item_ids: _Optional[_Iterable[str]] = ..., add_stored_basket: _Optional[bool] = ..., explain: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class CompleteBasketResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class BuyAgainRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "page_size", "exclude_item_ids", "rules", "explain", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    explain: bool
    page_token: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., explain: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class BuyAgainResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class TrendingRequest(_message.Message):
    __slots__ = ("subject", "placement", "context", "page_size", "exclude_item_ids", "rules", "explain", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    placement: str
    context: _context_pb2.Context
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    explain: bool
    page_token: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., placement: _Optional[str] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., explain: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class TrendingResponse(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "next_page_token", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    next_page_token: str
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., next_page_token: _Optional[str] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...

class RecommendPageRequest(_message.Message):
    __slots__ = ("subject", "context", "slots", "exclude_item_ids", "explain")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    context: _context_pb2.Context
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    explain: bool
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_context_pb2.Context, _Mapping]] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., explain: _Optional[bool] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("placement", "page_size", "rules", "recommended", "recently_viewed", "similar", "basket", "buy_again", "trending")
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_FIELD_NUMBER: _ClassVar[int]
    RECENTLY_VIEWED_FIELD_NUMBER: _ClassVar[int]
    SIMILAR_FIELD_NUMBER: _ClassVar[int]
    BASKET_FIELD_NUMBER: _ClassVar[int]
    BUY_AGAIN_FIELD_NUMBER: _ClassVar[int]
    TRENDING_FIELD_NUMBER: _ClassVar[int]
    placement: str
    page_size: int
    rules: _rules_pb2.Rules
    recommended: RecommendedContent
    recently_viewed: RecentlyViewedContent
    similar: SimilarContent
    basket: BasketContent
    buy_again: BuyAgainContent
    trending: TrendingContent
    def __init__(self, placement: _Optional[str] = ..., page_size: _Optional[int] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., recommended: _Optional[_Union[RecommendedContent, _Mapping]] = ..., recently_viewed: _Optional[_Union[RecentlyViewedContent, _Mapping]] = ..., similar: _Optional[_Union[SimilarContent, _Mapping]] = ..., basket: _Optional[_Union[BasketContent, _Mapping]] = ..., buy_again: _Optional[_Union[BuyAgainContent, _Mapping]] = ..., trending: _Optional[_Union[TrendingContent, _Mapping]] = ...) -> None: ...

class RecommendedContent(_message.Message):
    __slots__ = ("include_seen",)
    INCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    include_seen: bool
    def __init__(self, include_seen: _Optional[bool] = ...) -> None: ...

class RecentlyViewedContent(_message.Message):
    __slots__ = ("event_types",)
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    event_types: _containers.RepeatedScalarFieldContainer[_event_pb2.EventType]
    def __init__(self, event_types: _Optional[_Iterable[_Union[_event_pb2.EventType, str]]] = ...) -> None: ...

class SimilarContent(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class BasketContent(_message.Message):
    __slots__ = ("item_ids", "add_stored_basket")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    ADD_STORED_BASKET_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    add_stored_basket: bool
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., add_stored_basket: _Optional[bool] = ...) -> None: ...

class BuyAgainContent(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TrendingContent(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RecommendPageResponse(_message.Message):
    __slots__ = ("slots",)
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    slots: _containers.RepeatedCompositeFieldContainer[FilledSlot]
    def __init__(self, slots: _Optional[_Iterable[_Union[FilledSlot, _Mapping]]] = ...) -> None: ...

class FilledSlot(_message.Message):
    __slots__ = ("results", "attribution_token", "model_version", "shortfall", "explanation")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[_result_pb2.Result]
    attribution_token: str
    model_version: str
    shortfall: _result_pb2.Shortfall
    explanation: AnswerExplanation
    def __init__(self, results: _Optional[_Iterable[_Union[_result_pb2.Result, _Mapping]]] = ..., attribution_token: _Optional[str] = ..., model_version: _Optional[str] = ..., shortfall: _Optional[_Union[_result_pb2.Shortfall, _Mapping]] = ..., explanation: _Optional[_Union[AnswerExplanation, _Mapping]] = ...) -> None: ...
