"""Requests about people become values and people become messages; checked as in `wire`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from recsys import limits
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, Identifier
from recsys.profiles import (
    DecidedConsent,
    Erasure,
    Export,
    ExportKind,
    Orders,
    Person,
    Preference,
    Tier,
    TierOutcome,
    TierStatement,
    Traits,
)
from recsys.serving import fields
from recsys.serving.encode import encode_identifier, put_moment
from recsys.v1 import event_pb2, profile_pb2, profile_service_pb2, subject_pb2
from recsys.violations import Violations

_PURPOSES: Final = tuple(Purpose)
_STATUSES: Final = tuple(ConsentStatus)
_EXPORT_KINDS: Final = {
    ExportKind.PROFILE: profile_pb2.EXPORT_KIND_PROFILE,
    ExportKind.SNAPSHOT: profile_pb2.EXPORT_KIND_SNAPSHOT,
    ExportKind.DATASET: profile_pb2.EXPORT_KIND_DATASET,
    ExportKind.CAMPAIGN: profile_pb2.EXPORT_KIND_CAMPAIGN,
}
_NANO_DIGITS: Final = 9
_UNITS_MAX: Final = 2**63 - 1


def parse_subject(sent: subject_pb2.Subject) -> tuple[Identifier, ...]:
    """Check whom a request is about.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    found = _subject(sent, wrong)
    wrong.raise_any()
    return found


def parse_export(
    request: profile_service_pb2.ExportProfileRequest, *, now: float
) -> tuple[tuple[Identifier, ...], Export | None]:
    """Check whom to export and where to; raises as `parse_subject`."""
    wrong = Violations()
    identifiers = _subject(request.subject, wrong)
    place = request.destination
    if place:
        wrong.text(place, "destination", bytes_max=limits.EXPORT_PLACE_BYTES_MAX)
    wrong.raise_any()
    to = Export(kind=ExportKind.PROFILE, place=place, time=now) if place else None
    return identifiers, to


def parse_set_consent(
    request: profile_service_pb2.SetConsentRequest, *, now: float
) -> tuple[tuple[Identifier, ...], list[Consent]]:
    """Check what somebody says; raises as `parse_subject`."""
    wrong = Violations()
    identifiers = _subject(request.subject, wrong)
    sent = request.consents
    if not sent:
        wrong.add("consents", f"has 0 entries; allowed 1 to {limits.CONSENT_COUNT_MAX}")
    statements: list[Consent] = []
    if wrong.count_within(sent, "consents", count_max=limits.CONSENT_COUNT_MAX):
        for position, one in enumerate(sent):
            statement = _consent(one, wrong, f"consents[{position}].", now=now)
            if statement is not None:
                statements.append(statement)
    wrong.raise_any()
    return identifiers, statements


def parse_tiers(
    request: profile_service_pb2.SetLoyaltyTiersRequest, *, now: float
) -> list[TierStatement]:
    """Check which tiers are said; raises as `parse_subject`."""
    wrong = Violations()
    sent = request.loyalty_tiers
    if not sent:
        wrong.add("loyalty_tiers", f"has 0 entries; allowed 1 to {limits.LOYALTY_TIER_COUNT_MAX}")
    statements: list[TierStatement] = []
    if wrong.count_within(sent, "loyalty_tiers", count_max=limits.LOYALTY_TIER_COUNT_MAX):
        for position, one in enumerate(sent):
            path = f"loyalty_tiers[{position}]"
            identifier = fields.identifier(one.identifier, wrong, f"{path}.identifier")
            if one.name:
                wrong.text(one.name, f"{path}.name", bytes_max=limits.OFFER_NAME_BYTES_MAX)
            time: float | None = now
            if one.HasField("tier_time"):
                time = fields.moment_not_ahead(one.tier_time, wrong, f"{path}.tier_time", now=now)
            if time is not None:
                statements.append(TierStatement(identifier, Tier(one.name, min(time, now))))
    wrong.raise_any()
    return statements


def tiers_set(outcomes: Iterable[TierOutcome]) -> profile_service_pb2.SetLoyaltyTiersResponse:
    """Say what became of statements."""
    return profile_service_pb2.SetLoyaltyTiersResponse(
        outcomes=[f"LOYALTY_TIER_OUTCOME_{one.name}" for one in outcomes]
    )


def _subject(sent: subject_pb2.Subject, wrong: Violations) -> tuple[Identifier, ...]:
    found = fields.identifiers(sent, wrong, "subject")
    if not found and not wrong.any:
        wrong.add("subject", "is empty; at least one identifier is needed")
    return found


def _consent(
    sent: profile_pb2.Consent, wrong: Violations, path: str, *, now: float
) -> Consent | None:
    purpose = _member(_PURPOSES, sent.purpose, wrong, f"{path}purpose")
    status = _member(_STATUSES, sent.status, wrong, f"{path}status")
    channel = fields.channel(sent.channel, wrong, f"{path}channel")
    if sent.source:
        wrong.text(sent.source, f"{path}source", bytes_max=limits.CONSENT_SOURCE_BYTES_MAX)
    time: float | None = now
    if sent.HasField("consent_time"):
        time = fields.moment_not_ahead(sent.consent_time, wrong, f"{path}consent_time", now=now)
    if purpose is None or status is None or time is None:
        return None
    return Consent(
        purpose=purpose, status=status, channel=channel, time=min(time, now), source=sent.source
    )


def _member(
    members: Sequence[fields.MemberT], number: int, wrong: Violations, field: str
) -> fields.MemberT | None:
    if 1 <= number <= len(members):
        return members[number - 1]
    wrong.add(field, f"is {number}; allowed 1 to {len(members)}")
    return None


def profile(person: Person, traits: Traits) -> profile_pb2.Profile:
    """Say what is known of a person."""
    return profile_pb2.Profile(
        identifiers=[encode_identifier(one) for one in person.identifiers],
        consents=consents(person.decided_consents()),
        erase_time=None if person.erase_time is None else _moment(person.erase_time),
        event_count=person.event_count,
        channel_activities=[
            profile_pb2.ChannelActivity(channel=_channel(channel), last_time=_moment(time))
            for channel, time in sorted(traits.last_activity.items(), key=lambda one: -one[1])
        ],
        event_counts=[
            profile_pb2.EventCount(event_type=f"EVENT_TYPE_{kind.name}", count=count)
            for kind, count in traits.event_counts.items()
        ],
        orders=_orders(traits.orders),
        rfm_segment=f"RFM_SEGMENT_{traits.rfm.name}" if traits.rfm else None,
        lifecycle_stage=f"LIFECYCLE_STAGE_{traits.stage.name}",
        preferred_channel=_channel(traits.preferred_channel),
        preferred_hours=traits.preferred_hours,
        top_categories=_preferences(traits.top_categories),
        top_stores=_preferences(traits.top_stores),
        loyalty_tier=person.loyalty_tier,
    )


def consents(decided: Iterable[DecidedConsent]) -> list[profile_pb2.Consent]:
    """Say what counts."""
    return [
        profile_pb2.Consent(
            purpose=f"PURPOSE_{one.purpose.name}",
            channel=_channel(one.channel),
            status=f"CONSENT_STATUS_{one.statement.status.name}",
            consent_time=_moment(one.statement.time),
            source=one.statement.source,
            identifier=encode_identifier(one.identifier),
        )
        for one in decided
    ]


def erasure(report: Erasure) -> profile_pb2.Erasure:
    """Say what was deleted."""
    return profile_pb2.Erasure(
        erasure_id=report.erasure_id,
        erase_time=_moment(report.erase_time),
        identifier_count=report.identifier_count,
        event_count=report.event_count,
        consent_count=report.consent_count,
        link_count=report.link_count,
        exports=[
            profile_pb2.Export(
                kind=_EXPORT_KINDS[one.kind], place=one.place, export_time=_moment(one.time)
            )
            for one in report.exports
        ],
    )


def _orders(orders: Orders) -> profile_pb2.Orders:
    return profile_pb2.Orders(
        count=orders.count,
        first_time=None if orders.first_time is None else _moment(orders.first_time),
        last_time=None if orders.last_time is None else _moment(orders.last_time),
        recent_count=orders.recent_count,
        recent_values=[_money(code, value) for code, value in orders.recent_value.items()],
        unpriced_line_count=orders.unpriced_line_count,
    )


def _money(currency: str, value: Decimal) -> event_pb2.Money:
    """Return an amount, cut to nine digits and to what 64 bits hold."""
    units, rest = divmod(abs(value), 1)
    sign = -1 if value < 0 else 1
    return event_pb2.Money(
        currency_code=currency,
        units=sign * min(int(units), _UNITS_MAX),
        nanos=sign * int(rest.scaleb(_NANO_DIGITS)),
    )


def _preferences(found: Sequence[Preference]) -> list[profile_pb2.Preference]:
    return [
        profile_pb2.Preference(
            name=one.name, purchase_count=one.purchase_count, activity_count=one.activity_count
        )
        for one in found
    ]


def _channel(channel: Channel | None) -> str:
    return f"CHANNEL_{channel.name}" if channel else "CHANNEL_UNSPECIFIED"


def _moment(seconds: float) -> Timestamp:
    moment = Timestamp()
    put_moment(moment, seconds)
    return moment
