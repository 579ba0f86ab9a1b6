"""A real server, as its own process, stopped by its own process id."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class RunningServer:
    """Where a server listens and how to signal it."""

    address: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def serving(
    folder: Path, *, bundles: Path, histories: Path | None = None, **settings: str
) -> Iterator[RunningServer]:
    """Run `recsys serve` with one worker; it must stop cleanly when the block ends.

    Args:
        folder: For its log and its ready file.
        bundles: The bundle store.
        histories: The SQLite file, if there is one.
        **settings: Further environment, such as REGISTRY__MODEL_NAME="shop".
    """
    ready = folder / "ready.json"
    log = folder / "serve.log"
    environ = {
        **os.environ,
        "RECSYS_SERVER__PORT": "0",
        "RECSYS_SERVER__WORKERS": "1",
        "RECSYS_SERVER__READY_FILE": str(ready),
        "RECSYS_BUNDLES__FOLDER": str(bundles),
        "RECSYS_STORAGE__HISTORIES": "" if histories is None else str(histories),
        "RECSYS_METRICS__PORT": "0",
        **{f"RECSYS_{name}": value for name, value in settings.items()},
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "recsys", "serve"], env=environ, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield RunningServer(json.loads(ready.read_text())["address"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, log.read_text()
