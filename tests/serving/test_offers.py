"""Offers over a real connection, on every kind of storage."""

import asyncio
import time
from collections import Counter
from typing import Any

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from recsys.v1 import catalog_pb2, catalog_service_pb2, offer_pb2
from recsys.v1 import event_service_pb2 as events
from recsys.v1 import offer_service_pb2 as service
from recsys.v1 import profile_service_pb2 as profiles
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import (
    CHANNEL_STORE,
    CHANNEL_WEB,
    EVENT_TYPE_ADD_TO_CART,
    EVENT_TYPE_PURCHASE_COMPLETE,
    Event,
    ItemLine,
    Money,
)
from recsys.v1.profile_pb2 import CONSENT_STATUS_DENIED, PURPOSE_PERSONALISE, Consent
from recsys.v1.subject_pb2 import Identifier, Subject
from serving.test_events import refused
from support.serving import Running

ANNA = Subject(user_id="anna")
CARD = Subject(identifiers=[Identifier(namespace="loyalty_card", value="26001")])
COMMITTED, EXPIRED = offer_pb2.RESERVATION_STATE_COMMITTED, offer_pb2.RESERVATION_STATE_EXPIRED


def euros(units: int, nanos: int = 0) -> Money:
    """An amount."""
    return Money(currency_code="EUR", units=units, nanos=nanos)


def offer(offer_id: str, **said: Any) -> offer_pb2.Offer:
    """Ten per cent off everything, worth five euros and costing one."""
    given: dict[str, Any] = {
        "currency_code": "EUR",
        "percent_off": offer_pb2.PercentOff(percent=10.0),
        "value": euros(5),
        "cost": euros(1),
    }
    return offer_pb2.Offer(offer_id=offer_id, **given | said)


def basket(*item_ids: str) -> service.Basket:
    """One piece each, for ten euros."""
    return service.Basket(lines=[ItemLine(item_id=one, unit_price=euros(10)) for one in item_ids])


FULL = offer(
    "full",
    title="Ten ☕",
    scope=offer_pb2.OfferScope(
        item_ids=["item-1"], category_paths=["Home"], brands=["Pott"], filter="price < 50"
    ),
    eligibility=offer_pb2.OfferEligibility(
        person_filter='rfm_segment = "champion"',
        basket_filter='brand = "Pott"',
        loyalty_tiers=["gold"],
        new_customers_only=True,
        channels=[CHANNEL_WEB],
        store_ids=["ulm"],
        geofence=offer_pb2.Geofence(
            circles=[
                offer_pb2.Circle(
                    center=catalog_pb2.Place(latitude=48.4, longitude=10.0), radius_km=5.0
                )
            ],
            polygons=[
                offer_pb2.Polygon(
                    corners=[
                        catalog_pb2.Place(latitude=north, longitude=east)
                        for north, east in ((0, 0), (0, 1), (1, 1))
                    ]
                )
            ],
            store_radius_km=2.0,
        ),
        basket_price_min=euros(20),
    ),
    validity=offer_pb2.OfferValidity(
        start_time=Timestamp(seconds=5), end_time=Timestamp(seconds=6, nanos=500_000_000)
    ),
    hours=[offer_pb2.OfferHours(start_minute=1320, end_minute=120, weekdays=[5, 6])],
    time_zone="Europe/Berlin",
    stacking_group="ten",
    priority=-3,
    budget=euros(100, 10_000),
    unit_count=40,
    caps=[offer_pb2.OfferCap(count=1, period=Duration(seconds=7 * 86_400)), {"count": 3}],
    holdout_share=0.25,
)


async def upsert(running: Running, *offers: offer_pb2.Offer) -> service.UpsertOffersResponse:
    """Write offers."""
    return await running.offers.UpsertOffers(service.UpsertOffersRequest(offers=offers))


async def ask(running: Running, subject: Subject = ANNA, **more: Any) -> dict[str, Any]:
    """Ask for the offers of a person: by id what they are, or the rule that refuses them."""
    request = service.RecommendOffersRequest(subject=subject, explain=True, **more)
    response = await running.offers.RecommendOffers(request)
    found: dict[str, Any] = {one.offer.offer_id: one for one in response.results}
    return found | {one.offer_id: one.rule for one in response.refused_offers}


def reserving(name: str, offer_id: str, **more: Any) -> service.ReserveOfferRequest:
    """What holds an offer."""
    given: dict[str, Any] = {"subject": ANNA} | more
    return service.ReserveOfferRequest(reservation_id=name, offer_id=offer_id, **given)


async def rule(running: Running, request: service.ReserveOfferRequest) -> str:
    """By which rule an offer is refused."""
    code, info, _ = await refused(running.offers.ReserveOffer(request))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OFFER_REFUSED")
    return str(info.metadata["rule"])


async def test_offers_are_kept_whole_and_shown_without_secrets(
    remembering: tuple[Running, Running],
) -> None:
    """What is written by one worker is known to the other; frontends learn what people may."""
    one, other = remembering
    written = await upsert(one, FULL, offer("plain"))
    assert (written.written_count, written.unchanged_count) == (2, 0)
    assert (await upsert(one, FULL)).unchanged_count == 1
    got = await other.offers.GetOffer(service.GetOfferRequest(offer_id="full"))
    assert got.offer == FULL
    page = await other.offers.ListOffers(service.ListOffersRequest(page_size=1))
    assert [sent.offer_id for sent in page.offers] == ["full"]
    request = service.ListOffersRequest(page_size=1, page_token=page.next_page_token)
    page = await other.offers.ListOffers(request)
    assert ([sent.offer_id for sent in page.offers], page.next_page_token) == (["plain"], "")
    shown = (await ask(other))["plain"].offer
    assert shown.title == ""
    assert not shown.HasField("value")
    assert not shown.HasField("cost")
    deleted = service.DeleteOffersRequest(offer_ids=["plain", "none"])
    assert (await one.offers.DeleteOffers(deleted)).deleted_count == 1
    assert "plain" not in await ask(other)
    gone = await refused(other.offers.GetOffer(service.GetOfferRequest(offer_id="plain")))
    assert gone[1].reason == "OFFER_NOT_FOUND"


async def test_wrong_offers_are_refused_field_by_field(remembering_sqlite: Running) -> None:
    """None of the others is written then."""
    wrong = offer(
        "wrong",
        cost=Money(currency_code="USD", units=1),
        budget=euros(1, 1),
        caps=[offer_pb2.OfferCap(count=0)],
    )
    request = service.UpsertOffersRequest(offers=[offer("fine"), wrong, offer("fine")])
    error = await refused(remembering_sqlite.offers.UpsertOffers(request))
    fields = {one.field: one.description for one in error[2].field_violations}
    assert fields.keys() == {
        "offers[1].cost.currency_code",
        "offers[1].budget",
        "offers[2].offer_id",
    }
    assert "six decimals" in fields["offers[1].budget"]
    bare = service.UpsertOffersRequest(offers=[offer_pb2.Offer(offer_id="x", currency_code="EUR")])
    error = await refused(remembering_sqlite.offers.UpsertOffers(bare))
    (field,) = (one.field for one in error[2].field_violations)
    assert field == "offers[0].benefit"
    left = await remembering_sqlite.offers.ListOffers(service.ListOffersRequest())
    assert not left.offers


async def test_each_rule_refuses_and_says_so(remembering: tuple[Running, Running]) -> None:
    """Everywhere, of everybody, in every answer that is to be explained."""
    running, other = remembering
    now = int(time.time())
    who = offer_pb2.OfferEligibility
    later = offer_pb2.OfferValidity(start_time=Timestamp(seconds=now + 999))
    over = offer_pb2.OfferValidity(end_time=Timestamp(seconds=now - 9))
    fence = offer_pb2.Geofence(
        circles=[offer_pb2.Circle(center=catalog_pb2.Place(latitude=10.0), radius_km=9.0)]
    )
    minute = now // 60 % 1440
    closed = offer_pb2.OfferHours(
        start_minute=(minute + 60) % 1440, end_minute=(minute + 90) % 1440 or 1440
    )
    await upsert(
        running,
        offer("NOT_STARTED", validity=later),
        offer("ENDED", validity=over),
        offer("HOURS", hours=[closed]),
        offer("CHANNEL", eligibility=who(channels=[CHANNEL_STORE])),
        offer("STORE", eligibility=who(store_ids=["s-2"])),
        offer("GEOFENCE", eligibility=who(geofence=fence)),
        offer("LOYALTY_TIER", eligibility=who(loyalty_tiers=["gold"])),
        offer("BASKET", eligibility=who(basket_price_min=euros(11))),
        offer("NEW_CUSTOMERS", eligibility=who(new_customers_only=True)),
        offer("PERSON", eligibility=who(person_filter="order_count > 5")),
        offer("HOLDOUT", holdout_share=1.0),
        offer("UNITS", unit_count=1),
        offer("BUDGET", budget=euros(1)),
        offer("CAP", caps=[offer_pb2.OfferCap(count=1)]),
        offer("group", stacking_group="g", value=euros(9)),
        offer("STACKING", stacking_group="g"),
        offer("above", stacks_on="STACKING"),
        offer("on top", stacks_on="group"),
        offer("regular", eligibility=who(person_filter="order_count = 1")),
    )
    bought = Event(
        event_id="bought",
        event_type=EVENT_TYPE_PURCHASE_COMPLETE,
        subject=ANNA,
        lines=[ItemLine(item_id="item-1")],
    )
    await running.events.WriteEvent(events.WriteEventRequest(event=bought))
    for name in ("UNITS", "BUDGET", "CAP"):
        await running.offers.ReserveOffer(reserving(name, name))
    where = {"context": Context(channel=CHANNEL_WEB, store_id="s-1"), "basket": basket("item-1")}
    found = await ask(other, **where)
    rules = {name: one for name, one in found.items() if isinstance(one, str)}
    assert {name for name, one in rules.items() if name == one} == {
        name for name in found if name.isupper()
    }
    assert rules["above"] == "STACKING"
    assert found.keys() - rules.keys() == {"group", "on top", "regular"}
    assert found["group"].applicable
    anonymous = await ask(other, Subject(), **where)
    assert Counter(one for one in anonymous.values() if isinstance(one, str))["IDENTITY"] == 8
    denied = Consent(purpose=PURPOSE_PERSONALISE, status=CONSENT_STATUS_DENIED)
    await running.profiles.SetConsent(profiles.SetConsentRequest(subject=ANNA, consents=[denied]))
    assert (await ask(other, **where))["regular"] == "CONSENT"
    for name in ("CHANNEL", "BASKET", "HOLDOUT", "UNITS", "CAP"):
        assert await rule(other, reserving(f"{name}2", name, **where)) == name
    assert await rule(other, reserving("x", "regular", **where)) == "CONSENT"


async def test_offers_of_what_she_likes_come_first(remembering: tuple[Running, Running]) -> None:
    """By her items, said in the reason; by what is popular for those of whom nothing is known."""
    running, other = remembering
    items = [
        catalog_pb2.Item(item_id=f"item-{n}", brand="odd" if n % 2 else "even") for n in range(40)
    ]
    await running.catalog.UpsertItems(catalog_service_pb2.UpsertItemsRequest(items=items))
    await upsert(
        running,
        offer("odd", scope=offer_pb2.OfferScope(brands=["odd"])),
        offer("even", scope=offer_pb2.OfferScope(filter='brand = "even"')),
        offer("dear", scope=offer_pb2.OfferScope(brands=["odd", "even"]), cost=euros(4)),
        offer("first", priority=1, value=euros(0)),
    )
    cart = Event(
        event_id="cart",
        event_type=EVENT_TYPE_ADD_TO_CART,
        lines=[ItemLine(item_id="item-1"), ItemLine(item_id="item-3")],
        subject=ANNA,
    )
    await running.events.WriteEvent(events.WriteEventRequest(event=cart))
    found = await ask(other)
    assert list(found) == ["first", "odd", "even", "dear"]
    assert found["odd"].reason == service.OFFER_REASON_AFFINITY
    assert found["odd"].propensity > 0.5 > found["even"].propensity
    assert found["dear"].expected_value == pytest.approx(found["dear"].propensity * (5 - 4))
    assert found["first"].expected_value == pytest.approx(-1.0)
    unknown = await ask(other, Subject(user_id="nobody"))
    assert {one.reason for one in unknown.values()} == {service.OFFER_REASON_POPULARITY}
    plain = service.RecommendOffersRequest(subject=ANNA, page_size=1)
    response = await other.offers.RecommendOffers(plain)
    assert [one.offer.offer_id for one in response.results] == ["first"]
    assert not response.results[0].HasField("expected_value")
    assert not response.refused_offers
    # A changed item changes the next answer of every worker.
    items = [catalog_pb2.Item(item_id=f"item-{n}", brand="none") for n in range(1, 40, 2)]
    await running.catalog.UpsertItems(catalog_service_pb2.UpsertItemsRequest(items=items))
    assert (await ask(other))["odd"].propensity == 0.0


async def test_a_use_is_counted_once_on_both_workers(remembering: tuple[Running, Running]) -> None:
    """Asked again it is the same; refused later or committed, the sums say so everywhere."""
    one, other = remembering
    await upsert(
        one, offer("ten", budget=euros(2), scope=offer_pb2.OfferScope(item_ids=["item-1"]))
    )
    request = reserving("r", "ten", basket=basket("item-1"), cost=euros(1, 500_000_000))
    first = (await one.offers.ReserveOffer(request)).reservation
    assert first.cost == euros(1, 500_000_000)
    assert (await other.offers.ReserveOffer(request)).reservation == first
    assert await rule(other, reserving("s", "ten", basket=basket("item-1"))) == "BUDGET"
    assert await rule(other, reserving("s", "ten", basket=basket("item-2"))) == "SCOPE"
    commit = service.CommitOfferRequest(reservation_id="r", cost=euros(1))
    done = (await other.offers.CommitOffer(commit)).reservation
    assert (done.state, done.cost) == (COMMITTED, euros(1))
    # However the offer has changed since, what was reserved is what it was.
    await one.offers.DeleteOffers(service.DeleteOffersRequest(offer_ids=["ten"]))
    assert (await one.offers.CommitOffer(commit)).reservation.state == COMMITTED
    await upsert(one, offer("ten", budget=euros(2)))
    spend = (await other.offers.GetOffer(service.GetOfferRequest(offer_id="ten"))).spend
    assert (spend.reserved_count, spend.committed_count, spend.committed_cost) == (0, 1, euros(1))
    release = service.ReleaseOfferRequest(reservation_id="r")
    error = await refused(one.offers.ReleaseOffer(release))
    assert error[1].reason == "RESERVATION_SETTLED"
    too_long = reserving("t", "ten", hold_duration=Duration(seconds=700_000))
    error = await refused(one.offers.ReserveOffer(too_long))
    assert error[2].field_violations[0].field == "hold_duration"
    error = await refused(one.offers.ReserveOffer(reserving("t", "ten", subject=Subject())))
    assert error[2].field_violations[0].field == "subject"
    assert one.counted("recsys_offer_uses_total", asked="reserve", outcome="reserved") == 1
    assert other.counted("recsys_offer_uses_total", asked="reserve", outcome="offer_refused") == 2


async def test_many_callers_share_a_commit(remembering_sqlite: Running) -> None:
    """Each gets an answer of its own, and there are as many uses as there may be."""
    await upsert(remembering_sqlite, offer("few", unit_count=20))
    calls = [
        remembering_sqlite.offers.ReserveOffer(
            reserving(f"r{n}", "few", subject=Subject(user_id=f"u{n}"))
        )
        for n in range(60)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    names = [one.reservation.reservation_id for one in answers if not isinstance(one, Exception)]
    assert len(names) == len(set(names)) == 20


async def test_a_server_without_a_storage_says_so(running: Running) -> None:
    """Whatever is asked of offers."""
    for call in (
        running.offers.RecommendOffers(service.RecommendOffersRequest()),
        running.offers.ReserveOffer(service.ReserveOfferRequest()),
        running.offers.ListOffers(service.ListOffersRequest()),
    ):
        error = await refused(call)
        assert error[1].reason == "STORAGE_MISSING"


async def test_what_she_has_reserved_stands_for_its_group(
    remembering: tuple[Running, Running],
) -> None:
    """Nothing else of its group is hers, and what goes on top of it is, wherever it is refused."""
    one, other = remembering
    in_store = offer_pb2.OfferEligibility(channels=[CHANNEL_STORE])
    await upsert(
        one,
        offer("first", stacking_group="g", caps=[offer_pb2.OfferCap(count=1)], value=euros(9)),
        offer("second", stacking_group="g"),
        offer("at the till", eligibility=in_store),
        offer("on top", stacks_on="at the till"),
    )
    at_till = Context(channel=CHANNEL_STORE)
    await one.offers.ReserveOffer(reserving("r-1", "first"))
    await one.offers.ReserveOffer(reserving("r-2", "at the till", context=at_till))
    found = await ask(other, context=Context(channel=CHANNEL_WEB))
    rules = {name: what for name, what in found.items() if isinstance(what, str)}
    assert rules == {"first": "CAP", "second": "STACKING", "at the till": "CHANNEL"}
    assert await rule(other, reserving("r-3", "second")) == "STACKING"
