"""Finding what was measured: in files, in runs, or in runs behind registered models."""

from collections.abc import Sequence
from pathlib import Path

from recsys.errors import NotFound
from training.stored import Contestant, read_stored

EVALUATION_FOLDER = "evaluation"
EVALUATION_FILE = "report.json"
REMATCH_FOLDER = "rematch"
"""What the configuration of the champion of that day does on the run's data."""


class EvaluationMissing(NotFound):
    """A run or a model has no stored evaluation."""

    reason = "EVALUATION_MISSING"

    def __init__(self, *, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name}: {problem}")


def contestants(names: Sequence[str], *, tracking_uri: str, model_name: str) -> list[Contestant]:
    """Read what was measured of some models; MLflow is asked only if needed.

    Args:
        names: JSON files, run ids, aliases, or names or numbers of model versions.
        tracking_uri: MLflow's address.
        model_name: Name in the registry.

    Raises:
        EvaluationMissing: There is no such file, run or model, or it was not measured.
        StorageUnavailable: MLflow does not answer.
    """
    if all(_is_file(name) for name in names):
        return [read_stored(Path(name)) for name in names]
    # MLflow takes seconds to import; two files need none of it.
    from training.tracking.client import connected  # noqa: PLC0415 - as said above
    from training.tracking.evaluations import Evaluations  # noqa: PLC0415 - as said above

    with connected(tracking_uri) as client:
        evaluations = Evaluations(client, model_name=model_name)
        return [
            read_stored(Path(name)) if _is_file(name) else evaluations.find(name) for name in names
        ]


def _is_file(name: str) -> bool:
    return name.endswith(".json")
