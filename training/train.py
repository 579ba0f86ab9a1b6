"""One training run: read, fit, measure, fit again on everything, publish, register, promote.

The numbers come from a model that saw nothing after the cut. What is published
is the same configuration trained on all events (unless `publish.refit` is off),
because yesterday's purchases are the best there is to answer today.
"""

import datetime as dt
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from recsys.bundle import BundleContents, BundleStore, Manifest, verify_bundle
from recsys.errors import BundleError, InvalidData
from training.config import TrackingConfig, TrainConfig
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.experiment import Experiment
from training.interactions import Events, read_events
from training.publish import bundle_contents, make_version, publish
from training.split import Split, split_events
from training.tracking import lineage, report, tags
from training.tracking.client import connected, experiment_id
from training.tracking.gate import Measured, gate_failures
from training.tracking.model import log_bundle
from training.tracking.registry import Registry
from training.tracking.run import TrackedRun, iso_utc, tracked_run

_EXAMPLE_ITEM_COUNT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run leaves.

    Attributes:
        model_version: The bundle's name.
        run_id: The MLflow run.
        metrics: What was measured, by name.
        promoted: Whether it is the champion now.
        gate_failures: Why the gate refused it; empty if it passed.
        folder: The published bundle.
        step_seconds: Seconds of each step.
    """

    model_version: str
    run_id: str
    metrics: dict[str, float]
    promoted: bool
    gate_failures: tuple[str, ...]
    folder: Path
    step_seconds: dict[str, float]


def train(
    *,
    dataset: Dataset,
    config: TrainConfig,
    tracking: TrackingConfig,
    bundle_store: BundleStore,
    now: dt.datetime,
    seed: int = 0,
    progress: bool = True,
) -> TrainResult:
    """Train, measure, publish, log, register and, if the gate passes, promote.

    Args:
        dataset: What to learn from.
        config: How.
        tracking: Where MLflow is.
        bundle_store: Where the bundle is published; points at it if it is promoted.
        now: The time of publishing, timezone-aware.
        seed: Source of all chance.
        progress: Whether to draw progress bars, if stderr is a terminal.

    Raises:
        InvalidData: The dataset holds nothing to learn from.
        StorageUnavailable: MLflow does not answer.
        OSError: The disk is full or not writable; no bundle is left half written.
    """
    name = f"{config.model_type} {now.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    shown = progress and sys.stderr.isatty()
    with (
        connected(tracking.tracking_uri) as client,
        tracked_run(
            client,
            experiment_id=experiment_id(client, tracking),
            name=name,
            announce=_say if shown else _say_nothing,
        ) as run,
    ):
        training = _Training(
            run=run,
            dataset=dataset,
            config=config,
            seed=seed,
            progress=shown,
        )
        return training.whole(tracking=tracking, bundle_store=bundle_store, now=now)


def _say(step: str) -> None:
    sys.stderr.write(f"{step.replace('_', ' ')} ...\n")


def _say_nothing(_step: str) -> None:
    pass


class _Training:
    """The steps of one run."""

    def __init__(
        self, *, run: TrackedRun, dataset: Dataset, config: TrainConfig, seed: int, progress: bool
    ) -> None:
        self._run = run
        self._dataset = dataset
        self._config = config
        self._seed = seed
        self._progress = progress

    def whole(
        self, *, tracking: TrackingConfig, bundle_store: BundleStore, now: dt.datetime
    ) -> TrainResult:
        """Take every step."""
        with self._run.timed("read"):
            events = read_events(self._dataset)
        if not len(events):
            raise InvalidData(path=str(self._dataset.folder), problem="no event has an item")
        with self._run.timed("log_inputs"):
            code = lineage.git_commit(Path(__file__).parent)
            report.log_inputs(
                self._run, dataset=self._dataset, config=self._config, seed=self._seed, code=code
            )
        split = split_events(events, self._config.split)
        experiment = Experiment(
            self._run, config=self._config, seed=self._seed, progress=self._progress
        )
        evaluated, evaluation = experiment.measure(split)
        model = experiment.final(events, evaluated)
        with self._run.timed("publish"):
            contents = bundle_contents(model, item_ids=events.item_ids)
            contents = replace(
                contents, details=self._details(events, split, evaluation, now=now, code=code)
            )
            version = make_version(
                contents,
                model_type=self._config.model_type,
                run_id=self._run.run_id,
                publish_time=now,
            )
            manifest = publish(contents, store=bundle_store, model_version=version)
        folder = bundle_store.path(version)
        return self._registered(
            manifest=manifest,
            folder=folder,
            evaluation=evaluation,
            contents=contents,
            measured_on=self._measured_on(split),
            tracking=tracking,
            bundle_store=bundle_store,
            now=now,
        )

    def _measured_on(self, split: Split) -> str:
        evaluate = self._config.evaluate
        return (
            f"{self._dataset.info.fingerprint} cut {split.name} "
            f"users {evaluate.user_count_max} seed {self._seed}"
        )

    def _details(
        self,
        events: Events,
        split: Split,
        evaluation: Evaluation | None,
        *,
        now: dt.datetime,
        code: dict[str, str],
    ) -> dict[str, object]:
        trained = split.before if evaluation and not self._config.publish.refit else events
        return {
            "model_type": self._config.model_type,
            "publish_time": now.astimezone(dt.UTC),
            "training_start_time": dt.datetime.fromtimestamp(trained.times.min(), dt.UTC),
            "training_end_time": dt.datetime.fromtimestamp(trained.times.max(), dt.UTC),
            "data_fingerprint": self._dataset.info.fingerprint,
            # JSON knows no NaN; the gate names what is missing.
            "metrics": {
                name: value
                for name, value in (evaluation.metrics if evaluation else {}).items()
                if np.isfinite(value)
            },
            "lineage": {
                "run_id": self._run.run_id,
                "seed": str(self._seed),
                "cut_time": iso_utc(split.cut_time),
                "config": msgspec.json.encode(self._config).decode(),
            }
            | code,
        }

    def _registered(
        self,
        *,
        manifest: Manifest,
        folder: Path,
        evaluation: Evaluation | None,
        contents: BundleContents,
        measured_on: str,
        tracking: TrackingConfig,
        bundle_store: BundleStore,
        now: dt.datetime,
    ) -> TrainResult:
        run, version = self._run, manifest.model_version
        metrics = {} if evaluation is None else evaluation.metrics
        primary = self._config.evaluate.primary
        with run.timed("log_results"):
            report.log_results(run, evaluation=evaluation, config=self._config)
        with run.timed("log_model"):
            rows = range(min(_EXAMPLE_ITEM_COUNT, len(contents.items)))
            model_id, source, bundle_path = log_bundle(
                run,
                bundle=folder,
                model_type=self._config.model_type,
                example_items=[contents.items.id(row) for row in rows],
            )
        with run.timed("gate"):
            models = Registry(run.client, tracking.model_name)
            champion = models.champion()
            candidate = Measured(
                model_version=version, primary=primary, measured_on=measured_on, metrics=metrics
            )
            failures = gate_failures(
                candidate,
                champion=tags.measured(champion.tags) if champion else None,
                bundle_problem=bundle_problem(folder),
                config=self._config.gate,
            )
        with run.timed("register"):
            about = tags.version_tags(
                candidate=candidate,
                manifest=manifest,
                bundle_path=bundle_path,
                failures=failures,
                gate=self._config.gate,
            )
            entry = models.register(source=source, run_id=run.run_id, model_id=model_id, tags=about)
            run.set_tags(about)
            promoted = tracking.promote and not failures
            if promoted:
                models.promote(entry, now=now, forced=False)
                bundle_store.set_current(version)
        return TrainResult(
            model_version=version,
            run_id=run.run_id,
            metrics=metrics,
            promoted=promoted,
            gate_failures=tuple(failures),
            folder=folder,
            step_seconds=dict(run.step_seconds),
        )


def bundle_problem(folder: Path) -> str | None:
    """Say why a bundle cannot be served, or None; reads every byte."""
    try:
        verify_bundle(folder)
    except BundleError as error:
        return str(error)
    return None
