"""The gate says no with both numbers, and yes only to what is better."""

import math
from dataclasses import replace

import pytest

from training.compare import Difference
from training.config import GateConfig
from training.tracking.gate import Measured, gate_failures

PRIMARY = "new/recall_at_20"


def _measured(
    value: float | None,
    *,
    popularity: float = 0.05,
    version: str = "candidate",
    measured_on: str = "data cut 1",
    primary: str = PRIMARY,
) -> Measured:
    metrics = {f"popularity/{primary}": popularity}
    if value is not None:
        metrics[primary] = value
    return Measured(
        model_version=version, primary=primary, measured_on=measured_on, metrics=metrics
    )


CHAMPION = _measured(0.10, version="champion")


@pytest.mark.parametrize(
    ("candidate", "champion", "config", "told"),
    [
        pytest.param(_measured(0.11), CHAMPION, GateConfig(), [], id="better"),
        pytest.param(_measured(0.0985), CHAMPION, GateConfig(), [], id="within tolerance"),
        pytest.param(_measured(0.11), None, GateConfig(), [], id="first"),
        pytest.param(_measured(0.09), CHAMPION, GateConfig(), ["0.0900", "0.0980"], id="worse"),
        pytest.param(
            _measured(0.09, measured_on="other data"), CHAMPION, GateConfig(), [], id="other data"
        ),
        pytest.param(
            _measured(0.09, primary="any/recall_at_20"), CHAMPION, GateConfig(), [],
            id="other metric",
        ),
        pytest.param(
            _measured(0.09, primary="any/recall_at_20"),
            replace(CHAMPION, metrics={**CHAMPION.metrics, "any/recall_at_20": 0.12}),
            GateConfig(), ["any/recall_at_20", "0.0900", "0.1176"], id="worse by its own metric",
        ),
        pytest.param(
            _measured(0.09, version="champion"), CHAMPION, GateConfig(), [], id="the champion"
        ),
        pytest.param(
            _measured(0.05), None, GateConfig(), ["0.0500", "popular list"], id="only popular"
        ),
        pytest.param(
            _measured(0.06), None, GateConfig(gain_over_popularity_min=0.5), ["0.0600", "0.0750"],
            id="too little gain",
        ),
        pytest.param(_measured(None), CHAMPION, GateConfig(), ["not measured"], id="no metric"),
        pytest.param(_measured(math.nan), None, GateConfig(), ["finite"], id="not a number"),
        pytest.param(
            _measured(0.0, popularity=0.0), None, GateConfig(), ["exceed"], id="nothing found"
        ),
    ],
)  # fmt: skip
def test_the_gate_names_each_failure_with_both_numbers(
    candidate: Measured, champion: Measured | None, config: GateConfig, told: list[str]
) -> None:
    """An empty list means that it may become champion."""
    failures = gate_failures(candidate, champion=champion, bundle_problem=None, config=config)
    assert bool(failures) == bool(told)
    for text in told:
        assert any(text in failure for failure in failures), failures


def test_failures_add_up() -> None:
    """A bad bundle and a bad metric are two failures."""
    failures = gate_failures(
        _measured(0.01), champion=CHAMPION, bundle_problem="checksum differs", config=GateConfig()
    )
    assert len(failures) == 3
    assert failures[0] == "checksum differs"


def test_leaks_make_every_figure_worthless() -> None:
    """However good the model seems."""
    candidate = _measured(0.9)
    leaky = replace(candidate, metrics={**candidate.metrics, "leaks": 3.0})
    (failure,) = gate_failures(leaky, champion=None, bundle_problem=None, config=GateConfig())
    assert "3 lines from after the cut" in failure


@pytest.mark.parametrize(
    ("low", "high", "fails"),
    [
        pytest.param(-0.04, -0.01, True, id="certain loss"),
        pytest.param(-0.04, 0.001, False, id="may be chance"),
        pytest.param(-0.0015, -0.0005, False, id="certain but small"),
        pytest.param(0.01, 0.02, False, id="gain"),
    ],
)
def test_a_segment_may_not_lose_beyond_chance(*, low: float, high: float, fails: bool) -> None:
    """The failure names the segment, both figures, the interval and the bound."""
    lost = Difference(
        lists="channel_store/new", metric="recall_at_20", first=0.1, second=0.08,
        difference=(low + high) / 2, users=400, low=low, high=high, p_value=0.01,
    )  # fmt: skip
    failures = gate_failures(
        _measured(0.2), champion=None, bundle_problem=None, config=GateConfig(), segments=[lost]
    )
    assert bool(failures) == fails
    if fails:
        for text in (
            "channel_store/new/recall_at_20", "0.0800", "0.1000", "400", f"{low:+.4f}", "-0.0020",
            "segment_loss_max",
        ):  # fmt: skip
            assert text in failures[0]


def test_a_model_that_does_not_beat_the_popular_list_hears_what_to_do() -> None:
    """Groceries: nothing to learn about first purchases, much about repeats."""
    metrics = {
        "new/ndcg_at_20": 0.040, "popularity/new/ndcg_at_20": 0.041, "users/new": 75.0,
        "any/ndcg_at_20": 0.055, "popularity/any/ndcg_at_20": 0.042,
        "gain_over_popularity_low": -0.004, "gain_over_popularity_high": 0.002,
    }  # fmt: skip
    candidate = Measured(
        model_version="v", primary="new/ndcg_at_20", measured_on="x", metrics=metrics
    )
    (failure,) = gate_failures(candidate, champion=None, bundle_problem=None, config=GateConfig())
    for text in (
        "0.0550 against 0.0420", "evaluate.primary_protocol = 'any'", "may be chance",
        "75 people", "split.test_days", "--force --reason",
    ):  # fmt: skip
        assert text in failure
