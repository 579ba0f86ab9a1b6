"""Amounts of money: plain decimal numbers here, units and nanos on the wire."""

import re
from decimal import Decimal
from typing import Final

from recsys import limits
from recsys.v1.event_pb2 import Money
from recsys.violations import Violations

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NANOS: Final = 1_000_000_000
_NANO_DIGITS: Final = 9


def amount_of(sent: Money, wrong: Violations, path: str) -> str:
    """Return a plain decimal number; any if a field is wrong."""
    if _CURRENCY.fullmatch(sent.currency_code) is None:
        size = len(sent.currency_code)
        wrong.add(
            f"{path}.currency_code", f"has {size} characters; allowed three letters, such as EUR"
        )
    if not 0 <= sent.units <= limits.MONEY_UNITS_MAX:
        wrong.add(f"{path}.units", f"is {sent.units}; allowed 0 to {limits.MONEY_UNITS_MAX}")
    if not 0 <= sent.nanos < _NANOS:
        wrong.add(f"{path}.nanos", f"is {sent.nanos}; allowed 0 to {_NANOS - 1}")
    if not sent.nanos:
        return str(sent.units)
    return f"{sent.units}.{sent.nanos:0{_NANO_DIGITS}d}".rstrip("0")


def money_of(amount: str, currency: str) -> Money:
    """Say a plain decimal number, up to MONEY_UNITS_MAX, in the words of the wire."""
    units, nanos = divmod(int(Decimal(amount) * _NANOS), _NANOS)
    return Money(currency_code=currency, units=units, nanos=nanos)
