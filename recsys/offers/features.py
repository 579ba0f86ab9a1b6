"""What a learned propensity sees of a person and an offer: one code path for training and serving.

Nothing is read here. What serving has at hand anyway is all there is: what she did (the newest
lines, as everywhere), her best items, how often she used an offer by the ledger, what the offer
says, and how often it was redeemed. Counts and shares enter by their logarithms, so that the
second purchase says more than the hundredth.
"""

import math
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import SEGMENT_ALL
from recsys.domain import SECONDS_PER_DAY, Channel, EventType
from recsys.offers.affinity import POPULAR_SHARE
from recsys.offers.offer import (
    MICROS_PER_UNIT,
    AmountOff,
    BuyAndGet,
    FreeDelivery,
    Gift,
    Offer,
    PercentOff,
    Points,
    Sample,
)
from recsys.offers.propensity import PropensityQuestion
from recsys.offers.rates import Rates
from recsys.offers.tastes import Taste, Tastes
from recsys.recommend.model import ServingModel
from recsys.recommend.query import CONTACT_TYPES

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_PAIR: Final = (
    "affinity",
    "popularity_here",
    "lines_bought_in_scope",
    "lines_touched_in_scope",
)
_PERSON: Final = (
    "person_is_known",
    "lines_bought",
    "orders",
    "lines_touched",
    "offers_seen",
    "offers_redeemed",
    "offers_used",
    "days_since_last",
    "days_covered",
)
_CHANNELS: Final = tuple(Channel)
_BENEFITS: Final = (PercentOff, AmountOff, BuyAndGet, Gift, FreeDelivery, Points, Sample)
_OFFER: Final = (
    *(f"benefit_{one.__struct_config__.tag}" for one in _BENEFITS),
    "share_off",
    "amount_off",
    "whole_basket",
    "items_in_scope",
    "popularity_of_scope",
    "rate",
)
FEATURE_NAMES: Final = (*_PAIR, *_PERSON, *(f"channel_{one.value}" for one in _CHANNELS), *_OFFER)
"""The columns of every matrix, in their order."""

_PAIR_COUNT: Final = len(_PAIR)
_OFFER_FROM: Final = len(FEATURE_NAMES) - len(_OFFER)
_SHARE_MIN: Final = 1e-3
"""Added to shares, so that none at all has a logarithm."""

_MASS_MIN: Final = 1e-6
_BOUGHT: Final = EventType.PURCHASE_COMPLETE.code
_TOUCHED: Final = tuple(one.code for one in CONTACT_TYPES if one.code != _BOUGHT)
_DAYS_MAX: Final = 3_650.0


class _Offers(NamedTuple):
    """What is the same for everybody.

    Attributes:
        offers: All offers.
        breadths: How wide their scopes are.
        rates: How often they were redeemed.
        places: Rows of `columns`, by offer.
        columns: `_OFFER` of each, shape (len(offers), len(_OFFER)).
    """

    offers: Mapping[str, Offer]
    breadths: F64
    rates: Rates
    places: Mapping[str, int]
    columns: F64


class PairFeatures:
    """Makes matrices of features. Safe between threads."""

    def __init__(self, tastes: Tastes) -> None:
        """Share what looks at people's items."""
        self._tastes = tastes
        self._lock = threading.Lock()
        self._kept: weakref.WeakKeyDictionary[ServingModel, _Offers]
        self._kept = weakref.WeakKeyDictionary()
        self._said: tuple[Mapping[str, Offer] | None, F64] = (None, np.zeros((0, 0)))
        self._popular: weakref.WeakKeyDictionary[ServingModel, tuple[I32, F64]]
        self._popular = weakref.WeakKeyDictionary()

    def of(
        self, asked: Sequence[PropensityQuestion], rates: Rates, *, threads: int = 1
    ) -> Iterator[F64]:
        """Yield the features of each person's wanted offers.

        Args:
            asked: As `PropensityModel.propensities` takes them.
            rates: How often offers were redeemed; the same object as long as nothing has changed.
            threads: Slices to compute at the same time.

        Yields:
            Float64, finite, shape (len(wanted), len(FEATURE_NAMES)).
        """
        for one, taste in zip(asked, self._tastes.of(asked, threads=threads), strict=True):
            yield self._matrix(one, taste, rates)

    def _matrix(self, asked: PropensityQuestion, taste: Taste, rates: Rates) -> F64:
        wanted = asked.wanted
        found = np.empty((len(wanted), len(FEATURE_NAMES)))
        if not wanted:
            return found
        hers = 0.0 if taste.hers is None else taste.hers
        found[:, 0] = np.log(_SHARE_MIN + np.maximum(hers, 0.0))
        found[:, 1] = np.log(_SHARE_MIN + np.maximum(taste.popular, 0.0))
        found[:, 2:_PAIR_COUNT] = np.log1p(self._lines_in_scope(asked)).T
        found[:, _PAIR_COUNT:_OFFER_FROM] = _person(asked)
        here = self._offers(asked, rates)
        places = np.fromiter(map(here.places.__getitem__, wanted), np.intp, len(wanted))
        found[:, _OFFER_FROM:] = here.columns[places]
        return found

    def _lines_in_scope(self, asked: PropensityQuestion) -> F64:
        """Count the lines of items in each scope: bought, and touched; shape (2, offers)."""
        history, model = asked.known.history, asked.model
        table = self._tastes.table(model)
        if not len(history):
            return np.zeros((2, len(asked.wanted)))
        rows, positions = model.items.find(history.item_ids)
        codes = history.type_codes[positions]
        counted = np.stack([codes == _BOUGHT, np.isin(codes, _TOUCHED)]).astype(np.float64)
        some = counted.any(axis=0) & (rows < table.assortment.row_count)
        return table.shares(asked.offers, asked.wanted, rows[some], counted[:, some], now=asked.now)

    def _offers(self, asked: PropensityQuestion, rates: Rates) -> _Offers:
        """Return what is the same for everybody, as it was found before if nothing has changed."""
        offers, model = asked.offers, asked.model
        # Offers and items change under the hand of others, and an answer needs one of each.
        with self._lock:
            popular = self._popular.get(model)
            if popular is None:
                rows, scores = model.popular.list(SEGMENT_ALL)
                total = float(scores.sum(dtype=np.float64)) or 1.0
                popular = self._popular[model] = rows, scores.astype(np.float64) / total
            breadths = self._tastes.table(model).breadths(offers, *popular, now=asked.now)
            kept = self._kept.get(model)
            if (
                kept is None
                or kept.offers is not offers
                or kept.breadths is not breadths
                or kept.rates is not rates
            ):
                if self._said[0] is not offers:
                    self._said = offers, np.array([_said(one) for one in offers.values()])
                kept = self._kept[model] = _Offers(
                    offers=offers,
                    breadths=breadths,
                    rates=rates,
                    places={name: at for at, name in enumerate(offers)},
                    columns=np.column_stack(
                        [
                            self._said[1],
                            np.log1p(breadths[0]),
                            np.log(_MASS_MIN + np.maximum(breadths[1], 0.0)),
                            rates.logits(list(offers)),
                        ]
                    ),
                )
            return kept


def affinities(features: F64) -> F64:
    """Return of a matrix what `Affinity` would have said, shape (m,)."""
    found = POPULAR_SHARE * popularities(features)
    found += (1.0 - POPULAR_SHARE) * (np.exp(features[:, 0]) - _SHARE_MIN)
    # Of whom nothing is known, only what is popular counts.
    unknown = features[:, FEATURE_NAMES.index("person_is_known")] == 0
    found[unknown] = popularities(features)[unknown]
    return found


def popularities(features: F64) -> F64:
    """Return of a matrix how much of what is popular here is in scope, shape (m,)."""
    found: F64 = np.exp(features[:, 1]) - _SHARE_MIN
    return found


def _person(asked: PropensityQuestion) -> F64:
    """Return `_PERSON` and the channels, one number each."""
    history = asked.known.history
    codes, times = history.type_codes, history.event_times
    bought = codes == _BOUGHT
    since, covered = _DAYS_MAX, 0.0
    if len(times):
        since = (asked.now - float(times.max())) / SECONDS_PER_DAY
        covered = (asked.now - float(times.min())) / SECONDS_PER_DAY
    counts: list[float] = [
        int(bought.sum()),
        len(np.unique(times[bought])),
        int(np.isin(codes, _TOUCHED).sum()),
        int((codes == EventType.OFFER_VIEW.code).sum()),
        int((codes == EventType.OFFER_REDEEM.code).sum()),
        asked.redeemed_count if asked.known.is_allowed else 0,
        min(max(since, 0.0), _DAYS_MAX),
        min(max(covered, 0.0), _DAYS_MAX),
    ]
    return np.array(
        [
            float(len(history) > 0),
            *map(math.log1p, counts),
            *(float(asked.query.channel is one) for one in _CHANNELS),
        ]
    )


def _said(offer: Offer) -> list[float]:
    """Return what an offer says of itself: the first of `_OFFER`."""
    benefit = offer.benefit
    share = amount = 0.0
    if isinstance(benefit, PercentOff):
        share = benefit.percent / 100.0
    elif isinstance(benefit, BuyAndGet):
        share = benefit.get_count / (benefit.buy_count + benefit.get_count)
    elif isinstance(benefit, AmountOff):
        amount = math.log1p(max(0, benefit.amount_micros) / MICROS_PER_UNIT)
    return [
        *(float(isinstance(benefit, one)) for one in _BENEFITS),
        share,
        amount,
        float(offer.scope.is_basket),
    ]
