"""What every storage must do for offers; one suite for all adapters.

An adapter's test module subclasses `OffersContract` and gives the fixture `shop`.
"""

import contextlib
import threading

import pytest

from recsys.domain import SECONDS_PER_DAY, Channel
from recsys.errors import (
    CostTooHigh,
    InvalidRequest,
    OfferNotFound,
    OfferRefused,
    ReservationConflict,
    ReservationNotFound,
    ReservationSettled,
)
from recsys.offers import Cap, Commit, KeyedOffer, Release, Reservation, Spend
from support.identity import account
from support.offers import ANNA, BEN, EURO, ONCE, offer, reserve
from support.offers_shop import (
    COMMITTED,
    EXPIRED,
    NOW,
    RELEASED,
    RESERVED,
    RETURNED,
    Shop,
    kinds,
)


class OffersContract:
    """The laws; see the module."""

    @pytest.fixture
    def shop(self) -> Shop:
        """Open an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_offers_are_followed_by_their_changes(self, shop: Shop) -> None:
        """What is written twice is no change, and what is deleted is one."""
        feed = shop.offers
        assert (feed.last_seq(), feed.changes(0).offers) == (0, [])
        one, two = offer(title="Ten ☕"), offer(title="Five")
        assert feed.upsert_offers({"ten": one, "five": two}, now=NOW) == ["ten", "five"]
        seq = feed.last_seq()
        assert feed.changes(0) == (seq, [KeyedOffer("ten", one), KeyedOffer("five", two)])
        assert feed.upsert_offers({"ten": one}, now=NOW) == []
        assert feed.last_seq() == seq
        assert feed.delete_offers(["five", "none", "five"], now=NOW) == ["five"]
        assert feed.changes(seq) == (seq + 1, [KeyedOffer("five", None)])
        assert feed.find_offers(["ten", "five", "none"]) == {"ten": one}
        shop.write(a=two, b=two)
        page = feed.list_offers(after=None, count_max=2)
        assert ([name for name, _ in page.offers], page.next_id) == (["a", "b"], "b")
        assert feed.list_offers(after="b", count_max=2) == ([("ten", one)], None)

    def test_circles_of_stacking_are_refused(self, shop: Shop) -> None:
        """Also those that go through offers written before; nothing is written then."""
        shop.write(a=offer(), b=offer(stacks_on="a"))
        cases = {
            "leads back": {"a": offer(stacks_on="b")},
            "does not exist": {"c": offer(stacks_on="nowhere")},
            "back to the offer itself": {"c": offer(stacks_on="d"), "d": offer(stacks_on="c")},
            "more than 8": {f"o{n}": offer(stacks_on=f"o{n - 1}" if n else "b") for n in range(9)},
        }
        for problem, offers in cases.items():
            with pytest.raises(InvalidRequest, match=problem):
                shop.offers.upsert_offers(offers, now=NOW)
        assert len(shop.offers.list_offers(after=None, count_max=9).offers) == 2

    def test_a_reservation_is_committed_once(self, shop: Shop) -> None:
        """Asking again gives the same answer; what is over cannot be undone."""
        shop.write(ten=offer())
        first = shop.take(reserve("r"))
        assert (first.state, first.cost_micros, first.currency) == (RESERVED, EURO, "EUR")
        assert (first.reserve_time, first.expire_time) == (NOW, NOW + 60.0)
        assert shop.spend() == (1, EURO, 0, 0)
        assert shop.take(reserve("r")) == first
        assert shop.spend() == (1, EURO, 0, 0)
        shop.clock.now += 1.0
        done = shop.take(Commit("r", cost_micros=EURO // 4))
        assert (done.state, done.cost_micros, done.settle_time) == (
            COMMITTED, EURO // 4, NOW + 1.0,
        )  # fmt: skip
        assert shop.spend() == (0, 0, 1, EURO // 4)
        again = shop.ask(Commit("r"), Commit("r", EURO // 4), reserve("r"))
        assert again == [done] * 3
        wrong = shop.ask(Release("r"), Commit("r", EURO), Commit("none"), Release("none"))
        assert kinds(wrong) == [
            ReservationSettled, ReservationSettled, ReservationNotFound, ReservationNotFound,
        ]  # fmt: skip
        assert shop.spend() == (0, 0, 1, EURO // 4)

    def test_what_is_released_can_be_had_by_others(self, shop: Shop) -> None:
        """Of a released one nothing counts, and it stays released."""
        shop.write(ten=offer(unit_count=1, caps=ONCE))
        shop.take(reserve("r"))
        assert shop.rule(reserve("s", BEN)) == "UNITS"
        assert shop.take(Release("r")).state is RELEASED
        assert kinds(shop.ask(Release("r"), Commit("r"), reserve("r"))) == [
            RELEASED, ReservationSettled, RELEASED,
        ]  # fmt: skip
        assert shop.spend() == Spend()
        assert kinds(shop.ask(reserve("s", BEN), Commit("s"))) == [RESERVED, COMMITTED]

    def test_a_use_of_what_comes_back_is_given_back_once(self, shop: Shop) -> None:
        """Its unit, its cost and its place in the caps; whatever is asked of it afterwards."""
        shop.write(ten=offer(unit_count=2, budget_micros=2 * EURO, caps=ONCE))
        back = Release("r", is_return=True)
        assert kinds(shop.ask(back, reserve("r"), Commit("r", EURO - 1), Release("r"))) == [
            ReservationNotFound, RESERVED, COMMITTED, ReservationSettled,
        ]  # fmt: skip
        shop.take(reserve("b", BEN))
        shop.clock.now += 5.0
        first = shop.take(back)
        assert (first.state, first.cost_micros, first.settle_time) == (
            RETURNED, EURO - 1, NOW + 5.0,
        )  # fmt: skip
        assert shop.spend() == (1, EURO, 0, 0)
        shop.clock.now += 1.0
        assert shop.ask(back, back, Release("r"), reserve("r")) == [first] * 4
        assert kinds(shop.ask(Commit("r"))) == [ReservationSettled]
        assert shop.spend() == (1, EURO, 0, 0)
        assert shop.ledger.standing([ANNA], ["ten"]).uses == {}
        assert kinds(shop.ask(reserve("s"), Commit("s"), reserve("t"))) == [
            RESERVED, COMMITTED, OfferRefused,
        ]  # fmt: skip
        assert kinds(shop.ask(Release("b", is_return=True), Commit("b"))) == [
            RELEASED, ReservationSettled,
        ]  # fmt: skip
        shop.offers.delete_offers(["ten"], now=NOW)
        assert shop.take(Release("s", is_return=True)).state is RETURNED
        assert shop.spend() == Spend()

    def test_what_has_expired_can_be_had_by_others(self, shop: Shop) -> None:
        """Nobody has to clean up: it is free from the moment on, for whoever asks."""
        shop.write(ten=offer(unit_count=1))
        shop.take(reserve("r"))
        shop.clock.now += 60.0
        assert shop.spend() == Spend()
        (late,) = shop.ask(Commit("r"))
        assert isinstance(late, ReservationSettled)
        assert late.state == "EXPIRED"
        shop.take(reserve("s", BEN))
        assert shop.take(reserve("r")).state is EXPIRED
        assert shop.take(Release("r")).state is EXPIRED
        assert shop.spend() == (1, EURO, 0, 0)

    def test_budgets_are_exact(self, shop: Shop) -> None:
        """A millionth too much is refused; what a use did not cost goes back."""
        shop.write(ten=offer(budget_micros=3 * EURO))
        assert kinds(shop.ask(reserve("a"), reserve("b", BEN, cost_micros=2 * EURO))) == [
            RESERVED, RESERVED,
        ]  # fmt: skip
        assert shop.rule(reserve("c", cost_micros=1)) == "BUDGET"
        (dear,) = shop.ask(Commit("a", EURO + 1))
        assert isinstance(dear, CostTooHigh)
        shop.take(Commit("a", EURO - 1))
        assert shop.rule(reserve("c", cost_micros=2)) == "BUDGET"
        shop.take(reserve("c", cost_micros=1))
        assert shop.spend() == (2, 2 * EURO + 1, 1, EURO - 1)

    def test_a_changed_budget_counts_at_once(self, shop: Shop) -> None:
        """Less than was used lets nothing more through, and what is reserved may be committed."""
        shop.write(ten=offer(budget_micros=9 * EURO))
        shop.take(reserve("a"))
        shop.write(ten=offer(budget_micros=EURO))
        assert shop.rule(reserve("b", BEN)) == "BUDGET"
        shop.offers.delete_offers(["ten"], now=NOW)
        assert kinds(shop.ask(reserve("b", BEN), Commit("a"))) == [OfferNotFound, COMMITTED]
        shop.write(ten=offer(budget_micros=2 * EURO))
        assert shop.spend() == (0, 0, 1, EURO)

    def test_an_offer_is_reserved_within_its_time(self, shop: Shop) -> None:
        """By the clock of the storage, the end not included."""
        shop.write(ten=offer(from_time=NOW + 1.0, until_time=NOW + 3.0))
        for seconds, rule in ((0.0, "NOT_STARTED"), (3.0, "ENDED")):
            shop.clock.now = NOW + seconds
            assert shop.rule(reserve(f"r{seconds}")) == rule
        shop.clock.now = NOW + 2.9
        shop.take(reserve("r"))

    def test_caps_hold_in_their_periods(self, shop: Shop) -> None:
        """Two a day and three ever; a use leaves a period when it is as old as that."""
        shop.write(ten=offer(caps=(Cap(2, 1.0), Cap(3))))
        assert kinds(shop.ask(reserve("a"), reserve("b"))) == [RESERVED, RESERVED]
        shop.ask(Commit("a"), Commit("b"))
        assert shop.rule(reserve("c")) == "CAP"
        shop.take(reserve("other", BEN))
        shop.clock.now += SECONDS_PER_DAY
        assert kinds(shop.ask(reserve("c"), Commit("c"))) == [RESERVED, COMMITTED]
        shop.clock.now += 400 * SECONDS_PER_DAY
        assert shop.rule(reserve("d")) == "CAP"

    def test_another_request_of_the_same_id_is_a_conflict(self, shop: Shop) -> None:
        """Whatever differs: offer, person or cost."""
        shop.write(ten=offer(), five=offer())
        shop.take(reserve("r"))
        other = [
            reserve("r", BEN),
            reserve("r", offer_id="five"),
            reserve("r", cost_micros=EURO),
            reserve("r")._replace(channel=Channel.WEB),
        ]
        assert kinds(shop.ask(*other)) == [ReservationConflict] * 4
        assert kinds(shop.ask(reserve("s", offer_id="none"))) == [OfferNotFound]

    def test_of_a_stacking_group_one_is_held_at_a_time(self, shop: Shop) -> None:
        """And what goes on top of another needs it."""
        shop.write(
            ten=offer(stacking_group="g"),
            five=offer(stacking_group="g"),
            top=offer(stacks_on="ten"),
        )
        assert shop.rule(reserve("t", offer_id="top")) == "STACKING"
        shop.take(reserve("r"))
        assert shop.rule(reserve("s", offer_id="five")) == "STACKING"
        shop.take(reserve("s2", BEN, offer_id="five"))
        shop.take(reserve("t", offer_id="top"))
        shop.take(Commit("r"))
        shop.take(reserve("s", offer_id="five"))
        shop.clock.now += 2 * SECONDS_PER_DAY
        assert shop.rule(reserve("u", offer_id="top")) == "STACKING"

    def test_things_asked_in_one_step_know_of_each_other(self, shop: Shop) -> None:
        """As if each had been asked alone: caps, groups, stacks, and what is given back."""
        shop.write(
            ten=offer(caps=ONCE, unit_count=3),
            five=offer(stacking_group="g"),
            six=offer(stacking_group="g"),
            top=offer(stacks_on="ten"),
        )
        asked = [
            reserve("t0", offer_id="top"), reserve("a"), reserve("a"), reserve("a", BEN),
            reserve("b"), reserve("t1", offer_id="top"), Release("a"), reserve("c"), Commit("c"),
            reserve("d", BEN), reserve("e", account("eve")), reserve("f", account("fay")),
            reserve("g5", offer_id="five"), reserve("g6", offer_id="six"), Commit("g5"),
            reserve("g7", offer_id="six"), Commit("none"),
        ]  # fmt: skip
        found = shop.ask(*asked)
        assert kinds(found) == [
            OfferRefused, RESERVED, RESERVED, ReservationConflict,
            OfferRefused, RESERVED, RELEASED, RESERVED, COMMITTED,
            RESERVED, RESERVED, OfferRefused,
            RESERVED, OfferRefused, COMMITTED,
            RESERVED, ReservationNotFound,
        ]  # fmt: skip
        refused = [one.rule for one in found if isinstance(one, OfferRefused)]
        assert refused == ["STACKING", "CAP", "UNITS", "STACKING"]
        assert kinds(shop.ask(Commit("a"), Commit("c"), reserve("h"))) == [
            ReservationSettled, COMMITTED, OfferRefused,
        ]  # fmt: skip
        assert shop.spend() == (2, 2 * EURO, 1, EURO)
        ((left,),) = shop.sessions.rows("SELECT count(*) FROM offer_uses")
        assert left == 7

    def test_what_came_to_nothing_is_forgotten_in_the_end(self, shop: Shop) -> None:
        """And what was committed is not."""
        shop.write(ten=offer())
        shop.ask(reserve("a"), reserve("b"), Commit("b"), reserve("c"), Release("c"))
        shop.clock.now += 31 * SECONDS_PER_DAY
        shop.ask(reserve("d"))
        shop.clock.now += 31 * SECONDS_PER_DAY
        shop.ask(reserve("e"))
        shop.ask(reserve("f"))
        assert kinds(shop.ask(Commit("a"), Commit("b"), Commit("c"))) == [
            ReservationNotFound, COMMITTED, ReservationNotFound,
        ]  # fmt: skip
        ((left,),) = shop.sessions.rows("SELECT count(*) FROM reservations")
        assert left == 3

    def test_callers_at_the_same_moment_share_what_there_is(self, shop: Shop) -> None:
        """Several threads ask for offers in any order; every use is counted."""
        people = [account(f"p{number}") for number in range(12)]
        shop.write(ten=offer(unit_count=10), five=offer(budget_micros=7 * EURO, caps=ONCE))
        taken: dict[str, int] = {"ten": 0, "five": 0}
        lock = threading.Lock()

        def work(number: int) -> None:
            order = ["ten", "five"] if number % 2 else ["five", "ten"]
            for turn in range(6):
                who = people[(number + turn) % len(people)]
                asked = [reserve(f"{number}/{turn}/{name}", who, offer_id=name) for name in order]
                found = shop.ask(*asked)
                names = [one.reservation_id for one in found if isinstance(one, Reservation)]
                done = shop.ask(*map(Commit, names))
                with lock:
                    for one in done:
                        assert isinstance(one, Reservation)
                        taken[one.offer_id] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        with contextlib.ExitStack() as stack:
            for thread in threads:
                thread.start()
                stack.callback(thread.join)
        assert taken == {"ten": 10, "five": 7}
        assert shop.spend("ten") == (0, 0, 10, 10 * EURO)
        assert shop.spend("five") == (0, 0, 7, 7 * EURO)
        rows = shop.sessions.rows(
            "SELECT count(*) FROM offer_uses AS u JOIN offers AS o ON o.offer_key = u.offer_key"
            " WHERE o.offer_id = 'five' GROUP BY identifier_key"
        )
        assert {count for (count,) in rows} == {1}
