"""Child processes: started in fresh interpreters, talked to over pipes, restarted when they die."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from recsys.serving.pipes import LINE_BYTES_MAX, Command, Report, Start, decode_report, encode

log = logging.getLogger(__name__)

_RESTART_SECONDS_FIRST: Final = 0.1
_RESTART_SECONDS_MAX: Final = 10.0
_STABLE_SECONDS: Final = 10.0


async def spawn(
    module: str, *arguments: str, environ: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start `python -m module` with our import path, piped stdin and stdout.

    A fresh interpreter and not a fork: threads and gRPC do not survive forks.
    """
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # The working directory is not a place to import from.
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environ or {}), "PYTHONPATH": path},
        limit=LINE_BYTES_MAX,
    )


class Child:
    """A process that is there until it is told to stop.

    Attributes:
        name: Such as `worker-0`.
        pid: Of the process, or None while there is none.
        restart_count: How often it died and was started again.
    """

    def __init__(
        self,
        start: Start,
        *,
        module: str,
        on_report: Callable[["Child", Report], None],
        on_exit: Callable[["Child"], None] = lambda _: None,
        greetings: Callable[[], Sequence[Command]] = tuple,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the child.

        Args:
            start: Its first command.
            module: What to run.
            on_report: Called with each of its reports.
            on_exit: Called whenever its process has ended.
            greetings: Further commands for every new process.
            environ: Added to our environment.
        """
        self.name = start.name
        self.pid: int | None = None
        self.restart_count = 0
        self._start = start
        self._module = module
        self._on_report = on_report
        self._on_exit = on_exit
        self._greetings = greetings
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Run the process, again and again, until `stop`."""
        deaths_in_a_row = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            deaths_in_a_row = (
                0 if time.monotonic() - began > _STABLE_SECONDS else deaths_in_a_row + 1
            )
            delay = min(_RESTART_SECONDS_FIRST * 2**deaths_in_a_row, _RESTART_SECONDS_MAX)
            self.restart_count += 1
            log.error(
                "child_died",
                extra={"child": self.name, "exit_code": code, "restart_seconds": delay},
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    def send(self, command: Command) -> None:
        """Send a command; lost without harm if there is no process to read it."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(encode(command))

    def stop(self) -> None:
        """Ask the process to finish and do not start another."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once; it stays away only after `stop`."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _run_once(self) -> int:
        process = await spawn(self._module, environ=self._environ)
        self._process, self.pid = process, process.pid
        for command in (self._start, *self._greetings()):
            self.send(command)
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                try:
                    self._on_report(self, decode_report(line))
                except msgspec.DecodeError as error:
                    log.warning(
                        "report_unreadable", extra={"child": self.name, "problem": str(error)}
                    )
            return await process.wait()
        finally:
            self._process = self.pid = None
            self._on_exit(self)
