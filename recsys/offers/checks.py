"""What is wrong with an offer, field by field; names of fields are those of the proto."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from recsys import limits
from recsys.catalog import ITEM_SCHEMA, Place
from recsys.errors import FieldViolation
from recsys.filters import InvalidFilter, Schema, read_filter
from recsys.offers.geofence import problem_of
from recsys.offers.money import MICROS_MAX, amount_of_micros
from recsys.offers.offer import (
    AmountOff,
    BuyAndGet,
    Cap,
    Geofence,
    Gift,
    Offer,
    PercentOff,
    Points,
    Sample,
)
from recsys.offers.scope import scope_expression
from recsys.offers.times import MINUTES_PER_DAY, Hours, zone_of
from recsys.profiles import PEOPLE_SCHEMA

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PERCENT_MAX: Final = 100.0
_LATITUDE_MAX: Final = 90.0
_LONGITUDE_MAX: Final = 180.0
_WEEKDAY_MAX: Final = 7
_CORNER_COUNT_MIN: Final = 3

Found = Iterator[FieldViolation]


def offer_problems(offer: Offer) -> Found:
    """Find what is wrong with an offer by itself; nothing where all is well."""
    if _CURRENCY.fullmatch(offer.currency) is None:
        yield FieldViolation("currency_code", "is no code; allowed three letters, such as EUR")
    yield from _text(offer.title, "title", limits.TITLE_BYTES_MAX)
    yield from _text(offer.stacking_group, "stacking_group", limits.OFFER_NAME_BYTES_MAX)
    yield from _text(offer.stacks_on, "stacks_on", limits.OFFER_ID_BYTES_MAX)
    yield from _benefit(offer)
    yield from _scope(offer)
    yield from _eligibility(offer)
    yield from _validity(offer)
    yield from _worth(offer)
    for position, cap in enumerate(offer.caps):
        yield from _cap(cap, f"caps[{position}]")
    yield from _count(offer.caps, "caps", limits.OFFER_CAP_COUNT_MAX)
    yield from _distinct([one.days for one in offer.caps], "caps")
    if not 0.0 <= offer.holdout_share <= 1.0:  # True for NaN too.
        yield FieldViolation("holdout_share", f"is {offer.holdout_share:g}; allowed 0 to 1")
    if not abs(offer.priority) <= limits.OFFER_PRIORITY_MAX:
        bound = limits.OFFER_PRIORITY_MAX
        yield FieldViolation("priority", f"is {offer.priority}; allowed -{bound} to {bound}")


def _benefit(offer: Offer) -> Found:
    benefit = offer.benefit
    if isinstance(benefit, PercentOff):
        if not 0.0 < benefit.percent <= _PERCENT_MAX:
            yield FieldViolation(
                "percent_off.percent", f"is {benefit.percent:g}; allowed above 0 to 100"
            )
    elif isinstance(benefit, AmountOff):
        yield from _positive(benefit.amount_micros, "amount_off.amount")
    elif isinstance(benefit, BuyAndGet):
        yield from _between(
            benefit.buy_count, "buy_and_get.buy_count", limits.OFFER_PIECE_COUNT_MAX
        )
        yield from _between(
            benefit.get_count, "buy_and_get.get_count", limits.OFFER_PIECE_COUNT_MAX
        )
    elif isinstance(benefit, Gift | Sample):
        name = "gift" if isinstance(benefit, Gift) else "sample"
        yield from _name(benefit.item_id, f"{name}.item_id", limits.ITEM_ID_BYTES_MAX)
    elif isinstance(benefit, Points):
        yield from _between(benefit.point_count, "points.point_count", limits.OFFER_POINT_COUNT_MAX)


def _scope(offer: Offer) -> Found:
    scope = offer.scope
    wrong = [
        *_names(scope.item_ids, "scope.item_ids", limits.ITEM_ID_BYTES_MAX),
        *_names(scope.category_paths, "scope.category_paths", limits.CATEGORY_PATH_BYTES_MAX),
        *_names(scope.brands, "scope.brands", limits.BRAND_BYTES_MAX),
        *_filter(scope.filter, "scope.filter", ITEM_SCHEMA),
    ]
    yield from wrong
    if not wrong:
        # Together they are one filter, which has bounds of its own.
        yield from _filter(scope_expression(scope), "scope", ITEM_SCHEMA)


def _eligibility(offer: Offer) -> Found:
    who = offer.eligibility
    yield from _filter(who.person_filter, "eligibility.person_filter", PEOPLE_SCHEMA)
    yield from _filter(who.basket_filter, "eligibility.basket_filter", ITEM_SCHEMA)
    yield from _names(who.loyalty_tiers, "eligibility.loyalty_tiers", limits.OFFER_NAME_BYTES_MAX)
    yield from _names(who.store_ids, "eligibility.store_ids", limits.STORE_ID_BYTES_MAX)
    yield from _distinct(who.channels, "eligibility.channels")
    yield from _amount(who.basket_micros_min, "eligibility.basket_price_min")
    yield from _geofence(who.geofence)


def _geofence(fence: Geofence) -> Found:
    path = "eligibility.geofence"
    yield from _count(fence.circles, f"{path}.circles", limits.OFFER_AREA_COUNT_MAX)
    yield from _count(fence.polygons, f"{path}.polygons", limits.OFFER_AREA_COUNT_MAX)
    if fence.store_radius_km is not None:
        yield from _radius(fence.store_radius_km, f"{path}.store_radius_km")
    for position, circle in enumerate(fence.circles[: limits.OFFER_AREA_COUNT_MAX]):
        field = f"{path}.circles[{position}]"
        yield from _place(Place(circle.latitude, circle.longitude), f"{field}.center")
        yield from _radius(circle.radius_km, f"{field}.radius_km")
    for position, polygon in enumerate(fence.polygons[: limits.OFFER_AREA_COUNT_MAX]):
        field = f"{path}.polygons[{position}]"
        corner_count_max = limits.OFFER_CORNER_COUNT_MAX
        if not _CORNER_COUNT_MIN <= len(polygon.corners) <= corner_count_max:
            yield FieldViolation(
                f"{field}.corners",
                f"has {len(polygon.corners)} entries;"
                f" allowed {_CORNER_COUNT_MIN} to {corner_count_max}",
            )
            continue
        wrong = [
            one
            for at, corner in enumerate(polygon.corners)
            for one in _place(corner, f"{field}.corners[{at}]")
        ]
        yield from wrong
        if not wrong and (problem := problem_of(polygon)):
            yield FieldViolation(field, problem)


def _validity(offer: Offer) -> Found:
    ends = [("start_time", offer.from_time), ("end_time", offer.until_time)]
    for name, time in ends:
        if time is not None and not math.isfinite(time):
            yield FieldViolation(f"validity.{name}", f"is {time}; allowed are finite ones")
    if (
        offer.from_time is not None
        and offer.until_time is not None
        and not offer.from_time < offer.until_time
    ):
        yield FieldViolation("validity.end_time", "is not after start_time; allowed are later ones")
    if offer.time_zone and zone_of(offer.time_zone) is None:
        yield FieldViolation("time_zone", "is no IANA time zone, such as Europe/Berlin")
    yield from _count(offer.hours, "hours", limits.OFFER_HOURS_COUNT_MAX)
    for position, one in enumerate(offer.hours[: limits.OFFER_HOURS_COUNT_MAX]):
        yield from _hours(one, f"hours[{position}]")


def _hours(one: Hours, field: str) -> Found:
    last = MINUTES_PER_DAY
    if not 0 <= one.from_minute < last:
        yield FieldViolation(
            f"{field}.start_minute", f"is {one.from_minute}; allowed 0 to {last - 1}"
        )
    if not 1 <= one.until_minute <= last:
        yield FieldViolation(f"{field}.end_minute", f"is {one.until_minute}; allowed 1 to {last}")
    if one.from_minute == one.until_minute:
        yield FieldViolation(
            f"{field}.end_minute", f"equals start_minute; a whole day is 0 to {last}"
        )
    for at, day in enumerate(one.weekdays):
        if not 1 <= day <= _WEEKDAY_MAX:
            yield FieldViolation(f"{field}.weekdays[{at}]", f"is {day}; allowed 1 to 7")
    yield from _distinct(one.weekdays, f"{field}.weekdays")


def _worth(offer: Offer) -> Found:
    yield from _amount(offer.value_micros, "value")
    yield from _amount(offer.cost_micros, "cost")
    if offer.budget_micros is not None:
        yield from _positive(offer.budget_micros, "budget")
        if 0 < offer.budget_micros < offer.cost_micros:
            yield FieldViolation(
                "budget",
                f"is {amount_of_micros(offer.budget_micros)}, less than one use costs;"
                f" allowed from {amount_of_micros(offer.cost_micros)}",
            )
    if offer.unit_count is not None:
        yield from _between(offer.unit_count, "unit_count", limits.OFFER_UNIT_COUNT_MAX)


def _cap(cap: Cap, field: str) -> Found:
    yield from _between(cap.count, f"{field}.count", limits.OFFER_CAP_USE_COUNT_MAX)
    if cap.days is not None and not 0.0 < cap.days <= limits.OFFER_CAP_DAYS_MAX:
        yield FieldViolation(
            f"{field}.period",
            f"is {cap.days:g} days; allowed above 0 to {limits.OFFER_CAP_DAYS_MAX}",
        )


def _filter(expression: str, field: str, schema: Schema) -> Found:
    if not expression:
        return
    try:
        read_filter(expression, schema)
    except InvalidFilter as error:
        yield FieldViolation(field, f"cannot be read: {error}")


def _place(place: Place, field: str) -> Found:
    for name, bound in (("latitude", _LATITUDE_MAX), ("longitude", _LONGITUDE_MAX)):
        degrees = getattr(place, name)
        if not abs(degrees) <= bound:  # True for NaN too.
            yield FieldViolation(
                f"{field}.{name}", f"is {degrees:g}; allowed -{bound:g} to {bound:g}"
            )


def _radius(radius_km: float, field: str) -> Found:
    if not 0.0 < radius_km <= limits.OFFER_RADIUS_KM_MAX:
        yield FieldViolation(
            field, f"is {radius_km:g}; allowed above 0 to {limits.OFFER_RADIUS_KM_MAX:g}"
        )


def _amount(micros: int, field: str) -> Found:
    if not 0 <= micros <= MICROS_MAX:
        yield FieldViolation(
            field, f"is {amount_of_micros(micros)}; allowed 0 to {limits.MONEY_UNITS_MAX}"
        )


def _positive(micros: int, field: str) -> Found:
    if not 0 < micros <= MICROS_MAX:
        yield FieldViolation(
            field, f"is {amount_of_micros(micros)}; allowed above 0 to {limits.MONEY_UNITS_MAX}"
        )


def _between(count: int, field: str, count_max: int) -> Found:
    if not 1 <= count <= count_max:
        yield FieldViolation(field, f"is {count}; allowed 1 to {count_max}")


def _count(entries: Sequence[object], field: str, count_max: int) -> Found:
    if len(entries) > count_max:
        yield FieldViolation(field, f"has {len(entries)} entries; allowed 0 to {count_max}")


def _distinct(entries: Sequence[object], field: str) -> Found:
    if len(set(entries)) < len(entries):
        yield FieldViolation(field, "says something twice; allowed once each")


def _names(names: Sequence[str], field: str, bytes_max: int) -> Found:
    yield from _count(names, field, limits.OFFER_LIST_COUNT_MAX)
    for position, name in enumerate(names[: limits.OFFER_LIST_COUNT_MAX]):
        yield from _name(name, f"{field}[{position}]", bytes_max)
    yield from _distinct(names, field)


def _name(name: str, field: str, bytes_max: int) -> Found:
    if not name:
        yield FieldViolation(field, f"has 0 bytes; allowed 1 to {bytes_max}")
    yield from _text(name, field, bytes_max)


def _text(text: str, field: str, bytes_max: int) -> Found:
    size = len(text.encode())
    if size > bytes_max:
        yield FieldViolation(field, f"has {size} bytes; allowed up to {bytes_max}")
    elif (found := _CONTROL.search(text)) is not None:
        yield FieldViolation(
            field, f"has control character U+{ord(found[0]):04X} at position {found.start()}"
        )
