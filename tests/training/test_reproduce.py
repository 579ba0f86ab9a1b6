"""`recsys reproduce`: the same again, or what is different."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from recsys.bundle import BundleStore
from recsys.errors import InvalidData
from support.trained import NOW, Trained
from training.commands import reproduce as command
from training.config import TrackingConfig, TrainConfig, parse_config
from training.dataset import INFO_NAME, Dataset
from training.reproduce import METRIC_TOLERANCE, MetricPair, Reproduction, reproduce
from training.tracking.registry import ModelNotRegistered
from training.train import TrainResult, train

CONFIG = "[model]\ntype = '{}'\n[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\n"


def train_one(
    shop: Dataset, config: TrainConfig, tracking: TrackingConfig, to: Path
) -> TrainResult:
    """Train, measure and register."""
    store = BundleStore(to)
    return train(
        dataset=shop, config=config, tracking=tracking, bundle_store=store, now=NOW, seed=3
    )


def test_item_item_rows_come_out_to_the_last_bit(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """By run, by name and from the shell; the data are found where they were."""
    result = train_one(shop, parse_config(CONFIG.format("ordered")), tracking, tmp_path / "store")
    found = reproduce(result.run_id, tracking=tracking, data=None)
    assert found.is_exact
    assert found.data == shop.folder
    assert found.metric_count >= len(result.metrics) - 1
    assert found.model_version == result.model_version
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    words = ["reproduce", result.model_version, "--tracking-uri", tracking.tracking_uri]
    printed = CliRunner().invoke(app, [*words, "--model-name", tracking.model_name])
    assert printed.exit_code == 0, printed.output
    assert "every byte" in printed.output


def test_factors_come_out_within_the_tolerance(trained: Trained) -> None:
    """Of `implicit`'s ALS, by the number in the registry; here even to the last bit."""
    found = reproduce("1", tracking=trained.tracking, data=trained.dataset.folder)
    assert found.has_factors
    assert found.is_same


def test_data_that_moved_are_found_by_their_fingerprint(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """Beside the old place; other data are refused, and missing ones are named."""
    there = tmp_path / "data" / "old"
    shutil.copytree(shop.folder, there)
    config = parse_config(CONFIG.format("popularity"))
    train_one(Dataset.open(there), config, tracking, tmp_path / "store")
    there.rename(there.with_name("new"))
    found = reproduce("latest", tracking=tracking, data=None)
    assert (found.data.name, found.is_exact) == ("new", True)
    info = there.with_name("new") / INFO_NAME
    info.write_text(info.read_text().replace('"f0"', '"f1"'))
    with pytest.raises(InvalidData, match="fingerprint f0"):
        reproduce("latest", tracking=tracking, data=None)
    with pytest.raises(InvalidData, match="fingerprint f1"):
        reproduce("latest", tracking=tracking, data=info.parent)


def test_changed_data_are_noticed(shop: Dataset, tracking: TrackingConfig, tmp_path: Path) -> None:
    """If the files changed under the same fingerprint, metrics and arrays say so."""
    copy = tmp_path / "data"
    shutil.copytree(shop.folder, copy)
    config = parse_config(CONFIG.format("cooccurrence"))
    train_one(Dataset.open(copy), config, tracking, tmp_path / "store")
    part = next((copy / "events").glob("*.parquet"))
    events = Dataset.open(copy).events().collect()
    events.head(len(events) * 3 // 4).write_parquet(part)
    found = reproduce("latest", tracking=tracking, data=None)
    assert not found.is_same
    assert found.arrays
    assert found.metrics


def test_no_such_model(tracking: TrackingConfig, trained: Trained) -> None:
    """Neither a champion where there is none, nor a name."""
    del trained
    for name in ("champion", "nobody"):
        with pytest.raises(ModelNotRegistered):
            reproduce(name, tracking=tracking, data=None)


@pytest.mark.parametrize(
    ("has_factors", "difference", "same"),
    [(False, 1e-9, False), (True, METRIC_TOLERANCE / 2, True), (True, METRIC_TOLERANCE * 2, False)],
    ids=["rows are exact", "factors may round", "and no more"],
)
def test_what_counts_as_the_same(has_factors: bool, difference: float, same: bool) -> None:  # noqa: FBT001 - a table
    """Rounding is allowed to factors alone, and bounded."""
    found = Reproduction(
        model_version="m", data=Path(), metric_count=3, arrays=("prior",), has_factors=has_factors,
        metrics=(MetricPair(name="new/ndcg_at_20", before=0.2, now=0.2 + difference),),
        surroundings={},
    )  # fmt: skip
    assert found.is_same is same
