"""Who might have got an offer and who never did, by lot: what holdouts teach is learned from them.

A unit is a person and an offer with a holdout, from the first thing that she did with an item
while the offer was there: then she might have been shown it. Views and redemptions of offers do not
begin a unit, for those who are held out have none. Everybody counts, whether or not she was shown
the offer (intention to treat), so that the two sides differ by lot alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.offers import Offer, is_held_out
from training.propensity.exposures import Exposures, Lines

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

UNIT_COUNT_MAX: Final = 50_000
"""Units of an offer; of more, those of some people drawn by lot."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """People who might have got one offer, or would have; arrays of shape (m,).

    Attributes:
        offer_id: The offer.
        held_out_share: How likely a person is held out.
        people: Who.
        times: From when, seconds since 1970-01-01 UTC.
        is_held_out: Who never got it.
    """

    offer_id: str
    held_out_share: float
    people: I64
    times: F64
    is_held_out: Flags


def with_holdout(offers: Mapping[str, Offer]) -> list[str]:
    """Return the offers that some people never get, and some may."""
    return [name for name, one in offers.items() if 0.0 < one.holdout_share < 1.0]


def units_of(
    exposures: Exposures,
    lines: Lines,
    *,
    among: Flags,
    horizon_seconds: float,
    end_time: float,
    rng: np.random.Generator,
) -> Iterator[Units]:
    """Yield the units of each offer with a holdout of which all is known by now.

    Args:
        exposures: What became of offers.
        lines: What everybody did.
        among: Who may be a unit, drawn without regard to what she did, shape (people,).
        horizon_seconds: How long is looked at.
        end_time: Up to when anything is known, seconds since 1970-01-01 UTC.
        rng: Source of all chance.
    """
    for offer_id in with_holdout(exposures.offers):
        offer = exposures.offers[offer_id]
        first = _begin(exposures, offer_id, offer)
        until = end_time if offer.until_time is None else offer.until_time
        people, times = lines.first_contacts(first, min(until, end_time), among)
        is_ripe = times + horizon_seconds <= end_time
        people, times = people[is_ripe], times[is_ripe]
        if len(people) > UNIT_COUNT_MAX:
            some = np.sort(rng.choice(len(people), UNIT_COUNT_MAX, replace=False))
            people, times = people[some], times[some]
        held_out = [
            is_held_out(offer_id=offer_id, person_key=key, share=offer.holdout_share)
            for key in exposures.people.heads[people].tolist()
        ]
        yield Units(
            offer_id=offer_id,
            held_out_share=offer.holdout_share,
            people=people,
            times=times,
            is_held_out=np.array(held_out, dtype=np.bool_),
        )


def _begin(exposures: Exposures, offer_id: str, offer: Offer) -> float:
    """Return since when an offer is there: as it says, else since anybody saw it."""
    if offer.from_time is not None:
        return offer.from_time
    views = exposures.views
    seen = views.times[views.offers == exposures.offer_ids.index(offer_id)]
    return float(seen.min(initial=np.inf))
