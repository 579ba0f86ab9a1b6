"""Propensity where nothing was learned yet: by the items that somebody likes."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from recsys.offers.propensity import Propensities, PropensityQuestion
from recsys.offers.query import PropensityBasis
from recsys.offers.tastes import Tastes

POPULAR_SHARE: Final = 0.1
"""How much what is popular counts beside what is hers, so that no scope is worth nothing."""


class Affinity:
    """By her items: the share of her best ones that is in an offer's scope; see `Taste`.

    It is no probability that was measured: it puts offers of different scopes into an order.
    Implements `PropensityModel`.
    """

    def __init__(self, tastes: Tastes) -> None:
        """Share what looks at people's items."""
        self._tastes = tastes

    def propensities(
        self, asked: Sequence[PropensityQuestion], *, threads: int = 1
    ) -> Sequence[Propensities]:
        """Judge for each person each of the wanted offers; as `PropensityModel.propensities`."""
        judged = []
        for taste in self._tastes.of(asked, threads=threads):
            here, basis = taste.popular, PropensityBasis.POPULARITY
            if taste.hers is not None:
                basis = PropensityBasis.AFFINITY
                here = (1.0 - POPULAR_SHARE) * taste.hers + POPULAR_SHARE * here
            judged.append(Propensities(np.clip(here, 0.0, 1.0), [basis] * len(here)))
        return judged
