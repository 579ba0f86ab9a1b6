"""Whether an offer is for a person, here and now: one rule after the other."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from recsys.catalog import Item, Place, Store, item_record, place_of
from recsys.domain import ItemId, StoreId
from recsys.filters import Record
from recsys.offers.geofence import is_within
from recsys.offers.ledger import Spend, Standing
from recsys.offers.money import amount_of_micros
from recsys.offers.offer import Eligibility, Offer
from recsys.offers.people import PersonFacts
from recsys.offers.query import BasketLine, OfferQuery, cost_of
from recsys.offers.rule import OfferRefusal, Rule
from recsys.offers.scope import is_in_scope, item_filter_of
from recsys.offers.times import are_open
from recsys.offers.uses import Refusals, refused_time, refused_use, shown_cost_micros
from recsys.profiles import needs_events, people_filter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circumstances:
    """Where and when somebody asks, and with what in her basket.

    Attributes:
        query: The question.
        stores: All stores.
        items: What the catalogue says of the items in the basket.
        now: Seconds since 1970-01-01 UTC.
    """

    query: OfferQuery
    stores: Mapping[StoreId, Store]
    items: Mapping[ItemId, Item]
    now: float

    @property
    def store(self) -> Store | None:
        """The store of the context, if the catalogue knows it."""
        store_id = self.query.store_id
        return None if store_id is None else self.stores.get(store_id)

    @property
    def place(self) -> Place | None:
        """Where she is: as the context says, else where the store is."""
        return self.query.place or place_of(self.store)

    def record(self, item_id: ItemId) -> Record:
        """Return what filters see of an item in the basket."""
        item = self.items.get(item_id)
        return {} if item is None else item_record(item, now=self.now)

    def basket_micros(self, currency: str) -> int:
        """Return what the basket costs in a currency, as far as prices are known."""
        return sum(self._cost(line, currency) for line in self.query.basket or ())

    def _cost(self, line: BasketLine, currency: str) -> int:
        amount, said = line.unit_price, line.currency
        if not amount:
            item = self.items.get(line.item_id)
            price = None if item is None else item.price(self.now)
            if price is None:
                return 0
            amount, said = price.amount, price.currency
        return cost_of(line.quantity, amount) if said == currency else 0


def refused_here(offer: Offer, here: Circumstances, *, is_strict: bool) -> Refusals:
    """Find what refuses an offer whoever asks.

    Args:
        offer: The offer.
        here: Where and when.
        is_strict: Whether it is to be used now: then what it asks of a basket must hold,
            and without a basket it does not.
    """
    query, now = here.query, here.now
    yield from refused_time(offer, now=now)
    zone = offer.time_zone or (here.store.time_zone if here.store else "")
    if not are_open(offer.hours, zone, now=now):
        yield OfferRefusal(Rule.HOURS, "is none of its hours")
    who = offer.eligibility
    if who.channels and query.channel not in who.channels:
        said = query.channel.value if query.channel else "not said"
        allowed = ", ".join(one.value for one in who.channels)
        yield OfferRefusal(Rule.CHANNEL, f"the channel is {said}; allowed {allowed}")
    if who.store_ids and query.store_id not in who.store_ids and who.geofence.is_anywhere:
        yield OfferRefusal(Rule.STORE, f"is for {len(who.store_ids)} other stores")
    if not who.geofence.is_anywhere:
        place = here.place
        if place is None or not is_within(
            who.geofence, place, store_ids=who.store_ids, stores=here.stores
        ):
            where = "is not known" if place is None else "is outside of its area"
            yield OfferRefusal(Rule.GEOFENCE, f"where she is {where}")
    if query.loyalty_tier:
        yield from _refused_tier(who, query.loyalty_tier)
    if query.basket is not None or is_strict:
        yield from _refused_basket(offer, here, is_strict=is_strict)


def is_applicable(offer: Offer, here: Circumstances) -> bool:
    """Whether something in the basket is in the scope of an offer."""
    return any(
        is_in_scope(offer.scope, line.item_id, here.record(line.item_id), now=here.now)
        for line in here.query.basket or ()
    )


def _refused_basket(offer: Offer, here: Circumstances, *, is_strict: bool) -> Refusals:
    who, lines = offer.eligibility, here.query.basket or ()
    if who.basket_micros_min:
        found = here.basket_micros(offer.currency)
        if found < who.basket_micros_min:
            yield OfferRefusal(
                Rule.BASKET,
                f"the basket costs {amount_of_micros(found)};"
                f" allowed from {amount_of_micros(who.basket_micros_min)}",
            )
    if who.basket_filter:
        matches = functools.partial(item_filter_of(who.basket_filter).matches, now=here.now)
        if not any(matches(here.record(line.item_id)) for line in lines):
            yield OfferRefusal(Rule.BASKET, f"nothing in the basket passes {who.basket_filter}")
    # Whoever only says whom an offer is for says nothing of a basket.
    if is_strict and here.query.basket is not None and not is_applicable(offer, here):
        yield OfferRefusal(Rule.SCOPE, "nothing in the basket is in its scope")


def _refused_tier(who: Eligibility, tier: str) -> Refusals:
    if who.loyalty_tiers and tier not in who.loyalty_tiers:
        said = repr(tier) if tier else "not known"
        allowed = ", ".join(who.loyalty_tiers)
        yield OfferRefusal(Rule.LOYALTY_TIER, f"her tier is {said}; allowed {allowed}")


def asks_traits(offer: Offer, *, said_tier: str) -> bool:
    """Whether it depends on what is known of somebody if an offer is for her.

    Args:
        offer: The offer.
        said_tier: Her loyalty tier as the request says it; empty if it does not.
    """
    who = offer.eligibility
    asks_tier = bool(who.loyalty_tiers) and not said_tier
    return asks_tier or bool(who.person_filter) or who.new_customers_only


def refused_person(
    offer_id: str,
    offer: Offer,
    standing: Standing,
    *,
    reader: PersonFacts,
    said_tier: str,
    now: float,
) -> Refusals:
    """Find what refuses an offer to a person.

    Args:
        offer_id: Its id.
        offer: The offer.
        standing: How it and she stand.
        reader: Knows what filters see of her.
        said_tier: Her loyalty tier as the request says it; empty if it does not.
        now: Seconds since 1970-01-01 UTC.
    """
    asks = asks_traits(offer, said_tier=said_tier)
    if standing.person_key is None:
        if asks or offer.caps or offer.holdout_share or offer.stacks_on:
            yield OfferRefusal(Rule.IDENTITY, "is for people who are known; none is named")
            return
    elif asks:
        yield from refused_traits(offer.eligibility, reader, said_tier=said_tier, now=now)
    yield from refused_use(
        offer_id,
        offer,
        spend=standing.spends.get(offer_id, Spend()),
        cost_micros=shown_cost_micros(offer),
        person_key=standing.person_key,
        uses=standing.uses.get(offer_id, ()),
        now=standing.now,
    )


def refused_traits(
    who: Eligibility, reader: PersonFacts, *, said_tier: str, now: float
) -> Refusals:
    """Find what refuses an offer that asks for traits to a person, by these.

    Args:
        who: Whom the offer is for.
        reader: Knows what filters see of her.
        said_tier: Her loyalty tier as the request says it; empty if it does not.
        now: Seconds since 1970-01-01 UTC.
    """
    which = people_filter(who.person_filter) if who.person_filter else None
    found = reader.record(
        needs_events=who.new_customers_only or (which is not None and needs_events(which))
    )
    if found is None:
        yield OfferRefusal(Rule.CONSENT, "what is known of her may not be used")
        return
    if not said_tier:
        yield from _refused_tier(who, str(found["loyalty_tier"] or ""))
    if who.new_customers_only and found["order_count"]:
        yield OfferRefusal(Rule.NEW_CUSTOMERS, "she has bought before")
    failed = which.explain(found, now=now) if which is not None else ()
    if failed:
        parts = ", ".join(one.expression for one in failed)
        yield OfferRefusal(Rule.PERSON, f"she does not pass {parts}")
