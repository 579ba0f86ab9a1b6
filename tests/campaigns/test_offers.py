"""Offers in batches: for each person the same as when she asks for herself."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recsys.campaigns import (
    Batch,
    BatchOffers,
    BatchQuery,
    CampaignSettings,
    FrequencyRules,
    Sent,
)
from recsys.campaigns.batch_types import BatchPart
from recsys.campaigns.suppression import SuppressionCause
from recsys.catalog import Item
from recsys.consent import Purpose
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.offers import Cap, Commit, Eligibility, Offer, Scope
from recsys.offers.ledger import Asked
from recsys.offers.live import LiveOffers
from recsys.offers.prices import PacedPrices, Price
from recsys.offers.query import OfferAnswer, OfferQuery
from recsys.offers.recommender import OfferRecommender, OfferSources
from recsys.offers.rule import Rule
from recsys.profiles import LinkKind, Tier, TierStatement
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.serving.storage import Storage
from storage.event_log_contract import NOW, event
from support.bundles import make_bundle, two_worlds
from support.identity import account, card, link
from support.offers import EURO, offer, reserve

ITEM_COUNT = 40
NAMES = [f"u{number}" for number in range(12)]
WHO = (*map(account, NAMES), card("c0"), account("nobody"))


def no_categories(item_ids: Collection[ItemId], /, *, now: float) -> Mapping[ItemId, str]:
    """As `CategoriesOf`."""
    del item_ids, now
    return {}


def of_items(*rows: int, **more: Any) -> Offer:
    """An offer about some items."""
    scope = Scope(item_ids=tuple(ItemId(f"i{row}") for row in rows))
    return offer(**{"scope": scope, "value_micros": 5 * EURO} | more)


TIERS = ("gold", "bronze", "silver", "gold", "")
OFFERS = {
    "even": of_items(*range(0, 40, 2)),
    "odd": of_items(*range(1, 40, 2), value_micros=6 * EURO),
    "basket": offer(value_micros=2 * EURO),
    "first": of_items(4, priority=3),
    "held": of_items(*range(10), holdout_share=0.9, value_micros=9 * EURO),
    "once": of_items(*range(20), caps=(Cap(1, 7.0),), value_micros=9 * EURO),
    "group-a": of_items(*range(15), stacking_group="g", value_micros=4 * EURO),
    "group-b": of_items(*range(15, 40), stacking_group="g", value_micros=4 * EURO),
    "on-top": of_items(*range(8), stacks_on="once"),
    "buyers": of_items(1, 2, 3, eligibility=Eligibility(person_filter="order_count > 0")),
    "new": of_items(5, 6, eligibility=Eligibility(new_customers_only=True)),
    "known": of_items(7, eligibility=Eligibility(person_filter='known_by = "loyalty_card"')),
    "gold": of_items(10, eligibility=Eligibility(loyalty_tiers=("gold", "silver"))),
    "in-shop": of_items(8, eligibility=Eligibility(channels=(Channel.STORE,))),
    "gone": of_items(9, unit_count=1),
    "dear": of_items(11, value_micros=3 * EURO),
    "over": of_items(12, until_time=NOW - 1.0),
}


@dataclass
class Shop:
    """A storage with people, offers and what is used of them."""

    storage: Storage
    model: ServingModel
    recommender: Recommender
    offers: OfferRecommender

    def settle(self, *asked: Asked) -> None:
        """Use offers."""
        assert self.storage.offers is not None
        self.storage.offers.ledger.settle(asked)

    def alone(self, who: Identifier, count: int) -> OfferAnswer:
        """What somebody gets who asks for herself."""
        query = OfferQuery(
            identifiers=(who,), channel=Channel.EMAIL, result_count=count, explains=True
        )
        return self.offers.recommend(self.model, query, now=NOW)

    def batch(self, asked: BatchOffers, **more: Any) -> Batch:
        """A batch of pages with offers."""
        assert self.storage.campaign_people is not None
        return Batch(
            BatchQuery(
                question=RecommendQuery(channel=Channel.EMAIL, result_count=2, **more),
                purpose=Purpose.PERSONALISE, offers=asked, as_of=NOW, send_time=NOW,
            ),
            people=self.storage.campaign_people,
            recommender=self.recommender,
            settings=CampaignSettings(
                time_zone=dt.UTC, messages_by_default=False, frequency=FrequencyRules,
                categories_of=no_categories, offers=self.offers,
            ),
        )  # fmt: skip

    def offers_clock(self) -> float:
        """The time by the storage's clock."""
        assert self.storage.offers is not None
        return self.storage.offers.ledger.standing((), []).now

    def listed(self, asked: BatchOffers) -> BatchPart:
        """Everybody by name."""
        return self.batch(asked).subjects(self.model, [(who,) for who in WHO])


@pytest.fixture
def shop(tmp_path: Path, store: Storage) -> Shop:
    """Twelve people and seventeen offers; some have used some, one pair is joined."""
    assert store.log is not None
    assert store.profiles is not None
    assert store.people is not None
    assert store.items is not None
    assert store.catalog_store is not None
    assert store.offers is not None
    ids = [f"i{row}" for row in range(ITEM_COUNT)]
    model = ServingModel.from_bundle(
        make_bundle(tmp_path / "v1", ids, factors=two_worlds(ITEM_COUNT))
    )
    store.catalog_store.upsert_items({ItemId(one): Item(title=one) for one in ids}, now=NOW)
    bought = EventType.PURCHASE_COMPLETE
    tiers = [TierStatement(account(NAMES[at]), Tier(tier, NOW)) for at, tier in enumerate(TIERS)]
    store.people.record_tiers(tiers)
    store.log.append(
        [event(f"e{at}", who=[account(name)], items=[f"i{at}"]) for at, name in enumerate(NAMES)]
    )
    store.log.append([event("b", event_type=bought, who=[account("u3")], items=["i1"])])
    store.log.append([event("c", who=[card("c0")], items=["i3"])])
    store.profiles.link([link(account("u5"), card("c0"), kind=LinkKind.EXPLICIT)])
    store.offers.store.upsert_offers(OFFERS, now=NOW)
    recommender = Recommender(histories=store.histories, catalog=store.catalog)
    sources = OfferSources(
        offers=LiveOffers(store.offers.feed), ledger=store.offers.ledger, people=store.people,
        items=store.items, time_zone=dt.UTC,
    )  # fmt: skip
    prices = PacedPrices({"dear": Price(unit_price=9.0), "odd": Price(unit_price=0.5)})
    found = Shop(store, model, recommender, OfferRecommender(recommender, sources, prices=prices))
    found.settle(
        reserve("r0", account("u0"), offer_id="gone"), Commit("r0"),
        reserve("r1", account("u1"), offer_id="once"), Commit("r1"),
        reserve("r2", card("c0"), offer_id="once"), Commit("r2"),
        reserve("r3", account("u2"), offer_id="group-b"),
    )  # fmt: skip
    return found


def test_everybody_gets_the_offers_of_a_single_answer(shop: Shop) -> None:
    """The same in the same order, of whatever rules; refusals are counted, nothing is reserved."""
    assert shop.storage.offers is not None
    ledger = shop.storage.offers.ledger
    before = ledger.standing((), [*OFFERS]).spends
    for count in (1, 3, 20):
        part = shop.listed(BatchOffers(count=count))
        counted = dict[str, int]()
        answered = [one for one in part.people if one.answer is not None]
        assert len(answered) == len(WHO) - 2
        for one in answered:
            alone = shop.alone(one.asked[0], count)
            assert [each.offer_id for each in one.offers] == [
                each.offer_id for each in alone.offers
            ]
            for mine, hers in zip(one.offers, alone.offers, strict=True):
                assert mine.basis == hers.basis
                assert mine.propensity == pytest.approx(hers.propensity)
                assert mine.expected_micros == pytest.approx(hers.expected_micros)
            for refused in alone.refused:
                if refused.offer_id not in {"in-shop", "over"}:
                    rule = refused.refusal.rule
                    counted[rule] = counted.get(rule, 0) + 1
        assert part.refused_offers == counted
    assert {Rule.CAP, Rule.HOLDOUT, Rule.UNITS, Rule.PRICE, Rule.STACKING, Rule.PERSON} <= {
        *counted
    }
    assert not any(one.offers for one in part.people if one.answer is None)
    assert ledger.standing((), [*OFFERS]).spends == before


def test_a_walk_reads_as_often_for_many_offers_as_for_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How offers and people stand is read once for all people of a part."""
    assert shop.storage.offers is not None
    ledger = type(shop.storage.offers.ledger)
    calls = []
    standings = ledger.standings

    def counting(self: Any, people: Any, offer_ids: Any) -> Any:
        calls.append(len(people))
        return standings(self, people, offer_ids)

    monkeypatch.setattr(ledger, "standings", counting)
    monkeypatch.delattr(ledger, "standing")
    assert shop.storage.campaign_people is not None
    part = shop.batch(BatchOffers()).walk(shop.model, shop.storage.campaign_people.begin())
    assert len(part.people) == 12
    assert calls == [12]
    assert all(one.offers for one in part.people)


def test_whoever_gets_no_offer_is_left_out_if_that_is_asked(shop: Shop) -> None:
    """With a cause of its own; whoever gets nothing else has that one's."""
    assert shop.storage.offers is not None
    shop.storage.offers.store.delete_offers([*OFFERS], now=NOW)
    assert {one.suppression for one in shop.listed(BatchOffers()).people[:12]} == {None}
    part = shop.listed(BatchOffers(is_required=True))
    assert part.suppressed() == {
        SuppressionCause.NO_OFFER: 12, SuppressionCause.DUPLICATE: 1, SuppressionCause.UNKNOWN: 1,
    }  # fmt: skip


def test_offers_are_looked_at_alone_for_an_allocation(shop: Shop) -> None:
    """All that she may have, whatever it takes from others and whichever is best of a group."""
    part = shop.listed(BatchOffers(is_alone=True))
    priced = {one.asked[0]: one for one in shop.listed(BatchOffers(count=20)).people}
    for one in part.people:
        names = {each.offer_id for each in one.offers}
        if one.answer is None:
            assert not names
            continue
        assert {"dear", "group-a", "group-b", "odd"} <= names
        assert not names & {"gone", "over", "in-shop", "on-top"}
        assert {each.offer_id for each in priced[one.asked[0]].offers} - {"on-top"} < names
        for each in one.offers:
            gain = each.offer.value_micros - each.offer.cost_micros
            assert each.expected_micros == pytest.approx(each.propensity * gain)


def test_promised_offers_are_withdrawn_once_a_rule_refuses_them(shop: Shop) -> None:
    """But for prices and stacking; and so is what she has used since, whatever its caps say."""
    assert shop.storage.offers is not None
    offers = shop.storage.offers.store
    names = ("even", "once", "gone", "over", "in-shop", "on-top", "dear", "buyers", "nothing")
    sent = [Sent((account(name),), names) for name in ("u0", "u1", "u3")]

    def rules(made_time: float | None = None) -> list[dict[str, str]]:
        checked = shop.batch(BatchOffers()).checked(sent, made_time=made_time)
        assert [one.cause for one in checked] == [None] * 3
        return [{name: one.rule for name, one in each.refused.items()} for each in checked]

    for_all = {"gone": "UNITS", "over": "ENDED", "in-shop": "CHANNEL", "nothing": "DELETED"}
    buyers = {"buyers": "PERSON"}
    assert rules() == [for_all | buyers, for_all | buyers | {"once": "CAP"}, for_all]
    made = shop.offers_clock()
    shop.settle(reserve("r9", account("u3"), offer_id="even"), Commit("r9"))
    assert rules() == [for_all | buyers, for_all | buyers | {"once": "CAP"}, for_all]
    assert rules(made)[2] == for_all | {"even": "REDEEMED"}
    paused = msgspec.structs.replace(OFFERS["even"], until_time=NOW - 1.0)
    offers.upsert_offers({"even": paused}, now=NOW)
    offers.delete_offers(["dear"], now=NOW)
    assert rules()[0] == for_all | buyers | {"even": "ENDED", "dear": "DELETED"}
