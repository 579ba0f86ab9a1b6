"""Bundles from the MLflow model registry: whatever the alias points at.

Needs `mlflow` (the training extra); nothing else of a serving install does.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# MLflow reads these when it is imported. A server phones nobody and draws no bars.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# One quick answer, good or bad: whoever polls asks again anyway.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from recsys.bundle import BundleStore, verify_bundle
from recsys.errors import BundleCorrupt, BundleError, BundleUnavailable
from recsys.files import sync_path

TAG_MODEL_VERSION: Final = "model_version"
TAG_BUNDLE_PATH: Final = "bundle_path"
_SQLITE_PREFIX: Final = "sqlite:///"

_FOREIGN_ERRORS: Final[dict[type[Exception], type[BundleUnavailable]]] = {
    MlflowException: BundleUnavailable,
    requests.RequestException: BundleUnavailable,
    SQLAlchemyError: BundleUnavailable,
    OSError: BundleUnavailable,
}
"""What MLflow, its transport, its database and the disk raise, and what it is for us."""


class MlflowBundleSource:
    """The bundle that an alias of a registered model points at."""

    def __init__(self, *, tracking_uri: str, model_name: str, alias: str = "champion") -> None:
        """Remember where to look; nothing is asked yet.

        Args:
            tracking_uri: MLflow's database or server.
            model_name: Name in the model registry.
            alias: Which version counts.
        """
        self.tracking_uri = tracking_uri
        self.model_name = model_name
        self.alias = alias

    def latest_version(self) -> str:
        """Return the model version that the alias points at; one cheap question.

        Raises:
            BundleUnavailable: MLflow does not answer, the model or alias is not
                there, or the version was not registered by this project.
        """
        with self._translated():
            return self._model_version(self._version())

    def fetch(self, store: BundleStore) -> str:
        """Bring that version into the store and make it the current one.

        The bundle is downloaded beside its place, verified, and moved there in one
        rename. One that is already there is not downloaded again.

        Args:
            store: Where it goes.

        Returns:
            The model version.

        Raises:
            BundleUnavailable: As `latest_version`; also if the disk is full.
            BundleCorrupt, BundleIncompatible: What arrived cannot be served. The
                store's current bundle stays.
        """
        with self._translated():
            model_version = self._bring(self._version(), store)
            store.set_current(model_version)
            return model_version

    def bring(self, store: BundleStore, *, number: str) -> str:
        """Bring one version into the store, whatever the alias says; as `fetch` does.

        Args:
            store: Where it goes; what is current there stays.
            number: The registry's number of the version.

        Returns:
            The model version.

        Raises:
            BundleUnavailable, BundleCorrupt, BundleIncompatible: As `fetch`.
        """
        with self._translated():
            return self._bring(self._client().get_model_version(self.model_name, number), store)

    def _bring(self, version: ModelVersion, store: BundleStore) -> str:
        model_version = self._model_version(version)
        if not store.path(model_version).is_dir():
            self._download(version, store.path(model_version))
        return model_version

    def _version(self) -> ModelVersion:
        return self._client().get_model_version_by_alias(self.model_name, self.alias)

    def _client(self) -> MlflowClient:
        database = self.tracking_uri.removeprefix(_SQLITE_PREFIX)
        if database != self.tracking_uri and not Path(database).is_file():
            # MLflow would make an empty database, or try for minutes to open it.
            raise FileNotFoundError(f"there is no database {database}")
        return MlflowClient(tracking_uri=self.tracking_uri)

    def _model_version(self, version: ModelVersion) -> str:
        name: str | None = version.tags.get(TAG_MODEL_VERSION)
        if name is None or Path(name).name != name or name.startswith("."):
            raise BundleUnavailable(
                source=self._source,
                problem=f"version {version.version} has the tag {TAG_MODEL_VERSION} {name!r}; "
                "it must name a bundle",
            )
        return name

    def _download(self, version: ModelVersion, folder: Path) -> None:
        path = version.tags.get(TAG_BUNDLE_PATH, f"artifacts/{folder.name}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            root = self._client().get_model_version_download_uri(self.model_name, version.version)
            bundle = Path(
                download_artifacts(
                    artifact_uri=f"{root}/{path}",
                    dst_path=str(scratch),
                    tracking_uri=self.tracking_uri,
                )
            )
            manifest = verify_bundle(bundle).manifest
            if manifest.model_version != folder.name:
                raise BundleCorrupt(
                    path=str(bundle),
                    problem=f"it is {manifest.model_version}; the registry says {folder.name}",
                )
            _settle(bundle, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @property
    def _source(self) -> str:
        return f"{self.tracking_uri} model {self.model_name}@{self.alias}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        # MLflow's registry looks models up in the tracking store that is set
        # process-wide; another part of the process may have set another.
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self.tracking_uri)
        try:
            yield
        except BundleError:
            raise
        except tuple(_FOREIGN_ERRORS) as error:
            raise translate(error, source=self._source) from error
        finally:
            mlflow.set_tracking_uri(before)


def translate(error: Exception, *, source: str) -> BundleUnavailable:
    """Turn a foreign error into ours, by the table."""
    for foreign, ours in _FOREIGN_ERRORS.items():
        if isinstance(error, foreign):
            return ours(source=source, problem=f"{type(error).__name__}: {error}")
    raise TypeError(f"{type(error).__name__} is not in the table") from error


def _settle(bundle: Path, folder: Path) -> None:
    """Make a downloaded bundle durable and give it its name."""
    for file in bundle.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    sync_path(bundle)
    bundle.chmod(0o755)
    try:
        bundle.rename(folder)
    except OSError:
        # Another process was quicker; a verified bundle under that name is the same one.
        if not folder.is_dir():
            raise
    sync_path(folder.parent)
