"""The decision: which offers a person gets, here and now, the most valuable first."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsys import limits
from recsys.catalog import ItemReader
from recsys.offers.eligibility import Circumstances, is_applicable, refused_here, refused_person
from recsys.offers.ledger import BASE_SECONDS, Ledger, Spend, Standing
from recsys.offers.live import LiveOffers, LiveStores
from recsys.offers.offer import MICROS_PER_UNIT, Offer
from recsys.offers.people import PeopleRecords, PersonReader
from recsys.offers.prices import PacedPrices
from recsys.offers.propensity import Affinity, OfferPrices, PropensityModel
from recsys.offers.propensity import PropensityQuestion as Question
from recsys.offers.query import OfferAnswer, OfferQuery, RankedOffer, RefusedOffer
from recsys.offers.rule import OfferRefusal, Rule
from recsys.profiles import PeopleStore
from recsys.recommend.model import ServingModel
from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSources:
    """Where facts come from.

    Attributes:
        offers: All offers.
        ledger: What is used of them.
        people: What is known of people.
        items: Knows the categories of items.
        time_zone: Whose days and hours traits are said in.
    """

    offers: LiveOffers
    ledger: Ledger
    people: PeopleStore
    items: ItemReader
    time_zone: dt.tzinfo


class OfferRecommender:
    """Answers which offers are for a person. Stateless between calls; safe between threads."""

    def __init__(
        self,
        recommender: Recommender,
        sources: OfferSources,
        *,
        propensity: PropensityModel | None = None,
        prices: OfferPrices | None = None,
    ) -> None:
        """Share what ranks items.

        Args:
            recommender: Ranks items, and knows whose history may be used.
            sources: Where facts come from.
            propensity: Judges who uses what; by affinity unless given.
            prices: What uses of budgets take from others; by their pace unless given.
        """
        self._recommender = recommender
        self._sources = sources
        self._propensity = propensity or Affinity(recommender)
        self._prices = prices or PacedPrices()
        self._people = PeopleRecords(sources.people, sources.items, sources.time_zone)
        self._stores = LiveStores(recommender.permissions.catalog)

    def recommend(self, model: ServingModel, query: OfferQuery, *, now: float) -> OfferAnswer:
        """Find the offers for a person.

        Args:
            model: Judges her affinity.
            query: The question.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: What is used of offers cannot be read.
        """
        notes: set[str] = set()
        known = self._recommender.acquaintance.known(model, query, notes, now=now)
        offers = self._sources.offers.current()
        here = self._circumstances(query, now=now)
        refused: dict[str, OfferRefusal] = {}
        for offer_id, offer in offers.items():
            for refusal in refused_here(offer, here, is_strict=False):
                refused[offer_id] = refusal
                break
        left = [offer_id for offer_id in offers if offer_id not in refused]
        standing = self._sources.ledger.standing(
            query.identifiers, [*left, *_beside(left, refused, offers)]
        )
        reader = PersonReader(self._people, query, allowed=known.is_allowed, now=now)
        for offer_id in left:
            for refusal in refused_person(
                offer_id, offers[offer_id], standing, reader=reader, now=now
            ):
                refused[offer_id] = refusal
                break
        left = [offer_id for offer_id in left if offer_id not in refused]
        asked = Question(model, query, known, offers, left, now)
        ranked = self._ranked(asked, here, standing, refused)
        chosen = _stacked(ranked, standing, offers, refused)[: query.result_count]
        return OfferAnswer(
            offers=tuple(chosen),
            refused=tuple(
                RefusedOffer(offer_id=offer_id, refusal=refusal)
                for offer_id, refusal in sorted(refused.items())
            )
            if query.explains
            else (),
            model_version=model.version,
            notes=frozenset(notes),
        )

    def refusal(self, offer_id: str, query: OfferQuery, *, now: float) -> OfferRefusal | None:
        """Say what refuses an offer that is to be used now; None for nothing.

        Budgets, caps, holdouts and stacking are the ledger's to say, who knows of all others
        that ask at this moment.

        Args:
            offer_id: The offer; of one that does not exist, nothing is said.
            query: Who would use it, where, and with what in her basket.
            now: Seconds since 1970-01-01 UTC.
        """
        offer = self._sources.offers.current().get(offer_id)
        if offer is None:
            return None
        here = self._circumstances(query, now=now)
        found = next(refused_here(offer, here, is_strict=True), None)
        who = offer.eligibility
        if found is not None or not (who.person_filter or who.new_customers_only):
            return found
        allowed = self._recommender.acquaintance.may_know(query)
        reader = PersonReader(self._people, query, allowed=allowed, now=now)
        # Only her traits are looked at: nothing is used of anything.
        standing = Standing(now=now, person_key=0, spends={}, uses={})
        rules = {Rule.CONSENT, Rule.NEW_CUSTOMERS, Rule.PERSON}
        refusals = refused_person(offer_id, offer, standing, reader=reader, now=now)
        return next((one for one in refusals if one.rule in rules), None)

    def _circumstances(self, query: OfferQuery, *, now: float) -> Circumstances:
        catalog = self._recommender.permissions.catalog
        wanted = [line.item_id for line in query.basket or ()]
        return Circumstances(
            query=query,
            stores=self._stores.current(),
            items=catalog.find_items(list(dict.fromkeys(wanted))) if wanted else {},
            now=now,
        )

    def _ranked(
        self,
        asked: Question,
        here: Circumstances,
        standing: Standing,
        refused: dict[str, OfferRefusal],
    ) -> list[RankedOffer]:
        """Order what is for her, without what is worth more with somebody else."""
        if not asked.wanted:
            return []
        judged = self._propensity.propensities(asked)
        ranked = []
        for offer_id, (probability, basis) in zip(asked.wanted, judged, strict=True):
            offer = asked.offers[offer_id]
            spend = standing.spends.get(offer_id, Spend())
            price = self._prices.price_micros(offer_id, offer, spend, now=standing.now)
            margin = offer.value_micros - offer.cost_micros
            if price > 0 and price >= margin:
                refused[offer_id] = _too_dear(margin, price, offer)
                continue
            ranked.append(
                RankedOffer(
                    offer_id=offer_id,
                    offer=offer,
                    propensity=probability,
                    basis=basis,
                    expected_micros=probability * (margin - price),
                    is_applicable=None
                    if asked.query.basket is None
                    else is_applicable(offer, here),
                )
            )
        return sorted(ranked, key=_order)


def _too_dear(margin_micros: int, price_micros: int, offer: Offer) -> OfferRefusal:
    margin, price = margin_micros / MICROS_PER_UNIT, price_micros / MICROS_PER_UNIT
    detail = (
        f"a use earns {margin:g} {offer.currency} and takes {price:g} from others, by the prices "
        "of the allocation and how fast its budget is used"
    )
    return OfferRefusal(Rule.PRICE, detail)


def _order(one: RankedOffer) -> tuple[int, float, str]:
    return -one.offer.priority, -one.expected_micros, one.offer_id


def _beside(
    left: Sequence[str], refused: Mapping[str, OfferRefusal], offers: Mapping[str, Offer]
) -> list[str]:
    """Find what is not for her, but whose uses decide on what may be.

    What she has reserved of a group keeps out the others of it, and what she used bears what
    goes on top of it, wherever that was.
    """
    groups = {offers[offer_id].stacking_group for offer_id in left} - {""}
    bases = {offers[offer_id].stacks_on for offer_id in left} - {"", *left}
    others = {offer_id for offer_id in refused if offers[offer_id].stacking_group in groups}
    return sorted(bases | others)


def _stacked(
    ranked: Sequence[RankedOffer],
    standing: Standing,
    offers: Mapping[str, Offer],
    refused: dict[str, OfferRefusal],
) -> list[RankedOffer]:
    """Keep of each stacking group the best, and what goes on top of something only with it."""
    winners: dict[str, str] = {}
    for offer_id, uses in sorted(standing.uses.items()):
        if offer_id in offers and any(use.is_held for use in uses):
            winners.setdefault(offers[offer_id].stacking_group, offer_id)
    since = standing.now - BASE_SECONDS
    bases = {
        offer_id
        for offer_id, uses in standing.uses.items()
        if any(use.is_held or use.reserve_time > since for use in uses)
    }
    chosen: dict[str, RankedOffer] = {}
    waiting = list(ranked)
    # What lies on top of something comes after it, each round one floor higher.
    for _ in range(limits.OFFER_STACK_DEPTH_MAX + 1):
        there = {"", *bases, *chosen}
        ready = [one for one in waiting if one.offer.stacks_on in there]
        waiting = [one for one in waiting if one.offer.stacks_on not in there]
        for one in ready:
            group = one.offer.stacking_group
            winner = winners.setdefault(group, one.offer_id) if group else one.offer_id
            if winner == one.offer_id:
                chosen[one.offer_id] = one
            else:
                refused[one.offer_id] = OfferRefusal(
                    Rule.STACKING, f"{winner!r} of its group is better, or reserved"
                )
    for one in waiting:
        detail = f"goes on top of {one.offer.stacks_on!r} only, which is not for her"
        refused[one.offer_id] = OfferRefusal(Rule.STACKING, detail)
    return sorted(chosen.values(), key=_order)
