"""Hours of the day and days of the week, where people live."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from recsys.time_zones import zone_of

MINUTES_PER_DAY: Final = 24 * 60


class Hours(msgspec.Struct, frozen=True, omit_defaults=True):
    """A span of the day.

    Attributes:
        from_minute: Since midnight, 0 to 1439.
        until_minute: Exclusive, 1 to 1440. One before `from_minute` is on the next day.
        weekdays: On which days it begins, 1 for Monday to 7 for Sunday; empty for all.
    """

    from_minute: int
    until_minute: int
    weekdays: tuple[int, ...] = ()

    def hold(self, *, minute: int, weekday: int) -> bool:
        """Whether a moment of the week is within them.

        Args:
            minute: Since midnight.
            weekday: 1 for Monday to 7 for Sunday.
        """
        if self.from_minute < self.until_minute:
            return self.from_minute <= minute < self.until_minute and self._begin_on(weekday)
        if minute >= self.from_minute:
            return self._begin_on(weekday)
        yesterday = 7 if weekday == 1 else weekday - 1
        return minute < self.until_minute and self._begin_on(yesterday)

    def _begin_on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays


def are_open(hours: Sequence[Hours], time_zone: str, *, now: float) -> bool:
    """Whether a moment is within any of some hours; within none there are, always.

    The clock on the wall counts: where it is put forward, hours that are left out do not
    happen, and where it is put back, those that come twice count twice.

    Args:
        hours: Spans of the day.
        time_zone: IANA name; UTC where it is empty or unknown.
        now: Seconds since 1970-01-01 UTC.
    """
    if not hours:
        return True
    local = dt.datetime.fromtimestamp(now, zone_of(time_zone) or dt.UTC)
    minute = local.hour * 60 + local.minute
    return any(one.hold(minute=minute, weekday=local.isoweekday()) for one in hours)
