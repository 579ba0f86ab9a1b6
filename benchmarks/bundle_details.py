"""What a benchmark's bundle says of itself; nothing that is measured reads it."""

import datetime as dt
from typing import Any


def bundle_details(model_version: str) -> dict[str, Any]:
    """Return the details of a bundle that no training run has made."""
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return {
        "model_version": model_version,
        "model_type": "als",
        "publish_time": now,
        "training_start_time": now,
        "training_end_time": now,
        "data_fingerprint": "benchmark",
        "metrics": {},
        "lineage": {},
    }
