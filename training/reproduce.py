"""Running a registered model's training again, and comparing what comes out.

The configuration, the seed and the fingerprint of the data stand in the bundle itself.
Without factors the same data give the same bytes, for any number of threads. Factors
depend on how the processor and its libraries round, so for them metrics are compared
within `METRIC_TOLERANCE`.
"""

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recsys.bundle import BundleStore, Manifest, verify_bundle, write_bundle
from recsys.storage.mlflow_bundles import MlflowBundleSource
from training.config import TrackingConfig, TrainConfig
from training.dataset import Dataset, find_dataset
from training.experiment import Experiment
from training.interactions import read_events
from training.models.threads import one_blas_thread
from training.publish import bundle_contents
from training.split import split_events
from training.tracking import lineage
from training.tracking.client import connected
from training.tracking.data import data_places
from training.tracking.registry import CHAMPION, ModelNotRegistered, RegisteredVersion, Registry
from training.tracking.run import SilentRun

METRIC_TOLERANCE = 0.002
"""Difference of a metric that rounding may explain where a model has factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPair:
    """A metric that came out differently.

    Attributes:
        name: Such as `new/ndcg_at_20`.
        before: As it was logged; NaN if it was not.
        now: As it is now; NaN if it is not measured any more.
    """

    name: str
    before: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What came out of running a training again.

    Attributes:
        model_version: The model in question.
        data: The dataset that was used.
        metric_count: Metrics compared.
        metrics: Those that differ at all.
        arrays: Arrays of the bundle whose bytes differ.
        has_factors: Whether the model has factors, so that rounding may show.
        surroundings: What was different around it then and now: commit, versions, threads.
    """

    model_version: str
    data: Path
    metric_count: int
    metrics: tuple[MetricPair, ...]
    arrays: tuple[str, ...]
    has_factors: bool
    surroundings: dict[str, tuple[str, str]]

    @property
    def is_exact(self) -> bool:
        """Whether every byte and every metric is the same."""
        return not self.metrics and not self.arrays

    @property
    def is_same(self) -> bool:
        """Whether it counts as reproduced."""
        if self.is_exact:
            return True
        return self.has_factors and all(
            abs(pair.before - pair.now) <= METRIC_TOLERANCE
            for pair in self.metrics
            if _is_accuracy(pair.name)
        )


def reproduce(
    name: str, *, tracking: TrackingConfig, data: Path | None, progress: bool = False
) -> Reproduction:
    """Train as a registered model was trained, and compare.

    Args:
        name: The model's name, its number in the registry, `latest`, `champion`, or its
            MLflow run.
        tracking: Where MLflow is.
        data: The dataset; None looks where it was, and beside that.
        progress: Whether to draw progress bars on stderr.

    Raises:
        ModelNotRegistered: There is no such model.
        InvalidData: The data are not there.
        BundleError: The registered bundle cannot be read.
        StorageUnavailable: MLflow does not answer.
    """
    with connected(tracking.tracking_uri) as client, tempfile.TemporaryDirectory() as scratch:
        entry = _find(Registry(client, tracking.model_name), name)
        run = client.get_run(entry.run_id)
        source = MlflowBundleSource(
            tracking_uri=tracking.tracking_uri, model_name=tracking.model_name
        )
        store = BundleStore(Path(scratch) / "registered")
        before = verify_bundle(store.path(source.bring(store, number=entry.number))).manifest
        dataset = find_dataset(before.data_fingerprint, places=data_places(run), data=data)
        now = _trained(before, dataset, Path(scratch) / "again", progress=progress)
        return Reproduction(
            model_version=before.model_version,
            data=dataset.folder,
            metric_count=len(before.metrics.keys() | now.metrics.keys()),
            metrics=tuple(_differences(before.metrics, now.metrics)),
            arrays=tuple(
                sorted(
                    array
                    for array in before.arrays.keys() | now.arrays.keys()
                    if before.arrays.get(array) != now.arrays.get(array)
                )
            ),
            has_factors=before.factor_count > 0,
            surroundings=_surroundings(run.data.tags) | _start_of(before),
        )


def _find(registry: Registry, name: str) -> RegisteredVersion:
    if name == CHAMPION:
        champion = registry.champion()
        if champion is None:
            raise ModelNotRegistered(model_name=registry.model_name, model_version=name)
        return champion
    for entry in registry.versions():
        if entry.run_id == name:
            return entry
    return registry.find(name)


def _trained(manifest: Manifest, dataset: Dataset, folder: Path, *, progress: bool) -> Manifest:
    """Take every step of a training but those that tell MLflow."""
    config = msgspec.json.decode(manifest.lineage["config"], type=TrainConfig)
    with one_blas_thread():
        events = read_events(dataset)
        split = split_events(events, config.split)
        experiment = Experiment(
            SilentRun(),
            dataset=dataset,
            config=config,
            seed=int(manifest.lineage["seed"]),
            progress=progress,
        )
        model, measured = experiment.perform(events, split)
        contents = bundle_contents(model, item_ids=events.item_ids)
    metrics = {} if measured is None else measured.evaluation.metrics
    contents.details.update(
        {
            "model_version": manifest.model_version,
            "model_type": manifest.model_type,
            "publish_time": manifest.publish_time,
            "training_start_time": manifest.training_start_time,
            "training_end_time": manifest.training_end_time,
            "data_fingerprint": manifest.data_fingerprint,
            "metrics": {name: value for name, value in metrics.items() if math.isfinite(value)},
            "lineage": manifest.lineage,
        }
    )
    return write_bundle(folder, contents)


def _differences(before: Mapping[str, float], now: Mapping[str, float]) -> Iterator[MetricPair]:
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, math.nan), now.get(name, math.nan)
        if old != new:
            yield MetricPair(name=name, before=old, now=new)


def _is_accuracy(name: str) -> bool:
    """Say whether a metric is bounded by 1, so that the tolerance means something."""
    return not name.endswith("_ratio") and "novelty" not in name


def _start_of(manifest: Manifest) -> dict[str, tuple[str, str]]:
    """Say if a model started from another; here every model starts from chance."""
    started_from = manifest.lineage.get("warm_start")
    return {} if started_from is None else {"warm_start": (started_from, "none")}


def _surroundings(tags: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what differs between the surroundings of the run and these."""
    here = lineage.git_commit(Path(__file__)) | lineage.environment()
    return {
        name: (tags.get(name, "unknown"), value)
        for name, value in sorted(here.items())
        if tags.get(name, "unknown") != value
    }
