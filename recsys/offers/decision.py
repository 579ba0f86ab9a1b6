"""From what is known of people to their offers: whom each is for, in which order, which together.

Nothing is read here. What is the same for all who ask at one place and moment is found once.
"""

import functools
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.domain import Identifier
from recsys.filters import Filter
from recsys.offers.eligibility import (
    Circumstances,
    asks_traits,
    is_applicable,
    refused_here,
    refused_person,
)
from recsys.offers.ledger import Spend, Standing
from recsys.offers.offer import MICROS_PER_UNIT, Offer
from recsys.offers.people import PersonFacts
from recsys.offers.propensity import (
    OfferPrices,
    Propensities,
    PropensityModel,
    PropensityQuestion,
)
from recsys.offers.query import OfferQuery, RankedOffer
from recsys.offers.rule import OfferRefusal, Rule
from recsys.offers.uses import (
    Refusals,
    bear,
    refused_holdout,
    refused_sums,
    shown_cost_micros,
)
from recsys.profiles import needs_events, people_filter
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel


class OfferPerson(NamedTuple):
    """Somebody for whom offers are looked for.

    Attributes:
        query: Who she is, and which offers are wanted; its scene is the same for all who are
            looked at together.
        known: What may be known of what she did.
        facts: What filters see of her.
    """

    query: OfferQuery
    known: Known
    facts: PersonFacts


class Promised(NamedTuple):
    """Offers that somebody is about to read of.

    Attributes:
        identifiers: How she is known.
        facts: What filters see of her.
        offer_ids: The offers, known or not.
    """

    identifiers: tuple[Identifier, ...]
    facts: PersonFacts
    offer_ids: Sequence[str]


class Decided(NamedTuple):
    """What becomes of offers for one person.

    Attributes:
        offers: Those for her, the best first.
        refused: Those that are not for her, but for those that are for nobody here and now.
    """

    offers: list[RankedOffer]
    refused: dict[str, OfferRefusal]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """What holds for everybody at one place and moment.

    Attributes:
        offers: All offers.
        here: Where and when.
        refused: Those that are for nobody here and now.
        left: The others.
        counted: Those whose uses decide on the others.
    """

    offers: Mapping[str, Offer]
    here: Circumstances
    refused: Mapping[str, OfferRefusal]
    left: Sequence[str]
    counted: Sequence[str]

    @property
    def filters(self) -> list[Filter]:
        """What offers ask of a person."""
        said = (self.offers[offer_id].eligibility.person_filter for offer_id in self.left)
        return [people_filter(one) for one in dict.fromkeys(said) if one]

    @property
    def needs_events(self) -> bool:
        """Whether it depends on what somebody did if an offer is for her."""
        new = any(self.offers[offer_id].eligibility.new_customers_only for offer_id in self.left)
        return new or any(map(needs_events, self.filters))

    @classmethod
    def of(cls, offers: Mapping[str, Offer], here: Circumstances) -> "Situation":
        """Look at all offers once."""
        refused: dict[str, OfferRefusal] = {}
        for offer_id, offer in offers.items():
            for refusal in refused_here(offer, here, is_strict=False):
                refused[offer_id] = refusal
                break
        left = [offer_id for offer_id in offers if offer_id not in refused]
        counted = [*left, *_beside(left, refused, offers)]
        return cls(offers=offers, here=here, refused=refused, left=left, counted=counted)


class Decision:
    """Decides for people of one situation. Used by one thread at a time."""

    def __init__(
        self,
        situation: Situation,
        spends: Mapping[str, Spend],
        prices: OfferPrices | None,
        *,
        now: float,
    ) -> None:
        """Find out what all uses of offers so far mean for everybody.

        Args:
            situation: Where and when.
            spends: What is used of each offer; absent where nothing is.
            prices: What a use takes from others. None to look at each offer alone: neither
                that counts, nor which of a group is best, and there is no end of a list.
            now: The ledger's clock, seconds since 1970-01-01 UTC.
        """
        self._situation = situation
        self._is_alone = prices is None
        offers = {offer_id: situation.offers[offer_id] for offer_id in situation.left}
        self._used_up: dict[str, OfferRefusal] = {}
        self._last: dict[str, OfferRefusal] = {}
        self._gains: dict[str, int] = {}
        for offer_id, offer in offers.items():
            spend = spends.get(offer_id, Spend())
            for refusal in refused_sums(offer, spend, cost_micros=shown_cost_micros(offer)):
                self._used_up[offer_id] = refusal
                break
            gain = offer.value_micros - offer.cost_micros
            if prices is not None:
                price = prices.price_micros(offer_id, offer, spend, now=now)
                if price > 0 and price >= gain:
                    self._last[offer_id] = _too_dear(gain, price, offer)
                gain -= price
            elif offer.stacks_on:
                detail = f"goes on top of {offer.stacks_on!r} only"
                self._last[offer_id] = OfferRefusal(Rule.STACKING, detail)
            self._gains[offer_id] = gain
        self._said_tier = situation.here.query.loyalty_tier
        self._asking = frozenset(
            name for name, one in offers.items() if asks_traits(one, said_tier=self._said_tier)
        )
        # Of these nothing but that depends on who she is, as long as she uses nothing of them.
        self._drawn = {
            name: one.holdout_share
            for name, one in offers.items()
            if one.holdout_share and name not in self._asking
        }
        # One of these is decided together with all others.
        bases = {one.stacks_on for one in offers.values()}
        self._bound = frozenset(
            name
            for name, one in offers.items()
            if one.stacking_group or one.stacks_on or name in bases
        )
        self._places = {name: at for at, name in enumerate(offers)}
        self._gain_array = np.array([self._gains[name] for name in offers], dtype=np.float64)
        self._values = np.array([one.value_micros for one in offers.values()], dtype=np.float64)
        self._priorities = np.array([one.priority for one in offers.values()], dtype=np.int64)
        # Of equals, the first by id.
        self._ties = np.argsort(np.argsort(np.array(list(offers), dtype=object)))

    def of(
        self,
        people: Sequence[OfferPerson],
        standings: Sequence[Standing],
        model: ServingModel,
        propensity: PropensityModel,
        *,
        now: float,
        threads: int = 1,
    ) -> list[Decided]:
        """Decide for people who are looked at together.

        Args:
            people: Who they are.
            standings: How offers and each of them stand.
            model: Judges what they want.
            propensity: Judges who uses what.
            now: Seconds since 1970-01-01 UTC.
            threads: Slices to compute at the same time.

        Raises:
            StorageUnavailable: What filters ask of somebody cannot be read.
        """
        refused = [
            self._refused(one, standing, now=now)
            for one, standing in zip(people, standings, strict=True)
        ]
        asked = [
            PropensityQuestion(
                model=model,
                query=one.query,
                known=one.known,
                offers=self._situation.offers,
                wanted=[name for name in self._looked_at(one.query) if name not in hers],
                now=now,
                redeemed_count=standing.redeemed_count,
            )
            for one, standing, hers in zip(people, standings, refused, strict=True)
        ]
        judged = propensity.propensities(asked, threads=threads)
        return [
            Decided(self._chosen(question, found, standing, hers), hers)
            for question, found, standing, hers in zip(
                asked, judged, standings, refused, strict=True
            )
        ]

    def refusal(
        self,
        offer_id: str,
        facts: PersonFacts,
        standing: Standing,
        *,
        used_since: float | None,
        now: float,
    ) -> OfferRefusal | None:
        """Say what refuses an offer that was promised before; None for nothing.

        Neither prices nor stacking count: what was worth promising stays so.

        Args:
            offer_id: The offer, known or not.
            facts: What filters see of her.
            standing: How offers and she stand.
            used_since: When it was promised, seconds since 1970-01-01 UTC: what she has used
                of it since, by the ledger's clock, refuses it. None if that does not matter.
            now: Likewise, for all else.
        """
        offer = self._situation.offers.get(offer_id)
        if offer is None:
            return OfferRefusal(Rule.DELETED, "does not exist any more")
        if offer_id in self._situation.refused:
            return self._situation.refused[offer_id]
        uses = standing.uses.get(offer_id, ())
        if used_since is not None and any(use.reserve_time >= used_since for use in uses):
            return OfferRefusal(Rule.REDEEMED, "she has used it since it was promised")
        return next(self._refusals(offer_id, facts, standing, now=now), None)

    def _refusals(
        self, offer_id: str, facts: PersonFacts, standing: Standing, *, now: float
    ) -> Refusals:
        return refused_person(
            offer_id,
            self._situation.offers[offer_id],
            standing,
            reader=facts,
            said_tier=self._said_tier,
            now=now,
        )

    def _looked_at(self, query: OfferQuery) -> Sequence[str]:
        """Return the offers that what is asked for depends on."""
        if query.offer_ids is None:
            return self._situation.left
        asked = set(query.offer_ids)
        if not asked.isdisjoint(self._bound):
            asked |= self._bound
        return sorted(asked & self._gains.keys(), key=self._places.__getitem__)

    def _refused(
        self, one: OfferPerson, standing: Standing, *, now: float
    ) -> dict[str, OfferRefusal]:
        """Find what is not for somebody; each by the first rule that refuses it."""
        refused = dict(self._used_up)
        everything, key = self._looked_at(one.query), standing.person_key
        looked_at: Collection[str] = everything
        if key is not None:
            looked_at = (self._asking | standing.uses.keys()).intersection(everything)
            for offer_id in everything:
                if offer_id in self._drawn and offer_id not in looked_at:
                    for refusal in refused_holdout(offer_id, self._drawn[offer_id], key):
                        refused[offer_id] = refusal
        for offer_id in looked_at:
            for refusal in self._refusals(offer_id, one.facts, standing, now=now):
                refused[offer_id] = refusal
                break
        for offer_id, refusal in self._last.items():
            refused.setdefault(offer_id, refusal)
        return refused

    def _gained(
        self,
        asked: PropensityQuestion,
        judged: Propensities,
        places: NDArray[np.intp],
        refused: dict[str, OfferRefusal],
    ) -> NDArray[np.float64]:
        """Return what a use of each wanted offer earns, and refuse what she would buy anyway."""
        declared = self._gain_array[places]
        if judged.shares is None:
            return declared
        gains = declared - (1.0 - judged.shares) * self._values[places]
        for at in np.flatnonzero((gains <= 0) & (declared > 0)).tolist():
            name, share = asked.wanted[at], float(judged.shares[at])
            offer = self._situation.offers[name]
            refused[name] = _bought_anyway(float(gains[at]), share, offer)
        return gains

    def _chosen(
        self,
        asked: PropensityQuestion,
        judged: Propensities,
        standing: Standing,
        refused: dict[str, OfferRefusal],
    ) -> list[RankedOffer]:
        """Order what is for her, and leave out what does not go together."""
        offers, wanted = self._situation.offers, asked.wanted
        places = np.fromiter(map(self._places.__getitem__, wanted), np.intp, len(wanted))
        gains = self._gained(asked, judged, places, refused)
        expected = judged.probabilities * gains
        order = np.lexsort((self._ties[places], -expected, -self._priorities[places])).tolist()
        query, here = asked.query, self._situation.here
        if judged.shares is not None:
            order = [at for at in order if wanted[at] not in refused]
        kept: Iterable[int] = order
        if not self._is_alone:
            names = [wanted[at] for at in order if wanted[at] in self._bound]
            gone = _left_over(names, standing, offers, refused) if names else ()
            kept = (at for at in kept if wanted[at] not in gone)
        if query.offer_ids is not None:
            kept = (at for at in kept if wanted[at] in query.offer_ids)
        if query.is_applicable:
            kept = (at for at in kept if is_applicable(offers[wanted[at]], here))
        order = list(itertools.islice(kept, None if self._is_alone else query.result_count))
        return [
            RankedOffer(
                offer_id=wanted[at],
                offer=offers[wanted[at]],
                propensity=float(judged.probabilities[at]),
                basis=judged.bases[at],
                expected_micros=float(expected[at]),
                is_applicable=None
                if query.basket is None
                else is_applicable(offers[wanted[at]], here),
            )
            for at in order
        ]


def _too_dear(margin_micros: int, price_micros: int, offer: Offer) -> OfferRefusal:
    margin, price = margin_micros / MICROS_PER_UNIT, price_micros / MICROS_PER_UNIT
    detail = (
        f"a use earns {margin:g} {offer.currency} and takes {price:g} from others, by the prices "
        "of the allocation and how fast its budget is used"
    )
    return OfferRefusal(Rule.PRICE, detail)


def _bought_anyway(gain_micros: float, share: float, offer: Offer) -> OfferRefusal:
    detail = (
        f"by its holdout {share:.0%} of her redemptions would not have been bought without it, so "
        f"that a use earns {gain_micros / MICROS_PER_UNIT:g} {offer.currency}"
    )
    return OfferRefusal(Rule.UPLIFT, detail)


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


@functools.lru_cache(maxsize=1_024)
def _outdone(winner: str) -> OfferRefusal:
    return OfferRefusal(Rule.STACKING, f"{winner!r} of its group is better, or reserved")


def _left_over(
    ranked: Sequence[str],
    standing: Standing,
    offers: Mapping[str, Offer],
    refused: dict[str, OfferRefusal],
) -> set[str]:
    """Find what stacking leaves over: of each group all but the best, and what has no base.

    Args:
        ranked: Offers that are for her and of a group, on top of something or below it; the best
            first.
        standing: What she uses.
        offers: All offers.
        refused: Gets those that are found.
    """
    winners: dict[str, str] = {}
    for offer_id, uses in sorted(standing.uses.items()):
        if offer_id in offers and any(use.is_held for use in uses):
            winners.setdefault(offers[offer_id].stacking_group, offer_id)
    there = {offer_id for offer_id, uses in standing.uses.items() if bear(uses, now=standing.now)}
    there.add("")
    waiting, kept = list(ranked), set[str]()
    # What lies on top of something comes after it, each round one floor higher.
    for _ in range(limits.OFFER_STACK_DEPTH_MAX + 1):
        ready = [name for name in waiting if offers[name].stacks_on in there]
        waiting = [name for name in waiting if offers[name].stacks_on not in there]
        for name in ready:
            group = offers[name].stacking_group
            winner = winners.setdefault(group, name) if group else name
            if winner == name:
                kept.add(name)
            else:
                refused[name] = _outdone(winner)
        if not waiting:
            break
        there |= kept
    for name in waiting:
        detail = f"goes on top of {offers[name].stacks_on!r} only, which is not for her"
        refused[name] = OfferRefusal(Rule.STACKING, detail)
    return set(ranked) - kept
