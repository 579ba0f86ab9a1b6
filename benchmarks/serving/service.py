"""Runs `recsys serve` for a benchmark and stops it by its own process id."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def recsys_server(folder: Path, *, workers: int) -> Iterator[str]:
    """Serve the bundles and histories of a folder; yields the address."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    histories = folder / "history.sqlite"
    config = folder / "serve.toml"
    config.write_text(
        f"[server]\nport = 0\nworkers = {workers}\nready_file = {json.dumps(str(ready_file))}\n"
        f"[bundles]\nfolder = {json.dumps(str(folder / 'bundles'))}\n"
        f"[storage]\nhistories = {json.dumps(str(histories) if histories.exists() else '')}\n"
        '[metrics]\nport = 0\n[log]\nformat = "json"\n'
    )
    log = (folder / "serve.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "recsys", "serve", "--config", str(config)],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        while not ready_file.exists():
            if process.poll() is not None:
                raise RuntimeError((folder / "serve.log").read_text())
            time.sleep(0.005)
        yield json.loads(ready_file.read_text())["address"]
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
