"""A real gRPC server in this process, with a model where the right answer is obvious."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from recsys.bundle import BundleStore, Rebuys, write_bundle
from recsys.recommend import ServingModel
from recsys.serving.config import ServingConfig, StorageConfig
from recsys.serving.metrics import Metrics
from recsys.serving.server import RecsysServer
from recsys.serving.storage import Storage, open_storage
from recsys.sparse import CsrMatrix
from support.bundles import contents, make_bundle, sparse, two_worlds
from support.serving import ITEM_COUNT, Running


def next_of_their_world(item_count: int) -> CsrMatrix:
    """Link each item to the next two of its world, the nearer one more."""
    links = np.zeros((item_count, item_count), dtype=np.float32)
    for step in (1, 2):
        links += np.eye(item_count, k=2 * step, dtype=np.float32) / step
    return sparse(links)


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
            basket_links=next_of_their_world(item_count),
            rebuys=Rebuys(
                shares=np.full(item_count, 0.5, dtype=np.float32),
                days=np.full(item_count, 14.0, dtype=np.float32),
                ratios=(1.0,),
                rates=(0.5, 1.0),
            ),
        )
        return ServingModel.from_bundle(bundle)

    return make


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """Metrics of one test."""
    return CollectorRegistry()


@contextlib.asynccontextmanager
async def server_on(
    storage: Storage, registry: CollectorRegistry, text: str = ""
) -> AsyncIterator[Running]:
    """Run a server without a model, configured by TOML, until the block ends."""
    config = ServingConfig.parse(text, environ={})
    metrics = Metrics(placements=config.metrics.placements, registry=registry)
    server = RecsysServer(config, storage=storage, metrics=metrics)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            yield Running(server, port, channel, registry, metrics)
        finally:
            # Before the channel goes, so that callers get what they wait for.
            await server.drain()


@pytest.fixture
async def empty_server(registry: CollectorRegistry) -> AsyncIterator[Running]:
    """A server before its first model."""
    async with server_on(Storage(), registry) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def storage_config(request: pytest.FixtureRequest, tmp_path: Path) -> StorageConfig:
    """Each kind of storage, empty."""
    if request.param == "sqlite":
        return StorageConfig(histories=str(tmp_path / "store.sqlite"))
    return StorageConfig(histories=request.getfixturevalue("postgres_url"))


@pytest.fixture
async def remembering(
    storage_config: StorageConfig, make_model: Callable[..., ServingModel]
) -> AsyncIterator[tuple[Running, Running]]:
    """Two servers that answer, as two workers on one storage."""
    model = make_model()
    async with (
        server_on(open_storage(storage_config), CollectorRegistry()) as one,
        server_on(open_storage(storage_config), CollectorRegistry()) as other,
    ):
        for running in (one, other):
            await running.server.serve_model(model)
        yield one, other


@contextlib.asynccontextmanager
async def two_with_triggers(
    folder: Path, storage: StorageConfig, model: ServingModel, triggers: str, frequency: str = ""
) -> AsyncIterator[tuple[Running, Running]]:
    """Run two servers with triggers on one storage until the block ends."""
    (folder / "triggers.toml").write_text(triggers)
    (folder / "frequency.toml").write_text(frequency)
    text = (
        f'[triggers]\nrules = "{folder}/triggers.toml"\npoll_seconds = 0.01\n'
        f'[campaigns]\nfrequency = "{folder}/frequency.toml"\n'
    )
    async with (
        server_on(open_storage(storage), CollectorRegistry(), text) as one,
        server_on(open_storage(storage), CollectorRegistry(), text) as other,
    ):
        for running in (one, other):
            await running.server.serve_model(model)
        yield one, other


@pytest.fixture
def serve(
    tmp_path: Path, storage_config: StorageConfig, make_model: Callable[..., ServingModel]
) -> Callable[..., contextlib.AbstractAsyncContextManager[tuple[Running, Running]]]:
    """Runs two servers with triggers on one storage of each kind."""
    return functools.partial(two_with_triggers, tmp_path, storage_config, make_model())


@pytest.fixture
def serve_sqlite(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> Callable[..., contextlib.AbstractAsyncContextManager[tuple[Running, Running]]]:
    """Runs two servers with triggers on an SQLite store."""
    storage = StorageConfig(histories=str(tmp_path / "store.sqlite"))
    return functools.partial(two_with_triggers, tmp_path, storage, make_model())


@pytest.fixture
async def remembering_sqlite(
    tmp_path: Path, registry: CollectorRegistry, make_model: Callable[..., ServingModel]
) -> AsyncIterator[Running]:
    """A server on an SQLite store."""
    storage = open_storage(StorageConfig(histories=str(tmp_path / "store.sqlite")))
    async with server_on(storage, registry) as running:
        await running.server.serve_model(make_model())
        yield running


@pytest.fixture
async def running(empty_server: Running, make_model: Callable[..., ServingModel]) -> Running:
    """A server that answers."""
    await empty_server.server.serve_model(make_model())
    return empty_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one published bundle, in which even and odd items are two worlds."""
    store = BundleStore(tmp_path / "bundles")
    ids = [f"item-{row}" for row in range(30)]
    write_bundle(store.path("v1"), contents(ids, factors=two_worlds(30), model_version="v1"))
    store.set_current("v1")
    return tmp_path


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """Each kind of storage, empty."""
    if request.param == "sqlite":
        return {"histories": str(folder / "store.sqlite")}
    return {"histories": request.getfixturevalue("postgres_url")}
