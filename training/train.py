"""One training run: read, fit, measure, fit again on everything, publish, register, promote.

The numbers come from a model that saw nothing after the cut. What is published
is the same configuration trained on all events (unless `publish.refit` is off),
because yesterday's purchases are the best there is to answer today.
"""

import datetime as dt
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recsys.bundle import Bundle, BundleStore, Manifest, verify_bundle
from recsys.errors import BundleError, InvalidData
from training.config import TrackingConfig, TrainConfig
from training.cuts import measured_on
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.experiment import Experiment
from training.interactions import Events, read_events
from training.models.threads import one_blas_thread
from training.publish import bundle_contents, make_version, publish
from training.rematch import rematched
from training.serving_check import check_answers
from training.split import Split, split_events
from training.stored import Contestant
from training.tracking import lineage
from training.tracking.gate import Measured
from training.tracking.run import TrackedRun, iso_utc, tracked_run

if TYPE_CHECKING:
    from training.tracking.session import Session

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
        step_seconds: Seconds of each step; some ran at the same time.
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
    parent: str | None = None,
    warm: Bundle | None = None,
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
        parent: The MLflow run that this one is shown below, if any.
        warm: A bundle whose factors to start from, if any; what is measured starts from it
            only if it ended before the cut.

    Raises:
        InvalidData: The dataset holds nothing to learn from.
        StorageUnavailable: MLflow does not answer.
        OSError: The disk is full or not writable; no bundle is left half written.
    """
    name = f"{config.model_type} {now.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    shown = progress and sys.stderr.isatty()
    with (
        # For all threads of the run: rounding must not depend on which runs when.
        one_blas_thread(),
        tracked_run(
            tracking, name=name, announce=_say if shown else _say_nothing, parent=parent
        ) as run,
    ):
        training = _Training(
            run=run,
            dataset=dataset,
            config=config,
            seed=seed,
            progress=shown,
            warm=warm,
        )
        with bundle_store.publishing():
            return training.whole(tracking=tracking, bundle_store=bundle_store, now=now)


def _say(step: str) -> None:
    sys.stderr.write(f"{step.replace('_', ' ')} ...\n")


def _say_nothing(_step: str) -> None:
    pass


class _Training:
    """The steps of one run."""

    def __init__(
        self,
        *,
        run: TrackedRun,
        dataset: Dataset,
        config: TrainConfig,
        seed: int,
        progress: bool,
        warm: Bundle | None,
    ) -> None:
        self._warm = warm
        self._run = run
        self._dataset = dataset
        self._config = config
        self._seed = seed
        self._progress = progress

    def whole(
        self, *, tracking: TrackingConfig, bundle_store: BundleStore, now: dt.datetime
    ) -> TrainResult:
        """Take every step."""
        code = self._run.submit(self._log_inputs, step="log_inputs")
        with self._run.timed("read"):
            events = read_events(
                self._dataset, whole_catalogue=self._config.filter.item_users_min == 0
            )
        if not len(events):
            raise InvalidData(path=str(self._dataset.folder), problem="no event has an item")
        with self._run.timed("split"):
            split = split_events(events, self._config.split)
        experiment = Experiment(
            self._run,
            dataset=self._dataset,
            config=self._config,
            seed=self._seed,
            progress=self._progress,
            warm=self._warm,
        )
        model, measured = experiment.perform(events, split)
        evaluation = None if measured is None else measured.evaluation
        contestant = None if measured is None else measured.contestant
        self._run.check()
        with self._run.timed("publish"):
            contents = bundle_contents(model, item_ids=events.item_ids)
            lineage_of = code.result()
            if experiment.started_from is not None:
                lineage_of = lineage_of | {"warm_start": experiment.started_from}
            contents = replace(
                contents,
                details=self._details(events, split, evaluation, now=now, code=lineage_of),
            )
            version = make_version(
                contents,
                model_type=self._config.model_type,
                run_id=self._run.run_id,
                publish_time=now,
            )
            manifest = publish(contents, store=bundle_store, model_version=version)
        return self._registered(
            manifest=manifest,
            metrics={} if evaluation is None else evaluation.metrics,
            contestant=contestant,
            rematch=rematched(self._run, contestant, split=split, dataset=self._dataset),
            example_items=[
                contents.items.id(row)
                for row in range(min(_EXAMPLE_ITEM_COUNT, len(contents.items)))
            ],
            measured_on=self._measured_on(split),
            tracking=tracking,
            bundle_store=bundle_store,
            now=now,
        )

    def _log_inputs(self, session: "Session") -> dict[str, str]:
        code = lineage.git_commit(Path(__file__))
        session.log_inputs(dataset=self._dataset, config=self._config, seed=self._seed, code=code)
        return code

    def _measured_on(self, split: Split) -> str:
        return measured_on(self._dataset.info.fingerprint, [split.name], self._config.evaluate)

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
        metrics: dict[str, float],
        contestant: Contestant | None,
        rematch: Contestant | None,
        example_items: list[str],
        measured_on: str,
        tracking: TrackingConfig,
        bundle_store: BundleStore,
        now: dt.datetime,
    ) -> TrainResult:
        run, version = self._run, manifest.model_version
        folder = bundle_store.path(version)
        logged = run.submit(
            lambda session: session.log_model(
                folder, model_type=self._config.model_type, example_items=example_items
            ),
            step="log_model",
        )
        with run.timed("verify"):
            problem = bundle_problem(folder)
        candidate = Measured(
            model_version=version,
            primary=self._config.evaluate.primary,
            measured_on=measured_on,
            metrics=metrics,
        )
        entry, failures = run.submit(
            lambda session: session.register(
                logged.result(),
                manifest=manifest,
                candidate=candidate,
                contestant=contestant,
                rematch=rematch,
                bundle_problem=problem,
                gate=self._config.gate,
            ),
            step="register",
        ).result()
        promoted = tracking.promote and not failures
        if promoted:
            run.submit(
                lambda session: session.registry.promote(entry, now=now, forced=False)
            ).result()
            bundle_store.set_current(version)
        return TrainResult(
            model_version=version,
            run_id=run.run_id,
            metrics=metrics,
            promoted=promoted,
            gate_failures=tuple(failures),
            folder=folder,
            step_seconds=run.step_seconds,
        )


def bundle_problem(folder: Path) -> str | None:
    """Say why a bundle cannot be served, or None; reads every byte and asks it."""
    try:
        check_answers(verify_bundle(folder))
    except BundleError as error:
        return str(error)
    return None
