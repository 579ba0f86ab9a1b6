"""Batches on the wire: checked and said in the words of the domain, and back."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from recsys import limits
from recsys.campaigns import (
    AudienceQuery,
    BatchOffers,
    BatchPart,
    BatchPerson,
    BatchQuery,
    Fan,
    SavedSegment,
    Sent,
    SizeEstimate,
    SuppressionCause,
    people_filter,
)
from recsys.catalog import Item
from recsys.consent import Purpose
from recsys.domain import Channel, Identifier, ItemId, StoreId
from recsys.filters import InvalidFilter
from recsys.offers import MICROS_PER_UNIT
from recsys.offers.query import RankedOffer
from recsys.recommend import RecommendQuery
from recsys.rules import NO_RULES
from recsys.serving import fields
from recsys.serving.encode import encode_identifier, put_moment
from recsys.serving.wire import read_item_ids, read_placement, read_result_count
from recsys.serving.wire_offer_calls import OFFER_REASONS
from recsys.serving.wire_rules import parse_rules
from recsys.v1 import campaign_pb2, subject_pb2
from recsys.v1 import campaign_service_pb2 as service
from recsys.violations import Violations

_PURPOSES: Final = {
    0: Purpose.MARKETING,
    Purpose.PERSONALISE.code: Purpose.PERSONALISE,
    Purpose.MARKETING.code: Purpose.MARKETING,
}
_ADDRESSES: Final[dict[Channel | None, tuple[str, ...]]] = {
    Channel.EMAIL: ("email_sha256",),
    Channel.SMS: ("phone_sha256",),
}
CAUSES: Final[dict[SuppressionCause | None, str | None]] = {
    None: None,
    **{cause: f"SUPPRESSION_CAUSE_{cause.name}" for cause in SuppressionCause},
}
"""Names of the wire, which messages take as they take numbers."""
NO_QUESTION: Final = RecommendQuery()
"""Where people are only counted."""


def parse_batch(
    sent: campaign_pb2.Batch, wrong: Violations, path: str, *, filter_: str, now: float
) -> BatchQuery:
    """Check what a batch is about.

    Args:
        sent: Anything that arrived.
        wrong: Gets every wrong field.
        path: Where it is in the request, with a dot.
        filter_: Over people, of the batch or of its segment.
        now: Seconds since 1970-01-01 UTC.
    """
    channel = fields.channel(sent.channel, wrong, f"{path}channel")
    if sent.store_id:
        wrong.text(sent.store_id, f"{path}store_id", bytes_max=limits.STORE_ID_BYTES_MAX)
    if sent.purpose not in _PURPOSES:
        allowed = "PERSONALISE, MARKETING or none"
        wrong.add(f"{path}purpose", f"is {sent.purpose}; allowed {allowed}")
    purpose = _PURPOSES.get(sent.purpose, Purpose.MARKETING)
    if purpose is Purpose.MARKETING and channel is None:
        wrong.add(f"{path}channel", "is missing; messages need one")
    if sent.destination:
        wrong.text(sent.destination, f"{path}destination", bytes_max=limits.EXPORT_PLACE_BYTES_MAX)
    if sent.holdout_name:
        bytes_max = limits.SEGMENT_NAME_CHARS_MAX
        wrong.text(sent.holdout_name, f"{path}holdout_name", bytes_max=bytes_max)
    share = sent.holdout_share
    if not (math.isfinite(share) and 0.0 <= share <= 1.0):
        wrong.add(f"{path}holdout_share", f"is {share:g}; allowed 0 to 1")
    check_filter(filter_, wrong, f"{path}filter")
    as_of = now
    if sent.HasField("as_of_time"):
        found = fields.moment_not_ahead(sent.as_of_time, wrong, f"{path}as_of_time", now=now)
        as_of = now if found is None else found
    send_time = as_of
    if sent.HasField("send_time"):
        found = fields.moment(sent.send_time, wrong, f"{path}send_time")
        send_time = as_of if found is None else found
    return BatchQuery(
        question=RecommendQuery(
            placement=read_placement(sent.placement, wrong, f"{path}placement"),
            channel=channel,
            store_id=StoreId(sent.store_id) if sent.store_id else None,
            result_count=read_result_count(sent.page_size, wrong, f"{path}page_size"),
            include_seen=sent.include_seen,
            rules=parse_rules(sent.rules, wrong, f"{path}rules")
            if sent.HasField("rules")
            else NO_RULES,
        ),
        filter=filter_,
        purpose=purpose,
        address_namespaces=_namespaces(sent, channel, purpose, wrong, path),
        holdout_share=share,
        holdout_name=sent.holdout_name,
        with_habits=sent.with_habits,
        offers=_offers(sent.offers, wrong, path) if sent.HasField("offers") else None,
        as_of=as_of,
        send_time=send_time,
    )


def parse_audience(
    request: service.AudienceForItemRequest, *, filter_: str, now: float
) -> AudienceQuery:
    """Check who is looked for; raises InvalidRequest."""
    wrong = Violations()
    wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    query = parse_batch(request.batch, wrong, "batch.", filter_=filter_, now=now)
    if request.batch.WhichOneof("people") == "listed":
        wrong.add("batch.listed", "is set; an audience is looked for among all or a segment")
    if request.person_count < 0:
        allowed = f"0 to {limits.AUDIENCE_COUNT_MAX}"
        wrong.add("person_count", f"is {request.person_count}; allowed {allowed}")
    wrong.raise_any()
    count = min(request.person_count or limits.AUDIENCE_COUNT_DEFAULT, limits.AUDIENCE_COUNT_MAX)
    return AudienceQuery(item_id=ItemId(request.item_id), batch=query, count=count)


def parse_subjects(
    sent: Iterable[subject_pb2.Subject], wrong: Violations, path: str
) -> list[tuple[Identifier, ...]]:
    """Check the people of a list; each needs an identifier.

    Args:
        sent: Anything that arrived.
        wrong: Gets every wrong field.
        path: Where each is in the request, with braces for its place.
    """
    people = []
    for at, one in enumerate(sent):
        field = path.format(at)
        if not (one.user_id or one.visitor_id or one.identifiers):
            wrong.add(field, "is empty; at least one identifier is needed")
        people.append(fields.identifiers(one, wrong, field))
    return people


class Recheck(NamedTuple):
    """What is about to be sent.

    Attributes:
        sent: To whom, and which offers.
        items: Which items, of each.
        made_time: When that was decided; None if it is not said.
    """

    sent: list[Sent]
    items: list[tuple[ItemId, ...]]
    made_time: float | None


def parse_recheck(request: service.RecheckBatchRequest) -> Recheck:
    """Check what is about to be sent; raises InvalidRequest."""
    wrong = Violations()
    entries = request.entries
    wrong.count_from_one(entries, "entries", count_max=limits.BATCH_SUBJECT_COUNT_MAX)
    wrong.raise_any()
    who = parse_subjects([one.subject for one in entries], wrong, "entries[{}].subject")
    items = []
    for at, one in enumerate(entries):
        field = f"entries[{at}].item_ids"
        wrong.count_within(one.item_ids, field, count_max=limits.RESULT_COUNT_MAX)
        items.append(read_item_ids(one.item_ids, wrong, field))
        field = f"entries[{at}].offer_ids"
        if wrong.count_within(one.offer_ids, field, count_max=limits.RESULT_COUNT_MAX):
            for place, offer_id in enumerate(one.offer_ids):
                wrong.text(offer_id, f"{field}[{place}]", bytes_max=limits.OFFER_ID_BYTES_MAX)
    made_time = None
    if request.HasField("made_time"):
        made_time = fields.moment(request.made_time, wrong, "made_time")
    wrong.raise_any()
    sent = [Sent(ids, tuple(one.offer_ids)) for ids, one in zip(who, entries, strict=True)]
    return Recheck(sent, items, made_time)


def parse_segments(sent: service.UpsertSegmentsRequest, *, now: float) -> list[SavedSegment]:
    """Check segments to write; raises InvalidRequest."""
    wrong = Violations()
    wrong.count_from_one(sent.segments, "segments", count_max=limits.SEGMENT_COUNT_MAX)
    wrong.raise_any()
    names: set[str] = set()
    segments = []
    for at, one in enumerate(sent.segments):
        path = f"segments[{at}]."
        wrong.segment(one.name, f"{path}name")
        if one.name in names:
            wrong.add(f"{path}name", "is that of another segment of this request")
        names.add(one.name)
        if one.description:
            bytes_max = limits.SEGMENT_DESCRIPTION_BYTES_MAX
            wrong.text(one.description, f"{path}description", bytes_max=bytes_max)
        check_filter(one.filter, wrong, f"{path}filter")
        segments.append(
            SavedSegment(
                name=one.name, filter=one.filter, description=one.description, update_time=now
            )
        )
    wrong.raise_any()
    return segments


def check_filter(expression: str, wrong: Violations, field: str) -> None:
    """Check a filter over people."""
    if expression:
        try:
            people_filter(expression)
        except InvalidFilter as error:
            wrong.add(field, f"is wrong: {error}")


def encode_person(one: BatchPerson, *, is_listed: bool) -> campaign_pb2.BatchPerson:
    """Say what becomes of a person, but for what she gets."""
    sent = campaign_pb2.BatchPerson(
        identifiers=map(encode_identifier, one.identifiers),
        suppression_cause=CAUSES[one.suppression],
        address=None if one.address is None else encode_identifier(one.address),
        preferred_channel=f"CHANNEL_{one.channel.name}" if one.channel else None,
        preferred_hour=one.hour,
        time_zone=one.time_zone,
        error="" if one.error is None else str(one.error),
        offer_id=one.offers[0].offer_id if one.offers else "",
        offers=map(_encode_offer, one.offers),
    )
    if is_listed:
        sent.subject.identifiers.extend(map(encode_identifier, one.asked))
    return sent


def _encode_offer(one: RankedOffer) -> campaign_pb2.BatchOffer:
    return campaign_pb2.BatchOffer(
        offer_id=one.offer_id,
        reason=OFFER_REASONS[one.basis],
        propensity=one.propensity,
        expected_value=one.expected_micros / MICROS_PER_UNIT,
        expected_cost=one.propensity * one.offer.cost_micros / MICROS_PER_UNIT,
    )


def encode_refused(part: BatchPart) -> list[campaign_pb2.RefusedOffers]:
    """Say how often offers were refused, by rule."""
    return [
        campaign_pb2.RefusedOffers(rule=rule, refused_count=count)
        for rule, count in sorted(part.refused_offers.items())
    ]


def encode_counts(part: BatchPart) -> list[campaign_pb2.SuppressedCount]:
    """Say how many people get nothing."""
    return [
        campaign_pb2.SuppressedCount(cause=CAUSES[cause], person_count=count)
        for cause, count in sorted(part.suppressed().items())
    ]


def encode_card(item_id: ItemId, item: Item, *, now: float) -> campaign_pb2.BatchItem:
    """Say what is known of an item."""
    price = item.price(now)
    return campaign_pb2.BatchItem(
        item_id=item_id,
        title=item.title,
        page_url=item.page_url,
        image_url=item.image_url,
        price="" if price is None else price.amount,
        currency="" if price is None else price.currency,
    )


def encode_fan(one: Fan) -> service.AudiencePerson:
    """Say who would like an item."""
    return service.AudiencePerson(
        identifiers=map(encode_identifier, one.identifiers),
        address=None if one.address is None else encode_identifier(one.address),
        score=one.score,
    )


def encode_segment(one: SavedSegment) -> campaign_pb2.SavedSegment:
    """Say what a segment is."""
    sent = campaign_pb2.SavedSegment(name=one.name, filter=one.filter, description=one.description)
    put_moment(sent.update_time, one.update_time)
    return sent


def encode_estimate(one: SizeEstimate) -> service.EstimateSegmentResponse:
    """Say how many people there are."""
    return service.EstimateSegmentResponse(
        person_count=one.count,
        person_count_low=one.low,
        person_count_high=one.high,
        sample_size=one.sampled_count,
        matched_count=one.matched_count,
        exact=one.is_exact,
    )


def _offers(sent: campaign_pb2.BatchOffers, wrong: Violations, path: str) -> BatchOffers:
    # Absent means one, where as few as possible go out.
    count = read_result_count(sent.page_size, wrong, f"{path}offers.page_size")
    return BatchOffers(
        count=count if sent.page_size else 1, is_required=sent.required, is_alone=sent.alone
    )


def _namespaces(
    sent: campaign_pb2.Batch,
    channel: Channel | None,
    purpose: Purpose,
    wrong: Violations,
    path: str,
) -> tuple[str, ...]:
    field = f"{path}address_namespaces"
    if not sent.address_namespaces:
        return _ADDRESSES.get(channel, ()) if purpose is Purpose.MARKETING else ()
    names = tuple(sent.address_namespaces)
    if wrong.count_within(names, field, count_max=limits.ADDRESS_NAMESPACE_COUNT_MAX):
        for at, name in enumerate(names):
            wrong.namespace(name, f"{field}[{at}]")
    return names
