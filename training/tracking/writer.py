"""Writing one run of MLflow: metrics, parameters, tags and files, in few calls."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from training.tracking.run import Point

_BATCH_COUNT_MAX = 900  # MLflow takes 1,000 entries per call
_PARAM_COUNT_MAX = 100  # MLflow's bound of parameters per call
_PARAM_CHARS_MAX = 6_000
_TAG_CHARS_MAX = 5_000


class RunWriter:
    """A run that is being written; every call is answered when MLflow has it."""

    def __init__(self, client: MlflowClient, *, experiment_id: str, run_id: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.run_id = run_id

    def log_points(self, points: Sequence[Point]) -> None:
        """Log finite numbers; others are left out, as they say nothing."""
        now_ms = int(time.time() * 1000)
        entries = [
            Metric(point.name, float(point.value), now_ms, point.step)
            for point in points
            if math.isfinite(point.value)
        ]
        for start in range(0, len(entries), _BATCH_COUNT_MAX):
            self.client.log_batch(self.run_id, metrics=entries[start : start + _BATCH_COUNT_MAX])

    def log_inputs(self, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Log parameters, flat, and tags."""
        entries = [Param(name, str(value)[:_PARAM_CHARS_MAX]) for name, value in params.items()]
        first, rest = entries[:_PARAM_COUNT_MAX], entries[_PARAM_COUNT_MAX:]
        self.client.log_batch(self.run_id, params=first, tags=_tags(tags))
        for start in range(0, len(rest), _PARAM_COUNT_MAX):
            self.client.log_batch(self.run_id, params=rest[start : start + _PARAM_COUNT_MAX])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(self.run_id, tags=_tags(tags))

    def log_files(self, folder: Path, *, under: str | None = None) -> None:
        """Log the files of a folder as artifacts."""
        self.client.log_artifacts(self.run_id, str(folder), under)


def _tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(name, value[:_TAG_CHARS_MAX]) for name, value in tags.items()]
