"""Offers by themselves: what is wrong with one, where and when it holds, who never gets it."""

import datetime as dt
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalog import Place, Store, StoreKind
from recsys.domain import ItemId, StoreId
from recsys.errors import FieldViolation
from recsys.offers import (
    AmountOff,
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
    are_open,
    check_offer,
    is_held_out,
    micros_of,
)
from recsys.offers.geofence import contains, is_within
from recsys.violations import Violations
from support.offers import EURO, offer

SQUARE = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0))
BOW_TIE = ((0.0, 0.0), (10.0, 10.0), (0.0, 10.0), (10.0, 0.0))


def polygon(*corners: tuple[float, float]) -> Polygon:
    """Build a polygon of latitudes and longitudes."""
    return Polygon(tuple(Place(*corner) for corner in corners))


def fenced(*corners: tuple[float, float]) -> Offer:
    """Build an offer within a polygon."""
    return within(polygons=(polygon(*corners),))


def problems(wrong: Offer) -> tuple[FieldViolation, ...]:
    """What is wrong with an offer."""
    found = Violations()
    check_offer(wrong, found, "")
    return found.found


def within(**fence: Any) -> Offer:
    """Build an offer within a fence."""
    return offer(eligibility=Eligibility(geofence=Geofence(**fence)))


def when(**said: Any) -> Offer:
    """Build an offer of some hours."""
    return offer(hours=(Hours(**{"from_minute": 0, "until_minute": 60} | said),))


FULL = offer(
    title="Ten ☕",
    scope=Scope(
        item_ids=(ItemId("i"),), category_paths=("Home > Kitchen",), brands=("Pott",),
        filter="price > 5",
    ),
    eligibility=Eligibility(
        person_filter='rfm_segment = "champion" AND order_count >= 2',
        basket_filter='brand = "Pott"',
        loyalty_tiers=("gold",),
        store_ids=(StoreId("ulm"),),
        geofence=Geofence(
            circles=(Circle(48.4, 10.0, 25.0),), polygons=(polygon(*SQUARE),), store_radius_km=5.0
        ),
        basket_micros_min=20 * EURO,
    ),
    from_time=1.0,
    until_time=2.0,
    hours=(Hours(22 * 60, 2 * 60, (5, 6)),),
    time_zone="Europe/Berlin",
    stacking_group="ten",
    stacks_on="other",
    priority=-3,
    value_micros=5 * EURO,
    budget_micros=100 * EURO,
    unit_count=40,
    caps=(Cap(1, 7.0), Cap(3)),
    holdout_share=0.1,
)  # fmt: skip

WRONG = {
    "currency": (offer(currency="eur"), "currency_code"),
    "no percent": (offer(benefit=PercentOff(0.0)), "percent_off.percent"),
    "more than all": (offer(benefit=PercentOff(100.1)), "percent_off.percent"),
    "percent is NaN": (offer(benefit=PercentOff(math.nan)), "percent_off.percent"),
    "no amount": (offer(benefit=AmountOff(0)), "amount_off.amount"),
    "buy nothing": (offer(benefit=BuyAndGet(0, 1)), "buy_and_get.buy_count"),
    "get too much": (offer(benefit=BuyAndGet(1, 101)), "buy_and_get.get_count"),
    "no gift": (offer(benefit=Gift(ItemId(""))), "gift.item_id"),
    "no points": (offer(benefit=Points(0)), "points.point_count"),
    "no sample": (offer(benefit=Sample(ItemId(""))), "sample.item_id"),
    "ends at its start": (offer(from_time=2.0, until_time=2.0), "validity.end_time"),
    "ends before it begins": (offer(from_time=2.0, until_time=1.0), "validity.end_time"),
    "never begins": (offer(from_time=math.nan), "validity.start_time"),
    "time zone": (offer(time_zone="Mars/Olympus"), "time_zone"),
    "minute": (when(from_minute=1440), "hours[0].start_minute"),
    "no hours": (when(from_minute=60), "hours[0].end_minute"),
    "weekday": (when(weekdays=(1, 8)), "hours[0].weekdays[1]"),
    "weekday twice": (when(weekdays=(1, 1)), "hours[0].weekdays"),
    "no budget": (offer(budget_micros=0), "budget"),
    "negative budget": (offer(budget_micros=-1), "budget"),
    "less than one use": (offer(budget_micros=EURO - 1), "budget"),
    "no units": (offer(unit_count=0), "unit_count"),
    "negative cost": (offer(cost_micros=-1), "cost"),
    "too much": (offer(value_micros=10**18 + 1), "value"),
    "cap of nothing": (offer(caps=(Cap(0),)), "caps[0].count"),
    "cap of no time": (offer(caps=(Cap(1, 0.0),)), "caps[0].period"),
    "cap of NaN": (offer(caps=(Cap(1, math.nan),)), "caps[0].period"),
    "two caps of a period": (offer(caps=(Cap(1, 7.0), Cap(2, 7.0))), "caps"),
    "holdout": (offer(holdout_share=1.1), "holdout_share"),
    "holdout is NaN": (offer(holdout_share=math.nan), "holdout_share"),
    "priority": (offer(priority=1001), "priority"),
    "item twice": (offer(scope=Scope(item_ids=(ItemId("i"),) * 2)), "scope.item_ids"),
    "empty brand": (offer(scope=Scope(brands=("",))), "scope.brands[0]"),
    "filter of items": (offer(scope=Scope(filter="price >")), "scope.filter"),
    "unknown segment field": (
        offer(eligibility=Eligibility(person_filter='segment = "x"')),
        "eligibility.person_filter",
    ),
    "control character": (offer(title="a\x00"), "title"),
    "circle without radius": (
        within(circles=(Circle(0.0, 0.0, 0.0),)),
        "eligibility.geofence.circles[0].radius_km",
    ),
    "circle nowhere": (
        within(circles=(Circle(91.0, 0.0, 1.0),)),
        "eligibility.geofence.circles[0].center.latitude",
    ),
    "radius of stores": (within(store_radius_km=math.nan), "eligibility.geofence.store_radius_km"),
    "two corners": (fenced((0, 0), (1, 1)), "eligibility.geofence.polygons[0].corners"),
    "corner is NaN": (
        fenced((0, 0), (1, math.nan), (1, 1)),
        "eligibility.geofence.polygons[0].corners[1].longitude",
    ),
    "corner twice": (fenced((0, 0), (0, 0), (1, 1)), "eligibility.geofence.polygons[0]"),
    "bow tie": (fenced(*BOW_TIE), "eligibility.geofence.polygons[0]"),
    "there and back": (fenced((0, 0), (0, 5), (0, 9)), "eligibility.geofence.polygons[0]"),
    "a line twice": (fenced((0, 0), (5, 5), (0, 0), (9, 0)), "eligibility.geofence.polygons[0]"),
    "date line": (
        fenced((0, 170), (0, -170), (10, -170), (10, 170)),
        "eligibility.geofence.polygons[0]",
    ),
}


def test_a_full_offer_is_fine_and_survives_being_kept() -> None:
    """Every field is said once, and read back as it was."""
    assert problems(FULL) == ()
    for benefit in (AmountOff(1), BuyAndGet(2, 1), Gift(ItemId("i")), FreeDelivery(), Points(5)):
        full = msgspec.structs.replace(FULL, benefit=benefit)
        assert msgspec.json.decode(msgspec.json.encode(full), type=Offer) == full


@pytest.mark.parametrize(("wrong", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_of_its_field(wrong: Offer, field: str) -> None:
    """And of no other."""
    assert {one.field for one in problems(wrong)} == {field}


def test_a_polygon_across_the_date_line_says_what_would_do() -> None:
    """Two of them, one on each side, are fine."""
    (found,) = problems(fenced((0, 170), (0, -170), (10, -170), (10, 170)))
    assert "date line" in found.description
    east = polygon((0, 170), (0, 180), (10, 180), (10, 170))
    west = polygon((0, -180), (0, -170), (10, -170), (10, -180))
    assert not problems(within(polygons=(east, west)))


@pytest.mark.parametrize(
    ("place", "inside"),
    [((5, 5), True), ((5, 11), False), ((-1, 5), False), ((0, 0), True), ((10, 10), False)],
)
def test_a_polygon_contains_its_inside(place: tuple[float, float], inside: bool) -> None:  # noqa: FBT001 - a table
    """Of its border the southern and western part."""
    assert contains(polygon(*SQUARE), Place(*place)) is inside


def test_circles_are_around_points_or_stores() -> None:
    """Also across the date line; a store without a place has none."""
    ulm, online = StoreId("ulm"), StoreId("online")
    stores = {
        ulm: Store(store_id=ulm, latitude=48.4, longitude=10.0),
        online: Store(store_id=online, kind=StoreKind.ONLINE, latitude=0.0, longitude=0.0),
        StoreId("new"): Store(store_id=StoreId("new")),
    }

    def inside(fence: Geofence, place: Place, *named: StoreId) -> bool:
        return is_within(fence, place, store_ids=named, stores=stores)

    fiji = Geofence(circles=(Circle(-17.0, 179.9, 50.0),))
    assert inside(fiji, Place(-17.0, -179.9))
    assert not inside(fiji, Place(-17.0, 179.0))
    near = Geofence(store_radius_km=10.0)
    assert inside(near, Place(48.41, 10.01))
    assert not inside(near, Place(0.0, 0.0))
    assert not inside(near, Place(48.41, 10.01), StoreId("new"))
    assert inside(near, Place(48.41, 10.01), ulm)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-20T21:59", False),  # A Friday.
        ("2026-11-20T22:00", True),
        ("2026-11-21T01:59", True),
        ("2026-11-21T02:00", False),
        ("2026-11-20T01:00", False),
        ("2026-11-21T23:00", False),
    ],
)
def test_hours_over_midnight_belong_to_the_evening(local: str, is_open: bool) -> None:  # noqa: FBT001 - a table
    """Friday night is over on Saturday morning, where people live."""
    moment = dt.datetime.fromisoformat(f"{local}+01:00").timestamp()
    hours = [Hours(22 * 60, 2 * 60, (5,))]
    assert are_open(hours, "Europe/Berlin", now=moment) is is_open
    assert are_open([], "Europe/Berlin", now=moment)


def test_holdouts_are_drawn_by_share() -> None:
    """As many as asked for, each offer by itself, and more of a larger share."""
    people = range(20_000)
    held = {key for key in people if is_held_out(offer_id="a", person_key=key, share=0.1)}
    assert 0.09 < len(held) / len(people) < 0.11
    more = {key for key in people if is_held_out(offer_id="a", person_key=key, share=0.2)}
    other = {key for key in people if is_held_out(offer_id="b", person_key=key, share=0.1)}
    assert held < more
    assert 0.005 < len(held & other) / len(people) < 0.015
    assert all(is_held_out(offer_id="a", person_key=key, share=1.0) for key in range(99))
    assert not any(is_held_out(offer_id="a", person_key=key, share=0.0) for key in range(99))


@given(st.integers(0, 10**18))
def test_amounts_are_exact(micros: int) -> None:
    """What is said is what is counted."""
    assert micros_of(amount_of_micros(micros)) == micros


@pytest.mark.parametrize("wrong", ["0.0000001", "-1", "1000000000000.1"])
def test_amounts_that_cannot_be_counted_are_refused(wrong: str) -> None:
    """Rather than rounded."""
    with pytest.raises(ValueError, match=r"decimals|bounds"):
        micros_of(wrong)
