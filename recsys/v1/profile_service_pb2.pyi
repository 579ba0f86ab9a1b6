import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from recsys.v1 import profile_pb2 as _profile_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoyaltyTierOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOYALTY_TIER_OUTCOME_UNSPECIFIED: _ClassVar[LoyaltyTierOutcome]
    LOYALTY_TIER_OUTCOME_WRITTEN: _ClassVar[LoyaltyTierOutcome]
    LOYALTY_TIER_OUTCOME_UNCHANGED: _ClassVar[LoyaltyTierOutcome]
    LOYALTY_TIER_OUTCOME_STALE: _ClassVar[LoyaltyTierOutcome]
    LOYALTY_TIER_OUTCOME_ERASED: _ClassVar[LoyaltyTierOutcome]
    LOYALTY_TIER_OUTCOME_DEVICE: _ClassVar[LoyaltyTierOutcome]

class LinkKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINK_KIND_UNSPECIFIED: _ClassVar[LinkKind]
    LINK_KIND_EXPLICIT: _ClassVar[LinkKind]
    LINK_KIND_RULE: _ClassVar[LinkKind]
    LINK_KIND_EVENT: _ClassVar[LinkKind]

class LinkRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINK_REFUSAL_UNSPECIFIED: _ClassVar[LinkRefusal]
    LINK_REFUSAL_CONFIDENCE: _ClassVar[LinkRefusal]
    LINK_REFUSAL_NAMESPACE_LIMIT: _ClassVar[LinkRefusal]
    LINK_REFUSAL_PERSON_LIMIT: _ClassVar[LinkRefusal]
    LINK_REFUSAL_PUBLIC_IDENTIFIER: _ClassVar[LinkRefusal]
    LINK_REFUSAL_PUBLIC_DEVICE: _ClassVar[LinkRefusal]
    LINK_REFUSAL_TOO_CONNECTED: _ClassVar[LinkRefusal]
LOYALTY_TIER_OUTCOME_UNSPECIFIED: LoyaltyTierOutcome
LOYALTY_TIER_OUTCOME_WRITTEN: LoyaltyTierOutcome
LOYALTY_TIER_OUTCOME_UNCHANGED: LoyaltyTierOutcome
LOYALTY_TIER_OUTCOME_STALE: LoyaltyTierOutcome
LOYALTY_TIER_OUTCOME_ERASED: LoyaltyTierOutcome
LOYALTY_TIER_OUTCOME_DEVICE: LoyaltyTierOutcome
LINK_KIND_UNSPECIFIED: LinkKind
LINK_KIND_EXPLICIT: LinkKind
LINK_KIND_RULE: LinkKind
LINK_KIND_EVENT: LinkKind
LINK_REFUSAL_UNSPECIFIED: LinkRefusal
LINK_REFUSAL_CONFIDENCE: LinkRefusal
LINK_REFUSAL_NAMESPACE_LIMIT: LinkRefusal
LINK_REFUSAL_PERSON_LIMIT: LinkRefusal
LINK_REFUSAL_PUBLIC_IDENTIFIER: LinkRefusal
LINK_REFUSAL_PUBLIC_DEVICE: LinkRefusal
LINK_REFUSAL_TOO_CONNECTED: LinkRefusal

class GetProfileRequest(_message.Message):
    __slots__ = ("subject",)
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ...) -> None: ...

class GetProfileResponse(_message.Message):
    __slots__ = ("profile",)
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    profile: _profile_pb2.Profile
    def __init__(self, profile: _Optional[_Union[_profile_pb2.Profile, _Mapping]] = ...) -> None: ...

class SetConsentRequest(_message.Message):
    __slots__ = ("subject", "consents")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    consents: _containers.RepeatedCompositeFieldContainer[_profile_pb2.Consent]
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., consents: _Optional[_Iterable[_Union[_profile_pb2.Consent, _Mapping]]] = ...) -> None: ...

class SetConsentResponse(_message.Message):
    __slots__ = ("consents",)
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedCompositeFieldContainer[_profile_pb2.Consent]
    def __init__(self, consents: _Optional[_Iterable[_Union[_profile_pb2.Consent, _Mapping]]] = ...) -> None: ...

class SetLoyaltyTiersRequest(_message.Message):
    __slots__ = ("loyalty_tiers",)
    LOYALTY_TIERS_FIELD_NUMBER: _ClassVar[int]
    loyalty_tiers: _containers.RepeatedCompositeFieldContainer[LoyaltyTier]
    def __init__(self, loyalty_tiers: _Optional[_Iterable[_Union[LoyaltyTier, _Mapping]]] = ...) -> None: ...

class LoyaltyTier(_message.Message):
    __slots__ = ("identifier", "name", "tier_time")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIER_TIME_FIELD_NUMBER: _ClassVar[int]
    identifier: _subject_pb2.Identifier
    name: str
    tier_time: _timestamp_pb2.Timestamp
    def __init__(self, identifier: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., name: _Optional[str] = ..., tier_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetLoyaltyTiersResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[LoyaltyTierOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[LoyaltyTierOutcome, str]]] = ...) -> None: ...

class ExportProfileRequest(_message.Message):
    __slots__ = ("subject", "destination")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    destination: str
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ..., destination: _Optional[str] = ...) -> None: ...

class ExportProfileResponse(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lines: _Optional[_Iterable[str]] = ...) -> None: ...

class EraseProfileRequest(_message.Message):
    __slots__ = ("subject",)
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ...) -> None: ...

class EraseProfileResponse(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: _profile_pb2.Erasure
    def __init__(self, erasure: _Optional[_Union[_profile_pb2.Erasure, _Mapping]] = ...) -> None: ...

class LinkIdentifiersRequest(_message.Message):
    __slots__ = ("identifiers", "source", "confidence", "link_time")
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LINK_TIME_FIELD_NUMBER: _ClassVar[int]
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    source: str
    confidence: float
    link_time: _timestamp_pb2.Timestamp
    def __init__(self, identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., source: _Optional[str] = ..., confidence: _Optional[float] = ..., link_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LinkIdentifiersResponse(_message.Message):
    __slots__ = ("profile_id", "refused_links")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSED_LINKS_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    refused_links: _containers.RepeatedCompositeFieldContainer[RefusedLink]
    def __init__(self, profile_id: _Optional[str] = ..., refused_links: _Optional[_Iterable[_Union[RefusedLink, _Mapping]]] = ...) -> None: ...

class UnlinkIdentifiersRequest(_message.Message):
    __slots__ = ("identifiers", "source")
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    source: str
    def __init__(self, identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., source: _Optional[str] = ...) -> None: ...

class UnlinkIdentifiersResponse(_message.Message):
    __slots__ = ("removed_count", "profile_ids")
    REMOVED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    removed_count: int
    profile_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, removed_count: _Optional[int] = ..., profile_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListLinksRequest(_message.Message):
    __slots__ = ("identifier",)
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    identifier: _subject_pb2.Identifier
    def __init__(self, identifier: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ...) -> None: ...

class ListLinksResponse(_message.Message):
    __slots__ = ("profile_id", "identifiers", "links", "device_uses")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_USES_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    identifiers: _containers.RepeatedCompositeFieldContainer[_subject_pb2.Identifier]
    links: _containers.RepeatedCompositeFieldContainer[Link]
    device_uses: _containers.RepeatedCompositeFieldContainer[DeviceUse]
    def __init__(self, profile_id: _Optional[str] = ..., identifiers: _Optional[_Iterable[_Union[_subject_pb2.Identifier, _Mapping]]] = ..., links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ..., device_uses: _Optional[_Iterable[_Union[DeviceUse, _Mapping]]] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("one", "other", "kind", "source", "confidence", "first_time", "last_time", "refusal")
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    one: _subject_pb2.Identifier
    other: _subject_pb2.Identifier
    kind: LinkKind
    source: str
    confidence: float
    first_time: _timestamp_pb2.Timestamp
    last_time: _timestamp_pb2.Timestamp
    refusal: LinkRefusal
    def __init__(self, one: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., other: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., kind: _Optional[_Union[LinkKind, str]] = ..., source: _Optional[str] = ..., confidence: _Optional[float] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refusal: _Optional[_Union[LinkRefusal, str]] = ...) -> None: ...

class RefusedLink(_message.Message):
    __slots__ = ("one", "other", "refusal")
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    one: _subject_pb2.Identifier
    other: _subject_pb2.Identifier
    refusal: LinkRefusal
    def __init__(self, one: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., other: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., refusal: _Optional[_Union[LinkRefusal, str]] = ...) -> None: ...

class DeviceUse(_message.Message):
    __slots__ = ("device", "start_time", "end_time")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    device: _subject_pb2.Identifier
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, device: _Optional[_Union[_subject_pb2.Identifier, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
