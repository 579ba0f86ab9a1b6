"""Offers as people write them: entries of a TOML file, or JSON lines."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from recsys.catalog import Place
from recsys.domain import Channel, ItemId, StoreId
from recsys.errors import InvalidData
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
    micros_of,
)
from recsys.row_values import seconds_of

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_PER_HOUR: Final = 60

Amount = str | int | float
Moment = object
"""A text or what TOML makes of a time; read by `seconds_of`."""


class HoursEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Such as `{ from = "18:00", until = "22:00", days = ["fri", "sat"] }`."""

    from_: str = msgspec.field(name="from")
    until: str
    days: tuple[str, ...] = ()


class CapEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Such as `{ count = 1, days = 7 }`."""

    count: int
    days: float | None = None


class OfferEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer in the words of docs/offers.md; just one of its benefits."""

    offer_id: str
    currency: str
    title: str = ""
    percent: float | None = None
    amount: Amount | None = None
    buy: int | None = None
    get: int | None = None
    gift: str | None = None
    free_delivery: bool = False
    points: int | None = None
    sample: str | None = None
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    filter: str = ""
    person_filter: str = ""
    basket_filter: str = ""
    basket_min: Amount = 0
    loyalty_tiers: tuple[str, ...] = ()
    new_customers_only: bool = False
    channels: tuple[Channel, ...] = ()
    stores: tuple[str, ...] = ()
    store_radius_km: float | None = None
    circles: tuple[tuple[float, float, float], ...] = ()
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    start: Moment = None
    end: Moment = None
    hours: tuple[HoursEntry, ...] = ()
    time_zone: str = ""
    stacking_group: str = ""
    stacks_on: str = ""
    priority: int = 0
    value: Amount = 0
    cost: Amount = 0
    budget: Amount | None = None
    units: int | None = None
    caps: tuple[CapEntry, ...] = ()
    holdout_share: float = 0.0


def read_offers(path: Path) -> dict[str, Offer]:
    """Read a file of offers: TOML with `[[offers]]`, else JSON lines.

    Raises:
        InvalidData: An entry cannot be read, or two have one id.
    """
    offers: dict[str, Offer] = {}
    for place, entry in _entries(path):
        try:
            said = msgspec.convert(entry, OfferEntry)
            offer = offer_of(said)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidData(path=str(path), problem=f"{place}: {error}") from error
        if said.offer_id in offers:
            problem = f"{place}: offer_id {said.offer_id!r} was said before"
            raise InvalidData(path=str(path), problem=problem)
        offers[said.offer_id] = offer
    return offers


def offer_of(said: OfferEntry) -> Offer:
    """Make an offer of an entry.

    Raises:
        ValueError: An amount, a time or a benefit cannot be read.
    """
    return Offer(
        title=said.title,
        benefit=_benefit(said),
        currency=said.currency,
        scope=Scope(
            item_ids=tuple(map(ItemId, said.items)),
            category_paths=said.categories,
            brands=said.brands,
            filter=said.filter,
        ),
        eligibility=Eligibility(
            person_filter=said.person_filter,
            basket_filter=said.basket_filter,
            loyalty_tiers=said.loyalty_tiers,
            new_customers_only=said.new_customers_only,
            channels=said.channels,
            store_ids=tuple(map(StoreId, said.stores)),
            geofence=Geofence(
                circles=tuple(Circle(*one) for one in said.circles),
                polygons=tuple(
                    Polygon(tuple(Place(*corner) for corner in one)) for one in said.polygons
                ),
                store_radius_km=said.store_radius_km,
            ),
            basket_micros_min=_micros(said.basket_min, "basket_min"),
        ),
        from_time=seconds_of(said.start, "start"),
        until_time=seconds_of(said.end, "end"),
        hours=tuple(map(_hours, said.hours)),
        time_zone=said.time_zone,
        stacking_group=said.stacking_group,
        stacks_on=said.stacks_on,
        priority=said.priority,
        value_micros=_micros(said.value, "value"),
        cost_micros=_micros(said.cost, "cost"),
        budget_micros=None if said.budget is None else _micros(said.budget, "budget"),
        unit_count=said.units,
        caps=tuple(Cap(one.count, one.days) for one in said.caps),
        holdout_share=said.holdout_share,
    )


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            for number, entry in enumerate(tomllib.loads(text).get("offers", ()), start=1):
                yield f"offer {number}", entry
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"line {number}", json.loads(line)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error


def _benefit(said: OfferEntry) -> Benefit:
    found: list[Benefit] = []
    if said.percent is not None:
        found.append(PercentOff(said.percent))
    if said.amount is not None:
        found.append(AmountOff(_micros(said.amount, "amount")))
    if said.buy is not None or said.get is not None:
        found.append(BuyAndGet(said.buy or 0, said.get or 0))
    if said.gift is not None:
        found.append(Gift(ItemId(said.gift)))
    if said.free_delivery:
        found.append(FreeDelivery())
    if said.points is not None:
        found.append(Points(said.points))
    if said.sample is not None:
        found.append(Sample(ItemId(said.sample)))
    if len(found) != 1:
        raise ValueError(
            f"has {len(found)} benefits; allowed is one of percent, amount, buy with get,"
            " gift, free_delivery, points, sample"
        )
    return found[0]


def _micros(amount: Amount, name: str) -> int:
    try:
        return micros_of(str(amount))
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{name} is {amount!r}: {error}") from error


def _hours(said: HoursEntry) -> Hours:
    unknown = [day for day in said.days if day not in _DAYS]
    if unknown:
        raise ValueError(f"day is {unknown[0]!r}; allowed {', '.join(_DAYS)}")
    days = tuple(_DAYS.index(day) + 1 for day in said.days)
    return Hours(_minute(said.from_), _minute(said.until), days)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(minute) < _MINUTES_PER_HOUR):
        raise ValueError(f"{text!r} is no time of the day, such as 18:30")
    return int(hour) * _MINUTES_PER_HOUR + int(minute)
