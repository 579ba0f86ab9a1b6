"""When things happen: days of the week, times of the year, hours of the day."""

from typing import Final

import numpy as np

from recsys.domain import Channel
from training.simulate.config import WorldConfig
from training.simulate.draw import F64, I64, weighted
from training.simulate.vocabulary import KINDS

MICROSECONDS: Final = 1_000_000
_DAY_SECONDS: Final = 86_400
_HOUR_SECONDS: Final = 3_600
_YEAR_DAYS: Final = 365.25
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0.
_SEASON_STRENGTH: Final = 2.0
_SEASON_WIDTH_DAYS: Final = 35.0
_CHRISTMAS_DAY: Final = 350
_NEWSLETTER_HOUR: Final = 9

# Monday to Sunday: shops live on Saturdays and close on Sundays in half the towns.
_WEEKDAYS: Final[dict[Channel, tuple[float, ...]]] = {
    Channel.WEB: (1.0, 0.95, 0.95, 1.0, 0.9, 1.05, 1.35),
    Channel.MOBILE_APP: (1.0, 0.95, 0.95, 1.0, 1.0, 1.1, 1.3),
    Channel.STORE: (0.9, 0.85, 0.9, 1.0, 1.3, 1.7, 0.4),
    Channel.CALL_CENTER: (1.2, 1.1, 1.0, 1.0, 1.0, 0.3, 0.0),
}
_HOURS: Final[dict[Channel, tuple[float, ...]]] = {
    Channel.WEB: (1, 0.5, 0.3, 0.2, 0.2, 0.3, 1, 2, 3, 3, 3, 3, 4, 4, 3, 3, 4, 5, 6, 8, 9, 8, 5, 2),
    Channel.MOBILE_APP: (1, 0.5, 0.3, 0.2, 0.2, 0.5, 3, 5, 4, 3, 3, 3, 5, 4, 3, 3, 5, 6, 6, 7, 8, 8,
                         6, 3),
    Channel.STORE: (0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 6, 6, 5, 5, 6, 8, 9, 7, 3, 0, 0, 0, 0),
    Channel.CALL_CENTER: (0, 0, 0, 0, 0, 0, 0, 0, 3, 6, 6, 5, 3, 4, 5, 5, 4, 2, 0, 0, 0, 0, 0, 0),
}  # fmt: skip


class Calendar:
    """Draws moments within a world's period.

    Attributes:
        start: First moment, microseconds since 1970-01-01 UTC.
        end: First moment after the period, same unit.
    """

    def __init__(self, config: WorldConfig) -> None:
        self.start = int(config.start_time.timestamp()) * MICROSECONDS
        self.end = int(config.end_time.timestamp()) * MICROSECONDS
        self._day_count = config.day_count
        starts = self.start // MICROSECONDS + np.arange(config.day_count) * _DAY_SECONDS
        self._first_midnight = self.start // MICROSECONDS % _DAY_SECONDS
        weekday = (starts // _DAY_SECONDS + _EPOCH_WEEKDAY) % 7
        day_of_year = starts / _DAY_SECONDS % _YEAR_DAYS
        year = 1.0 + 0.8 * _bump(day_of_year, _CHRISTMAS_DAY)
        self._day_weights = {
            channel: np.array(factors)[weekday] * year for channel, factors in _WEEKDAYS.items()
        }
        self._seasons = np.ones((len(KINDS), config.day_count))
        for row, kind in enumerate(KINDS):
            if kind.peak_day:
                self._seasons[row] += _SEASON_STRENGTH * _bump(day_of_year, kind.peak_day)

    def moments(self, rng: np.random.Generator, channel: Channel, count: int) -> I64:
        """Draw moments at which a channel is used; microseconds, shape (count,)."""
        days = weighted(rng, self._day_weights[channel], count)
        hours = weighted(rng, np.array(_HOURS[channel], dtype=np.float64), count)
        seconds = hours * _HOUR_SECONDS + rng.integers(0, _HOUR_SECONDS, count)
        # Days count from the period's start, so clock hours wrap around it.
        offsets = (seconds - self._first_midnight) % _DAY_SECONDS
        return self.start + (days * _DAY_SECONDS + offsets) * MICROSECONDS

    def season(self, *, moments: I64, kinds: I64) -> F64:
        """Return how much more a kind of item is wanted at that time, from 1 to 3."""
        days = (moments - self.start) // (_DAY_SECONDS * MICROSECONDS)
        season: F64 = self._seasons[kinds, np.clip(days, 0, self._day_count - 1)]
        return season

    def share(self, moments: I64) -> F64:
        """Return how far into the period moments are, in [0, 1)."""
        return (moments - self.start) / (self.end - self.start)

    def weeks(self) -> I64:
        """Return the moments at which newsletters go out: Thursdays, 9 o'clock UTC."""
        starts = self.start // MICROSECONDS + np.arange(self._day_count) * _DAY_SECONDS
        midnights = starts // _DAY_SECONDS * _DAY_SECONDS
        thursdays = midnights[midnights // _DAY_SECONDS % 7 == 0]
        moments: I64 = (thursdays + _NEWSLETTER_HOUR * _HOUR_SECONDS) * MICROSECONDS
        return moments


def _bump(day_of_year: F64, peak_day: int) -> F64:
    distance = np.abs(day_of_year - peak_day)
    distance = np.minimum(distance, _YEAR_DAYS - distance)
    bump: F64 = np.exp(-0.5 * (distance / _SEASON_WIDTH_DAYS) ** 2)
    return bump
