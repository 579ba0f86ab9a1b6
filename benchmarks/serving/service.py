"""Runs `recsys serve` for a benchmark, on a folder's bundles and histories."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.server_process import running_server


@contextmanager
def recsys_server(folder: Path, *, workers: int) -> Iterator[str]:
    """Serve the bundles and histories of a folder; yields the address."""
    histories = folder / "history.sqlite"
    settings = {
        "server": {"workers": workers},
        "bundles": {"folder": str(folder / "bundles")},
        "storage": {"histories": str(histories) if histories.exists() else ""},
        "log": {"format": "json"},
    }
    with running_server(folder, settings=settings) as server:
        yield server.ready.address
