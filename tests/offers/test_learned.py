"""What was learned of offers, in use."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidConfig
from recsys.offers.features import FEATURE_NAMES
from recsys.offers.learned import Odds, read_propensity
from recsys.offers.rates import Rates, Shown
from support.propensities import propensity_text

F = len(FEATURE_NAMES)


def test_what_lies_beyond_what_was_learned_counts_as_its_end() -> None:
    """Nobody knows what comes after the last that was seen."""
    columns = read_propensity(
        propensity_text(affinity=2.0, low=-1.0, high=1.0), source="x"
    ).file.columns
    odds = Odds(columns, 0.5)
    features = np.zeros((5, F))
    features[:, 0] = [-1e300, -1.0, 0.0, 1.0, 1e300]
    found = odds.probabilities(features)
    expected = 1 / (1 + np.exp(-(2.0 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0]) + 0.5)))
    np.testing.assert_allclose(found, expected)


@given(
    shown=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted),
    prior=st.floats(1e-6, 1 - 1e-6),
    strength=st.floats(1.0, 1e5),
)
def test_rates_lie_between_what_was_seen_and_the_prior(
    shown: list[int], prior: float, strength: float
) -> None:
    """An offer that nobody has seen has the prior; the more are seen, the less it counts."""
    redeemed, seen = shown
    rates = Rates({"a": Shown(seen, redeemed)}, prior=prior, strength=strength)
    found, unseen = 1 / (1 + np.exp(-rates.logits(["a", "none"])))
    assert unseen == pytest.approx(prior)
    ends = sorted([prior, redeemed / seen if seen else prior])
    assert ends[0] * (1 - 1e-9) <= found <= ends[1] * (1 + 1e-9) + 1e-12


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "format": lambda file: file.update(format=9),
    "a feature is missing": lambda file: file["columns"].pop(),
    "another order": lambda file: file["columns"].reverse(),
    "unknown key": lambda file: file.update(who="anna"),
    "no rate": lambda file: file.update(prior=0.0),
    "scale": lambda file: file["columns"][0].update(scale=0.0),
    "range": lambda file: file["columns"][0].update(low=2.0, high=1.0),
    "uplift by what is not known": lambda file: file["uplift"]["a"]["wasted"].update(
        weights={"taste": 1.0}
    ),
    "more than seen": lambda file: file["offers"].update(a={"seen": 1, "redeemed": 2}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_do_not_fit_are_refused(name: str) -> None:
    """With the name of the file; those of another version say what to do."""
    file = json.loads(propensity_text(shares={"a": 0.5}))
    BROKEN[name](file)
    with pytest.raises(InvalidConfig, match=r"propensity\.json"):
        read_propensity(json.dumps(file), source="propensity.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"offers": {}}'])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    """Also prices of an allocation."""
    with pytest.raises(InvalidConfig):
        read_propensity(text, source="prices.json")


def test_numbers_that_are_none_are_refused() -> None:
    """JSON cannot say them, but can say what overflows."""
    text = propensity_text(affinity=2.0).replace('"weight":2.0', '"weight":1e999')
    with pytest.raises(InvalidConfig):
        read_propensity(text, source="propensity.json")
