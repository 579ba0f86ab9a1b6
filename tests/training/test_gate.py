"""The gate says no with both numbers, and yes only to what is better."""

import math

import pytest

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
