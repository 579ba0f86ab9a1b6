"""Who gets a message about what she has just done, and who does not."""

from collections.abc import Callable

import pytest

from recsys import limits
from recsys.consent import ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier
from recsys.offers import Cap, Eligibility, Scope
from recsys.triggers import MessageState, TriggerCause
from support.identity import account
from support.mall import ANNA, BEN, DAY, HOUR, MINUTE, NOON, PHONE, Mall

ADD, REMOVE, BUY, VIEW = (
    EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE_COMPLETE,
    EventType.DETAIL_PAGE_VIEW,
)  # fmt: skip
VISIT = """
[welcome]
on = "store-visit"
channel = "push"
expires_minutes = 30
again_hours = 0
"""
CART = """
[cart]
on = "cart-left"
channel = "push"
offer = "never"
expires_minutes = 120
"""


def welcome(mall: Mall, more: str = "", frequency: str = "") -> None:
    """Greet whoever enters a shop, with an offer for everybody who allows it."""
    mall.write_rules(VISIT + more, frequency)
    mall.offer("ten")
    mall.allow()


def robot(mall: Mall) -> None:
    """Do more in a day than a person can."""
    for number in range(limits.PERSON_DAY_EVENT_COUNT_MAX + 1):
        mall.happen(VIEW, "item-1", name=f"view-{number}")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take less than that for a robot."""
    monkeypatch.setattr(limits, "PERSON_DAY_EVENT_COUNT_MAX", 3)


REFUSALS: dict[str, tuple[str, str, Callable[[Mall], object], TriggerCause]] = {
    "nothing is said of that channel": (
        "", "", lambda mall: mall.allow(status=ConsentStatus.DENIED), TriggerCause.NO_CONSENT,
    ),
    "what she does may not be used": (
        "", "",
        lambda mall: mall.allow(status=ConsentStatus.WITHDRAWN, purpose=Purpose.PERSONALISE),
        TriggerCause.NO_CONSENT,
    ),
    "a robot": ("", "", robot, TriggerCause.ROBOT),
    "no address": (
        'address_namespaces = ["email_sha256"]', "", lambda _: None, TriggerCause.NO_ADDRESS,
    ),
    "night": ("", '[push]\nquiet_hours = "11:00-13:00"', lambda _: None, TriggerCause.QUIET_HOURS),
    "shown a moment ago": (
        "", "[all]\ngap_hours = 1",
        lambda mall: mall.happen(EventType.IMPRESSION, age=MINUTE, channel=Channel.EMAIL),
        TriggerCause.MINIMUM_GAP,
    ),
    "capped": ("", "[push]\ncaps = [{ count_max = 0, days = 1 }]", lambda _: None, TriggerCause.CAPPED),
    "no offer of those": ('offers = ["other"]', "", lambda _: None, TriggerCause.NO_OFFER),
    "the offer is used up": (
        "", "", lambda mall: mall.offer("ten", unit_count=1, budget_micros=1), TriggerCause.NO_OFFER,
    ),
    "held out": ("holdout_share = 1.0", "", lambda _: None, TriggerCause.HOLDOUT),
}  # fmt: skip


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("case", REFUSALS)
def test_there_is_no_message_where_something_speaks_against_it(
    sqlite_mall: Mall, case: str
) -> None:
    """That there is none is decided once, with its cause, and told to whoever asks."""
    mall = sqlite_mall
    more, frequency, arrange, cause = REFUSALS[case]
    welcome(mall, more, frequency)
    arrange(mall)
    mall.visit()
    follower = mall.follower()
    assert mall.look(follower) == [cause]
    assert mall.look(follower) == mall.take() == []
    (kept,) = mall.messages()
    assert (kept.state, kept.cause, kept.owner) == (MessageState.SUPPRESSED, cause, ANNA)


def test_late_and_anonymous_visits_and_other_shops_set_nothing_off(mall: Mall) -> None:
    """They are counted and not kept; so a file of old events makes no rows."""
    welcome(mall, 'stores = ["s-1"]')
    mall.visit(age=30 * MINUTE)
    mall.visit(who=())
    mall.visit("s-2")
    assert mall.look(mall.follower()) == [TriggerCause.LATE, TriggerCause.ANONYMOUS]
    assert mall.messages() == []


def test_she_gets_the_best_offer_that_she_may_have(mall: Mall) -> None:
    """Of those the trigger names, in that shop; what is better and not for her is not there."""
    welcome(mall, 'offers = ["ten", "twenty", "web"]')
    mall.offer("any", priority=9)
    mall.offer("web", priority=8, eligibility=Eligibility(channels=(Channel.WEB,)))
    mall.offer("twenty", priority=7, eligibility=Eligibility(channels=(Channel.STORE,)))
    mall.visit()
    assert mall.look(mall.follower()) == [None]
    (given,) = mall.take()
    assert given.offer is not None
    assert given.offer.offer_id == given.message.content.offer_id == "twenty"
    assert given.identifiers == (ANNA,)


def test_one_person_of_two_identifiers_gets_one_message(mall: Mall) -> None:
    """Her phone and her card are seen at the same door."""
    welcome(mall, frequency="[all]\ncaps = [{ count_max = 1, days = 1 }]")
    mall.join(ANNA, account("card"))
    mall.visit(who=(ANNA,))
    mall.visit(who=(account("card"),))
    assert sorted(map(str, mall.look(mall.follower()))) == ["None", "capped"]
    assert len(mall.take()) == 1


def test_a_message_is_not_repeated_for_a_while(mall: Mall) -> None:
    """Of the same trigger; another one is another message."""
    welcome(mall, '\n[again]\non = "store-visit"\nchannel = "push"\nagain_hours = 5')
    follower = mall.follower()
    found = []
    for _ in range(3):
        mall.visit()
        found.append(mall.look(follower))
        mall.send()
        mall.now += 3 * HOUR
    assert found == [[None, None], [TriggerCause.REPEATED, None], [None, None]]


def test_the_erased_get_nothing_and_nothing_of_them_stays(mall: Mall) -> None:
    """Neither what was decided, nor what waits, nor what arrives later."""
    welcome(mall, CART)
    follower = mall.follower()
    mall.visit()
    mall.happen(ADD, "item-1")
    assert mall.look(follower) == [None]
    assert mall.storage.people is not None
    mall.storage.people.erase([ANNA], now=mall.now)
    mall.now += 2.0 * HOUR
    assert mall.look(follower) == mall.take() == mall.messages() == []
    assert mall.sessions.rows("SELECT * FROM trigger_waits") == []
    mall.visit()
    assert mall.look(follower) == []


def left(mall: Mall, *done: tuple[float, EventType, str], who: Identifier = ANNA) -> list[object]:
    """Let somebody do things so many minutes after noon; return when a message comes about what."""
    mall.write_rules(CART)
    mall.allow(who)
    follower = mall.follower()
    found: list[object] = []
    for minute in range(0, 100, 5):
        mall.now = NOON + minute * MINUTE
        for when, kind, item_id in done:
            if minute - 5 < when <= minute:
                mall.happen(kind, item_id, who=(who,), age=(minute - when) * MINUTE)
        mall.look(follower)
        found += [(minute, *one.message.content.item_ids) for one in mall.send()]
    return found


CARTS = {
    "left alone": ([(0, ADD, "a"), (2, ADD, "b")], [(35, "b", "a")]),
    "put back": ([(0, ADD, "a"), (20, REMOVE, "a")], []),
    "one put back": ([(0, ADD, "a"), (0, ADD, "b"), (20, REMOVE, "a")], [(50, "b")]),
    "bought": ([(0, ADD, "a"), (0, ADD, "b"), (20, BUY, "a")], []),
    "something else bought": ([(0, ADD, "a"), (20, BUY, "z")], [(50, "a")]),
    "bought and filled again": ([(0, ADD, "a"), (5, BUY, "a"), (10, ADD, "a")], [(40, "a")]),
    "once in a while": ([(0, ADD, "a"), (40, ADD, "b")], [(30, "a")]),
}


@pytest.mark.parametrize("case", CARTS)
def test_a_cart_that_is_left_behind_sets_a_message_off(sqlite_mall: Mall, case: str) -> None:
    """After half an hour in which she did nothing with it, about what is in it then."""
    done, expected = CARTS[case]
    names = {letter: f"item-{at}" for at, letter in enumerate("abz", start=1)}
    done = [(when, kind, names[letter]) for when, kind, letter in done]
    expected = [(when, *(names[letter] for letter in letters)) for when, *letters in expected]
    assert left(sqlite_mall, *done) == expected


def test_a_cart_is_a_persons_and_not_a_devices(mall: Mall) -> None:
    """She fills it on the phone and on the web, and gets one message; or buys it there, and none."""
    mall.write_rules(CART)
    mall.allow()
    follower = mall.follower()
    mall.happen(ADD, "item-1", who=(PHONE,))
    mall.happen(ADD, "item-2", who=(ANNA, PHONE))
    mall.happen(ADD, "item-3", who=(BEN,))
    mall.allow(BEN)
    mall.look(follower)
    mall.now += 10 * MINUTE
    mall.happen(BUY, "item-3", who=(BEN,))
    mall.look(follower)
    mall.now += 20 * MINUTE
    found = mall.look(follower)
    assert found.count(None) == 1
    (given,) = mall.take()
    assert given.identifiers == (ANNA, PHONE)
    assert set(given.message.content.item_ids) == {"item-1", "item-2"}


def test_carts_of_long_ago_set_nothing_off(mall: Mall) -> None:
    """Neither one that arrives late, nor one that nobody could look at in time."""
    mall.write_rules(CART)
    mall.allow()
    mall.happen(ADD, "item-1", age=3 * HOUR)
    follower = mall.follower()
    assert mall.look(follower) == [TriggerCause.LATE]
    mall.happen(ADD, "item-1")
    assert mall.look(follower) == []
    mall.now += DAY
    assert mall.look(follower) == [TriggerCause.LATE]
    assert mall.look(follower) == mall.messages() == []


def test_an_offer_of_a_cart_is_about_something_in_it(mall: Mall) -> None:
    """What is on nothing in it is none; without one there may be a message all the same."""
    mall.write_rules(CART.replace('"never"', '"if-any"'))
    mall.offer("other", scope=Scope(item_ids=("item-7",)), priority=9)
    mall.offer("mine", scope=Scope(item_ids=("item-1",)), caps=(Cap(1),))
    follower = mall.follower()
    for who, item_id in ((ANNA, "item-1"), (BEN, "item-2")):
        mall.allow(who)
        mall.happen(ADD, item_id, who=(who,))
    mall.look(follower)
    mall.now += 30 * MINUTE
    assert mall.look(follower) == [None, None]
    found = {one.identifiers[0]: one.offer and one.offer.offer_id for one in mall.take()}
    assert found == {ANNA: "mine", BEN: None}
