"""Links between identifiers, to and from the wire; every field is checked here, as in `wire`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from recsys import limits
from recsys.domain import Identifier
from recsys.profiles import (
    CONFIDENCE_SURE,
    Evidence,
    IdentityRules,
    Link,
    LinkKind,
    LinkName,
    Profile,
    Refusal,
    pairs_of,
    stated,
)
from recsys.serving import fields
from recsys.serving.encode import encode_identifier, encode_time
from recsys.v1 import profile_service_pb2 as service
from recsys.v1 import subject_pb2
from recsys.violations import Violations

SOURCE_DEFAULT: Final = "api"

_SOURCE: Final = re.compile(rf"[a-z0-9_-]{{1,{limits.LINK_SOURCE_CHARS_MAX}}}")
_KINDS: Final = {
    LinkKind.EXPLICIT: service.LINK_KIND_EXPLICIT,
    LinkKind.RULE: service.LINK_KIND_RULE,
    LinkKind.EVENT: service.LINK_KIND_EVENT,
}
_REFUSALS: Final = {
    None: service.LINK_REFUSAL_UNSPECIFIED,
    Refusal.CONFIDENCE: service.LINK_REFUSAL_CONFIDENCE,
    Refusal.NAMESPACE_LIMIT: service.LINK_REFUSAL_NAMESPACE_LIMIT,
    Refusal.PERSON_LIMIT: service.LINK_REFUSAL_PERSON_LIMIT,
    Refusal.PUBLIC_IDENTIFIER: service.LINK_REFUSAL_PUBLIC_IDENTIFIER,
    Refusal.PUBLIC_DEVICE: service.LINK_REFUSAL_PUBLIC_DEVICE,
    Refusal.TOO_CONNECTED: service.LINK_REFUSAL_TOO_CONNECTED,
}


def parse_link(
    request: service.LinkIdentifiersRequest, rules: IdentityRules, *, now: float
) -> list[Link]:
    """Check who is to be linked.

    Args:
        request: Anything that arrived.
        rules: Say which identifier is the most trusted.
        now: Seconds since 1970-01-01 UTC.

    Returns:
        A link of the most trusted identifier, which is the first end of none or more of
        them, with each other one.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    identifiers = _identifiers(request.identifiers, wrong)
    source = _source(request.source, wrong)
    confidence = request.confidence if request.HasField("confidence") else CONFIDENCE_SURE
    if not 0.0 < confidence <= CONFIDENCE_SURE:  # True for NaN too.
        wrong.add("confidence", f"is {confidence:g}; allowed above 0 to 1")
    sent = None
    if request.HasField("link_time"):
        sent = fields.moment_not_ahead(request.link_time, wrong, "link_time", now=now)
    wrong.raise_any()
    return [
        stated(
            pair,
            kind=LinkKind.EXPLICIT,
            source=source or SOURCE_DEFAULT,
            time=now if sent is None else min(sent, now),
            confidence=confidence,
        )
        for pair in pairs_of(identifiers, rules)
    ]


def parse_unlink(
    request: service.UnlinkIdentifiersRequest,
) -> tuple[list[Identifier], str | None]:
    """Check whose links are to be forgotten, and of which source; raises as `parse_link`."""
    wrong = Violations()
    identifiers = _identifiers(request.identifiers, wrong)
    source = _source(request.source, wrong)
    wrong.raise_any()
    return identifiers, source or None


def parse_list(request: service.ListLinksRequest) -> Identifier:
    """Check whose links are wanted; raises as `parse_link`."""
    wrong = Violations()
    found = fields.identifier(request.identifier, wrong, "identifier")
    wrong.raise_any()
    return found


def refused_links(
    links: Iterable[Link], refusals: Mapping[LinkName, Refusal]
) -> "list[service.RefusedLink]":
    """Say which of these links join nothing."""
    return [
        service.RefusedLink(
            one=encode_identifier(link.one),
            other=encode_identifier(link.other),
            refusal=_REFUSALS[refusals[link.name]],
        )
        for link in links
        if link.name in refusals
    ]


def list_response(profile: Profile) -> service.ListLinksResponse:
    """Say who somebody is."""
    return service.ListLinksResponse(
        profile_id=profile.profile_id,
        identifiers=map(encode_identifier, profile.identifiers),
        links=map(_link, profile.evidence),
        device_uses=[
            service.DeviceUse(
                device=encode_identifier(one.identifier),
                start_time=_moment(one.from_time),
                end_time=_moment(one.until_time),
            )
            for one in profile.segments
        ],
    )


def _identifiers(sent: "Sequence[subject_pb2.Identifier]", wrong: Violations) -> list[Identifier]:
    field, count_max = "identifiers", limits.LINKED_IDENTIFIER_COUNT_MAX
    if not 2 <= len(sent) <= count_max:  # noqa: PLR2004 - a link has two ends
        wrong.add(field, f"has {len(sent)} entries; allowed 2 to {count_max}")
        return []
    found = [
        fields.identifier(one, wrong, f"{field}[{position}]") for position, one in enumerate(sent)
    ]
    if len(set(found)) == 1:
        wrong.add(field, "are all the same; at least two must differ")
    return found


def _source(source: str, wrong: Violations) -> str:
    if source and _SOURCE.fullmatch(source) is None:
        wrong.add(
            "source",
            f"has {len(source)} characters; allowed 1 to {limits.LINK_SOURCE_CHARS_MAX}"
            " lower case letters, digits, hyphens and underscores",
        )
    return source


def _link(evidence: Evidence) -> service.Link:
    link = evidence.link
    return service.Link(
        one=encode_identifier(link.one),
        other=encode_identifier(link.other),
        kind=_KINDS[link.kind],
        source=link.source,
        confidence=link.confidence,
        first_time=_moment(link.first_time),
        last_time=_moment(link.last_time),
        refusal=_REFUSALS[evidence.refusal],
    )


def _moment(seconds: float) -> Timestamp | None:
    return encode_time(seconds) if math.isfinite(seconds) else None
