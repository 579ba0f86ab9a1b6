"""An experiment's figures as a run of MLflow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.config import TrackingConfig
from training.tracking.client import connected, experiment_id
from training.uplift.experiment import Experiment
from training.uplift.policy import Targeting

EXPERIMENT = "uplift"


def log_run(
    folder: Path,
    experiment: Experiment,
    found: Sequence[Targeting],
    *,
    settings: Mapping[str, object],
    tracking_uri: str,
) -> str:
    """Log parameters, figures and files; returns the run's id.

    Raises:
        StorageUnavailable: MLflow cannot be opened or reached.
    """
    tracking = TrackingConfig(tracking_uri=tracking_uri, experiment=EXPERIMENT)
    with connected(tracking_uri) as client:
        run_id: str = client.create_run(experiment_id(client, tracking)).info.run_id
        parameters = {
            **settings,
            "people": len(experiment.arms),
            "arms": ", ".join(experiment.arm_names),
            "features": ", ".join(experiment.feature_names)[:500],
        }
        for name, value in parameters.items():
            client.log_param(run_id, name, value)
        for one in found:
            percent = round(100 * one.share)
            for name, interval in (("gain", one.gain), ("targeted", one.targeted)):
                client.log_metric(run_id, f"{name}_at_{percent}", interval.mean)
                client.log_metric(run_id, f"{name}_at_{percent}_low", interval.low)
                client.log_metric(run_id, f"{name}_at_{percent}_high", interval.high)
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id)
    return run_id
