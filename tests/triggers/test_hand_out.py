"""What is handed out, once more looked at; and what becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys import limits
from recsys.catalog import Item
from recsys.consent import ConsentStatus
from recsys.domain import Channel, EventType, ItemId, StoreId
from recsys.errors import StorageUnavailable
from recsys.events import Event, EventContent
from recsys.offers import Cap, Reserve
from recsys.offers.recommender import OfferRecommender
from recsys.storage.event_rows import EVENT_COLUMNS, Keys
from recsys.storage.open_sessions import open_sessions
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_schema import read_fact
from recsys.storage.sqlite_writer import SqliteWriter
from recsys.storage.trigger_feed import LogTriggerFeed
from recsys.storage.triggers import TriggerMessages
from recsys.triggers import AckOutcome, MessageState, TriggerCause, TriggerStore
from recsys.triggers.follow import TURN_SECONDS
from support.mall import ANNA, BEN, DAY, MINUTE, Mall, make_model
from triggers.conftest import emptied, opened
from triggers.test_decide import CART, VISIT, welcome

PENDING, LEASED, SENT, WITHDRAWN, _ = MessageState


def decide(mall: Mall, more: str = "", frequency: str = "") -> str:
    """Decide on a message; return its id."""
    welcome(mall, more, frequency)
    mall.visit()
    assert mall.look(mall.follower()) == [None]
    return mall.messages()[-1].message_id


def refuse(mall: Mall) -> None:
    """Take her consent back."""
    mall.allow(status=ConsentStatus.WITHDRAWN)


def use_up(mall: Mall) -> None:
    """Let her use the offer as often as she may."""
    assert mall.storage.offers is not None
    mall.storage.offers.ledger.settle([Reserve("r", "ten", (ANNA,), hold_seconds=60.0)])


def delete(mall: Mall) -> None:
    """Delete the offer."""
    assert mall.storage.offers is not None
    mall.storage.offers.store.delete_offers(["ten"], now=mall.now)


def forget(mall: Mall) -> None:
    """Take the trigger away."""
    mall.write_rules("")


WITHDRAWALS: dict[str, tuple[Callable[[Mall], object], TriggerCause]] = {
    "she says stop": (refuse, TriggerCause.NO_CONSENT),
    "she has used the offer": (use_up, TriggerCause.NO_OFFER),
    "the offer is gone": (delete, TriggerCause.NO_OFFER),
    "the trigger is gone": (forget, TriggerCause.RETIRED),
    "the trigger reaches her elsewhere": (
        lambda mall: mall.write_rules(VISIT.replace("push", "sms")), TriggerCause.RETIRED,
    ),
    "somebody else has messaged her": (
        lambda mall: mall.happen(EventType.IMPRESSION, channel=Channel.EMAIL), TriggerCause.CAPPED,
    ),
    "nobody has taken it in time": (
        lambda mall: setattr(mall, "now", mall.now + 30 * MINUTE), TriggerCause.EXPIRED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHDRAWALS)
def test_a_message_is_withdrawn_if_something_speaks_against_it_by_now(
    sqlite_mall: Mall, case: str
) -> None:
    """It is looked at again when it is handed out; the cause is kept and told."""
    mall = sqlite_mall
    decide(mall, frequency="[all]\ncaps = [{ count_max = 1, days = 1 }]")
    mall.offer("ten", caps=(Cap(1),))
    happens, cause = WITHDRAWALS[case]
    happens(mall)
    assert mall.take() == mall.take() == []
    assert mall.said[1:] == [("welcome", cause)]
    (kept,) = mall.messages()
    assert (kept.state, kept.cause) == (WITHDRAWN, cause)


def test_what_nobody_has_foreseen_takes_one_message_and_not_the_others(
    sqlite_mall: Mall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither when it is decided nor when it is handed out; the log says what it was."""
    mall = sqlite_mall
    welcome(mall)
    mall.allow(BEN)
    recommend_each = OfferRecommender.recommend_each

    def fails_for_anna(self: OfferRecommender, model: Any, queries: Any, *, now: float) -> Any:
        if any(query.identifiers == (ANNA,) for query in queries):
            raise RuntimeError("unforeseen")
        return recommend_each(self, model, queries, now=now)

    follower = mall.follower()
    mall.visit(who=(ANNA,))
    mall.visit(who=(BEN,))
    with monkeypatch.context() as patch:
        patch.setattr(OfferRecommender, "recommend_each", fails_for_anna)
        assert mall.look(follower) == [TriggerCause.FAILED, None]
        mall.send()
    mall.visit(who=(ANNA,))
    mall.visit(who=(BEN,))
    assert mall.look(follower) == [None, None]
    with monkeypatch.context() as patch:
        patch.setattr(OfferRecommender, "recommend_each", fails_for_anna)
        assert [one.identifiers for one in mall.take()] == [(BEN,)]
    assert [record.message for record in caplog.records].count("trigger_failed") == 2


def test_who_is_joined_meanwhile_gets_the_first_of_her_messages(mall: Mall) -> None:
    """Both were decided for two people; she is one now."""
    welcome(mall, frequency="[all]\ncaps = [{ count_max = 1, days = 1 }]")
    mall.allow(BEN)
    mall.visit(who=(BEN,))
    mall.visit(who=(ANNA,))
    follower = mall.follower()
    assert mall.look(follower) == [None, None]
    mall.join(ANNA, BEN)
    given = mall.take()
    assert [one.message.number for one in given] == [min(one.number for one in mall.messages())]
    assert set(given[0].identifiers) == {ANNA, BEN}


def test_items_of_a_cart_are_shown_as_the_catalogue_has_them_now(mall: Mall) -> None:
    """With titles and addresses; what is not offered any more is left out."""
    catalog = mall.storage.catalog_store
    assert catalog is not None
    mug = Item(title="Mug ☕", page_url="https://shop.example/mug")
    catalog.upsert_items({ItemId("item-1"): mug, ItemId("item-2"): Item(title="Cup")}, now=mall.now)
    mall.write_rules(CART)
    mall.allow()
    mall.happen(EventType.ADD_TO_CART, "item-1", "item-2")
    follower = mall.follower()
    mall.look(follower)
    mall.now += 31 * MINUTE
    assert mall.look(follower) == [None]
    gone = Item(title="Cup", available_until_time=mall.now - 1.0)
    catalog.upsert_items({ItemId("item-2"): gone}, now=mall.now)
    (given,) = mall.take()
    assert given.items == ((ItemId("item-1"), mug),)
    assert given.message.content.item_ids == ("item-2", "item-1")


def test_a_message_is_leased_until_somebody_says_what_became_of_it(mall: Mall) -> None:
    """A consumer that comes back gets it at once, another one when the lease is over."""
    message_id = decide(mall)
    assert [one.message.message_id for one in mall.take("a")] == [message_id]
    assert mall.take("a") == mall.take("b", is_resuming=True) == []
    (again,) = mall.take("a", is_resuming=True)
    assert again.message.state is LEASED
    mall.now += limits.LEASE_SECONDS_DEFAULT
    assert len(mall.take("b")) == 1
    assert mall.store.acknowledge([(message_id, AckOutcome.RELEASED)]) == {message_id: PENDING}
    assert len(mall.take("c")) == 1
    assert mall.store.acknowledge([(message_id, AckOutcome.SENT)]) == {message_id: SENT}
    mall.now += limits.LEASE_SECONDS_DEFAULT
    assert mall.take("c", is_resuming=True) == []
    for outcome in AckOutcome:
        assert mall.store.acknowledge([(message_id, outcome)]) == {message_id: SENT}
    assert mall.store.acknowledge([("0" * 32, AckOutcome.SENT), ("no id", AckOutcome.SENT)]) == {}


def test_what_cannot_be_sent_is_over_and_what_was_sent_was(mall: Mall) -> None:
    """Even if it was withdrawn on the way; and what was never decided stays so."""
    message_id = decide(mall)
    mall.take()
    assert mall.store.acknowledge([(message_id, AckOutcome.REFUSED)]) == {message_id: WITHDRAWN}
    assert mall.messages()[0].cause is TriggerCause.REFUSED
    mall.store.withdraw([(message_id, TriggerCause.NO_CONSENT)])
    assert mall.messages()[0].cause is TriggerCause.REFUSED
    assert mall.store.acknowledge([(message_id, AckOutcome.SENT)]) == {message_id: SENT}
    mall.store.withdraw([(message_id, TriggerCause.NO_CONSENT)])
    assert mall.messages()[0].state is SENT
    refuse(mall)
    mall.visit()
    assert mall.look(mall.follower()) == [TriggerCause.NO_CONSENT]
    suppressed = mall.messages()[1].message_id
    found = mall.store.acknowledge([(suppressed, AckOutcome.SENT)])
    assert found == {suppressed: MessageState.SUPPRESSED}


def test_one_worker_decides_until_it_dies_or_lets_go(mall: Mall) -> None:
    """Another one takes over where it was; what was decided is not decided again."""
    welcome(mall)
    one, other = mall.follower("one"), mall.follower("other")
    mall.visit()
    assert mall.look(one) == [None]
    mall.visit()
    assert mall.look(other) == []
    mall.now += TURN_SECONDS + 0.1
    assert mall.look(other) == [None]
    # The first one was asleep, and thinks that it still is its turn for a moment.
    mall.visit()
    assert mall.look(one) == []
    assert mall.look(other) == [None]
    other.close()
    mall.visit()
    mall.now += 1.0
    assert mall.look(one) == [None]
    assert len(mall.messages()) == 4


class Failing:
    """A store that dies at one step; all else is that of another one."""

    def __init__(self, store: TriggerStore, *, is_written: bool) -> None:
        self._store = store
        self._is_written = is_written

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def decide(self, *args: object, **kwargs: object) -> object:
        """Die before or after everything is kept."""
        if self._is_written:
            self._store.decide(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        raise StorageUnavailable(storage="test", problem="dies")


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_whoever_dies_while_deciding_leaves_one_decision(mall: Mall, *, is_written: bool) -> None:
    """For the next one to make, or to find."""
    welcome(mall, CART)
    mall.visit()
    mall.happen(EventType.ADD_TO_CART, "item-1")
    dying = mall.follower("dying", store=Failing(mall.store, is_written=is_written))  # type: ignore[arg-type]  # behaves as one
    with pytest.raises(StorageUnavailable):
        mall.look(dying)
    mall.now += TURN_SECONDS + 0.1
    mall.look(mall.follower("next"))
    mall.now += 30 * MINUTE
    mall.look(mall.follower("last"))
    assert sorted(one.trigger for one in mall.messages()) == ["cart", "welcome"]


def test_what_was_decided_long_ago_is_forgotten(mall: Mall) -> None:
    """Bit by bit, by whoever decides."""
    decide(mall)
    mall.now += (limits.TRIGGER_KEPT_DAYS + 1) * DAY
    mall.visit()
    assert None in mall.look(mall.follower())
    assert len(mall.messages()) == 1


def test_an_event_that_becomes_visible_late_sets_a_message_off(triggers_url: str) -> None:
    """PostgreSQL numbers events before they are committed; none is passed by, none given twice."""
    emptied(triggers_url)
    content = EventContent(event_type=EventType.STORE_VISIT, store_id=StoreId("s-1"))
    events = [Event.of(content, event_id=name, now=1.0) for name in ("first", "slow", "quick")]
    rows = Keys("00" * 16).rows(events)[1]
    marks = ", ".join(["%s"] * len(EVENT_COLUMNS.split(", ")))
    add = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})"

    def news(now: float) -> list[str]:
        found = feed.news([EventType.STORE_VISIT], now=now)
        feed.accept(found)
        places.append(found.place)
        return [one.event_id for one in found.events]

    places: list[int] = []
    with (
        open_sessions(triggers_url) as sessions,
        psycopg.connect(triggers_url) as slow,
        psycopg.connect(triggers_url, autocommit=True) as quick,
    ):
        feed = LogTriggerFeed(sessions, late_seconds=10.0)
        feed.begin(None)
        quick.execute(add, rows[0])
        assert news(0.0) == ["first"]
        slow.execute(add, rows[1])
        quick.execute(add, rows[2])
        assert news(2.0) == ["quick"]
        assert news(9.0) == []
        slow.commit()
        assert news(10.0) == ["slow"]
        assert news(25.0) == news(40.0) == []
        assert places[:3] == [0, 0, 0]
        assert places[-1] == 3


def test_an_import_carries_over_what_was_decided(tmp_path: Path) -> None:
    """So that nobody gets a message again, or too many, from the new store."""
    for mall in opened(str(tmp_path / "before.sqlite"), make_model(tmp_path / "bundle")):
        message_id = decide(mall, CART)
        mall.happen(EventType.ADD_TO_CART, "item-1")
        mall.look(mall.follower())
        now = mall.now
    with SqliteWriter(tmp_path / "after.sqlite", people=tmp_path / "before.sqlite"):
        pass
    assert read_fact(tmp_path / "after.sqlite", "salt")
    sessions = SqliteSessions(tmp_path / "after.sqlite")
    store = TriggerMessages(sessions, clock=lambda _: now)
    assert store.find([message_id])[message_id].owner == ANNA
    assert [wait.owner for wait in store.due(now=now + DAY, count_max=9)] == [ANNA]
    assert store.take_turn("one", seconds=1.0) == (None,)
    sessions.close()


def test_whoever_loses_its_turn_leaves_the_rest_to_others(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long look renews its turn between its steps; nothing is decided twice or passed by."""
    welcome(mall)
    monkeypatch.setattr(limits, "TRIGGER_DECIDE_COUNT_MAX", 1)
    for _ in range(3):
        mall.visit()
    decide, slow, quick = mall.store.decide, mall.follower("slow"), mall.follower("quick")
    assert mall.look(slow) == [None] * 3
    for _ in range(3):
        mall.visit()

    def takes_its_time(*said: Any, **more: Any) -> Any:
        found = decide(*said, **more)
        monkeypatch.setattr(mall.store, "decide", decide)
        mall.now += TURN_SECONDS + 0.1
        assert mall.look(quick) == [None, None]
        return found

    monkeypatch.setattr(mall.store, "decide", takes_its_time)
    mall.look(slow)
    assert [cause for _, cause in mall.said] == [None] * 6
    assert len(mall.messages()) == 6


def test_what_was_decided_without_an_offer_goes_out_without_one(sqlite_mall: Mall) -> None:
    """However many there are by now: what is shown is what counts as shown."""
    mall = sqlite_mall
    mall.write_rules(CART.replace('"never"', '"if-any"'))
    mall.allow()
    mall.happen(EventType.ADD_TO_CART, "item-1")
    follower = mall.follower()
    mall.look(follower)
    mall.now += 30 * MINUTE
    assert mall.look(follower) == [None]
    mall.offer("late")
    (given,) = mall.take()
    assert (given.offer, given.message.content.offer_id) == (None, "")
