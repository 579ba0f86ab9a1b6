"""From raw events to answers over the wire, on a shop whose right answers are known."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pandas as pd
import polars as pl
import pytest

from recsys.bundle import BundleStore
from recsys.server_process import running_server
from recsys.v1 import recommendation_service_pb2 as pb2
from recsys.v1 import recommendation_service_pb2_grpc as pb2_grpc
from recsys.v1 import result_pb2
from training.config import TrackingConfig, load_config
from training.dataset import Dataset
from training.ingest import import_events
from training.simulate import simulate
from training.train import TrainResult, train

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this shop is kept."""
    return tmp_path_factory.mktemp("path")


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    """A small shop, imported."""
    simulate(out=folder / "shop", user_count=2_500, item_count=800, seed=11, end_time=NOW)
    return import_events(source=folder / "shop", preset="generic", out=folder / "dataset", now=NOW)


@pytest.fixture(scope="module")
def trained(folder: Path, dataset: Dataset) -> TrainResult:
    """A model of that shop, tracked, registered and promoted."""
    return train(
        dataset=dataset,
        config=load_config(None),
        tracking=TrackingConfig(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}"),
        bundle_store=BundleStore(folder / "bundles"),
        now=NOW,
        seed=1,
        progress=False,
    )


@pytest.fixture(scope="module")
def address(folder: Path, trained: TrainResult) -> Iterator[str]:
    """A server that answers with that model, as its own process."""
    BundleStore(folder / "bundles").set_current(trained.model_version)
    settings = {
        "server": {"workers": 1},
        "bundles": {"folder": str(folder / "bundles")},
        "storage": {"histories": str(folder / "dataset" / "history.sqlite")},
    }
    with running_server(folder, settings=settings) as server:
        yield server.ready.address
    assert server.process.returncode == 0, server.log_file.read_text()


@pytest.fixture(scope="module")
def stub(address: str) -> Iterator[pb2_grpc.RecommendationServiceStub]:
    """A client of that server."""
    with grpc.insecure_channel(address) as channel:
        yield pb2_grpc.RecommendationServiceStub(channel)


def test_the_model_beats_popularity_and_purchases_alone(trained: TrainResult) -> None:
    """Tastes show on every channel, so the other channels' events must help."""
    assert trained.promoted
    assert trained.metrics["gain_over_popularity_low"] > 0
    assert trained.metrics["gain_over_purchases_only"] > 0


def test_answers_follow_the_planted_taste(
    folder: Path, dataset: Dataset, stub: pb2_grpc.RecommendationServiceStub
) -> None:
    """Recommended items fit the person's planted taste far better than popular items do."""
    tastes = {
        user: dict(zip(themes, weights, strict=True))
        for user, themes, weights in pl.read_parquet(folder / "shop/tastes.parquet")
        .filter(pl.col("user_id").is_not_null())
        .select("user_id", "themes", "weights")
        .iter_rows()
    }
    theme_of = dict(pl.read_parquet(folder / "shop/item_themes.parquet").iter_rows())
    buyers = (
        dataset.events()
        .filter(pl.col("profile_id").str.starts_with("account:"))
        .group_by("profile_id")
        .len()
        .filter(pl.col("len") >= 10)
        .sort("profile_id")
        .head(60)
        .collect()
    )
    personal, popular = [], []
    for profile in buyers["profile_id"]:
        user = profile.removeprefix("account:")
        for subject, fits in (({"user_id": user}, personal), ({}, popular)):
            response = stub.Recommend(
                pb2.RecommendRequest(subject=subject, page_size=10), timeout=10
            )
            assert len(response.results) == 10
            fits.extend(tastes[user].get(theme_of[r.item_id], 0.0) for r in response.results)
    assert np.mean(personal) > 1.5 * np.mean(popular)


def test_the_till_knows_the_web_customer(
    dataset: Dataset, stub: pb2_grpc.RecommendationServiceStub
) -> None:
    """A loyalty card alone gives the answer of the account that it belongs to."""
    card, profile = (
        dataset.links()
        .filter(
            (pl.col("namespace") == "loyalty_card")
            & pl.col("profile_id").str.starts_with("account:")
        )
        .sort("value")
        .head(1)
        .select("value", "profile_id")
        .collect()
        .row(0)
    )
    by_card = stub.Recommend(
        pb2.RecommendRequest(
            subject={"identifiers": [{"namespace": "loyalty_card", "value": card}]},
            context={"channel": "CHANNEL_STORE"},
        ),
        timeout=10,
    )
    by_account = stub.Recommend(
        pb2.RecommendRequest(subject={"user_id": profile.removeprefix("account:")}), timeout=10
    )
    assert [r.item_id for r in by_card.results] == [r.item_id for r in by_account.results]
    assert {r.reason.kind for r in by_card.results} == {result_pb2.REASON_KIND_PERSONAL}


def test_the_registered_model_ranks_as_the_server_does(
    folder: Path, dataset: Dataset, stub: pb2_grpc.RecommendationServiceStub
) -> None:
    """Offline, through mlflow.pyfunc, and online, over the wire: the same items and scores."""
    import mlflow  # noqa: PLC0415 - takes seconds and is needed by this test alone

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    offline = mlflow.pyfunc.load_model("models:/recsys@champion").predict(
        pd.DataFrame({"item_ids": [dataset.items()["item_id"].to_list()[:3]]}),
        params={"count": 5},
    )
    views = [
        {"event_type": "EVENT_TYPE_PURCHASE_COMPLETE", "lines": [{"item_id": item_id}]}
        for item_id in dataset.items()["item_id"].to_list()[:3]
    ]
    online = stub.Recommend(
        pb2.RecommendRequest(context={"recent_events": views}, page_size=5), timeout=10
    )
    assert [r.item_id for r in online.results] == list(offline["item_ids"][0])
    assert [r.score for r in online.results] == pytest.approx(list(offline["scores"][0]))
