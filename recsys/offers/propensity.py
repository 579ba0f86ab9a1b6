"""How likely somebody is to use an offer, and what a use of its budget is worth: two ports.

What is learned from exposures and redemptions can take the place of the affinity, and prices of
budgets that of nothing, without a change of anything else.
"""

import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import allows
from recsys.offers.ledger import Spend
from recsys.offers.offer import Offer
from recsys.offers.query import OfferQuery, PropensityBasis
from recsys.offers.scope import ScopeTable
from recsys.recommend.fallback import popular_order
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel
from recsys.recommend.query import RecommendQuery
from recsys.recommend.recommender import Recommender
from recsys.recommend.sources import Personal, in_one, of_person
from recsys.recommend.together import rank_together
from recsys.rules import Permitted

_POPULAR_SHARE: Final = 0.1
"""How much what is popular counts beside what is hers, so that no scope is worth nothing."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)


class Propensities(NamedTuple):
    """How likely somebody uses some offers.

    Attributes:
        probabilities: Of each, 0 to 1, float64.
        bases: By what each was judged.
    """

    probabilities: NDArray[np.float64]
    bases: Sequence[PropensityBasis]


_NOTHING: Final = Propensities(np.zeros(0), ())


class PropensityQuestion(NamedTuple):
    """For whom, and of which offers.

    Attributes:
        model: Ranks items.
        query: Who asks, where, with what in her basket.
        known: What may be known of her.
        offers: All offers; the same mapping as long as none has changed.
        wanted: Ids of those that are for her.
        now: Seconds since 1970-01-01 UTC.
    """

    model: ServingModel
    query: OfferQuery
    known: Known
    offers: Mapping[str, Offer]
    wanted: Sequence[str]
    now: float


class PropensityModel(Protocol):
    """Judges how likely people use offers. Safe between threads."""

    def propensities(
        self, asked: Sequence[PropensityQuestion], *, threads: int = 1
    ) -> Sequence[Propensities]:
        """Judge for each person each of the wanted offers, in their order.

        Args:
            asked: People of one model, all offers and a moment; each as if alone.
            threads: Slices to compute at the same time.
        """
        ...


class OfferPrices(Protocol):
    """What a use of an offer takes from others. Safe between threads."""

    def price_micros(self, offer_id: str, offer: Offer, spend: Spend, *, now: float) -> int:
        """Return it in millionths of the offer's currency, from 0; 0 where nothing is known.

        Args:
            offer_id: The offer,
            offer: what it says,
            spend: and what is used of it.
            now: Seconds since 1970-01-01 UTC.
        """
        ...


class Affinity:
    """By her items: the share of her best ones that is in an offer's scope.

    Each of the best items counts by its place as in a discounted cumulative gain (Järvelin
    and Kekäläinen, 2002), 1 / log2(1 + place), and all of them together count 1. It is no
    probability that was measured: it puts offers of different scopes into an order.
    Implements `PropensityModel`.
    """

    def __init__(self, recommender: Recommender) -> None:
        """Share what ranks items and knows what may be shown."""
        self._recommender = recommender
        self._tables: weakref.WeakKeyDictionary[ServingModel, ScopeTable]
        self._tables = weakref.WeakKeyDictionary()

    def propensities(
        self, asked: Sequence[PropensityQuestion], *, threads: int = 1
    ) -> Sequence[Propensities]:
        """Judge for each person each of the wanted offers; as `PropensityModel.propensities`."""
        judged = [_NOTHING] * len(asked)
        groups: dict[tuple[object, ...], list[_Looked]] = defaultdict(list)
        for at, one in enumerate(asked):
            if one.wanted:
                looked = self._look(at, one)
                masks = tuple(id(part.mask) for part in looked.permitted.parts)
                groups[(one.query.channel, one.query.store_id, *masks)].append(looked)
        for group in groups.values():
            for each, found in zip(group, self._together(group, threads), strict=True):
                judged[each.at] = found
        return judged

    def _look(self, at: int, asked: PropensityQuestion) -> "_Looked":
        model, query = asked.model, asked.query
        place = RecommendQuery(
            placement=query.placement, channel=query.channel, store_id=query.store_id,
            place=query.place, buyer_age=query.buyer_age, rules=query.rules,
        )  # fmt: skip
        # First, for it takes in what has changed of the items.
        in_force = self._recommender.in_force(
            model, place, asked.known.history, set(), now=asked.now
        )
        source = of_person(
            model, asked.known, channel=query.channel, store_id=query.store_id, without_seen=False
        )
        personal = source if isinstance(source, Personal) else None
        return _Looked(at, asked, personal, in_force.permitted)

    def _together(self, group: Sequence["_Looked"], threads: int) -> list[Propensities]:
        """Judge for people of one place who may be shown the same."""
        first = group[0]
        model, query, permitted = first.asked.model, first.asked.query, first.permitted
        popular, _ = popular_order(model, channel=query.channel, store_id=query.store_id)
        bitmap = permitted.bitmap()
        if bitmap is not None:
            popular = popular[allows(bitmap, popular)]
        wanted = sorted(set().union(*(one.asked.wanted for one in group)))
        shares = self._shares(first.asked, wanted, popular[: limits.CANDIDATE_COUNT_MAX])
        places = {name: at for at, name in enumerate(wanted)}
        best = iter(_best(group, threads))
        judged = []
        for one in group:
            here = shares[[places[name] for name in one.asked.wanted]]
            basis = PropensityBasis.POPULARITY
            if one.source is not None:
                basis = PropensityBasis.AFFINITY
                hers = self._shares(one.asked, one.asked.wanted, next(best))
                here = (1.0 - _POPULAR_SHARE) * hers + _POPULAR_SHARE * here
            judged.append(Propensities(np.clip(here, 0.0, 1.0), [basis] * len(here)))
        return judged

    def _shares(
        self, asked: PropensityQuestion, wanted: Sequence[str], rows: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        if not len(rows):
            return np.zeros(len(wanted))
        weights = 1.0 / np.log2(2.0 + np.arange(len(rows)))
        weights /= weights.sum()
        return self._table(asked.model).shares(asked.offers, wanted, rows, weights, now=asked.now)

    def _table(self, model: ServingModel) -> ScopeTable:
        assortment = self._recommender.permissions.assortment(model)
        found = self._tables.get(model)
        if found is None or found.assortment is not assortment:
            found = self._tables[model] = ScopeTable(assortment)
        return found


class _Looked(NamedTuple):
    """Somebody who waits to be judged.

    Attributes:
        at: Her place among those asked for.
        asked: The question.
        source: Ranks by what she did; None where nothing is known.
        permitted: What may be shown to her.
    """

    at: int
    asked: PropensityQuestion
    source: Personal | None
    permitted: Permitted


def _best(group: Sequence[_Looked], threads: int) -> Iterator[NDArray[np.int32]]:
    """Yield the best rows of each of whom something is known."""
    people = [(one.asked.model, one.source) for one in group if one.source is not None]
    if not people:
        return
    masks = in_one(list(group[0].permitted.masks or ()))
    model, source = people[0]
    if len(people) == 1:
        yield source.search(masks, limits.CANDIDATE_COUNT_MAX, excluded=_NO_ROWS).rows
        return
    for ranking in rank_together(
        model,
        [one for _, one in people],
        limits.CANDIDATE_COUNT_MAX,
        masks=masks or None,
        excluded=[_NO_ROWS] * len(people),
        threads=threads,
    ):
        yield ranking.rows
