"""One block of people, and what all that they do is drawn from."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.simulate.calendar import Calendar
from training.simulate.catalog import Catalog
from training.simulate.config import WorldConfig
from training.simulate.draw import I64, Flags, spread, weighted_per_row
from training.simulate.people import People
from training.simulate.stores import Stores

_RATE_DAYS: Final = 182.0


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One block of people and all that they draw from."""

    config: WorldConfig
    catalog: Catalog
    stores: Stores
    calendar: Calendar
    people: People
    rng: np.random.Generator

    def happenings(self, rate: float, taking_part: Flags) -> I64:
        """Draw how often something happens to whom.

        Args:
            rate: Times per person of average activity and half a year.
            taking_part: Whether it happens to a person at all, shape (people,).

        Returns:
            Position of the person, once for each time it happens.
        """
        scale = rate * self.config.day_count / _RATE_DAYS
        counts = self.rng.poisson(self.people.activity * taking_part * scale)
        return spread(counts)[0]

    def themes(self, *, people: I64, moments: I64) -> I64:
        """Draw one liked theme per person and moment, seasons considered."""
        liked = self.people.themes[people]
        season = self.calendar.season(
            moments=np.repeat(moments, liked.shape[1]),
            kinds=self.catalog.theme_kinds[liked].ravel(),
        )
        slots = weighted_per_row(self.rng, self.people.taste[people] * season.reshape(liked.shape))
        return liked[np.arange(len(people)), slots]

    def items(self, themes: I64, *, noise: float) -> I64:
        """Draw one item per theme; a share of `noise` is whatever is popular."""
        items = self.catalog.choose(self.rng, themes)
        off_taste = self.rng.random(len(themes)) < noise
        items[off_taste] = self.catalog.choose_any(self.rng, int(off_taste.sum()))
        return items
