"""What a run shows in MLflow: inputs, metrics, tables and plots."""

from pathlib import Path

import msgspec
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag

from training.config import TrainConfig
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.tracking import lineage
from training.tracking.run import TrackedRun

_DIGEST_CHARS = 36


def log_inputs(
    run: TrackedRun, *, dataset: Dataset, config: TrainConfig, seed: int, code: dict[str, str]
) -> None:
    """Log parameters, the dataset with its fingerprint, code and environment."""
    run.log_params(lineage.flat_params(config, seed=seed))
    run.set_tags(
        {"data_fingerprint": dataset.info.fingerprint, "model_type": config.model_type}
        | code
        | lineage.environment()
    )
    info = dataset.info
    entity = DatasetEntity(
        name=Path(info.source).name or info.source,
        digest=info.fingerprint[:_DIGEST_CHARS],
        source_type="local",
        source=msgspec.json.encode({"uri": str(dataset.folder.resolve())}).decode(),
        schema=None,
        profile=msgspec.json.encode(info).decode(),
    )
    run.client.log_inputs(
        run.run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])]
    )


def log_results(run: TrackedRun, *, evaluation: Evaluation | None, config: TrainConfig) -> None:
    """Log metrics, the curves over list length, the table and the plots."""
    if evaluation is None:
        return
    run.log_metrics(evaluation.metrics)
