"""What a training run does with MLflow, on the thread that `TrackedRun` keeps for it."""

import contextlib
import datetime as dt
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.bundle import Manifest
from training.config import GateConfig, TrackingConfig, TrainConfig
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.stored import Contestant
from training.tracking import report, tags
from training.tracking.abandoned import TAG_PROCESS, end_abandoned_runs, resume_run
from training.tracking.client import connected, experiment_id
from training.tracking.contestants import REMATCH_FOLDER
from training.tracking.evaluations import Evaluations
from training.tracking.gate import Measured, gate_failures
from training.tracking.lineage import source_tags
from training.tracking.model import LoggedBundle, log_bundle
from training.tracking.opposition import champion_elsewhere, opposition
from training.tracking.process import process_name
from training.tracking.registry import RegisteredVersion, Registry
from training.tracking.run import Point
from training.tracking.writer import RunWriter

_SAMPLE_SECONDS = 5.0
_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection to MLflow with one open run. For one thread.

    Attributes:
        writer: The run.
        registry: The registered model that the run adds to.
        connection: What closes the connection.
        monitor: Samples processors, memory, disk, network and, where there are any, GPUs.
    """

    writer: RunWriter
    registry: Registry
    connection: contextlib.ExitStack
    monitor: SystemMetricsMonitor

    @classmethod
    def open(
        cls,
        tracking: TrackingConfig,
        *,
        name: str,
        start_time: dt.datetime,
        parent: str | None = None,
        resumed: str | None = None,
    ) -> Self:
        """Connect, end what killed processes left open, and start or resume a run.

        Args:
            tracking: Where MLflow is and where the run belongs.
            name: What people see.
            start_time: When the run began.
            parent: The run that it is shown below, if any.
            resumed: A run to go on with; if it is gone, a new one is started.

        Raises:
            StorageUnavailable: MLflow does not answer.
            InvalidConfig: The experiment was deleted, or its name is not legal.
        """
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(connected(tracking.tracking_uri))
            experiment = experiment_id(client, tracking)
            end_abandoned_runs(client, experiment_id=experiment)
            process = process_name()
            tags = source_tags() | ({} if process is None else {TAG_PROCESS: process})
            if parent is not None:
                tags[MLFLOW_PARENT_RUN_ID] = parent
            run_id = resume_run(client, resumed, tags=tags) if resumed else None
            if run_id is None:
                started = client.create_run(
                    experiment,
                    run_name=name,
                    start_time=int(start_time.timestamp() * 1000),
                    tags=tags,
                )
                run_id = str(started.info.run_id)
            monitor = SystemMetricsMonitor(
                run_id,
                sampling_interval=_SAMPLE_SECONDS,
                tracking_uri=tracking.tracking_uri,
            )
            monitor.start()
            return cls(
                writer=RunWriter(client, experiment_id=experiment, run_id=run_id),
                registry=Registry(client, tracking.model_name),
                connection=stack.pop_all(),
                monitor=monitor,
            )

    @property
    def run_id(self) -> str:
        """MLflow's name of the run."""
        return self.writer.run_id

    def log_inputs(
        self, *, dataset: Dataset, config: TrainConfig, seed: int, code: Mapping[str, str]
    ) -> None:
        """Log what goes in; see `report.log_inputs`."""
        report.log_inputs(self.writer, dataset=dataset, config=config, seed=seed, code=code)

    def log_results(
        self, evaluation: Evaluation, *, contestant: Contestant, config: TrainConfig
    ) -> None:
        """Log what was measured; see `report.log_results`."""
        report.log_results(self.writer, evaluation=evaluation, contestant=contestant, config=config)

    def log_model(self, bundle: Path, *, model_type: str, example_items: list[str]) -> LoggedBundle:
        """Log the bundle as a model; see `log_bundle`."""
        return log_bundle(
            self.writer, bundle=bundle, model_type=model_type, example_items=example_items
        )

    def register(
        self,
        logged: LoggedBundle,
        *,
        manifest: Manifest,
        candidate: Measured,
        contestant: Contestant | None,
        rematch: Contestant | None,
        bundle_problem: str | None,
        gate: GateConfig,
    ) -> tuple[RegisteredVersion, list[str]]:
        """Compare a model with the champion and register it, as challenger at first.

        Args:
            logged: The model in MLflow.
            manifest: That of its bundle.
            candidate: What the gate compares.
            contestant: What each person got, if it was measured.
            rematch: The same of the champion's configuration on the same data, if the champion
                was measured on others. Kept with the run, for promotions by hand.
            bundle_problem: Why the bundle cannot be served, if so.
            gate: Thresholds.

        Returns:
            The registered version, and why the gate refuses it; empty if it passes.
        """
        if rematch is not None:
            report.log_contestant(self.writer, rematch, under=REMATCH_FOLDER)
        against = opposition(
            self.registry,
            self._evaluations,
            candidate=contestant,
            rematch=rematch,
            config=gate,
        )
        failures = gate_failures(
            candidate,
            champion=against.champion,
            bundle_problem=bundle_problem,
            config=gate,
            segments=against.segments,
        )
        about = tags.version_tags(
            candidate=candidate,
            manifest=manifest,
            bundle_path=logged.bundle_path,
            failures=failures,
            gate=gate,
        )
        entry = self.registry.register(
            source=logged.source, run_id=self.run_id, model_id=logged.model_id, tags=about
        )
        self.registry.challenge(entry)
        self.writer.set_tags(about)
        return entry, failures

    def champion_elsewhere(self, measured_on: str) -> Contestant | None:
        """Return what was measured of the champion if that was on other data, cuts or people."""
        return champion_elsewhere(self.registry, self._evaluations, measured_on)

    @property
    def _evaluations(self) -> Evaluations:
        return Evaluations(self.writer.client, model_name=self.registry.model_name)

    def end(
        self, status: str, *, error: BaseException | None, step_seconds: Mapping[str, float]
    ) -> None:
        """End the run as `status`; a failed one with the error as tags."""
        client = self.writer.client
        with self.connection:
            try:
                self.monitor.finish()
                if error is not None:
                    self.writer.set_tags({"error": str(error), "error_type": type(error).__name__})
                self.writer.log_points([*_seconds(step_seconds), *_resources()])
            finally:
                client.set_terminated(self.run_id, status)


def _resources() -> list[Point]:
    """Return what the process has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return [
        Point("process/peak_memory_bytes", used.ru_maxrss * _RSS_UNIT_BYTES),
        Point("process/cpu_seconds", used.ru_utime + used.ru_stime),
    ]


def _seconds(step_seconds: Mapping[str, float]) -> Sequence[Point]:
    return [Point(f"seconds/{step}", seconds) for step, seconds in step_seconds.items()]
