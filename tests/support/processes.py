"""`recsys serve` as real processes, watched through their log, metrics and ready file."""

import contextlib
import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys.server_process import Ready, ServerProcess, running_server

WAIT_SECONDS = 60.0


@contextlib.contextmanager
def running(command: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
    """Start a program whose output is read; however the block ends, it has ended after it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


class WatchedServer:
    """A running supervisor with its workers."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The supervisor."""
        return self._server.process

    @property
    def ready(self) -> Ready:
        """What the ready file said."""
        return self._server.ready

    @property
    def address(self) -> str:
        """Where calls are answered."""
        return self.ready.address

    def log(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        lines = self._server.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.log() if line["event"] == name]

    def metric(self, text: str) -> float:
        """Value of the metric line that begins with a text; 0 if there is none."""
        with urllib.request.urlopen(self.ready.metrics or "", timeout=30) as response:
            for line in response.read().decode().splitlines():
                if line.startswith(text):
                    return float(line.rsplit(" ", 1)[1])
        return 0.0

    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [
            int(pid)
            for pid in children.split()
            if b"recsys.serving.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must become true soon."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS} s: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(
    folder: Path, *, environ: Mapping[str, str] | None = None, **settings: dict[str, Any]
) -> Iterator[WatchedServer]:
    """Run `recsys serve` on a folder's bundles until the block ends.

    Args:
        folder: Holds the bundle store; for the server's own files too.
        environ: Variables of the server's environment.
        **settings: Keys of the configuration by section, over those for a test.
    """
    sections = {
        "server": settings.get("server", {}),
        "bundles": {
            "folder": str(folder / "bundles"),
            "poll_seconds": 0.1,
            **settings.get("bundles", {}),
        },
        "registry": settings.get("registry", {}),
        "storage": settings.get("storage", {}),
        "triggers": settings.get("triggers", {}),
        "log": {"format": "json"},
    }
    with running_server(folder, settings=sections, environ=environ) as server:
        yield WatchedServer(server)
