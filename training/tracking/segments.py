"""Comparing parts of the people with the champion: where a better mean hides a loss.

As at the gate, what counts is the candidate's primary metric, whichever the champion
was chosen by; every list holds every metric of each person.
"""

import numpy as np

from training.compare import Difference, mismatch, paired
from training.config import GateConfig
from training.evaluate import CHANNEL_PREFIX, COLD_LISTS, STORE_PREFIX
from training.stored import Contestant
from training.tracking.contestants import EvaluationMissing
from training.tracking.evaluations import Evaluations
from training.tracking.registry import RegisteredVersion

_ERROR_SHARE = 0.05
_SEED = 0


def compare_segments(
    evaluations: Evaluations,
    *,
    champion: RegisteredVersion | Contestant | None,
    candidate: RegisteredVersion | Contestant | None,
    config: GateConfig,
) -> list[Difference]:
    """Compare channels, stores and cold users with the champion, person by person.

    Args:
        evaluations: Where those of registered versions are.
        champion: The present champion, if any, or what was measured of it on the same data.
        candidate: The version in question, or what was just measured of it.
        config: Which segments are large enough.

    Returns:
        One difference for each segment that both were measured on; empty without a
        champion, for the champion itself, and where either has no single values.
    """
    if champion is None or candidate is None:
        return []
    if candidate == champion:
        return []
    try:
        before, now = (
            evaluations.of_version(one) if isinstance(one, RegisteredVersion) else one
            for one in (champion, candidate)
        )
    except EvaluationMissing:
        return []
    return segment_differences(before, now, users_min=config.segment_users_min)


def segment_differences(
    champion: Contestant, candidate: Contestant, *, users_min: int
) -> list[Difference]:
    """Compare the candidate's primary metric in each segment of at least `users_min` people.

    The intervals hold together: their level is raised with the number of segments
    (Bonferroni), so that all of them cover in 95 of 100 cases.
    """
    ours, theirs = champion.stored, candidate.stored
    if ours.measured_on != theirs.measured_on:
        return []
    metric = theirs.primary_metric
    segments = dict.fromkeys(
        lists
        for cut in champion.values.values()
        for lists, found in cut.items()
        if _is_segment(lists, theirs.primary_lists)
        and metric in found.values
        and len(found) >= users_min
        and mismatch(ours, theirs, lists) is None
    )
    differences = []
    for lists in segments:
        found = paired(
            champion,
            candidate,
            lists,
            [metric],
            rng=np.random.default_rng(_SEED),
            level=1.0 - _ERROR_SHARE / len(segments),
        )
        differences += [Difference.of_test(lists, metric, test) for test in found.values()]
    return differences


def _is_segment(lists: str, protocol: str) -> bool:
    if lists == COLD_LISTS:
        return True
    return lists.startswith((CHANNEL_PREFIX, STORE_PREFIX)) and lists.endswith(f"/{protocol}")
