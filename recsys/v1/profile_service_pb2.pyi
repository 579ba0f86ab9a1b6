from recsys.v1 import profile_pb2 as _profile_pb2
from recsys.v1 import subject_pb2 as _subject_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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

class ExportProfileRequest(_message.Message):
    __slots__ = ("subject",)
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    subject: _subject_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_subject_pb2.Subject, _Mapping]] = ...) -> None: ...

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
