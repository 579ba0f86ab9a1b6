"""One MLflow database for all tests of training: making its tables takes seconds."""

import socket

import mlflow
import pytest

from recsys.bundle import BundleStore
from support.shops import checkerboard, write_dataset
from support.trained import CONFIG, NOW, Trained
from training.config import TrackingConfig
from training.dataset import Dataset
from training.train import train


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A local MLflow."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(autouse=True)
def _own_mlflow(mlflow_uri: str) -> None:
    """Point MLflow's process-wide address here, whatever the test before left."""
    mlflow.set_tracking_uri(mlflow_uri)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The checkerboard."""
    return write_dataset(tmp_path_factory.mktemp("shop") / "data", checkerboard())


@pytest.fixture(scope="session")
def trained(mlflow_uri: str, shop: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training run from end to end. Read it; change what it made only under other names."""
    tracking = TrackingConfig(tracking_uri=mlflow_uri, experiment="shop", model_name="shop")
    store = BundleStore(tmp_path_factory.mktemp("store"))
    result = train(
        dataset=shop, config=CONFIG, tracking=tracking, bundle_store=store, now=NOW, seed=1
    )
    return Trained(result, tracking, store, shop, CONFIG)


@pytest.fixture
def tracking(mlflow_uri: str, request: pytest.FixtureRequest) -> TrackingConfig:
    """An experiment and a model of the test's own."""
    name = request.node.name
    return TrackingConfig(tracking_uri=mlflow_uri, experiment=name, model_name=name)


@pytest.fixture
def unused_port() -> int:
    """A loopback port that nobody listens on (a moment ago, at least)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
