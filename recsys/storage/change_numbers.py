"""The numbers of changes that workers follow, of the catalogue and of offers."""

from typing import Final

_NUMBERS_PER_SECOND: Final = 1_000_000
"""No storage makes changes faster than this."""


def number_before(last: int, *, now: float) -> int:
    """Return the number after which the next changes are counted.

    The first number of all is that of the moment, so that whoever followed a storage that
    this one has replaced begins anew.

    Args:
        last: The number of the last change; 0 if there was none.
        now: Seconds since 1970-01-01 UTC.
    """
    return last or int(now * _NUMBERS_PER_SECOND)
