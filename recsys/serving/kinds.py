"""Kinds of reasons and causes on the wire: the same names in other numbers."""

from typing import Final

from recsys.domain import FallbackCause, ReasonKind, ShortfallCause
from recsys.v1 import result_pb2

REASON_KINDS: Final[dict[ReasonKind, result_pb2.ReasonKind]] = {
    kind: getattr(result_pb2, f"REASON_KIND_{kind.name}") for kind in ReasonKind
}
SHORTFALL_CAUSES: Final[dict[ShortfallCause, result_pb2.ShortfallCause]] = {
    cause: getattr(result_pb2, f"SHORTFALL_CAUSE_{cause.name}") for cause in ShortfallCause
}
FALLBACK_CAUSES: Final[dict[FallbackCause | None, result_pb2.FallbackCause]] = {
    None: result_pb2.FALLBACK_CAUSE_UNSPECIFIED,
    **{cause: getattr(result_pb2, f"FALLBACK_CAUSE_{cause.name}") for cause in FallbackCause},
}

REASON_KIND_BY_NUMBER: Final = {number: kind for kind, number in REASON_KINDS.items()}
SHORTFALL_CAUSE_BY_NUMBER: Final = {number: one for one, number in SHORTFALL_CAUSES.items()}
FALLBACK_CAUSE_BY_NUMBER: Final = {number: one for one, number in FALLBACK_CAUSES.items()}
