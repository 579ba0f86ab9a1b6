"""The decision: which offers a person gets, here and now, the most valuable first."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.catalog import ItemReader
from recsys.offers.affinity import Affinity
from recsys.offers.decision import Decided, Decision, OfferPerson, Promised, Situation
from recsys.offers.eligibility import Circumstances, asks_traits, refused_here, refused_traits
from recsys.offers.ledger import Ledger
from recsys.offers.live import LiveOffers, LiveStores
from recsys.offers.people import PeopleRecords, PersonReader
from recsys.offers.prices import PacedPrices
from recsys.offers.propensity import OfferPrices, PropensityModel
from recsys.offers.query import OfferAnswer, OfferQuery, RefusedOffer
from recsys.offers.rule import OfferRefusal
from recsys.offers.tastes import Tastes
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
        self._propensity = propensity or Affinity(Tastes(recommender))
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
        (answer,) = self.recommend_each(model, [query], now=now)
        return answer

    def recommend_each(
        self, model: ServingModel, queries: Sequence[OfferQuery], *, now: float
    ) -> list[OfferAnswer]:
        """Find the offers for some people; as `recommend` for each, in about the time of one.

        Raises:
            StorageUnavailable: What is used of offers cannot be read.
        """
        answers: dict[int, OfferAnswer] = {}
        acquaintance = self._recommender.acquaintance
        stored = acquaintance.read(queries)
        scenes: dict[OfferQuery, list[int]] = defaultdict(list)
        for at, query in enumerate(queries):
            scenes[query.scene].append(at)
        for scene, places in scenes.items():
            situation = self.situation(scene, now=now)
            people, notes = [], []
            for at in places:
                query, noted = queries[at], set[str]()
                known = acquaintance.known(model, query, noted, now=now, stored=stored[at])
                reader = PersonReader(self._people, query, allowed=known.is_allowed, now=now)
                people.append(OfferPerson(query, known, reader))
                notes.append(frozenset(noted))
            found = self.decide(model, situation, people, now=now)
            for at, decided, noted_of in zip(places, found, notes, strict=True):
                answers[at] = _answer(model, queries[at], situation, decided, noted_of)
        return [answers[at] for at in range(len(queries))]

    def situation(self, query: OfferQuery, *, now: float) -> Situation:
        """Find what holds for everybody at one place and moment, whoever asks.

        Raises:
            StorageUnavailable: Offers or stores cannot be read.
        """
        return Situation.of(self._sources.offers.current(), self._circumstances(query, now=now))

    def decide(
        self,
        model: ServingModel,
        situation: Situation,
        people: Sequence[OfferPerson],
        *,
        is_alone: bool = False,
        now: float,
        threads: int = 1,
    ) -> list[Decided]:
        """Find the offers for people who have been looked up; as `recommend` for each.

        Args:
            model: Judges their affinity.
            situation: What holds for all of them.
            people: Who they are.
            is_alone: Whether each offer is looked at alone: neither what it takes from
                others, nor which of a group is best, counts, and lists have no end.
            now: Seconds since 1970-01-01 UTC.
            threads: Slices to compute at the same time.

        Raises:
            StorageUnavailable: What is used of offers cannot be read.
        """
        if not people:
            return []
        standings = self._sources.ledger.standings(
            [one.query.identifiers for one in people], situation.counted
        )
        prices = None if is_alone else self._prices
        # All of one read: what is used of offers is the same in each.
        decision = Decision(situation, standings[0].spends, prices, now=standings[0].now)
        return decision.of(people, standings, model, self._propensity, now=now, threads=threads)

    def refusals(
        self,
        situation: Situation,
        promised: Sequence[Promised],
        *,
        used_since: float | None,
        now: float,
    ) -> list[dict[str, OfferRefusal]]:
        """Say what refuses offers that were promised to people; as `Decision.refusal`.

        Args:
            situation: What holds for all of them.
            promised: Who was promised what.
            used_since: When they were promised; None if uses since do not matter.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: What is used of offers cannot be read.
        """
        wanted = sorted({offer_id for one in promised for offer_id in one.offer_ids})
        if not wanted:
            return [{} for _ in promised]
        standings = self._sources.ledger.standings([one.identifiers for one in promised], wanted)
        decision = Decision(situation, standings[0].spends, None, now=standings[0].now)
        found = []
        for one, standing in zip(promised, standings, strict=True):
            refused = {}
            for offer_id in one.offer_ids:
                refusal = decision.refusal(
                    offer_id, one.facts, standing, used_since=used_since, now=now
                )
                if refusal is not None:
                    refused[offer_id] = refusal
            found.append(refused)
        return found

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
        if found is not None or not asks_traits(offer, said_tier=query.loyalty_tier):
            return found
        allowed = self._recommender.acquaintance.may_know(query)
        reader = PersonReader(self._people, query, allowed=allowed, now=now)
        hers = refused_traits(offer.eligibility, reader, said_tier=query.loyalty_tier, now=now)
        return next(hers, None)

    def _circumstances(self, query: OfferQuery, *, now: float) -> Circumstances:
        catalog = self._recommender.permissions.catalog
        wanted = [line.item_id for line in query.basket or ()]
        return Circumstances(
            query=query,
            stores=self._stores.current(),
            items=catalog.find_items(list(dict.fromkeys(wanted))) if wanted else {},
            now=now,
        )


def _answer(
    model: ServingModel,
    query: OfferQuery,
    situation: Situation,
    decided: Decided,
    notes: frozenset[str],
) -> OfferAnswer:
    refused = {**situation.refused, **decided.refused} if query.explains else {}
    return OfferAnswer(
        offers=tuple(decided.offers),
        refused=tuple(
            RefusedOffer(offer_id=offer_id, refusal=refusal)
            for offer_id, refusal in sorted(refused.items())
        ),
        model_version=model.version,
        notes=notes,
    )
