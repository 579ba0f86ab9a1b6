"""The gate: which models may become champion. Pure; knows no registry."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from training.config import GateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the gate knows of a model.

    Attributes:
        model_version: Its name.
        primary: Name of the primary metric, such as `new/recall_at_20`.
        measured_on: Names the data and the cut; only equal ones can be compared.
        metrics: What was measured.
    """

    model_version: str
    primary: str
    measured_on: str
    metrics: Mapping[str, float]


def gate_failures(
    candidate: Measured,
    *,
    champion: Measured | None,
    bundle_problem: str | None,
    config: GateConfig,
) -> list[str]:
    """Say why a model may not become champion; empty if it may.

    Args:
        candidate: The model in question.
        champion: The present champion, if any.
        bundle_problem: Why its bundle cannot be served, if so.
        config: Thresholds.
    """
    failures = [] if bundle_problem is None else [bundle_problem]
    failures += [
        f"{name} is {value}; it must be finite"
        for name, value in sorted(candidate.metrics.items())
        if not math.isfinite(value)
    ]
    value = candidate.metrics.get(candidate.primary)
    if value is None:
        failures.append(f"{candidate.primary} was not measured; nobody bought after the cut")
        return failures
    popularity = candidate.metrics.get(f"popularity/{candidate.primary}")
    if popularity is not None:
        floor = popularity * (1.0 + config.gain_over_popularity_min)
        if not value > floor:
            failures.append(
                f"{candidate.primary} is {value:.4f}; it must exceed {floor:.4f} "
                f"(popular list {popularity:.4f})"
            )
    if champion is not None and _comparable(candidate, champion):
        best = champion.metrics[champion.primary]
        floor = best * (1.0 - config.loss_to_champion_max)
        if value < floor:
            failures.append(
                f"{candidate.primary} is {value:.4f}; it must reach {floor:.4f} "
                f"(champion {champion.model_version} {best:.4f})"
            )
    return failures


def _comparable(candidate: Measured, champion: Measured) -> bool:
    return (
        candidate.model_version != champion.model_version
        and candidate.primary == champion.primary
        and candidate.measured_on == champion.measured_on
        and math.isfinite(champion.metrics.get(champion.primary, math.nan))
    )
