"""One training run: read, fit, measure, fit again on everything, publish, register, promote.

The numbers come from a model that saw nothing after the cut. What is published
is the same configuration trained on all events (unless `publish.refit` is off),
because yesterday's purchases are the best there is to answer today.
"""

import datetime as dt
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from mlflow.entities import Metric

from recsys.bundle import BundleContents, BundleStore, Manifest, verify_bundle
from recsys.domain import EventType
from recsys.errors import BundleError, InvalidData
from recsys.features import EventWeighting, FeatureConfig
from training.config import TrackingConfig, TrainConfig
from training.dataset import Dataset
from training.evaluate import Evaluation, Evaluator
from training.fit import FittedModel, fit_model, prepare
from training.interactions import Events, read_events
from training.publish import bundle_contents, make_version, publish
from training.split import Split, split_events
from training.testset import draw_test_sets
from training.tracking import lineage, report, tags
from training.tracking.client import connected, experiment_id
from training.tracking.gate import Measured, gate_failures
from training.tracking.model import log_bundle
from training.tracking.registry import Registry
from training.tracking.run import TrackedRun, iso_utc, tracked_run

_PURCHASES = (EventType.PURCHASE_COMPLETE, EventType.RETURN)
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
    """

    model_version: str
    run_id: str
    metrics: dict[str, float]
    promoted: bool
    gate_failures: tuple[str, ...]
    folder: Path


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
        evaluated, evaluation = self._measured(split)
        model = self._final(events, evaluated)
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

    def _measured(self, split: Split) -> tuple[FittedModel | None, Evaluation | None]:
        """Fit on what is before the cut and measure on what was bought after it."""
        config = self._config
        if not config.evaluate.enabled or not len(split.before):
            return None, None
        model = self._fitted(split.before, config.features, now=split.cut_time, step="fit")
        rng = np.random.default_rng(self._seed)
        with self._run.timed("draw_test_users"):
            known, cold = draw_test_sets(
                split,
                user_count_max=config.evaluate.user_count_max,
                history_event_count_max=config.evaluate.history_event_count_max,
                rng=rng,
            )
        rival = self._purchases_only(split, model) if len(known) else None
        with self._run.timed("evaluate"):
            evaluation = Evaluator(
                known=known,
                cold=cold,
                config=config.evaluate,
                item_count=len(split.before.item_ids),
                threads=os.cpu_count() or 1,
                rng=rng,
            ).evaluate(model, rival)
        return model, evaluation

    def _purchases_only(self, split: Split, model: FittedModel) -> FittedModel | None:
        """Return the model without other events; `model` itself if there are none."""
        if not self._config.evaluate.purchases_only:
            return None
        features = purchases_only_features(self._config.features)
        if features is None:
            return None
        bought = np.isin(split.before.type_codes, [member.code for member in _PURCHASES])
        if not bought.any():
            return None
        weights = EventWeighting(self._config.features).event_weights(
            type_codes=split.before.type_codes,
            channel_codes=split.before.channel_codes,
            event_times=split.before.times,
            now=split.cut_time,
        )
        if not np.any(weights[~bought]):
            return model
        try:
            return self._fitted(
                split.before.where(bought),
                features,
                now=split.cut_time,
                step="fit_purchases_only",
                curves=False,
            )
        except InvalidData:  # the filters leave too little of the purchases
            return None

    def _final(self, events: Events, evaluated: FittedModel | None) -> FittedModel:
        if evaluated is not None and not self._config.publish.refit:
            return evaluated
        return self._fitted(
            events,
            self._config.features,
            now=float(events.times.max()),
            step="refit",
            curves=evaluated is None,
        )

    def _fitted(
        self, events: Events, features: FeatureConfig, *, now: float, step: str, curves: bool = True
    ) -> FittedModel:
        entries: list[Metric] = []

        def told(iteration: int, seconds: float, loss: float | None) -> None:
            stamp_ms = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
            entries.append(Metric("fit/iteration_seconds", seconds, stamp_ms, iteration))
            if loss is not None:
                entries.append(Metric("fit/training_loss", loss, stamp_ms, iteration))

        with self._run.timed(f"prepare_{step}"):
            prepared = prepare(events, config=self._config, features=features, now=now)
        with self._run.timed(step):
            model = fit_model(
                prepared,
                config=self._config,
                features=features,
                seed=self._seed,
                progress=self._progress,
                report=told,
            )
        if curves:
            self._run.log_entries(entries)
        self._run.log_metrics(
            {
                f"{step}/users": model.user_count,
                f"{step}/items": len(model.items),
                f"{step}/interactions": model.interaction_count,
            }
            | {f"{step}/{name}": value for name, value in model.parts.facts.items()}
        )
        return model

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
        )


def purchases_only_features(features: FeatureConfig) -> FeatureConfig | None:
    """Return the weights of purchases and returns alone; None if purchases weigh nothing."""
    weights = {
        event_type: weight
        for event_type, weight in features.event_weights.items()
        if event_type in _PURCHASES
    }
    if weights.get(EventType.PURCHASE_COMPLETE, 0.0) <= 0:
        return None
    return msgspec.structs.replace(features, event_weights=weights)


def bundle_problem(folder: Path) -> str | None:
    """Say why a bundle cannot be served, or None; reads every byte."""
    try:
        verify_bundle(folder)
    except BundleError as error:
        return str(error)
    return None
