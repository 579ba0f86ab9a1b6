"""Offline jobs: raw cross-channel events in, a published model bundle out.

For notebooks and scripts: the names below (docs/notebook.md), imported when one is first
used. Their types stand in the stub beside this file.
"""

import importlib
from typing import Any

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


def __getattr__(name: str) -> Any:
    # Commands import modules of this package in a moment; the libraries below take seconds.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("training.notebook"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
