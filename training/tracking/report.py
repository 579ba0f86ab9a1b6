"""What a run shows in MLflow: inputs, metrics, tables and plots."""

import math
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag

from training.columns import RESOLVED_EVENTS
from training.config import TrainConfig
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.stored import Contestant, write_stored
from training.tracking import lineage
from training.tracking.contestants import EVALUATION_FILE, EVALUATION_FOLDER
from training.tracking.plots import figures
from training.tracking.run import Point
from training.tracking.writer import RunWriter

_DIGEST_CHARS = 36
_AT_K = re.compile(r"(?P<name>.+)_at_(?P<k>\d+)")


def log_inputs(
    run: RunWriter, *, dataset: Dataset, config: TrainConfig, seed: int, code: Mapping[str, str]
) -> None:
    """Log parameters, the dataset with its fingerprint, code and environment."""
    info = dataset.info
    run.log_inputs(
        lineage.flat_params(config, seed=seed),
        {
            "data_fingerprint": info.fingerprint,
            **lineage.snapshot_tags(info),
            "model_type": config.model_type,
            **code,
            # The name under which MLflow's own pages look for it.
            **({"mlflow.source.git.commit": code["git_commit"]} if "git_commit" in code else {}),
            **lineage.environment(),
        },
    )
    log_dataset(
        run,
        name=Path(info.source).name or info.source,
        fingerprint=info.fingerprint,
        # The files of a live log's snapshot may be gone soon; the log stays.
        uri=info.source if info.snapshot else str(dataset.folder.resolve()),
        profile=msgspec.json.encode(info).decode(),
        schema=_schema(),
    )


def log_dataset(
    run: RunWriter,
    *,
    name: str,
    fingerprint: str,
    uri: str,
    profile: str,
    schema: str | None = None,
) -> None:
    """Log what a run learned from.

    Args:
        run: The run.
        name: What people see.
        fingerprint: The same data have the same.
        uri: Where it lies.
        profile: Facts about it, as JSON.
        schema: Its columns, as MLflow writes them; None if they are not told.
    """
    entity = DatasetEntity(
        name=name,
        digest=fingerprint[:_DIGEST_CHARS],
        source_type="local",
        source=msgspec.json.encode({"uri": uri}).decode(),
        schema=schema,
        profile=profile,
    )
    run.client.log_inputs(
        run.run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])]
    )


def _schema() -> str:
    """Return the columns of the events as MLflow's pages show them."""
    kinds = {pl.Float64(): "double", pl.String(): "string"}
    columns = [
        {"type": kinds.get(dtype, "datetime"), "name": name, "required": False}
        for name, dtype in RESOLVED_EVENTS.items()
    ]
    return msgspec.json.encode({"mlflow_colspec": columns}).decode()


def log_results(
    run: RunWriter, *, evaluation: Evaluation, contestant: Contestant, config: TrainConfig
) -> None:
    """Log metrics, curves over list length, the table, what each person got, and plots."""
    metrics = [Point(name, value) for name, value in evaluation.metrics.items()]
    run.log_points(metrics + _curves_over_k(evaluation, config))
    run.client.log_table(run.run_id, evaluation_table(evaluation.metrics), "evaluation.json")
    log_contestant(run, contestant, under=EVALUATION_FOLDER)
    with tempfile.TemporaryDirectory(prefix="recsys-plots-") as folder:
        drawn = figures(evaluation, config.evaluate, model_type=config.model_type)
        for name, figure in drawn:
            figure.savefig(Path(folder) / name)
        run.log_files(Path(folder), under="plots")


def log_contestant(run: RunWriter, contestant: Contestant, *, under: str) -> None:
    """Log what each person got, in a folder of the run."""
    with tempfile.TemporaryDirectory(prefix="recsys-evaluation-") as folder:
        write_stored(Path(folder) / EVALUATION_FILE, contestant)
        run.log_files(Path(folder), under=under)


def _curves_over_k(evaluation: Evaluation, config: TrainConfig) -> list[Point]:
    """Repeat `any/recall_at_5`, ... as one curve `curve/any/recall` whose step is k."""
    points = []
    for name, value in evaluation.metrics.items():
        found = _AT_K.fullmatch(name)
        if found and int(found["k"]) in config.evaluate.k:
            points.append(Point(f"curve/{found['name']}", value, int(found["k"])))
    return points


def evaluation_table(metrics: Mapping[str, float]) -> dict[str, list[Any]]:
    """Arrange metrics as a table: one row per kind of list and length, one column per metric."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for name, value in metrics.items():
        if found := _AT_K.fullmatch(name):
            who, _, metric = found["name"].rpartition("/")
            rows.setdefault((who, int(found["k"])), {})[metric] = value
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    return {
        "lists": [who for who, _ in rows],
        "k": [k for _, k in rows],
        "users": [metrics.get(f"users/{who}", math.nan) for who, _ in rows],
        **{name: [row.get(name, math.nan) for row in rows.values()] for name in names},
    }
