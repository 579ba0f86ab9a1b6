"""Whose uses of offers are, in every storage; one suite for all adapters, as `offers_contract`."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from recsys.domain import Channel, Identifier
from recsys.errors import (
    OfferRefused,
    PersonErased,
    ReservationConflict,
    ReservationNotFound,
    ReservationSettled,
)
from recsys.offers import Cap, Commit, Release, Reservation, Settled, Spend, is_held_out
from storage.offers_model import HOLD_SECONDS, OFFERS, STEPS, WHO, PaperLedger
from support.identity import account
from support.offers import ANNA, BEN, EURO, ONCE, offer, reserve
from support.offers_shop import CARD, COMMITTED, NOW, PHONE, RELEASED, RESERVED, Shop, kinds

_RUNS = itertools.count()
_SUPPRESSED = [
    HealthCheck.too_slow,
    # Each example has offers and people of its own.
    HealthCheck.function_scoped_fixture,
    # One suite for all adapters.
    HealthCheck.differing_executors,
]


def _both(
    kind: str,
    rest: list[Any],
    paper: PaperLedger,
    run: str,
    own: Callable[[Identifier], Identifier],
) -> tuple[str, object]:
    """Do something on paper; return what comes of it, and the same for the ledger."""
    name = run + rest[0]
    if kind == "reserve":
        _, who, offer_id, euros = rest
        cost = euros * EURO
        expected = paper.reserve(rest[0], who, offer_id, cost)
        asked = reserve(
            name, own(who), offer_id=run + offer_id, hold_seconds=HOLD_SECONDS, cost_micros=cost
        )
        return expected, asked
    if kind == "release":
        return paper.release(*rest), Release(name, is_return=rest[1])
    there = paper.kept.get(rest[0])
    cost_micros = there.cost - rest[1] if there and rest[1] else None
    return paper.commit(*rest), Commit(name, cost_micros)


def _word(settled: Settled) -> str:
    """What came of something, in the words of the paper."""
    if isinstance(settled, Reservation):
        return settled.state.name
    if isinstance(settled, OfferRefused):
        return settled.rule
    words = {
        ReservationConflict: "conflict",
        ReservationNotFound: "none",
        ReservationSettled: "settled",
    }
    return words[type(settled)]


class OffersPeopleContract:
    """The laws; see the module."""

    @pytest.fixture
    def shop(self) -> Shop:
        """Open an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_uses_follow_a_person_through_merges_and_back(self, shop: Shop) -> None:
        """Merge and un-merge equal never merged."""
        shop.write(ten=offer(caps=ONCE))
        shop.ask(reserve("a"), Commit("a"))
        shop.take(reserve("c1", CARD))
        shop.take(Release("c1"))
        shop.join(ANNA, CARD)
        assert shop.rule(reserve("c2", CARD)) == "CAP"
        assert shop.rule(reserve("c3", CARD, PHONE)) == "CAP"
        uses = shop.ledger.standing([CARD], ["ten"]).uses
        assert [one.is_held for one in uses["ten"]] == [False]
        shop.profiles.unlink([ANNA, CARD], source=None)
        assert shop.ledger.standing([CARD], ["ten"]).uses == {}
        shop.take(reserve("c4", CARD))
        assert shop.rule(reserve("a2", ANNA)) == "CAP"

    def test_all_committed_uses_of_a_person_are_counted(self, shop: Shop) -> None:
        """Of whatever offer, also of those that nobody asks about; what came back is not."""
        shop.write(ten=offer(), other=offer(), third=offer())
        shop.ask(reserve("a"), Commit("a"), reserve("b", CARD, ANNA, offer_id="other"), Commit("b"))
        shop.ask(reserve("c", offer_id="third"), reserve("d"), Commit("d"))
        shop.take(Release("d", is_return=True))
        for ids in ([], ["ten"], ["ten", "third"]):
            assert shop.ledger.standing([ANNA], ids).redeemed_count == 2
        assert shop.ledger.standing([CARD], []).redeemed_count == 1
        assert shop.ledger.standing([BEN], []).redeemed_count == 0
        assert shop.ledger.standing([], []).redeemed_count == 0
        shop.join(ANNA, CARD)
        assert shop.ledger.standing([CARD], []).redeemed_count == 2
        assert set(shop.ledger.standing([ANNA], ["third"]).uses) == {"third"}

    def test_both_sides_of_a_merge_count_afterwards(self, shop: Shop) -> None:
        """Two who used it once each have used it twice."""
        shop.write(ten=offer(caps=(Cap(2),)))
        shop.ask(reserve("a"), reserve("b", CARD))
        assert kinds(shop.ask(reserve("a2"), Release("a2"))) == [RESERVED, RELEASED]
        shop.join(ANNA, CARD)
        assert shop.rule(reserve("a3")) == "CAP"
        assert shop.rule(reserve("b3", CARD)) == "CAP"

    def test_what_comes_back_after_a_merge_is_hers_again(self, shop: Shop) -> None:
        """Whoever of the two had used it; also what an erased person brings back is given back."""
        shop.write(ten=offer(caps=(Cap(2),), unit_count=2))
        shop.ask(reserve("a"), reserve("c", CARD), Commit("a"), Commit("c"))
        shop.join(ANNA, CARD)
        assert shop.rule(reserve("a2")) == "UNITS"
        shop.take(Release("c", is_return=True))
        assert kinds(shop.ask(reserve("a3"), Commit("a3"))) == [RESERVED, COMMITTED]
        shop.profiles.unlink([ANNA, CARD], source=None)
        assert len(shop.ledger.standing([ANNA], ["ten"]).uses["ten"]) == 2
        assert shop.ledger.standing([CARD], ["ten"]).uses == {}
        shop.people.erase([ANNA], now=NOW)
        assert shop.spend() == (0, 0, 2, 2 * EURO)
        shop.take(Release("a", is_return=True))
        assert shop.spend() == (0, 0, 1, EURO)

    def test_a_device_counts_for_whoever_is_not_named(self, shop: Shop) -> None:
        """Beside a person it is only how she got here, and others may use it."""
        shop.write(ten=offer(caps=ONCE))
        shop.take(reserve("a", PHONE, ANNA))
        shop.take(reserve("b", PHONE, BEN))
        shop.take(reserve("c", PHONE))
        assert shop.rule(reserve("d", PHONE)) == "CAP"

    def test_holdouts_follow_the_person(self, shop: Shop) -> None:
        """Whoever leads to her is held out with her."""
        share = 0.5
        shop.write(ten=offer(holdout_share=share))
        key = shop.ledger.standing([ANNA], []).person_key
        assert key is not None
        shop.join(ANNA, CARD)
        assert shop.ledger.standing([CARD], []).person_key == key
        assert shop.ledger.standing([], []).person_key is None
        held_out = is_held_out(offer_id="ten", person_key=key, share=share)
        for number, who in enumerate((ANNA, CARD)):
            (settled,) = shop.ask(reserve(f"r{number}", who))
            assert isinstance(settled, OfferRefused) is held_out

    def test_many_people_stand_as_each_alone(self, shop: Shop) -> None:
        """Whoever shares a device, is joined or parted again, is unknown or nobody at all."""
        shop.write(ten=offer(caps=(Cap(5),)), other=offer(caps=(Cap(5),)), none=offer())
        who = [(ANNA,), (BEN,), (CARD,), (PHONE,), (PHONE, BEN), (account("nobody"),), ()]

        def check() -> None:
            shop.clock.now += 1.0
            ids = ["ten", "other", "none", "unknown"]
            assert shop.ledger.standings(who, ids) == [
                shop.ledger.standing(one, ids) for one in who
            ]
            assert [one.uses for one in shop.ledger.standings([(ANNA,)], [])] == [{}]

        check()
        shop.ask(reserve("a"), Commit("a"), reserve("b", BEN, CARD, offer_id="other"))
        check()
        shop.take(reserve("p", PHONE))
        check()
        shop.join(ANNA, PHONE)
        shop.take(reserve("a2", PHONE, offer_id="other"))
        check()
        shop.join(BEN, PHONE)
        shop.clock.now += 10.0
        shop.take(reserve("p2", PHONE))
        check()
        shop.join(ANNA, CARD)
        check()
        shop.profiles.unlink([ANNA, CARD], source=None)
        shop.clock.now += 1_000.0
        check()
        assert shop.ledger.standings(who, ["ten"])[0].uses["ten"]

    def test_erased_people_leave_their_spend(self, shop: Shop) -> None:
        """What it cost stays counted; who it was is gone, and nothing more is hers."""
        shop.write(ten=offer(caps=ONCE))
        asked = reserve("r", ANNA, CARD)._replace(channel=Channel.STORE, store_id="ulm")  # type: ignore[arg-type] # a store
        shop.take(asked)
        shop.take(Commit("r"))
        (told,) = shop.exported(CARD)
        assert (told["offer_id"], told["state"], told["cost"]) == ("ten", "committed", "1")
        assert (told["channel"], told["store_id"]) == ("store", "ulm")
        shop.people.erase([ANNA], now=NOW)
        assert shop.exported(ANNA) == []
        assert len(shop.exported(CARD)) == 1
        shop.people.erase([CARD], now=NOW)
        assert shop.exported(CARD) == []
        assert shop.spend() == (0, 0, 1, EURO)
        assert kinds(shop.ask(reserve("s"), reserve("t", CARD))) == [PersonErased] * 2
        ((left,),) = shop.sessions.rows("SELECT count(*) FROM offer_uses")
        assert left == 0

    @settings(max_examples=12, suppress_health_check=_SUPPRESSED)
    @given(steps=STEPS)
    def test_the_ledger_counts_as_one_would_on_paper(self, shop: Shop, steps: list[Any]) -> None:
        """Whatever is asked in whatever order, through merges, un-merges and expiry."""
        run = f"{next(_RUNS)}/"
        paper = PaperLedger(now=shop.clock.now)
        shop.offers.upsert_offers({run + name: one for name, one in OFFERS.items()}, now=NOW)

        def own(who: Identifier) -> Identifier:
            return Identifier(who.namespace, run + who.value)

        for kind, *rest in steps:
            if kind == "wait":
                paper.wait(*rest)
                shop.clock.now = paper.now
            elif kind in {"link", "unlink"}:
                pair = frozenset(rest)
                if len(pair) == 1 or (kind == "link") is (pair in paper.links):
                    continue
                ends = sorted(map(own, pair))
                if kind == "link":
                    paper.links.add(pair)
                    shop.join(*ends)
                else:
                    paper.links.remove(pair)
                    shop.profiles.unlink(ends, source=None)
            else:
                expected, asked = _both(kind, rest, paper, run, own)
                (found,) = shop.ask(asked)
                assert _word(found) == expected
        standing = shop.ledger.standing([], [run + name for name in OFFERS])
        for name in OFFERS:
            assert standing.spends.get(run + name, Spend()) == paper.spend(name)
        for who in WHO:
            uses = shop.ledger.standing([own(who)], [run + name for name in OFFERS]).uses
            hers = {
                name: sorted(
                    (one.time, one.state == "RESERVED")
                    for one in paper.living(name)
                    if one.who in paper.person(who)
                )
                for name in OFFERS
            }
            assert {name: sorted(map(tuple, uses.get(run + name, ()))) for name in OFFERS} == hers
