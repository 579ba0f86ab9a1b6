"""Stored evaluations of MLflow's runs."""

import tempfile
from pathlib import Path

import msgspec
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from training.stored import Contestant, read_stored, values_path
from training.tracking.contestants import (
    EVALUATION_FILE,
    EVALUATION_FOLDER,
    REMATCH_FOLDER,
    EvaluationMissing,
)
from training.tracking.registry import ModelNotRegistered, RegisteredVersion, Registry


class Evaluations:
    """Finds evaluations by the name of a run or of a registered model."""

    def __init__(self, client: MlflowClient, *, model_name: str) -> None:
        self._client = client
        self._registry = Registry(client, model_name)

    def find(self, name: str) -> Contestant:
        """Return the evaluation of a model version, an alias or a run.

        Args:
            name: An alias such as `champion`, the bundle's name, the registry's number,
                `latest`, or a run's id.

        Raises:
            EvaluationMissing: There is none.
        """
        try:
            return self.of_version(self._registry.find(name), called=name)
        except ModelNotRegistered:
            return self.of_run(name, called=name)

    def of_version(self, version: RegisteredVersion, *, called: str | None = None) -> Contestant:
        """Return the evaluation of a registered version; raises as `find`."""
        name = version.model_version
        if called and called != name:
            name = f"{called} ({name})"
        return self.of_run(version.run_id, called=name)

    def rematch_of(self, version: RegisteredVersion) -> Contestant | None:
        """Return what the champion of its day did on a version's data, if that was asked."""
        try:
            return self._of_run(version.run_id, folder=REMATCH_FOLDER, called=version.model_version)
        except EvaluationMissing:
            return None

    def of_run(self, run_id: str, *, called: str) -> Contestant:
        """Return the evaluation of a run under a name; raises as `find`."""
        found = self._of_run(run_id, folder=EVALUATION_FOLDER, called=called)
        stored = msgspec.structs.replace(found.stored, name=called)
        return Contestant(stored=stored, values=found.values)

    def _of_run(self, run_id: str, *, folder: str, called: str) -> Contestant:
        with tempfile.TemporaryDirectory(prefix="recsys-evaluation-") as place:
            try:
                self._client.get_run(run_id)
            except MlflowException as error:
                raise EvaluationMissing(
                    name=called, problem="is neither a run nor a registered model"
                ) from error
            path = Path(place) / folder / EVALUATION_FILE
            try:
                self._client.download_artifacts(run_id, folder, place)
            except (MlflowException, OSError) as error:
                raise EvaluationMissing(name=called, problem=_NOT_THERE) from error
            if not path.is_file() or not values_path(path).is_file():
                raise EvaluationMissing(name=called, problem=_NOT_THERE)
            return read_stored(path)


_NOT_THERE = "its run holds no evaluation; train it again, with evaluate.enabled"
