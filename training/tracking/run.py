"""One training run in MLflow: written as it goes, and ended as what it was.

A thread of its own talks to MLflow, job after job, so that importing it, writing
and drawing overlap with the fits, which need no Python while they run. This module
imports neither MLflow nor matplotlib; that thread does.
"""

import contextlib
import datetime as dt
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from training.config import TrackingConfig
from training.tracking.address import knock

if TYPE_CHECKING:
    from training.tracking.session import Session

T = TypeVar("T")


class Terminated(SystemExit):
    """SIGTERM arrived; the run ends as killed."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Point:
    """A number of a run, at a step."""

    name: str
    value: float
    step: int = 0


class RunLog(Protocol):
    """What the steps of a training need of a run."""

    def submit(self, job: "Callable[[Session], T]", *, step: str | None = None) -> Any:
        """Let the background do a job."""
        ...

    def log_points(self, points: Iterable[Point]) -> None:
        """Log numbers."""
        ...

    def timed(self, step: str) -> contextlib.AbstractContextManager[None]:
        """Measure the seconds of a step."""
        ...


class SilentRun:
    """A run that nobody writes down."""

    def submit(self, job: "Callable[[Session], T]", *, step: str | None = None) -> None:
        """Leave the job out."""

    def log_points(self, points: Iterable[Point]) -> None:
        """Leave the numbers out."""

    def timed(self, step: str) -> contextlib.AbstractContextManager[None]:
        """Measure nothing."""
        del step
        return contextlib.nullcontext()


class TrackedRun:
    """A run that is being written, in the background."""

    def __init__(
        self, open_session: "Callable[[], Session]", *, announce: Callable[[str], None]
    ) -> None:
        """Begin.

        Args:
            open_session: Connects to MLflow and opens the run, in the background.
            announce: Told of each step of the caller as it begins.
        """
        self._announce = announce
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tracking")
        self._session = self._thread.submit(open_session)
        self._jobs: list[Future[Any]] = []
        self.step_seconds: dict[str, float] = {}

    @property
    def run_id(self) -> str:
        """MLflow's name of the run; waits until it is open."""
        return self._session.result().run_id

    def submit(self, job: "Callable[[Session], T]", *, step: str | None = None) -> Future[T]:
        """Let the background do a job after those submitted before.

        Args:
            job: Gets the open run.
            step: Its seconds become the metric `seconds/<step>`; None for none.
        """

        def timed() -> T:
            session = self._session.result()
            with contextlib.nullcontext() if step is None else self._seconds(step):
                return job(session)

        future = self._thread.submit(timed)
        self._jobs.append(future)
        return future

    def log_points(self, points: Iterable[Point]) -> None:
        """Log numbers; see `RunWriter.log_points`."""
        logged = list(points)
        self.submit(lambda session: session.writer.log_points(logged))

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure the seconds of a step; they become the metric `seconds/<step>`.

        Raises:
            Exception: What a job in the background failed with before.
        """
        self.check()
        self._announce(step)
        with self._seconds(step):
            yield

    def check(self) -> None:
        """Raise what a finished job failed with, if any did."""
        for job in self._begun():
            if job.done():
                job.result()

    def settle(self, *, pending_max: int) -> None:
        """Wait until at most so many jobs are left to do, so that callers do not run ahead.

        Args:
            pending_max: 0 and above.

        Raises:
            Exception: What a job in the background failed with before.
        """
        for job in self._begun()[: -pending_max or None]:
            job.result()

    def wait(self) -> None:
        """Wait for every job; raise what the first of them failed with."""
        for job in self._begun():
            job.result()

    def _begun(self) -> list[Future[Any]]:
        return [self._session, *self._jobs]

    def end(self, status: str, *, error: BaseException | None) -> None:
        """End the run; of an unsuccessful one the jobs not yet begun are left out."""
        for job in self._jobs:
            job.cancel()
        try:
            self.submit(
                lambda session: session.end(status, error=error, step_seconds=self.step_seconds)
            ).result()
        finally:
            self._thread.shutdown()

    @contextlib.contextmanager
    def _seconds(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.step_seconds[step] = time.perf_counter() - start


@contextlib.contextmanager
def tracked_run(
    tracking: TrackingConfig,
    *,
    name: str,
    announce: Callable[[str], None] = lambda _step: None,
    parent: str | None = None,
    resumed: str | None = None,
) -> Iterator[TrackedRun]:
    """Open a run; it ends as FINISHED, KILLED (Ctrl-C, SIGTERM) or FAILED (an error).

    A failed run carries the tags `error` and `error_type`. Runs of processes of this
    machine that were killed outright are marked as KILLED by the next run.

    Args:
        tracking: Where MLflow is and where the run belongs.
        name: What people see.
        announce: Told of each timed step as it begins.
        parent: The run that it is shown below, if any.
        resumed: A run to go on with; if it is gone, a new one is started.

    Raises:
        StorageUnavailable: MLflow does not answer.
    """
    knock(tracking.tracking_uri)
    start_time = dt.datetime.now(dt.UTC)

    def open_session() -> "Session":
        # MLflow takes seconds to import, which pass while the caller works.
        from training.tracking.session import Session  # noqa: PLC0415 - as said above

        return Session.open(
            tracking, name=name, start_time=start_time, parent=parent, resumed=resumed
        )

    run = TrackedRun(open_session, announce=announce)
    status, failure = "FINISHED", None
    try:
        with _sigterm_raises():
            yield run
            run.wait()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        status = "KILLED"
        raise
    except BaseException as error:
        status, failure = "FAILED", error
        raise
    finally:
        # The error itself matters more than whether MLflow was told of it.
        with contextlib.suppress(Exception) if status != "FINISHED" else contextlib.nullcontext():
            run.end(status, error=failure)


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
