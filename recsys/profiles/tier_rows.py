"""Loyalty tiers as files hold them: one row each."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from recsys import limits
from recsys.domain import Identifier, normal_text
from recsys.profiles.tier import Tier, TierStatement
from recsys.row_values import IDENTIFIER_COLUMNS, Row, identifiers_of, seconds_of, text_of

TIER_COLUMNS: Final = frozenset((*IDENTIFIER_COLUMNS, "identifier", "tier", "tier_time"))
"""Columns that `tiers_of` looks at."""


def tiers_of(
    rows: Iterable[Row], *, source: str, now: float, on_wrong: Callable[[str], None]
) -> Iterator[TierStatement]:
    """Make statements of rows.

    Args:
        rows: An identifier in one of `IDENTIFIER_COLUMNS`, or as NAMESPACE=VALUE in
            `identifier`; `tier`, empty for none any more; `tier_time`.
        source: Names them in errors.
        now: For rows without a `tier_time`; seconds since 1970-01-01 UTC.
        on_wrong: Told of each row that is left out, and why.
    """
    for number, row in enumerate(rows, start=1):
        try:
            statement = _statement(row, now)
        except (ValueError, TypeError) as error:
            on_wrong(f"{source}: row {number}: {error}")
        else:
            yield statement


def _statement(row: Row, now: float) -> TierStatement:
    if "tier" not in row:
        raise ValueError("there is no column tier")
    name = text_of(row, "tier")
    if len(name.encode()) > limits.OFFER_NAME_BYTES_MAX:
        raise ValueError(f"tier has {len(name.encode())} bytes; allowed 0 to"
                         f" {limits.OFFER_NAME_BYTES_MAX}")  # fmt: skip
    said = seconds_of(row.get("tier_time"), "tier_time")
    time = now if said is None else said
    if time - now > limits.CLOCK_SKEW_SECONDS_MAX:
        raise ValueError(f"tier_time is {time - now:.0f} s ahead of this machine's clock; allowed"
                         f" up to {limits.CLOCK_SKEW_SECONDS_MAX}")  # fmt: skip
    return TierStatement(_identifier(row), Tier(name, time))


def _identifier(row: Row) -> Identifier:
    namespace, _, value = text_of(row, "identifier").partition("=")
    for one in identifiers_of(row)[:1]:
        namespace, value = one.namespace, one.value
    if not namespace or not value:
        columns = ", ".join(IDENTIFIER_COLUMNS)
        raise ValueError(f"identifies nobody; allowed identifier as NAMESPACE=VALUE, {columns}")
    size = len(value.encode())
    if size > limits.IDENTIFIER_BYTES_MAX:
        raise ValueError(
            f"{namespace} has {size} bytes; allowed 1 to {limits.IDENTIFIER_BYTES_MAX}"
        )
    return Identifier(namespace, normal_text(value))
