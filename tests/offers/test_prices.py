"""What a use of an offer takes from others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidConfig
from recsys.offers import Offer, PercentOff, Spend
from recsys.offers.prices import PacedPrices, Price, ahead, read_prices

MICROS = 1_000_000


def offer(**said: object) -> Offer:
    """Earns five, costs one; 100 in all, over 100 seconds."""
    given_values = {
        "benefit": PercentOff(percent=10.0),
        "currency": "EUR",
        "value_micros": 5 * MICROS,
        "cost_micros": MICROS,
        "budget_micros": 100 * MICROS,
        "from_time": 0.0,
        "until_time": 100.0,
    }
    return Offer(**given_values | said)  # type: ignore[arg-type]  # of many types


def used(amount: float, *, count: int = 0) -> Spend:
    """What was committed."""
    return Spend(committed_count=count, committed_micros=int(amount * MICROS))


def price(found: Price | None, spend: Spend, *, now: float, of: Offer | None = None) -> float:
    """The price of a use, in euros."""
    prices = PacedPrices({"a": found} if found is not None else {})
    return prices.price_micros("a", of or offer(), spend, now=now) / MICROS


def test_on_pace_the_price_is_that_of_the_allocation() -> None:
    """So much for a use, and so much for each unit of what it costs."""
    assert price(Price(unit_price=0.5, cost_price=2.0), used(30), now=30.0) == 2.5
    assert price(None, used(30), now=30.0) == 0.0


def test_a_budget_that_is_used_too_fast_gets_dearer() -> None:
    """By the part of the margin that is used ahead of time; too slowly, and it gets cheaper."""
    found = Price(unit_price=1.0)
    assert price(found, used(80), now=30.0) == pytest.approx(1.0 + 4.0 * 0.5)
    assert price(found, used(10), now=30.0) == pytest.approx(1.0 - 4.0 * 0.2)
    assert price(found, used(0), now=90.0) == 0.0


def test_pieces_are_paced_as_budgets_are() -> None:
    """What is nearer to its end counts."""
    both = offer(unit_count=10)
    assert ahead(both, used(20, count=8), now=30.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "said", [{"until_time": None}, {"from_time": None}, {"budget_micros": None}]
)
def test_without_a_budget_and_a_period_there_is_no_pace(said: dict[str, object]) -> None:
    """Nothing says how much should be used by now."""
    assert ahead(offer(**said), used(90), now=10.0) == 0.0


@given(
    amount=st.floats(0, 1e6),
    now=st.floats(-1e9, 1e9),
    unit=st.floats(-1e9, 1e9),
    cost=st.floats(-1e9, 1e9),
)
def test_prices_are_finite_and_not_negative(
    amount: float, now: float, unit: float, cost: float
) -> None:
    """Whatever an allocation found, and also after budgets that were lowered."""
    found = PacedPrices({"a": Price(unit_price=unit, cost_price=cost)})
    micros = found.price_micros("a", offer(), used(amount), now=now)
    assert 0 <= micros <= 10**18
    assert -1 <= ahead(offer(), used(amount), now=now) <= 1


def test_the_file_of_an_allocation_is_read() -> None:
    """What else it says is for people."""
    text = '{"gap": 0.1, "offers": {"a": {"unit_price": 0.5, "cost_price": 2}}}'
    assert read_prices(text, source="prices.json") == {"a": Price(unit_price=0.5, cost_price=2.0)}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"offers": {"a": {"unit_price": "x"}}}', "{"])
def test_other_files_are_refused(text: str) -> None:
    """With their name."""
    with pytest.raises(InvalidConfig, match=r"prices\.json"):
        read_prices(text, source="prices.json")
