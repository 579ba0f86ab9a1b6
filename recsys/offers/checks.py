"""What is wrong with an offer, field by field; names of fields are those of the proto."""

import math
import re
from collections.abc import Sequence
from typing import Final

from recsys import limits
from recsys.catalog import ITEM_SCHEMA
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
    Polygon,
    Sample,
)
from recsys.offers.scope import scope_expression
from recsys.offers.times import MINUTES_PER_DAY, Hours
from recsys.profiles import PEOPLE_SCHEMA
from recsys.time_zones import zone_of
from recsys.violations import Violations

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PERCENT_MAX: Final = 100.0
_WEEKDAY_MAX: Final = 7
_CORNER_COUNT_MIN: Final = 3


def check_offer(offer: Offer, wrong: Violations, path: str) -> None:
    """Find what is wrong with an offer by itself.

    Args:
        offer: Anything of the right types.
        wrong: Collects its wrong fields.
        path: Of the offer in the request, with a dot at its end; empty for itself.
    """
    if _CURRENCY.fullmatch(offer.currency) is None:
        wrong.add(f"{path}currency_code", "is no code; allowed three letters, such as EUR")
    for text, name, bytes_max in (
        (offer.title, "title", limits.TITLE_BYTES_MAX),
        (offer.stacking_group, "stacking_group", limits.OFFER_NAME_BYTES_MAX),
        (offer.stacks_on, "stacks_on", limits.OFFER_ID_BYTES_MAX),
    ):
        if text:
            wrong.text(text, f"{path}{name}", bytes_max=bytes_max)
    _benefit(offer, wrong, path)
    _scope(offer, wrong, f"{path}scope")
    _eligibility(offer, wrong, f"{path}eligibility")
    _validity(offer, wrong, path)
    _worth(offer, wrong, path)
    if wrong.count_within(offer.caps, f"{path}caps", count_max=limits.OFFER_CAP_COUNT_MAX):
        for position, cap in enumerate(offer.caps):
            _cap(cap, wrong, f"{path}caps[{position}]")
        wrong.distinct([one.days for one in offer.caps], f"{path}caps")
    if not 0.0 <= offer.holdout_share <= 1.0:  # True for NaN too.
        wrong.add(f"{path}holdout_share", f"is {offer.holdout_share:g}; allowed 0 to 1")
    if not abs(offer.priority) <= limits.OFFER_PRIORITY_MAX:
        bound = limits.OFFER_PRIORITY_MAX
        wrong.add(f"{path}priority", f"is {offer.priority}; allowed -{bound} to {bound}")


def _benefit(offer: Offer, wrong: Violations, path: str) -> None:
    benefit = offer.benefit
    if isinstance(benefit, PercentOff):
        if not 0.0 < benefit.percent <= _PERCENT_MAX:  # True for NaN too.
            field = f"{path}percent_off.percent"
            wrong.add(field, f"is {benefit.percent:g}; allowed above 0 to 100")
    elif isinstance(benefit, AmountOff):
        _positive(benefit.amount_micros, wrong, f"{path}amount_off.amount")
    elif isinstance(benefit, BuyAndGet):
        for name, count in (("buy_count", benefit.buy_count), ("get_count", benefit.get_count)):
            _between(count, wrong, f"{path}buy_and_get.{name}", limits.OFFER_PIECE_COUNT_MAX)
    elif isinstance(benefit, Gift | Sample):
        name = "gift" if isinstance(benefit, Gift) else "sample"
        wrong.text(benefit.item_id, f"{path}{name}.item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    elif isinstance(benefit, Points):
        _between(
            benefit.point_count, wrong, f"{path}points.point_count", limits.OFFER_POINT_COUNT_MAX
        )


def _scope(offer: Offer, wrong: Violations, field: str) -> None:
    scope, before = offer.scope, len(wrong.found)
    _names(scope.item_ids, wrong, f"{field}.item_ids", limits.ITEM_ID_BYTES_MAX)
    _names(scope.category_paths, wrong, f"{field}.category_paths", limits.CATEGORY_PATH_BYTES_MAX)
    _names(scope.brands, wrong, f"{field}.brands", limits.BRAND_BYTES_MAX)
    _filter(scope.filter, wrong, f"{field}.filter", ITEM_SCHEMA)
    if len(wrong.found) == before:
        # Together they are one filter, which has bounds of its own.
        _filter(scope_expression(scope), wrong, field, ITEM_SCHEMA)


def _eligibility(offer: Offer, wrong: Violations, field: str) -> None:
    who = offer.eligibility
    _filter(who.person_filter, wrong, f"{field}.person_filter", PEOPLE_SCHEMA)
    _filter(who.basket_filter, wrong, f"{field}.basket_filter", ITEM_SCHEMA)
    _names(who.loyalty_tiers, wrong, f"{field}.loyalty_tiers", limits.OFFER_NAME_BYTES_MAX)
    _names(who.store_ids, wrong, f"{field}.store_ids", limits.STORE_ID_BYTES_MAX)
    wrong.distinct(who.channels, f"{field}.channels")
    _amount(who.basket_micros_min, wrong, f"{field}.basket_price_min")
    _geofence(who.geofence, wrong, f"{field}.geofence")


def _geofence(fence: Geofence, wrong: Violations, field: str) -> None:
    count_max = limits.OFFER_AREA_COUNT_MAX
    if fence.store_radius_km is not None:
        _radius(fence.store_radius_km, wrong, f"{field}.store_radius_km")
    if wrong.count_within(fence.circles, f"{field}.circles", count_max=count_max):
        for at, circle in enumerate(fence.circles):
            path = f"{field}.circles[{at}]"
            wrong.place(
                latitude=circle.latitude, longitude=circle.longitude, field=f"{path}.center"
            )
            _radius(circle.radius_km, wrong, f"{path}.radius_km")
    if wrong.count_within(fence.polygons, f"{field}.polygons", count_max=count_max):
        for at, polygon in enumerate(fence.polygons):
            _polygon(polygon, wrong, f"{field}.polygons[{at}]")


def _polygon(polygon: Polygon, wrong: Violations, field: str) -> None:
    count, count_max = len(polygon.corners), limits.OFFER_CORNER_COUNT_MAX
    if not _CORNER_COUNT_MIN <= count <= count_max:
        allowed = f"allowed {_CORNER_COUNT_MIN} to {count_max}"
        wrong.add(f"{field}.corners", f"has {count} entries; {allowed}")
        return
    before = len(wrong.found)
    for at, corner in enumerate(polygon.corners):
        wrong.place(
            latitude=corner.latitude, longitude=corner.longitude, field=f"{field}.corners[{at}]"
        )
    if len(wrong.found) == before and (problem := problem_of(polygon)):
        wrong.add(field, problem)


def _validity(offer: Offer, wrong: Violations, path: str) -> None:
    begin, end = offer.from_time, offer.until_time
    for name, time in (("start_time", begin), ("end_time", end)):
        if time is not None and not math.isfinite(time):
            wrong.add(f"{path}validity.{name}", f"is {time}; allowed are finite ones")
    if begin is not None and end is not None and not begin < end:
        problem = "is not after start_time; allowed are later ones"
        wrong.add(f"{path}validity.end_time", problem)
    if offer.time_zone and zone_of(offer.time_zone) is None:
        wrong.add(f"{path}time_zone", "is no IANA time zone, such as Europe/Berlin")
    if wrong.count_within(offer.hours, f"{path}hours", count_max=limits.OFFER_HOURS_COUNT_MAX):
        for position, one in enumerate(offer.hours):
            _hours(one, wrong, f"{path}hours[{position}]")


def _hours(one: Hours, wrong: Violations, field: str) -> None:
    last = MINUTES_PER_DAY
    if not 0 <= one.from_minute < last:
        wrong.add(f"{field}.start_minute", f"is {one.from_minute}; allowed 0 to {last - 1}")
    if not 1 <= one.until_minute <= last:
        wrong.add(f"{field}.end_minute", f"is {one.until_minute}; allowed 1 to {last}")
    if one.from_minute == one.until_minute:
        wrong.add(f"{field}.end_minute", f"equals start_minute; a whole day is 0 to {last}")
    for at, day in enumerate(one.weekdays):
        if not 1 <= day <= _WEEKDAY_MAX:
            wrong.add(f"{field}.weekdays[{at}]", f"is {day}; allowed 1 to {_WEEKDAY_MAX}")
    wrong.distinct(one.weekdays, f"{field}.weekdays")


def _worth(offer: Offer, wrong: Violations, path: str) -> None:
    _amount(offer.value_micros, wrong, f"{path}value")
    _amount(offer.cost_micros, wrong, f"{path}cost")
    if offer.budget_micros is not None:
        _positive(offer.budget_micros, wrong, f"{path}budget")
        if 0 < offer.budget_micros < offer.cost_micros:
            budget, cost = map(amount_of_micros, (offer.budget_micros, offer.cost_micros))
            problem = f"is {budget}, less than one use costs; allowed from {cost}"
            wrong.add(f"{path}budget", problem)
    if offer.unit_count is not None:
        _between(offer.unit_count, wrong, f"{path}unit_count", limits.OFFER_UNIT_COUNT_MAX)


def _cap(cap: Cap, wrong: Violations, field: str) -> None:
    _between(cap.count, wrong, f"{field}.count", limits.OFFER_CAP_USE_COUNT_MAX)
    if cap.days is not None and not 0.0 < cap.days <= limits.OFFER_CAP_DAYS_MAX:
        allowed = f"allowed above 0 to {limits.OFFER_CAP_DAYS_MAX}"
        wrong.add(f"{field}.period", f"is {cap.days:g} days; {allowed}")


def _filter(expression: str, wrong: Violations, field: str, schema: Schema) -> None:
    if not expression:
        return
    try:
        read_filter(expression, schema)
    except InvalidFilter as error:
        wrong.add(field, f"cannot be read: {error}")


def _radius(radius_km: float, wrong: Violations, field: str) -> None:
    if not 0.0 < radius_km <= limits.OFFER_RADIUS_KM_MAX:  # True for NaN too.
        allowed = f"allowed above 0 to {limits.OFFER_RADIUS_KM_MAX:g}"
        wrong.add(field, f"is {radius_km:g}; {allowed}")


def _amount(micros: int, wrong: Violations, field: str) -> None:
    if not 0 <= micros <= MICROS_MAX:
        allowed = f"allowed 0 to {limits.MONEY_UNITS_MAX}"
        wrong.add(field, f"is {amount_of_micros(micros)}; {allowed}")


def _positive(micros: int, wrong: Violations, field: str) -> None:
    if not 0 < micros <= MICROS_MAX:
        allowed = f"allowed above 0 to {limits.MONEY_UNITS_MAX}"
        wrong.add(field, f"is {amount_of_micros(micros)}; {allowed}")


def _between(count: int, wrong: Violations, field: str, count_max: int) -> None:
    if not 1 <= count <= count_max:
        wrong.add(field, f"is {count}; allowed 1 to {count_max}")


def _names(names: Sequence[str], wrong: Violations, field: str, bytes_max: int) -> None:
    if wrong.count_within(names, field, count_max=limits.OFFER_LIST_COUNT_MAX):
        for position, name in enumerate(names):
            wrong.text(name, f"{field}[{position}]", bytes_max=bytes_max)
        wrong.distinct(names, field)
