"""Filters of placements and requests, and rules that are filters in other words."""

import math
from collections.abc import Iterator
from typing import Final

from recsys.domain import SECONDS_PER_DAY, ShortfallCause
from recsys.errors import FieldViolation, InvalidRequest
from recsys.filters import Columns, InvalidFilter
from recsys.rules.asked import Asked
from recsys.rules.assortment import Assortment
from recsys.rules.contact import Contact
from recsys.rules.filtered import item_filter
from recsys.rules.permitted import Part
from recsys.rules.rules import Rules

_PRICE_DIGITS: Final = 2


def filter_parts(
    placed: Rules, rules: Rules, asked: Asked, assortment: Assortment, contact: Contact | None
) -> Iterator[Part]:
    """Yield what filters let through.

    Args:
        placed: The placement's rules, whose filter counts beside the request's.
        rules: The placement's and the request's in one.
        asked: By whom, and when.
        assortment: Knows the items.
        contact: What she did with single items; None if no rule looks at that.

    Raises:
        InvalidRequest: The request's filter is wrong.
    """
    if asked.rules.filter:
        _check_filter(asked.rules.filter)
    for expression in (placed.filter, asked.rules.filter):
        if expression:
            mask = assortment.filtered(expression, now=asked.now)
            yield Part(ShortfallCause.FILTERED, mask, expression)
    for cause, expression in _in_other_words(rules, asked, assortment.columns, contact):
        yield Part(cause, assortment.filtered(expression, now=asked.now), expression)


def _check_filter(expression: str) -> None:
    try:
        item_filter(expression)
    except InvalidFilter as error:
        raise InvalidRequest([FieldViolation("rules.filter", error.detail)]) from error


def _in_other_words(
    rules: Rules, asked: Asked, columns: Columns, contact: Contact | None
) -> Iterator[tuple[ShortfallCause, str]]:
    """Yield what rules say as filters."""
    if asked.buyer_age is not None:
        yield ShortfallCause.AGE, f"NOT age_min > {asked.buyer_age}"
    elif rules.age_restricted is False:
        yield ShortfallCause.AGE, "NOT age_min > 0"
    if rules.newer_than_days is not None:
        seconds = round(rules.newer_than_days * SECONDS_PER_DAY)
        yield ShortfallCause.FILTERED, f"release_time >= now - {seconds}s"
    if rules.price_band is not None and contact is not None:
        usual = contact.usual_price(columns)
        if usual is not None:
            low = rounded_price(usual * max(0.0, 1.0 - rules.price_band))
            high = rounded_price(usual * (1.0 + rules.price_band))
            yield ShortfallCause.PRICE, f"price >= {low} AND price <= {high}"


def rounded_price(price: float) -> str:
    """Round a price to two digits, so that people of like habits share a mask."""
    if price <= 0.0:
        return "0"
    return f"{round(price, _PRICE_DIGITS - 1 - math.floor(math.log10(price))):.6f}"
