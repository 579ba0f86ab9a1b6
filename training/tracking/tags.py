"""What the registry says of a version, for people and for the gate."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from recsys.bundle import Manifest
from training.config import GateConfig
from training.evaluate import LEAKS
from training.tracking.gate import Measured

TAG_MODEL_VERSION = "model_version"
TAG_BUNDLE_PATH = "bundle_path"
TAG_MODEL_TYPE = "model_type"
TAG_FINGERPRINT = "data_fingerprint"
TAG_GATE = "gate"
TAG_GATE_CONFIG = "gate_config"
TAG_PROMOTION = "promotion"
TAG_PROMOTION_REASON = "promotion_reason"
TAG_PRIMARY = "primary_metric"
TAG_PRIMARY_VALUE = "primary_value"
TAG_POPULARITY_VALUE = "popularity_value"
TAG_GAIN_OVER_PURCHASES = "gain_over_purchases_only"
TAG_MEASURED_ON = "measured_on"
TAG_NOT_FINITE = "metrics_not_finite"
TAG_LEAKS = "leaks"
GATE_PASSED = "passed"


def version_tags(
    *,
    candidate: Measured,
    manifest: Manifest,
    bundle_path: str,
    failures: Sequence[str],
    gate: GateConfig,
) -> dict[str, str]:
    """Describe a version."""
    tags = {
        TAG_MODEL_VERSION: manifest.model_version,
        TAG_BUNDLE_PATH: bundle_path,
        TAG_MODEL_TYPE: manifest.model_type,
        TAG_FINGERPRINT: manifest.data_fingerprint,
        TAG_PRIMARY: candidate.primary,
        TAG_MEASURED_ON: candidate.measured_on,
        TAG_GATE: "; ".join(failures) or GATE_PASSED,
        TAG_GATE_CONFIG: msgspec.json.encode(gate).decode(),
    }
    for tag, metric in (
        (TAG_PRIMARY_VALUE, candidate.primary),
        (TAG_POPULARITY_VALUE, f"popularity/{candidate.primary}"),
        (TAG_GAIN_OVER_PURCHASES, "gain_over_purchases_only"),
        (TAG_LEAKS, LEAKS),
    ):
        if metric in candidate.metrics:
            tags[tag] = repr(float(candidate.metrics[metric]))
    not_finite = sorted(
        name for name, value in candidate.metrics.items() if not math.isfinite(value)
    )
    if not_finite:
        tags[TAG_NOT_FINITE] = ",".join(not_finite)
    return tags


def measured(tags: Mapping[str, str]) -> Measured:
    """Read back what the gate compares: the primary metric and what it was measured on.

    A version registered by other means lacks the tags and compares with nothing.
    """
    primary = tags.get(TAG_PRIMARY, "")
    values = {
        name: float(tags[tag])
        for tag, name in (
            (TAG_PRIMARY_VALUE, primary),
            (TAG_POPULARITY_VALUE, f"popularity/{primary}"),
            (TAG_LEAKS, LEAKS),
        )
        if tag in tags
    }
    values |= dict.fromkeys(filter(None, tags.get(TAG_NOT_FINITE, "").split(",")), math.nan)
    return Measured(
        model_version=tags.get(TAG_MODEL_VERSION, ""),
        primary=primary,
        measured_on=tags.get(TAG_MEASURED_ON, ""),
        metrics=values,
    )
