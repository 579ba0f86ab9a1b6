"""What is asked of offers becomes values, and what comes of it messages; checked as in `wire`."""

from typing import Any, Final

from recsys import limits
from recsys.offers import Commit, Offer, Reservation, Reserve, Spend
from recsys.offers.query import BasketLine, OfferAnswer, OfferQuery, PropensityBasis, RankedOffer
from recsys.offers.rule import OfferRefusal
from recsys.serving import fields, wire
from recsys.serving.encode import put_moment
from recsys.serving.money import amount_of
from recsys.serving.wire_offers import encode_micros, encode_offer, read_money, seconds_of
from recsys.v1 import offer_pb2
from recsys.v1 import offer_service_pb2 as service
from recsys.violations import Violations

_MICROS: Final = 1e6
OFFER_REASONS: Final = {
    PropensityBasis.AFFINITY: service.OFFER_REASON_AFFINITY,
    PropensityBasis.POPULARITY: service.OFFER_REASON_POPULARITY,
    PropensityBasis.LEARNED: service.OFFER_REASON_LEARNED,
}


def parse_recommend_offers(request: service.RecommendOffersRequest, *, now: float) -> OfferQuery:
    """Check for whom offers are wanted.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    query = OfferQuery(
        **_asking(request, wrong, now=now),
        placement=wire.read_placement(request.placement, wrong),
        result_count=wire.read_result_count(request.page_size, wrong),
        explains=request.explain,
    )
    wrong.raise_any()
    return query


def parse_reserve(
    request: service.ReserveOfferRequest, offer: Offer | None, *, now: float
) -> tuple[Reserve, OfferQuery]:
    """Check what to hold for whom.

    Args:
        request: Anything that arrived.
        offer: The offer, if it exists; says which currency a cost must have.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        InvalidRequest: As `parse_recommend_offers`.
    """
    wrong = Violations()
    name = _reservation_id(request.reservation_id, wrong)
    wrong.text(request.offer_id, "offer_id", bytes_max=limits.OFFER_ID_BYTES_MAX)
    query = OfferQuery(**_asking(request, wrong, now=now))
    if not query.identifiers and not wrong.any:
        wrong.add("subject", "is empty; at least one identifier is needed")
    hold_seconds = limits.HOLD_SECONDS_DEFAULT
    if request.HasField("hold_duration"):
        hold_seconds = seconds_of(request.hold_duration)
        if not 0.0 < hold_seconds <= limits.HOLD_SECONDS_MAX:
            bound = f"allowed above 0 to {limits.HOLD_SECONDS_MAX:.0f}"
            wrong.add("hold_duration", f"is {hold_seconds:g} s; {bound}")
    currency = request.cost.currency_code if offer is None else offer.currency
    cost = read_money(request, "cost", currency, wrong, "")
    wrong.raise_any()
    asked = Reserve(
        reservation_id=name,
        offer_id=request.offer_id,
        identifiers=query.identifiers,
        hold_seconds=hold_seconds,
        cost_micros=cost,
        channel=query.channel,
        store_id=query.store_id,
    )
    return asked, query


def parse_commit(request: service.CommitOfferRequest) -> Commit:
    """Check what was used; raises as `parse_recommend_offers`."""
    wrong = Violations()
    name = _reservation_id(request.reservation_id, wrong)
    cost = read_money(request, "cost", request.cost.currency_code, wrong, "")
    wrong.raise_any()
    return Commit(name, cost)


def parse_reservation_id(reservation_id: str) -> str:
    """Check which reservation is meant; raises as `parse_recommend_offers`."""
    wrong = Violations()
    _reservation_id(reservation_id, wrong)
    wrong.raise_any()
    return reservation_id


def encode_reservation(one: Reservation) -> offer_pb2.Reservation:
    """Say a reservation in the words of the wire."""
    sent = offer_pb2.Reservation(
        reservation_id=one.reservation_id,
        offer_id=one.offer_id,
        state=f"RESERVATION_STATE_{one.state.name}",
        cost=encode_micros(one.cost_micros, one.currency) if one.currency else None,
    )
    put_moment(sent.reserve_time, one.reserve_time)
    put_moment(sent.expire_time, one.expire_time)
    put_moment(sent.settle_time, one.settle_time)
    return sent


def encode_spend(spend: Spend, currency: str) -> service.OfferSpend:
    """Say what is used of an offer in the words of the wire."""
    return service.OfferSpend(
        reserved_count=spend.reserved_count,
        reserved_cost=encode_micros(spend.reserved_micros, currency),
        committed_count=spend.committed_count,
        committed_cost=encode_micros(spend.committed_micros, currency),
    )


def encode_answer(
    answer: OfferAnswer, *, token: str, explains: bool
) -> service.RecommendOffersResponse:
    """Say offers for a person in the words of the wire."""
    return service.RecommendOffersResponse(
        results=[_result(one, explains=explains) for one in answer.offers],
        refused_offers=[_refused(one.offer_id, one.refusal) for one in answer.refused],
        attribution_token=token,
        model_version=answer.model_version,
    )


def _result(one: RankedOffer, *, explains: bool) -> service.OfferResult:
    sent = service.OfferResult(
        offer=encode_offer(one.offer_id, one.offer, is_whole=False),
        reason=OFFER_REASONS[one.basis],
        applicable=one.is_applicable,
    )
    if explains:
        sent.propensity = one.propensity
        sent.expected_value = one.expected_micros / _MICROS
    return sent


def _refused(offer_id: str, refusal: OfferRefusal) -> service.RefusedOffer:
    return service.RefusedOffer(offer_id=offer_id, rule=refusal.rule.value, detail=refusal.detail)


def _asking(request: wire.OfferRequest, wrong: Violations, *, now: float) -> dict[str, Any]:
    """Return the fields of an `OfferQuery` that say who asks, where, and with what."""
    channel, store_id, recent_events = wire.read_context(request, wrong, now=now)
    if request.loyalty_tier:
        wrong.text(request.loyalty_tier, "loyalty_tier", bytes_max=limits.OFFER_NAME_BYTES_MAX)
    return {
        "identifiers": fields.identifiers(request.subject, wrong, "subject"),
        "channel": channel,
        "store_id": store_id,
        "place": wire.read_place(request.context, wrong),
        "recent_events": recent_events,
        "buyer_age": wire.read_buyer_age(request, wrong),
        "basket": _basket(request.basket, wrong) if request.HasField("basket") else None,
        "loyalty_tier": request.loyalty_tier,
    }


def _basket(sent: service.Basket, wrong: Violations) -> tuple[BasketLine, ...]:
    checked = fields.lines(sent.lines, wrong, "basket.")
    if wrong.any:
        return ()
    lines = []
    for at, (line, (item_id, quantity)) in enumerate(zip(sent.lines, checked, strict=True)):
        price = ""
        if line.HasField("unit_price"):
            price = amount_of(line.unit_price, wrong, f"basket.lines[{at}].unit_price")
        currency = line.unit_price.currency_code
        lines.append(
            BasketLine(item_id=item_id, quantity=quantity, unit_price=price, currency=currency)
        )
    return tuple(lines)


def _reservation_id(reservation_id: str, wrong: Violations) -> str:
    wrong.text(reservation_id, "reservation_id", bytes_max=limits.RESERVATION_ID_BYTES_MAX)
    return reservation_id
