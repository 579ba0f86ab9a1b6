"""Several processes at once, and a real MLflow server between them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from mlflow import MlflowClient

from recsys.bundle import BundleStore, verify_bundle
from recsys.errors import GateFailed
from recsys.storage.mlflow_bundles import MlflowBundleSource
from support.trained import CONFIG, NOW
from training.compare import compare
from training.config import TrackingConfig, parse_config
from training.dataset import Dataset
from training.tracking.client import connected
from training.tracking.contestants import contestants
from training.tracking.promotion import Promoter
from training.tracking.registry import Registry
from training.train import train

_SERVER_SECONDS_MAX = 120
WORSE = parse_config(
    "[model]\ntype = 'popularity'\n"
    "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\npurchases_only = false\n"
)
_TRAIN_AT_ONCE = """
import datetime as dt, sys
from pathlib import Path
from recsys.bundle import BundleStore
from training.config import TrackingConfig, parse_config
from training.dataset import Dataset
from training.train import train

data, store, uri = sys.argv[1:]
result = train(
    dataset=Dataset.open(Path(data)),
    config=parse_config("[model]\\nfactors = 4\\n[evaluate]\\nk = [5]\\nprimary_k = 5"),
    tracking=TrackingConfig(tracking_uri=uri, experiment="race", model_name="race"),
    bundle_store=BundleStore(Path(store)),
    now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
)
assert result.promoted
print(result.model_version)
"""


def test_two_trainers_at_once_both_succeed(shop: Dataset, tmp_path: Path, repo_root: Path) -> None:
    """Same data, same second, an MLflow that is not there yet: two versions, one champion."""
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    store = BundleStore(tmp_path / "store")
    with ExitStack() as stack:
        trainers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _TRAIN_AT_ONCE, shop.folder, store.folder, uri],
                    cwd=repo_root,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        outputs = [trainer.communicate(timeout=120) for trainer in trainers]
    for trainer, (_, problems) in zip(trainers, outputs, strict=True):
        assert trainer.returncode == 0, problems
    versions = sorted(printed.strip() for printed, _ in outputs)
    assert len(set(versions)) == 2
    assert store.versions() == versions
    for version in versions:
        verify_bundle(store.path(version))
    with connected(uri) as client:
        champion = Registry(client, "race").champion()
    assert champion is not None
    assert champion.model_version in versions
    current = store.current()
    assert current is not None
    assert current.name in versions


@pytest.fixture(scope="module")
def server_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback, with its own database and artifacts."""
    import socket  # noqa: PLC0415 - only here

    folder = tmp_path_factory.mktemp("mlflow-server")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ],
        cwd=folder,
        env={
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    uri = f"http://127.0.0.1:{port}"
    try:
        _wait_for(uri, process, folder / "log")
        yield uri
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)
        log.close()


def _wait_for(uri: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _SERVER_SECONDS_MAX
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{uri}/health", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    pytest.fail(f"MLflow did not start: {log.read_text()}")


def test_a_remote_mlflow_holds_everything(server_uri: str, shop: Dataset, tmp_path: Path) -> None:
    """Train against it, fetch the champion from it, load the pyfunc from it."""
    tracking = TrackingConfig(tracking_uri=server_uri, experiment="remote", model_name="remote")
    result = train(
        dataset=shop,
        config=CONFIG,
        tracking=tracking,
        bundle_store=BundleStore(tmp_path / "here"),
        now=NOW,
    )
    assert result.promoted
    assert MlflowClient(server_uri).get_run(result.run_id).info.status == "FINISHED"
    there = BundleStore(tmp_path / "there")
    source = MlflowBundleSource(tracking_uri=server_uri, model_name="remote")
    assert source.fetch(there) == source.latest_version() == result.model_version
    verify_bundle(there.path(result.model_version))
    mlflow.set_tracking_uri(server_uri)
    model = mlflow.pyfunc.load_model("models:/remote@champion")
    found = model.predict(pd.DataFrame({"item_ids": [["i001", "i003"]]}), params={"count": 3})
    assert all(int(item[1:]) % 2 == 1 for item in found["item_ids"][0])
    # A worse model does not pass, and the two compare, person by person, through the server.
    worse = train(
        dataset=shop,
        config=WORSE,
        tracking=tracking,
        bundle_store=BundleStore(tmp_path / "here"),
        now=NOW,
    )
    assert any(text.startswith("channel_") for text in worse.gate_failures)
    first, second = contestants(
        ("champion", "challenger"), tracking_uri=server_uri, model_name="remote"
    )
    decides = compare(first, second, rng=np.random.default_rng(0)).primary_difference
    assert decides is not None
    assert decides.second == pytest.approx(worse.metrics[decides.name])
    with connected(server_uri) as client:
        promoter = Promoter(client, tracking_uri=server_uri, model_name="remote", store=None)
        with pytest.raises(GateFailed) as caught:
            promoter.promote("challenger", force=False, now=NOW)
        assert caught.value.failures == worse.gate_failures
        promoter.promote("challenger", force=True, now=NOW, reason="a test")
        assert promoter.registry.find("champion").tags["promotion_reason"] == "a test"
