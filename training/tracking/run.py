"""One training run in MLflow: written as it goes, and ended as what it was."""

import contextlib
import datetime as dt
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

_BATCH_COUNT_MAX = 900  # MLflow takes 1,000 entries per call
_PARAM_CHARS_MAX = 6_000
_TAG_CHARS_MAX = 5_000


class Terminated(SystemExit):
    """SIGTERM arrived; the run ends as killed."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class TrackedRun:
    """A run that is being written."""

    def __init__(
        self,
        client: MlflowClient,
        *,
        experiment_id: str,
        run_id: str,
        announce: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self.client = client
        self._announce = announce
        self.experiment_id = experiment_id
        self.run_id = run_id
        self.step_seconds: dict[str, float] = {}

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log finite numbers at a step; others are left out, as they say nothing."""
        now_ms = int(time.time() * 1000)
        entries = [
            Metric(name, float(value), now_ms, step)
            for name, value in metrics.items()
            if math.isfinite(value)
        ]
        self.log_entries(entries)

    def log_entries(self, entries: list[Metric]) -> None:
        """Log metric entries with their steps."""
        for start in range(0, len(entries), _BATCH_COUNT_MAX):
            self.client.log_batch(self.run_id, metrics=entries[start : start + _BATCH_COUNT_MAX])

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters, flat."""
        entries = [Param(name, str(value)[:_PARAM_CHARS_MAX]) for name, value in params.items()]
        for start in range(0, len(entries), 100):  # MLflow's bound of parameters per call
            self.client.log_batch(self.run_id, params=entries[start : start + 100])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        entries = [RunTag(name, value[:_TAG_CHARS_MAX]) for name, value in tags.items()]
        self.client.log_batch(self.run_id, tags=entries)

    def log_files(self, folder: Path, *, under: str | None = None) -> None:
        """Log the files of a folder as artifacts."""
        self.client.log_artifacts(self.run_id, str(folder), under)

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure the seconds of a step; they become the metric `seconds/<step>`."""
        self._announce(step)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.step_seconds[step] = time.perf_counter() - start


@contextlib.contextmanager
def tracked_run(
    client: MlflowClient,
    *,
    experiment_id: str,
    name: str,
    announce: Callable[[str], None] = lambda _step: None,
) -> Iterator[TrackedRun]:
    """Open a run; it ends as FINISHED, KILLED (Ctrl-C, SIGTERM) or FAILED (an error).

    A failed run carries the tags `error` and `error_type`.

    Args:
        client: MLflow.
        experiment_id: Where the run belongs.
        name: What people see.
        announce: Told of each timed step as it begins.
    """
    started = client.create_run(experiment_id, run_name=name)
    run = TrackedRun(
        client, experiment_id=experiment_id, run_id=started.info.run_id, announce=announce
    )
    status = "FINISHED"
    try:
        with _sigterm_raises():
            yield run
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        status = "KILLED"
        raise
    except BaseException as error:
        status = "FAILED"
        with contextlib.suppress(Exception):  # the error itself matters more than its tag
            run.set_tags({"error": str(error), "error_type": type(error).__name__})
        raise
    finally:
        with contextlib.suppress(Exception) if status != "FINISHED" else contextlib.nullcontext():
            run.log_metrics({f"seconds/{step}": s for step, s in run.step_seconds.items()})
            client.set_terminated(run.run_id, status)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Turn SIGTERM into an exception, where signals can be handled at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def iso_utc(seconds: float) -> str:
    """Render seconds since 1970-01-01 UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
