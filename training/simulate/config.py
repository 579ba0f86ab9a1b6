"""How large a simulated shop is, and the bounds on that."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from recsys.errors import InvalidConfig

USER_COUNT_MAX: Final = 1_000_000
ITEM_COUNT_MAX: Final = 200_000
DAY_COUNT_MAX: Final = 730
STORE_COUNT_MAX: Final = 200
THEME_COUNT_MAX: Final = 200

USERS_PER_BLOCK: Final = 2_048
"""Users are simulated in blocks of this size, each with its own random stream.

It is part of what a seed means: another value gives another shop."""

_ITEMS_PER_THEME: Final = 40
_THEME_COUNT_MIN: Final = 4
_USERS_PER_STORE: Final = 400
_STORE_COUNT_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Size:
    """A named size."""

    user_count: int
    item_count: int
    day_count: int


SIZES: Final[dict[str, Size]] = {
    "tiny": Size(user_count=300, item_count=160, day_count=91),
    "small": Size(user_count=2_000, item_count=1_000, day_count=182),
    "medium": Size(user_count=50_000, item_count=10_000, day_count=365),
    "large": Size(user_count=USER_COUNT_MAX, item_count=100_000, day_count=365),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    """Everything that a simulated shop depends on: equal configs give equal files.

    Attributes:
        user_count: People, 1 to 1,000,000.
        item_count: Items, 1 to 200,000.
        seed: Any integer from 0.
        end_time: Nothing happens at or after this moment; timezone-aware.
        day_count: Days of history before `end_time`, 1 to 730.
    """

    user_count: int
    item_count: int
    seed: int
    end_time: dt.datetime
    day_count: int = 182

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("users", self.user_count, 1, USER_COUNT_MAX),
            ("items", self.item_count, 1, ITEM_COUNT_MAX),
            ("days", self.day_count, 1, DAY_COUNT_MAX),
            ("seed", self.seed, 0, 2**63 - 1),
        ):
            if not least <= value <= most:
                problem = f"{name} is {value}; allowed {least} to {most}"
                raise InvalidConfig(source="simulate", problem=problem)
        if self.end_time.tzinfo is None:
            raise InvalidConfig(source="simulate", problem="end_time has no time zone")

    @property
    def theme_count(self) -> int:
        """Latent themes: what tastes are made of."""
        wanted = max(self.item_count // _ITEMS_PER_THEME, _THEME_COUNT_MIN)
        return min(wanted, THEME_COUNT_MAX, self.item_count)

    @property
    def store_count(self) -> int:
        """Physical shops."""
        return min(max(self.user_count // _USERS_PER_STORE, _STORE_COUNT_MIN), STORE_COUNT_MAX)

    @property
    def block_count(self) -> int:
        """Blocks of users."""
        return -(-self.user_count // USERS_PER_BLOCK)

    @property
    def start_time(self) -> dt.datetime:
        """Nothing happens before this moment."""
        return self.end_time - dt.timedelta(days=self.day_count)
