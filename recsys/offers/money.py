"""Amounts of money between plain decimal numbers and whole millionths."""

from decimal import Decimal
from typing import Final

from recsys import limits
from recsys.offers.offer import MICROS_PER_UNIT

MICROS_MAX: Final = limits.MONEY_UNITS_MAX * MICROS_PER_UNIT
"""The largest amount; sums of two fit into 63 bits."""


def micros_of(amount: str) -> int:
    """Count a plain decimal number in millionths.

    Raises:
        ValueError: It is no number, has more than six decimals, is negative or too large.
    """
    try:
        exact = Decimal(amount) * MICROS_PER_UNIT
        is_within = 0 <= exact <= MICROS_MAX
    except ArithmeticError as error:
        raise ValueError("is no number") from error
    if not is_within:
        raise ValueError(f"is out of bounds; allowed 0 to {limits.MONEY_UNITS_MAX}")
    micros = int(exact)
    if micros != exact:
        raise ValueError("has more than six decimals")
    return micros


def amount_of_micros(micros: int) -> str:
    """Say millionths as a plain decimal number."""
    return format((Decimal(micros) / MICROS_PER_UNIT).normalize(), "f")


assert 2 * MICROS_MAX < 2**63
