"""The parent: holds the port, keeps workers and fetcher alive, decides which bundle is served.

It answers no calls, imports no gRPC and opens no bundle, so that nothing a
caller or a bundle does can bring it down.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from recsys.errors import RecsysError
from recsys.server_process import Ready
from recsys.serving import logs
from recsys.serving.admission import Admission
from recsys.serving.children import Child
from recsys.serving.config import METRICS_FOLDER_VARIABLE, ServingConfig
from recsys.serving.exposition import MetricsEndpoint, SupervisorState
from recsys.serving.feed_age import FeedClock
from recsys.serving.pipes import (
    Command,
    Fetched,
    FetchFailed,
    Listening,
    LookNow,
    Refused,
    Report,
    Serve,
    Serving,
    Start,
)
from recsys.serving.sockets import reserve

log = logging.getLogger(__name__)

_KILL_MARGIN_SECONDS: Final = 2.0


class StartFailed(RecsysError):
    """A worker ended before it could take calls; its own log line says why."""

    reason = "START_FAILED"

    def __init__(self, *, worker: str) -> None:
        self.worker = worker
        super().__init__(f"{worker} could not start; see its log lines above")


class Supervisor:
    """Runs a server until it is told to stop."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._feed_clock = FeedClock(config.storage)
        self._state = SupervisorState(
            Admission(Path(config.bundles.folder)), feed_time=self._feed_clock
        )
        self._fetcher: Child | None = None
        self._listening: set[str] = set()
        self._looked = False
        self._settled: set[str] = set()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._look_now = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP looks for a new bundle at once.

        Raises:
            InvalidConfig: An address cannot be had.
            StartFailed: A worker cannot start.
        """
        self._handle_signals()
        server = self._config.server
        with (
            reserve(host=server.host, port=server.port) as port,
            _metrics_folder() as folder,
            self._metrics_endpoint(folder) as metrics_url,
        ):
            self._make_children(port, folder)
            ready = Ready(address=_address(port), metrics=metrics_url, pid=os.getpid())
            await self._run_children(ready)

    def stop(self) -> None:
        """Drain and end `run`; a second time: end now, calls under way or not."""
        if self._stopping.is_set():
            for child in self._children():
                child.kill()
        self._stopping.set()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _hang_up(self) -> None:
        log.info("looking_for_bundle")
        self._state.admission.forget_refusals()
        self._look_now.set()
        if self._fetcher is not None:
            self._fetcher.send(LookNow())

    @contextlib.contextmanager
    def _metrics_endpoint(self, folder: Path) -> Iterator[str | None]:
        if not self._config.metrics.enabled:
            yield None
            return
        endpoint = MetricsEndpoint.start(self._config.metrics, folder=folder, state=self._state)
        try:
            yield f"http://{self._config.metrics.host}:{endpoint.port}/metrics"
        finally:
            endpoint.close()
            self._feed_clock.close()

    def _make_children(self, port: socket.socket, folder: Path) -> None:
        host, number = port.getsockname()[:2]
        bound = msgspec.structs.replace(self._config.server, host=host, port=number)
        config = msgspec.structs.replace(self._config, server=bound)
        # Products of a worker are small, and its neighbours need the cores that idle threads
        # of BLAS would spin on.
        environ = {"OPENBLAS_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
        if config.metrics.enabled:
            environ[METRICS_FOLDER_VARIABLE] = str(folder)
        self._state.workers = [
            Child(
                Start(config, f"worker-{position}"),
                module="recsys.serving.worker",
                on_report=self._on_report,
                on_exit=self._on_worker_exit,
                greetings=self._greetings,
                environ=environ,
            )
            for position in range(config.server.workers)
        ]
        if config.registry.tracking_uri:
            self._fetcher = Child(
                Start(config, "fetcher"),
                module="recsys.serving.fetcher",
                on_report=self._on_report,
            )

    def _children(self) -> list[Child]:
        fetcher = [self._fetcher] if self._fetcher is not None else []
        return [*self._state.workers, *fetcher]

    def _greetings(self) -> list[Command]:
        admitted = self._state.admission.admitted
        return [Serve(str(admitted.folder))] if admitted is not None else []

    async def _run_children(self, ready: Ready) -> None:
        admission = asyncio.create_task(self._admit())
        keepers = {asyncio.create_task(child.keep()) for child in self._children()}
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((self._ready, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._ready.done():
                self._ready.result()
                self._say_ready(ready)
            await stopping
        finally:
            stopping.cancel()
            admission.cancel()
            await self._drain(keepers)
            self._remove_ready_file()
            log.info("stopped")

    async def _admit(self) -> None:
        """Look at the bundle store for ever and tell the workers of each change."""
        admission = self._state.admission
        while True:
            self._look_now.clear()
            try:
                if await admission.look():
                    for worker in self._state.workers:
                        for greeting in self._greetings():
                            worker.send(greeting)
            except Exception:
                # Whatever is wrong with the store, calls must go on being answered.
                log.exception("admission_failed")
            self._looked = True
            self._check_ready()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), self._config.bundles.poll_seconds)

    async def _drain(self, keepers: set[asyncio.Task[None]]) -> None:
        log.info("draining", extra={"grace_seconds": self._config.server.grace_seconds})
        for child in self._children():
            child.stop()
        deadline_seconds = self._config.server.grace_seconds + _KILL_MARGIN_SECONDS
        _, late = await asyncio.wait(keepers, timeout=deadline_seconds)
        if late:
            log.error("killing", extra={"children": len(late)})
            for child in self._children():
                child.kill()
            await asyncio.wait(late)

    def _on_report(self, child: Child, report: Report) -> None:
        if isinstance(report, Listening):
            self._listening.add(child.name)
            self._check_ready()
        elif isinstance(report, Serving):
            self._state.serving[child.name] = report.model_version
            self._settled.add(child.name)
            self._check_ready()
            log.info(
                "bundle_swapped",
                extra={"worker": child.name, "model_version": report.model_version},
            )
        elif isinstance(report, Refused):
            self._state.admission.refuse(report)
            self._settled.add(child.name)
            self._check_ready()
        elif isinstance(report, Fetched):
            self._look_now.set()
        elif isinstance(report, FetchFailed):
            failures = self._state.fetch_failures
            failures[report.reason] = failures.get(report.reason, 0) + 1

    def _on_worker_exit(self, child: Child) -> None:
        self._state.serving.pop(child.name, None)
        stopped = self._stopping.is_set()
        if not stopped and child.name not in self._listening and not self._ready.done():
            self._ready.set_exception(StartFailed(worker=child.name))

    def _check_ready(self) -> None:
        """Ready means: all workers listen, and answer if there is anything to answer with."""
        names = {worker.name for worker in self._state.workers}
        has_model = self._state.admission.admitted is not None
        if (
            self._looked
            and names <= self._listening
            and (names <= self._settled or not has_model)
            and not self._ready.done()
        ):
            self._ready.set_result(None)

    def _say_ready(self, ready: Ready) -> None:
        log.info("ready", extra=msgspec.structs.asdict(ready))
        if self._config.server.ready_file:
            path = Path(self._config.server.ready_file)
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            scratch.write_bytes(msgspec.json.encode(ready))
            scratch.replace(path)

    def _remove_ready_file(self) -> None:
        if self._config.server.ready_file:
            Path(self._config.server.ready_file).unlink(missing_ok=True)


@contextlib.contextmanager
def _metrics_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="recsys-metrics-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _address(port: socket.socket) -> str:
    host, number = port.getsockname()[:2]
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def serve(config: ServingConfig) -> None:
    """Run a server in the foreground until it is told to stop.

    Raises:
        InvalidConfig: An address cannot be had.
        StartFailed: A worker cannot start.
    """
    logs.configure(config.log, process="supervisor")
    asyncio.run(_serve(config))


async def _serve(config: ServingConfig) -> None:
    await Supervisor(config).run()
