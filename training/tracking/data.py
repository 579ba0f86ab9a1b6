"""Where the data of a run lay."""

import json
from pathlib import Path

from mlflow.entities import Run


def data_places(run: Run) -> list[Path]:
    """Return the folders that a run says it learned from."""
    inputs = [] if run.inputs is None else run.inputs.dataset_inputs
    return [Path(json.loads(one.dataset.source)["uri"]) for one in inputs]
