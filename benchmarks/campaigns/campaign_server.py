"""A server process for the benchmarks of campaigns."""

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from prometheus_client import CollectorRegistry

from recsys.bundle import open_bundle
from recsys.recommend import ServingModel
from recsys.serving.config import CampaignsConfig, ConsentConfig, ServingConfig, StorageConfig
from recsys.serving.metrics import Metrics
from recsys.serving.server import RecsysServer
from recsys.serving.storage import open_storage


def serve(folder: str, store: str, threads: int, to_parent: Connection) -> None:
    """Run a server until the parent says something; who has said nothing may be messaged."""

    async def run() -> None:
        config = ServingConfig(
            campaigns=CampaignsConfig(threads=threads), consent=ConsentConfig(marketing="opt-out")
        )
        storage = open_storage(StorageConfig(histories=store))
        metrics = Metrics(placements=(), registry=CollectorRegistry())
        server = RecsysServer(config, storage=storage, metrics=metrics)
        port = await server.start("127.0.0.1:0")
        await server.serve_model(ServingModel.from_bundle(open_bundle(Path(folder) / "v1")))
        to_parent.send(port)
        await asyncio.to_thread(to_parent.recv)
        await server.drain()

    asyncio.run(run())


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")
