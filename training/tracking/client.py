"""MLflow, connected quietly: the one place that opens it.

`mlflow` takes seconds to import and phones home unless told not to; the
environment must say so before the import.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from recsys.errors import InvalidConfig, StorageUnavailable
from training.config import TrackingConfig
from training.tracking.address import artifact_location, knock, one_at_a_time, sqlite_path

_LOG_LEVELS = {
    "mlflow": logging.WARNING,
    "alembic": logging.WARNING,
    # It compares this environment with the model's; they are the same one.
    "mlflow.utils.requirements_utils": logging.ERROR,
}


@contextlib.contextmanager
def connected(tracking_uri: str) -> Iterator[MlflowClient]:
    """Open MLflow for a block.

    A local SQLite database is made if it is not there, by one process at a time.
    The address is set process-wide, because MLflow's registry looks models up in
    whatever tracking store is set there; it is set back afterwards.

    Raises:
        StorageUnavailable: It cannot be opened or reached.
    """
    for name, level in _LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield _open(tracking_uri)
    finally:
        mlflow.set_tracking_uri(before)


def _open(tracking_uri: str) -> MlflowClient:
    knock(tracking_uri)
    try:
        with one_at_a_time(sqlite_path(tracking_uri)):
            client = MlflowClient(tracking_uri=tracking_uri)
            client.search_experiments(max_results=1)
    except (MlflowException, sqlite3.Error, requests.RequestException, OSError) as error:
        raise StorageUnavailable(storage=tracking_uri, problem=str(error)) from error
    return client


def experiment_id(client: MlflowClient, tracking: TrackingConfig) -> str:
    """Return the id of the experiment, which is made if it is not there.

    Raises:
        InvalidConfig: It was deleted, or its name is not legal.
    """
    name = tracking.experiment
    with contextlib.suppress(MlflowException):
        # Of two trainers that make it at once, one is told that it exists.
        if client.get_experiment_by_name(name) is None:
            client.create_experiment(name, artifact_location=artifact_location(tracking))
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise InvalidConfig(
            source="experiment", problem=f"{name!r} was deleted or cannot be made in MLflow"
        )
    return str(found.experiment_id)
