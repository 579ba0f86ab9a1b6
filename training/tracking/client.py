"""MLflow, connected quietly: the one place that opens it.

`mlflow` takes seconds to import and phones home unless told not to; the
environment must say so before the import.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from recsys.errors import InvalidConfig, StorageUnavailable
from training.config import TrackingConfig

_SQLITE_PREFIX = "sqlite:///"
_KNOCK_SECONDS = 10
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
    try:
        with _one_at_a_time(sqlite_path(tracking_uri)):
            _knock(tracking_uri)
            client = MlflowClient(tracking_uri=tracking_uri)
            client.search_experiments(max_results=1)
    except (MlflowException, sqlite3.Error, requests.RequestException, OSError) as error:
        raise StorageUnavailable(storage=tracking_uri, problem=str(error)) from error
    return client


def _knock(tracking_uri: str) -> None:
    """Fail at once where MLflow itself would try again for minutes."""
    database = sqlite_path(tracking_uri)
    if database is not None:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA schema_version")
    elif tracking_uri.startswith(("http://", "https://")):
        requests.get(tracking_uri, timeout=_KNOCK_SECONDS)  # any answer will do


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


def artifact_location(tracking: TrackingConfig) -> str | None:
    """Say where artifacts go; None leaves it to the MLflow server.

    MLflow would put the files of a local database into `./mlruns` of whichever
    folder the command runs in; they belong beside the database.
    """
    database = sqlite_path(tracking.tracking_uri)
    if database is None:
        return None
    return (database.parent / "mlartifacts" / tracking.experiment).resolve().as_uri()


def sqlite_path(tracking_uri: str) -> Path | None:
    """Return the file of a local database, or None for anything else."""
    if not tracking_uri.startswith(_SQLITE_PREFIX):
        return None
    return Path(urlsplit(tracking_uri).path[1:])


@contextlib.contextmanager
def _one_at_a_time(database: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables: two at once break each other."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with (database.parent / f".{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
