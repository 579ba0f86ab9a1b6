from training.config import TrackingConfig, TrainConfig
from training.notebook import (
    Shop,
    compare_models,
    evaluate_model,
    fit_model,
    load_shop,
    publish_model,
    read_config,
    split_shop,
)

__all__ = [
    "Shop",
    "TrackingConfig",
    "TrainConfig",
    "compare_models",
    "evaluate_model",
    "fit_model",
    "load_shop",
    "publish_model",
    "read_config",
    "split_shop",
]
