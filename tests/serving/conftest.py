"""A real gRPC server in this process, with a model where the right answer is obvious."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from recsys.recommend import ServingModel
from recsys.serving.config import ServingConfig
from recsys.serving.histories import NoHistories
from recsys.serving.metrics import Metrics
from recsys.serving.server import RecsysServer
from support.bundles import make_bundle, two_worlds
from support.serving import ITEM_COUNT, Running


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., ServingModel]:
    """Make a model of ITEM_COUNT items in which even and odd items are two worlds."""

    def make(version: str = "v1", *, item_count: int = ITEM_COUNT) -> ServingModel:
        bundle = make_bundle(
            tmp_path / version,
            [f"item-{row}" for row in range(item_count)],
            factors=two_worlds(item_count),
            popular={"store:s-1": [5, 6], "channel:web": [7]},
            model_version=version,
        )
        return ServingModel.from_bundle(bundle)

    return make


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """Metrics of one test."""
    return CollectorRegistry()


@pytest.fixture
async def empty_server(registry: CollectorRegistry) -> AsyncIterator[Running]:
    """A server before its first model."""
    config = ServingConfig.parse(environ={})
    metrics = Metrics(placements=config.metrics.placements, registry=registry)
    server = RecsysServer(config, histories=NoHistories(), metrics=metrics)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Running(server, port, channel, registry, metrics)
    await server.drain()


@pytest.fixture
async def running(empty_server: Running, make_model: Callable[..., ServingModel]) -> Running:
    """A server that answers."""
    await empty_server.server.serve_model(make_model())
    return empty_server
