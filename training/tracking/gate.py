"""The gate: which models may become champion. Pure; knows no registry."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.compare import Difference
from training.config import GateConfig
from training.evaluate import LEAKS


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
    segments: Sequence[Difference] = (),
) -> list[str]:
    """Say why a model may not become champion; empty if it may.

    Args:
        candidate: The model in question.
        champion: The present champion, if any. What counts is the candidate's primary metric,
            whichever the champion was chosen by.
        bundle_problem: Why its bundle cannot be served, if so.
        config: Thresholds.
        segments: What parts of the people gain or lose against the champion.
    """
    failures = [] if bundle_problem is None else [bundle_problem]
    failures += [
        f"{name} is {value}; it must be finite"
        for name, value in sorted(candidate.metrics.items())
        if not math.isfinite(value)
    ]
    leaks = candidate.metrics.get(LEAKS, 0.0)
    if leaks > 0:
        failures.append(
            f"{leaks:.0f} lines from after the cut were in what the measured model has seen "
            f"({LEAKS}); its figures say nothing"
        )
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
                f"(popular list {popularity:.4f}); {_advice(candidate)}"
            )
    if champion is not None and _comparable(candidate, champion):
        best = champion.metrics[candidate.primary]
        floor = best * (1.0 - config.loss_to_champion_max)
        if value < floor:
            failures.append(
                f"{candidate.primary} is {value:.4f}; it must reach {floor:.4f} "
                f"(champion {champion.model_version} {best:.4f})"
            )
    return failures + [_lost(each, config) for each in segments if _is_lost(each, config)]


def _advice(candidate: Measured) -> str:
    """Say what to do about a model that does not beat the popular list."""
    metrics, (protocol, _, metric) = candidate.metrics, candidate.primary.rpartition("/")
    advice = []
    other = metrics.get(f"any/{metric}", math.nan)
    popular = metrics.get(f"popularity/any/{metric}", math.nan)
    if protocol == "new" and other > popular:
        advice.append(
            f"any/{metric} leads, {other:.4f} against {popular:.4f}: where people buy the same "
            "again (groceries), set evaluate.primary_protocol = 'any'"
        )
    low, high = (metrics.get(f"gain_over_popularity{end}", math.nan) for end in ("_low", "_high"))
    if low < 0 < high:
        users = metrics.get(f"users/{protocol}", math.nan)
        advice.append(
            f"the difference may be chance [{low:+.4f}, {high:+.4f}] with {users:.0f} people: hold "
            "more out (split.test_days), or import more data"
        )
    advice.append(
        "compare other models with `recsys evaluate --data ... --config ...`, or override with "
        "`recsys promote --force --reason ...`"
    )
    return "; ".join(advice)


def _is_lost(each: Difference, config: GateConfig) -> bool:
    """Say whether even the upper end of the interval is below what may be lost."""
    return each.high is not None and each.high < -config.segment_loss_max * each.first


def _lost(each: Difference, config: GateConfig) -> str:
    return (
        f"{each.name} is {each.second:.4f} for {each.users} people, the champion's "
        f"{each.first:.4f}: difference {each.difference:+.4f} [{each.low:+.4f}, {each.high:+.4f}]; "
        f"the interval must reach {-config.segment_loss_max * each.first:+.4f} "
        "(gate.segment_loss_max)"
    )


def _comparable(candidate: Measured, champion: Measured) -> bool:
    return (
        candidate.model_version != champion.model_version
        and candidate.measured_on == champion.measured_on
        and math.isfinite(champion.metrics.get(candidate.primary, math.nan))
    )
