"""What is asked for more of late than it used to be stands higher."""

import math

import numpy as np
import pytest

from recsys.domain import SECONDS_PER_DAY, EventType
from support.interactions import from_dense
from training.models import BlendConfig, CooccurrenceConfig, create_trainer
from training.models.protocol import Interactions, Lines, known_lines
from training.models.trends import trend_prior


def shop(*lines: tuple[int, float]) -> Interactions:
    """One person's lines of (item, age in days), 4 items, each weighing 2."""
    items = np.array([item for item, _ in lines], dtype=np.int32)
    ages = np.array([age for _, age in lines], dtype=np.float64)
    dense = np.bincount(items, weights=np.full(len(items), 2.0), minlength=4)[None, :]
    lines = Lines(
        users=np.zeros(len(items), dtype=np.int32),
        items=items,
        weights=np.full(len(items), 2.0),
        type_codes=np.full(len(items), EventType.PURCHASE_COMPLETE.code, dtype=np.uint8),
        times=1e9 - ages * SECONDS_PER_DAY,
    )
    return from_dense(dense.astype(np.float32), lines)


def test_a_rise_is_the_logarithm_of_recent_over_usual() -> None:
    """By hand: one item now, one a half-life ago, one long ago, one never."""
    prior = trend_prior(shop((0, 0.0), (1, 7.0), (2, 7e4)), weight=3.0, half_life_days=7.0)
    # 1.5 of 3 lines are left, so each is expected to have half a line of weight 2.
    expected = [3.0 * math.log((2.0 * late + 2.0) / (1.0 + 2.0)) for late in (1.0, 0.5, 0.0)]
    assert prior.tolist() == pytest.approx([*expected, 0.0])


def test_what_is_taken_back_says_nothing() -> None:
    """Returns are no interest; without any interest nothing is on the rise."""
    data = shop((0, 1.0))
    known_lines(data).weights[:] = -1.0
    assert trend_prior(data, weight=1.0, half_life_days=7.0).tolist() == [0.0] * 4


def test_models_add_the_rise_to_what_is_popular() -> None:
    """In item-item models and in blends of them."""
    data = shop((0, 100.0), (0, 90.0), (1, 0.0))
    rise = trend_prior(data, weight=0.5, half_life_days=3.0)
    told = {"popularity_weight": 0.25, "trend_weight": 0.5, "trend_half_life_days": 3.0}
    popular = np.array([0.25, 0.25, 0.0, 0.0])
    for config in (
        CooccurrenceConfig(**told),
        BlendConfig(**told, weights=(1.0,), parts=(CooccurrenceConfig(),)),
    ):
        parts = create_trainer(config).fit(data, seed=0)
        assert parts.prior is not None
        assert parts.prior.tolist() == pytest.approx((rise + popular).tolist())


@pytest.mark.parametrize("days", [0.0, -1.0, math.inf, math.nan])
def test_a_half_life_must_be_one(days: float) -> None:
    """Refused by name."""
    with pytest.raises(ValueError, match="trend_half_life_days"):
        CooccurrenceConfig(trend_half_life_days=days)
