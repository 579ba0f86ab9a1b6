"""What a finished training run leaves, for tests that look at it."""

import datetime as dt
from dataclasses import dataclass

from recsys.bundle import BundleStore
from training.config import TrackingConfig, TrainConfig, parse_config
from training.dataset import Dataset
from training.train import TrainResult

NOW = dt.datetime(2026, 11, 21, 20, 15, tzinfo=dt.UTC)
CONFIG = parse_config(
    "[model]\nfactors = 8\ntraining_loss = true\n"
    "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\n"
)


@dataclass(frozen=True)
class Trained:
    """One finished training run and where it went."""

    result: TrainResult
    tracking: TrackingConfig
    store: BundleStore
    dataset: Dataset
    config: TrainConfig
