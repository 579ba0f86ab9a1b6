"""Moving the registry's alias moves a running server, and no call notices but by the version."""

import datetime as dt
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from recsys.bundle import BundleStore
from recsys.server_process import running_server
from recsys.v1 import model_service_pb2, model_service_pb2_grpc
from recsys.v1 import recommendation_service_pb2 as pb2
from recsys.v1 import recommendation_service_pb2_grpc as pb2_grpc
from support.shops import checkerboard, write_dataset
from training.config import TrackingConfig, parse_config
from training.train import TrainResult, train

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
CONFIG = parse_config(
    "[model]\nfactors = 8\n"
    "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\n"
    "[gate]\nloss_to_champion_max = 1.0\n"
)
PATIENCE_SECONDS = 40.0


@pytest.fixture
def retrain(tmp_path: Path) -> Callable[[int], TrainResult]:
    """Train, register and promote one more model of the same shop."""
    dataset = write_dataset(tmp_path / "data", checkerboard())

    def again(hour: int) -> TrainResult:
        return train(
            dataset=dataset,
            config=CONFIG,
            tracking=TrackingConfig(
                tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", model_name="shop"
            ),
            # Not the server's own store: what it has must come through the registry.
            bundle_store=BundleStore(tmp_path / "published"),
            now=NOW + dt.timedelta(hours=hour),
            seed=hour,
            progress=False,
        )

    return again


def test_a_promoted_model_reaches_a_running_server_without_a_lost_call(
    tmp_path: Path, retrain: Callable[[int], TrainResult]
) -> None:
    """Constant traffic sees the old version, then the new one, and never an error."""
    first = retrain(0)
    assert first.promoted
    with (
        running_server(
            tmp_path,
            settings={
                "server": {"workers": 1},
                "bundles": {"folder": str(tmp_path / "served"), "poll_seconds": 0.1},
                "registry": {
                    "tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
                    "model_name": "shop",
                    "poll_seconds": 3_600.0,  # The signal below must do it.
                },
            },
        ) as server,
        grpc.insecure_channel(server.ready.address) as channel,
    ):
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        assert wait_for_version(models, first.model_version)
        versions: list[str] = []
        stop = threading.Event()
        caller = threading.Thread(target=keep_asking, args=(channel, versions, stop))
        caller.start()
        try:
            second = retrain(1)
            assert second.promoted
            assert second.model_version != first.model_version
            server.process.send_signal(signal.SIGHUP)
            assert wait_for_version(models, second.model_version)
        finally:
            stop.set()
            caller.join()
    assert server.process.returncode == 0, server.log_file.read_text()
    assert set(versions) == {first.model_version, second.model_version}
    assert versions == sorted(versions), "no answer went back to the old model"


def keep_asking(channel: grpc.Channel, versions: list[str], stop: threading.Event) -> None:
    """Ask without pause; an error ends the list with its code."""
    stub = pb2_grpc.RecommendationServiceStub(channel)
    while not stop.is_set():
        try:
            response = stub.Recommend(pb2.RecommendRequest(page_size=2), timeout=10)
        except grpc.RpcError as error:
            versions.append(str(error))
            return
        versions.append(response.model_version)


def wait_for_version(models: model_service_pb2_grpc.ModelServiceStub, version: str) -> bool:
    """Ask which model serves until it is this one; False when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            response = models.GetModel(model_service_pb2.GetModelRequest(), timeout=5)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        else:
            if response.model.model_version == version:
                return True
        time.sleep(0.1)
    return False
