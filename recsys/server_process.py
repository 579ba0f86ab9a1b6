"""Runs `recsys serve` as a process of its own: start, wait until it answers, stop politely.

    with running_server(folder, settings={"bundles": {"folder": "models"}}) as server:
        ask(server.ready.address)

For whoever needs a server for a while: the demo, the benchmarks, the tests. The
server tells through its ready file where it listens, so nobody guesses ports and
no gRPC is needed here.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from recsys.errors import RecsysError

START_SECONDS_MAX: Final = 120.0
"""A cold disk and a busy machine included; a server is up in one or two."""

_STOP_SECONDS_MAX: Final = 30.0
_LOOK_SECONDS: Final = 0.01
_LOG_CHARS_SHOWN: Final = 2_000


class Ready(msgspec.Struct, frozen=True):
    """What the ready file says.

    Attributes:
        address: Where calls are answered, `host:port`.
        metrics: URL of the metrics, or None.
        pid: Of the supervisor.
    """

    address: str
    metrics: str | None
    pid: int


class ServerNotReady(RecsysError):
    """A server ended or hung before it could answer; the end of its log says why."""

    reason = "START_FAILED"

    def __init__(self, *, log_file: str, exit_code: int | None, log: str) -> None:
        self.log_file = log_file
        self.exit_code = exit_code
        self.log = log
        what = "is not ready in time" if exit_code is None else f"ended with exit code {exit_code}"
        super().__init__(f"recsys serve {what}; {log_file} ends with:\n{log}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProcess:
    """A server that answers.

    Attributes:
        ready: What it says of itself.
        process: Its supervisor; has a return code once the block has ended.
        config_file: Its configuration.
        log_file: Its log.
    """

    ready: Ready
    process: "subprocess.Popen[bytes]"
    config_file: Path
    log_file: Path


@contextlib.contextmanager
def running_server(
    folder: Path,
    *,
    settings: Mapping[str, Mapping[str, Any]],
    environ: Mapping[str, str] | None = None,
    start_seconds_max: float = START_SECONDS_MAX,
) -> Iterator[ServerProcess]:
    """Run a server until the block ends.

    Ports are free ones unless the settings say otherwise. Configuration in our own
    environment does not reach the server: it is meant for another one.

    Args:
        folder: For its configuration (`serve.toml`), log and ready file; is there.
        settings: Keys of the server's configuration by section.
        environ: Variables of the server beside those of our own environment.
        start_seconds_max: How long it may take until it answers.

    Raises:
        ServerNotReady: It ended or did not answer in time.
    """
    config_file, log_file = folder / "serve.toml", folder / "serve.log"
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    sections = {"server": {}, "metrics": {}, **settings}
    sections["server"] = {"port": 0, "ready_file": str(ready_file), **sections["server"]}
    sections["metrics"] = {"port": 0, **sections["metrics"]}
    config_file.write_text(_toml(sections), "utf-8")
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "recsys", "serve", "--config", str(config_file)],
            env={**_environ(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches us first, and we stop the server when we are done with it.
            start_new_session=True,
        )
    try:
        ready = _wait(process, ready_file, log_file, seconds_max=start_seconds_max)
        yield ServerProcess(
            ready=ready, process=process, config_file=config_file, log_file=log_file
        )
    finally:
        process.terminate()
        try:
            process.wait(timeout=_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(
    process: "subprocess.Popen[bytes]", ready_file: Path, log_file: Path, *, seconds_max: float
) -> Ready:
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline and process.poll() is None:
        # The file appears complete, in one rename.
        if ready_file.exists():
            return msgspec.json.decode(ready_file.read_bytes(), type=Ready)
        time.sleep(_LOOK_SECONDS)
    log = log_file.read_text("utf-8", errors="replace")[-_LOG_CHARS_SHOWN:]
    raise ServerNotReady(log_file=str(log_file), exit_code=process.poll(), log=log.strip())


def _environ() -> dict[str, str]:
    """Return our environment with our import path and without configuration keys."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("RECSYS_") and "__" in name)
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


def _toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    # JSON's scalars and lists are TOML's, but for one character and for escaped surrogates.
    lines: list[str] = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"
