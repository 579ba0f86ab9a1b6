"""Offers to be written become values, every field checked; and back."""

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from recsys import limits
from recsys.catalog import Place
from recsys.domain import SECONDS_PER_DAY, Channel, ItemId, StoreId
from recsys.offers import (
    AmountOff,
    Benefit,
    BuyAndGet,
    Cap,
    Circle,
    Eligibility,
    FreeDelivery,
    Geofence,
    Gift,
    Hours,
    Offer,
    PercentOff,
    Points,
    Polygon,
    Sample,
    Scope,
    amount_of_micros,
    check_offer,
    micros_of,
)
from recsys.serving import fields
from recsys.serving.encode import put_moment
from recsys.serving.money import amount_of, money_of
from recsys.v1 import catalog_pb2, event_pb2, offer_pb2
from recsys.violations import Violations

_BENEFITS: Final = (
    "percent_off",
    "amount_off",
    "buy_and_get",
    "gift",
    "free_delivery",
    "points",
    "sample",
)
_SECRET: Final = (
    "eligibility",
    "value",
    "cost",
    "budget",
    "unit_count",
    "caps",
    "holdout_share",
    "priority",
)


def parse_offer(sent: offer_pb2.Offer, wrong: Violations, path: str) -> tuple[str, Offer]:
    """Check an offer.

    Args:
        sent: Anything that arrived.
        wrong: Collects its wrong fields.
        path: Of the offer in the request, with a dot at its end; empty for itself.

    Returns:
        Its id and what it is; of no use if a field is wrong.
    """
    wrong.text(sent.offer_id, f"{path}offer_id", bytes_max=limits.OFFER_ID_BYTES_MAX)

    def micros(name: str) -> int | None:
        return read_money(sent, name, sent.currency_code, wrong, path)

    kind = sent.WhichOneof("benefit")
    if kind is None:
        wrong.add(f"{path}benefit", f"is not set; allowed is one of {', '.join(_BENEFITS)}")
    who = sent.eligibility
    basket_min = read_money(
        who, "basket_price_min", sent.currency_code, wrong, f"{path}eligibility."
    )
    channels = [
        fields.channel(one, wrong, f"{path}eligibility.channels[{at}]")
        for at, one in enumerate(who.channels)
    ]
    offer = Offer(
        title=sent.title,
        benefit=_benefit(sent, kind, wrong, path),
        currency=sent.currency_code,
        scope=Scope(
            item_ids=tuple(map(ItemId, sent.scope.item_ids)),
            category_paths=tuple(sent.scope.category_paths),
            brands=tuple(sent.scope.brands),
            filter=sent.scope.filter,
        ),
        eligibility=Eligibility(
            person_filter=who.person_filter,
            basket_filter=who.basket_filter,
            loyalty_tiers=tuple(who.loyalty_tiers),
            new_customers_only=who.new_customers_only,
            channels=_said(channels, wrong, f"{path}eligibility.channels"),
            store_ids=tuple(map(StoreId, who.store_ids)),
            geofence=_geofence(who.geofence),
            basket_micros_min=basket_min or 0,
        ),
        from_time=_moment(sent.validity, "start_time", wrong, path),
        until_time=_moment(sent.validity, "end_time", wrong, path),
        hours=tuple(
            Hours(one.start_minute, one.end_minute, tuple(one.weekdays)) for one in sent.hours
        ),
        time_zone=sent.time_zone,
        stacking_group=sent.stacking_group,
        stacks_on=sent.stacks_on,
        priority=sent.priority,
        value_micros=micros("value") or 0,
        cost_micros=micros("cost") or 0,
        budget_micros=micros("budget"),
        unit_count=sent.unit_count if sent.HasField("unit_count") else None,
        caps=tuple(map(_cap, sent.caps)),
        holdout_share=sent.holdout_share,
    )
    if not wrong.any:
        check_offer(offer, wrong, path)
    return sent.offer_id, offer


def read_money(sent: Any, name: str, currency: str, wrong: Violations, path: str) -> int | None:
    """Return an amount in millionths; None if it is not said."""
    if not sent.HasField(name):
        return None
    money: event_pb2.Money = getattr(sent, name)
    before = len(wrong.found)
    amount = amount_of(money, wrong, f"{path}{name}")
    if len(wrong.found) > before:
        return None
    if money.currency_code != currency:
        wrong.add(f"{path}{name}.currency_code", f"is {money.currency_code}; allowed {currency!r}")
    try:
        return micros_of(amount)
    except ValueError as error:
        wrong.add(f"{path}{name}", str(error))
        return None


def encode_offer(offer_id: str, offer: Offer, *, is_whole: bool) -> offer_pb2.Offer:
    """Say an offer in the words of the wire.

    Args:
        offer_id: Its id.
        offer: What it is.
        is_whole: Whether for those who look after offers, else for frontends.
    """
    sent = offer_pb2.Offer(
        offer_id=offer_id,
        title=offer.title,
        currency_code=offer.currency,
        hours=[
            offer_pb2.OfferHours(
                start_minute=one.from_minute, end_minute=one.until_minute, weekdays=one.weekdays
            )
            for one in offer.hours
        ],
        time_zone=offer.time_zone,
        stacking_group=offer.stacking_group,
        stacks_on=offer.stacks_on,
        priority=offer.priority,
        value=encode_micros(offer.value_micros, offer.currency),
        cost=encode_micros(offer.cost_micros, offer.currency),
        unit_count=offer.unit_count,
        caps=[_encode_cap(one) for one in offer.caps],
        holdout_share=offer.holdout_share,
    )
    _put_benefit(sent, offer)
    if offer.scope != Scope():
        sent.scope.item_ids.extend(offer.scope.item_ids)
        sent.scope.category_paths.extend(offer.scope.category_paths)
        sent.scope.brands.extend(offer.scope.brands)
        sent.scope.filter = offer.scope.filter
    if offer.eligibility != Eligibility():
        sent.eligibility.CopyFrom(_encode_eligibility(offer))
    put_moment(sent.validity.start_time, offer.from_time)
    put_moment(sent.validity.end_time, offer.until_time)
    if offer.budget_micros is not None:
        sent.budget.CopyFrom(encode_micros(offer.budget_micros, offer.currency))
    if not is_whole:
        for name in _SECRET:
            sent.ClearField(name)
    return sent


def encode_micros(micros: int, currency: str) -> event_pb2.Money:
    """Say millionths in the words of the wire."""
    return money_of(amount_of_micros(micros), currency)


def _benefit(sent: offer_pb2.Offer, kind: str | None, wrong: Violations, path: str) -> Benefit:
    if kind == "amount_off":
        amount = read_money(
            sent.amount_off, "amount", sent.currency_code, wrong, f"{path}amount_off."
        )
        return AmountOff(amount or 0)
    plain: dict[str | None, Benefit] = {
        "percent_off": PercentOff(sent.percent_off.percent),
        "buy_and_get": BuyAndGet(sent.buy_and_get.buy_count, sent.buy_and_get.get_count),
        "gift": Gift(ItemId(sent.gift.item_id)),
        "points": Points(sent.points.point_count),
        "sample": Sample(ItemId(sent.sample.item_id)),
    }
    return plain.get(kind, FreeDelivery())


def _put_benefit(sent: offer_pb2.Offer, offer: Offer) -> None:
    benefit = offer.benefit
    if isinstance(benefit, PercentOff):
        sent.percent_off.percent = benefit.percent
    elif isinstance(benefit, AmountOff):
        amount = encode_micros(benefit.amount_micros, offer.currency)
        sent.amount_off.amount.CopyFrom(amount)
    elif isinstance(benefit, BuyAndGet):
        sent.buy_and_get.buy_count = benefit.buy_count
        sent.buy_and_get.get_count = benefit.get_count
    elif isinstance(benefit, Gift):
        sent.gift.item_id = benefit.item_id
    elif isinstance(benefit, FreeDelivery):
        sent.free_delivery.SetInParent()
    elif isinstance(benefit, Points):
        sent.points.point_count = benefit.point_count
    else:
        sent.sample.item_id = benefit.item_id


def _said(channels: Sequence[Channel | None], wrong: Violations, path: str) -> tuple[Channel, ...]:
    said = [one for one in channels if one is not None]
    if len(said) < len(channels) and not wrong.any:
        wrong.add(path, "has an unspecified one; allowed are channels")
    return tuple(said)


def _geofence(sent: offer_pb2.Geofence) -> Geofence:
    return Geofence(
        circles=tuple(
            Circle(one.center.latitude, one.center.longitude, one.radius_km) for one in sent.circles
        ),
        polygons=tuple(
            Polygon(tuple(Place(at.latitude, at.longitude) for at in one.corners))
            for one in sent.polygons
        ),
        store_radius_km=sent.store_radius_km if sent.HasField("store_radius_km") else None,
    )


def _moment(sent: offer_pb2.OfferValidity, name: str, wrong: Violations, path: str) -> float | None:
    if not sent.HasField(name):
        return None
    return fields.moment(getattr(sent, name), wrong, f"{path}validity.{name}")


def _cap(sent: offer_pb2.OfferCap) -> Cap:
    if not sent.HasField("period"):
        return Cap(sent.count)
    return Cap(sent.count, seconds_of(sent.period) / SECONDS_PER_DAY)


def seconds_of(sent: Duration) -> float:
    """Return a duration in seconds, whatever was sent."""
    return sent.seconds + sent.nanos / 1e9


def _encode_cap(cap: Cap) -> offer_pb2.OfferCap:
    sent = offer_pb2.OfferCap(count=cap.count)
    if cap.days is not None:
        sent.period.FromMicroseconds(round(cap.days * SECONDS_PER_DAY * 1e6))
    return sent


def _encode_eligibility(offer: Offer) -> offer_pb2.OfferEligibility:
    who = offer.eligibility
    sent = offer_pb2.OfferEligibility(
        person_filter=who.person_filter,
        basket_filter=who.basket_filter,
        loyalty_tiers=who.loyalty_tiers,
        new_customers_only=who.new_customers_only,
        channels=[one.code for one in who.channels],  # type: ignore[misc] # numbers of the enum
        store_ids=who.store_ids,
    )
    if not who.geofence.is_anywhere:
        sent.geofence.CopyFrom(_encode_geofence(who.geofence))
    if who.basket_micros_min:
        sent.basket_price_min.CopyFrom(encode_micros(who.basket_micros_min, offer.currency))
    return sent


def _encode_geofence(fence: Geofence) -> offer_pb2.Geofence:
    return offer_pb2.Geofence(
        circles=[
            offer_pb2.Circle(
                center=catalog_pb2.Place(latitude=one.latitude, longitude=one.longitude),
                radius_km=one.radius_km,
            )
            for one in fence.circles
        ],
        polygons=[
            offer_pb2.Polygon(
                corners=[
                    catalog_pb2.Place(latitude=at.latitude, longitude=at.longitude)
                    for at in one.corners
                ]
            )
            for one in fence.polygons
        ],
        store_radius_km=fence.store_radius_km,
    )
