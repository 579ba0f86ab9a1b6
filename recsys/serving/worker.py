"""One process that answers. The supervisor starts several on one port.

python -m recsys.serving.worker      (commands on stdin, reports on stdout)
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from prometheus_client import values

from recsys.errors import BundleError
from recsys.serving import logs
from recsys.serving.config import METRICS_FOLDER_VARIABLE, ServingConfig
from recsys.serving.metrics import Metrics
from recsys.serving.models import load_model
from recsys.serving.pipes import (
    Command,
    Listening,
    ParentPipe,
    Refused,
    Serve,
    Serving,
    started,
)
from recsys.serving.server import RecsysServer
from recsys.serving.storage import open_storage

log = logging.getLogger(__name__)


async def run(pipe: ParentPipe) -> None:
    """Serve until the supervisor closes the pipe, dies, or sends SIGTERM."""
    commands = pipe.commands()
    start = await started(commands)
    config = start.config
    logs.configure(config.log, process=start.name)
    # Counters go on in the files of the predecessor with this name, so restarts
    # neither reset them nor leave files behind.
    if METRICS_FOLDER_VARIABLE in os.environ:
        values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]  # theirs
            lambda: start.name
        )
    metrics = Metrics(placements=config.metrics.placements)
    storage = open_storage(config.storage, config.identity)
    server = RecsysServer(config, storage=storage, metrics=metrics)
    await server.start(address_of(config))
    # What is loaded by now stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    pipe.report(Listening())
    following = asyncio.create_task(_follow(commands, server, pipe, metrics))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, following.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await following
    log.info("draining", extra={"grace_seconds": config.server.grace_seconds})
    await server.drain()
    log.info("stopped")


async def _follow(
    commands: AsyncIterator[Command], server: RecsysServer, pipe: ParentPipe, metrics: Metrics
) -> None:
    async for command in commands:
        if not isinstance(command, Serve):
            continue
        try:
            model = await asyncio.to_thread(load_model, Path(command.folder))
        except BundleError as error:
            metrics.bundle_loads_failed.inc()
            log.error("bundle_load_failed", extra={"problem": str(error)})  # noqa: TRY400 - expected
            pipe.report(Refused(command.folder, error.reason, str(error)))
            continue
        await server.serve_model(model)
        pipe.report(Serving(model.version))


def address_of(config: ServingConfig) -> str:
    """Return `host:port` as gRPC reads it; IPv6 addresses get brackets."""
    host = config.server.host
    return f"[{host}]:{config.server.port}" if ":" in host else f"{host}:{config.server.port}"


def main() -> None:
    """Run a worker."""
    # Ctrl-C reaches the whole process group; the supervisor decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(EOFError):
        asyncio.run(run(ParentPipe()))


if __name__ == "__main__":
    main()
