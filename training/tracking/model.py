"""Logging a published bundle as an MLflow model: pyfunc, signature, input example."""

import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from recsys import limits
from training.tracking import pyfunc_model_path
from training.tracking.writer import RunWriter

_STRINGS = Array(DataType.string)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBundle:
    """A bundle as MLflow has it.

    Attributes:
        model_id: The model's id.
        source: Its address for the registry.
        bundle_path: The bundle's path in it.
    """

    model_id: str
    source: str
    bundle_path: str


def signature() -> ModelSignature:
    """Return what the pyfunc takes and gives."""
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(_STRINGS, "item_ids"),
                ColSpec(DataType.string, "user_id", required=False),
                ColSpec(_STRINGS, "event_types", required=False),
                ColSpec(_STRINGS, "channels", required=False),
                ColSpec(Array(DataType.double), "ages_days", required=False),
            ]
        ),
        outputs=Schema(
            [
                ColSpec(DataType.string, "user_id", required=False),
                ColSpec(_STRINGS, "item_ids"),
                ColSpec(Array(DataType.double), "scores"),
                ColSpec(_STRINGS, "reasons"),
            ]
        ),
        params=ParamSchema(
            [
                ParamSpec("count", DataType.long, limits.RESULT_COUNT_DEFAULT),
                ParamSpec("include_seen", DataType.boolean, default=False),
            ]
        ),
    )


def log_bundle(
    run: RunWriter, *, bundle: Path, model_type: str, example_items: list[str]
) -> LoggedBundle:
    """Log a bundle, the very files, as a model of the run.

    Args:
        run: The run that made it.
        bundle: Its folder.
        model_type: Such as `als`.
        example_items: A history for the input example.
    """
    client = run.client
    logged = client.create_logged_model(
        run.experiment_id, name="model", source_run_id=run.run_id, model_type=model_type
    )
    with tempfile.TemporaryDirectory(prefix="recsys-model-") as scratch:
        folder = Path(scratch) / "model"
        mlflow.pyfunc.save_model(
            path=folder,
            python_model=str(pyfunc_model_path()),
            artifacts={"bundle": str(bundle)},
            signature=signature(),
            input_example=pd.DataFrame({"user_id": ["example"], "item_ids": [example_items]}),
            pip_requirements=_requirements(),
            mlflow_model=Model(run_id=run.run_id, model_id=logged.model_id),
        )
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return LoggedBundle(
        model_id=logged.model_id,
        source=f"models:/{logged.model_id}",
        bundle_path=f"artifacts/{bundle.name}",
    )


def _requirements() -> list[str]:
    # Given, because MLflow would otherwise load the model in a process of its own to find out.
    return [_pinned(name) for name in ("recsys", "mlflow", "pandas")]


def _pinned(package: str) -> str:
    try:
        return f"{package}=={metadata.version(package)}"
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return package
