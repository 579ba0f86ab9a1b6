"""Time zones by their IANA names, as far as this machine knows them."""

import datetime as dt
import functools
import zoneinfo


@functools.lru_cache(maxsize=1_024)
def zone_of(name: str) -> dt.tzinfo | None:
    """Return the time zone of a name, such as Europe/Berlin; None where there is none of it."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
