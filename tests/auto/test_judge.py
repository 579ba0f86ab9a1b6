"""A judge fits what it must and nothing twice, and knows what an answer depends on."""

import msgspec
import numpy as np
import pytest

from support.lines import circles
from training.auto.hold_out import hold_out
from training.auto.judge import ValidationJudge
from training.auto.plan import HoldOut, Wishes, make_plan
from training.config import (
    FilterConfig,
    PriorsConfig,
    PublishConfig,
    SplitConfig,
    TrainConfig,
    parse_config,
)
from training.published import Order

CONFIG = parse_config(
    """
[model]
type = "blend"
weights = [1.0]

[[model.parts]]
type = "cooccurrence"
"""
)


@pytest.fixture
def judge() -> ValidationJudge:
    """A judge of people who walk around circles, in stores."""
    events = circles(user_count=80)
    plan = make_plan(events, Order.TIMES, Wishes(hold_out=HoldOut.TEMPORAL), split=SplitConfig())
    cuts = hold_out(
        events,
        plan,
        split=SplitConfig(),
        history_event_count_max=100,
        rng=np.random.default_rng(0),
    )
    return ValidationJudge(cuts, plan, seed=0)


def test_nothing_is_fitted_twice(judge: ValidationJudge) -> None:
    """Neither for another dress of the same part, nor for those who check."""
    first = judge.measure(CONFIG, share=1.0)
    assert set(first.fit_seconds) == {"cooccurrence"}
    dressed = msgspec.structs.replace(
        CONFIG, model=msgspec.structs.replace(CONFIG.model, popularity_weight=1.0)
    )
    assert not judge.measure(dressed, share=1.0).fit_seconds
    assert not judge.check(CONFIG, share=1.0).fit_seconds
    assert judge.unfitted(CONFIG, share=1.0) == []


@pytest.mark.parametrize(
    ("changed", "is_fitted"),
    [
        (msgspec.structs.replace(CONFIG, filter=FilterConfig(user_items_min=2)), True),
        (msgspec.structs.replace(CONFIG, publish=PublishConfig(popular_half_life_days=1.0)), True),
        (msgspec.structs.replace(CONFIG, priors=PriorsConfig(store_weight=1.0)), False),
    ],
    ids=["filter", "publish", "priors"],
)
def test_what_a_preparation_depends_on_is_prepared_anew(
    judge: ValidationJudge, changed: TrainConfig, *, is_fitted: bool
) -> None:
    """A judge that knows another configuration answers as one that knows nothing."""
    judge.measure(CONFIG, share=1.0)
    before = dict(judge.prepared_by_key)
    assert bool(judge.unfitted(changed, share=1.0)) is is_fitted
    judge.measure(changed, share=1.0)
    assert set(judge.prepared_by_key) - set(before)


def test_people_count_once_however_often_they_are_asked(judge: ValidationJudge) -> None:
    """Values are by person, so that intervals are too."""
    values = judge.measure(CONFIG, share=1.0).values
    assert len(values) <= 80
    assert np.isfinite(values).all()
