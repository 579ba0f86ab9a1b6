"""What a candidate is held against: the champion, on the same data."""

from dataclasses import dataclass

from training.compare import Difference
from training.config import GateConfig
from training.stored import Contestant
from training.tracking.contestants import EvaluationMissing
from training.tracking.evaluations import Evaluations
from training.tracking.gate import Measured
from training.tracking.registry import RegisteredVersion, Registry
from training.tracking.segments import compare_segments
from training.tracking.tags import TAG_MEASURED_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Opposition:
    """What the gate compares a candidate with.

    Attributes:
        champion: The present champion, None if there is none.
        segments: What parts of the people gain or lose against it.
    """

    champion: Measured | None
    segments: list[Difference]


def champion_elsewhere(
    registry: Registry, evaluations: Evaluations, measured_on: str
) -> Contestant | None:
    """Return what was measured of the champion if that was on other data, cuts or people."""
    champion = registry.champion()
    if champion is None or champion.tags.get(TAG_MEASURED_ON) == measured_on:
        return None
    try:
        return evaluations.of_version(champion)
    except EvaluationMissing:
        return None


def opposition(
    registry: Registry,
    evaluations: Evaluations,
    *,
    candidate: RegisteredVersion | Contestant | None,
    rematch: Contestant | None,
    config: GateConfig,
) -> Opposition:
    """Collect what the gate compares with.

    Args:
        registry: Knows the champion.
        evaluations: Where those of registered versions are.
        candidate: The version in question, or what was just measured of it.
        rematch: What the champion's configuration does on the candidate's data, if it was
            measured on others; of no use if another model is champion meanwhile.
        config: Which segments are large enough.
    """
    champion = registry.champion()
    if champion is None or rematch is None or rematch.stored.name != champion.model_version:
        return Opposition(
            champion=registry.measured_champion(),
            segments=compare_segments(
                evaluations, champion=champion, candidate=candidate, config=config
            ),
        )
    return Opposition(
        champion=Measured(
            model_version=champion.model_version,
            primary=rematch.stored.primary,
            measured_on=rematch.stored.measured_on,
            metrics=rematch.stored.metrics,
        ),
        segments=compare_segments(
            evaluations, champion=rematch, candidate=candidate, config=config
        ),
    )
