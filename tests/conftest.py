"""Fixtures for every test: where the public datasets are, and quiet determinism."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.postgres import Server, missing, running_postgres

# How long an example takes, or its making, says more about the machine than about the code.
settings.register_profile(
    "shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of public datasets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("RECSYS_DATA_DIR", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public datasets are not at {folder}; set RECSYS_DATA_DIR")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started once; tests that need it skip where there can be none."""
    if reason := missing():
        pytest.skip(reason)
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server, request: pytest.FixtureRequest) -> str:
    """Address of an empty database of this test."""
    import psycopg  # noqa: PLC0415 - many tests do without

    name = f"test_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.url(name)


@pytest.fixture(scope="session")
def _default_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where MLflow goes, in this process and those it starts, if nobody tells it where."""
    folder = tmp_path_factory.mktemp("default-mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        yield folder


@pytest.fixture(autouse=True)
def _mlflow_is_told_where(_default_mlflow: Path) -> Iterator[None]:
    """Fail the test that lets MLflow make its default database.

    Users would find that one as `mlflow.db` in whatever folder they work in.
    """
    before = _databases(_default_mlflow)
    yield
    strays = _databases(_default_mlflow) - before
    assert not strays, "MLflow was used without a tracking address"


def _databases(folder: Path) -> set[Path]:
    return {*folder.iterdir(), *ROOT.glob("mlflow.db")}
