import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import campaign_pb2 as _campaign_pb2
from recsys.v1 import event_pb2 as _event_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecommendBatchRequest(_message.Message):
    __slots__ = ("batch", "resume_token", "subjects")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    batch: _campaign_pb2.Batch
    resume_token: str
    subjects: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Subject]
    def __init__(self, batch: _Optional[_Union[_campaign_pb2.Batch, _Mapping]] = ..., resume_token: _Optional[str] = ..., subjects: _Optional[_Iterable[_Union[_subject_pb2.Subject, _Mapping]]] = ...) -> None: ...

class RecommendBatchResponse(_message.Message):
    __slots__ = ("people", "items", "suppressed", "resume_token", "considered_count", "done_share", "model_version", "consent_version", "catalog_version", "filter", "refused_offers")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONSIDERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DONE_SHARE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONSENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOG_VERSION_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    REFUSED_OFFERS_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.BatchPerson]
    items: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.BatchItem]
    suppressed: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.SuppressedCount]
    resume_token: str
    considered_count: int
    done_share: float
    model_version: str
    consent_version: int
    catalog_version: int
    filter: str
    refused_offers: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.RefusedOffers]
    def __init__(self, people: _Optional[_Iterable[_Union[_campaign_pb2.BatchPerson, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[_campaign_pb2.BatchItem, _Mapping]]] = ..., suppressed: _Optional[_Iterable[_Union[_campaign_pb2.SuppressedCount, _Mapping]]] = ..., resume_token: _Optional[str] = ..., considered_count: _Optional[int] = ..., done_share: _Optional[float] = ..., model_version: _Optional[str] = ..., consent_version: _Optional[int] = ..., catalog_version: _Optional[int] = ..., filter: _Optional[str] = ..., refused_offers: _Optional[_Iterable[_Union[_campaign_pb2.RefusedOffers, _Mapping]]] = ...) -> None: ...

class RecheckBatchRequest(_message.Message):
    __slots__ = ("batch", "entries", "made_time")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MADE_TIME_FIELD_NUMBER: _ClassVar[int]
    batch: _campaign_pb2.Batch
    entries: _containers.RepeatedCompositeFieldContainer[RecheckEntry]
    made_time: _timestamp_pb2.Timestamp
    def __init__(self, batch: _Optional[_Union[_campaign_pb2.Batch, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[RecheckEntry, _Mapping]]] = ..., made_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecheckEntry(_message.Message):
    __slots__ = ("subject", "item_ids", "offer_ids")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    OFFER_IDS_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    offer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., item_ids: _Optional[_Iterable[str]] = ..., offer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RecheckBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecheckResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RecheckResult, _Mapping]]] = ...) -> None: ...

class RecheckResult(_message.Message):
    __slots__ = ("suppression_cause", "withdrawn_item_ids", "withdrawn_offers")
    SUPPRESSION_CAUSE_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_OFFERS_FIELD_NUMBER: _ClassVar[int]
    suppression_cause: _campaign_pb2.SuppressionCause
    withdrawn_item_ids: _containers.RepeatedScalarFieldContainer[str]
    withdrawn_offers: _containers.RepeatedCompositeFieldContainer[WithdrawnOffer]
    def __init__(self, suppression_cause: _Optional[_Union[_campaign_pb2.SuppressionCause, str]] = ..., withdrawn_item_ids: _Optional[_Iterable[str]] = ..., withdrawn_offers: _Optional[_Iterable[_Union[WithdrawnOffer, _Mapping]]] = ...) -> None: ...

class WithdrawnOffer(_message.Message):
    __slots__ = ("offer_id", "rule")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    rule: str
    def __init__(self, offer_id: _Optional[str] = ..., rule: _Optional[str] = ...) -> None: ...

class AudienceForItemRequest(_message.Message):
    __slots__ = ("item_id", "batch", "person_count")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    PERSON_COUNT_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    batch: _campaign_pb2.Batch
    person_count: int
    def __init__(self, item_id: _Optional[str] = ..., batch: _Optional[_Union[_campaign_pb2.Batch, _Mapping]] = ..., person_count: _Optional[int] = ...) -> None: ...

class AudienceForItemResponse(_message.Message):
    __slots__ = ("considered_count", "done_share", "people", "model_version")
    CONSIDERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DONE_SHARE_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    considered_count: int
    done_share: float
    people: _containers.RepeatedCompositeFieldContainer[AudiencePerson]
    model_version: str
    def __init__(self, considered_count: _Optional[int] = ..., done_share: _Optional[float] = ..., people: _Optional[_Iterable[_Union[AudiencePerson, _Mapping]]] = ..., model_version: _Optional[str] = ...) -> None: ...

class AudiencePerson(_message.Message):
    __slots__ = ("identifiers", "address", "score")
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    address: _subject_pb2.Identifier
    score: float
    def __init__(self, identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., address: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., score: _Optional[float] = ...) -> None: ...

class UpsertSegmentsRequest(_message.Message):
    __slots__ = ("segments",)
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.SavedSegment]
    def __init__(self, segments: _Optional[_Iterable[_Union[_campaign_pb2.SavedSegment, _Mapping]]] = ...) -> None: ...

class UpsertSegmentsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSegmentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetSegmentResponse(_message.Message):
    __slots__ = ("segment",)
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    segment: _campaign_pb2.SavedSegment
    def __init__(self, segment: _Optional[_Union[_campaign_pb2.SavedSegment, _Mapping]] = ...) -> None: ...

class ListSegmentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSegmentsResponse(_message.Message):
    __slots__ = ("segments",)
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[_campaign_pb2.SavedSegment]
    def __init__(self, segments: _Optional[_Iterable[_Union[_campaign_pb2.SavedSegment, _Mapping]]] = ...) -> None: ...

class DeleteSegmentsRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteSegmentsResponse(_message.Message):
    __slots__ = ("deleted_count",)
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    deleted_count: int
    def __init__(self, deleted_count: _Optional[int] = ...) -> None: ...

class EstimateSegmentRequest(_message.Message):
    __slots__ = ("segment", "filter", "channel", "sample_size")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    segment: str
    filter: str
    channel: _event_pb2.Channel
    sample_size: int
    def __init__(self, segment: _Optional[str] = ..., filter: _Optional[str] = ..., channel: _Optional[_Union[_event_pb2.Channel, str]] = ..., sample_size: _Optional[int] = ...) -> None: ...

class EstimateSegmentResponse(_message.Message):
    __slots__ = ("person_count", "person_count_low", "person_count_high", "sample_size", "matched_count", "exact")
    PERSON_COUNT_FIELD_NUMBER: _ClassVar[int]
    PERSON_COUNT_LOW_FIELD_NUMBER: _ClassVar[int]
    PERSON_COUNT_HIGH_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    MATCHED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    person_count: int
    person_count_low: int
    person_count_high: int
    sample_size: int
    matched_count: int
    exact: bool
    def __init__(self, person_count: _Optional[int] = ..., person_count_low: _Optional[int] = ..., person_count_high: _Optional[int] = ..., sample_size: _Optional[int] = ..., matched_count: _Optional[int] = ..., exact: _Optional[bool] = ...) -> None: ...
