"""`recsys serve` as real processes, stopped by their own ids."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROGRAM = "from recsys.cli import main; main()"
WAIT_SECONDS = 20.0


class ServerProcess:
    """A running supervisor with its workers."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._ready_file = folder / "ready.json"
        self._log_file = folder / "serve.log"

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file says."""
        facts: dict[str, Any] = json.loads(self._ready_file.read_bytes())
        return facts

    @property
    def address(self) -> str:
        """Where calls are answered."""
        return str(self.ready["address"])

    def log(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        lines = self._log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.log() if line["event"] == name]

    def metric(self, text: str) -> float:
        """Value of the metric line that begins with a text; 0 if there is none."""
        with urllib.request.urlopen(self.ready["metrics"], timeout=5) as response:
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
def serving(folder: Path, *, root: Path, **variables: str) -> Iterator[ServerProcess]:
    """Run `recsys serve` on a folder's bundles until the block ends."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(root),
        "RECSYS_SERVER__PORT": "0",
        "RECSYS_SERVER__READY_FILE": str(folder / "ready.json"),
        "RECSYS_BUNDLES__FOLDER": str(folder / "bundles"),
        "RECSYS_BUNDLES__POLL_SECONDS": "0.1",
        "RECSYS_METRICS__PORT": "0",
        "RECSYS_LOG__FORMAT": "json",
        **variables,
    }
    program = "from pathlib import Path; from recsys.commands.serve import serve; serve()"
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program], env=environ, stdout=log, stderr=log, cwd=folder
        )
    server = ServerProcess(process, folder)
    try:
        wait_until(
            lambda: (folder / "ready.json").exists() or process.poll() is not None, "server ready"
        )
        assert process.poll() is None, (folder / "serve.log").read_text()
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=WAIT_SECONDS)
