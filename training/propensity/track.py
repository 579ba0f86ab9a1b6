"""What was learned of offers as a run of MLflow."""

from pathlib import Path

from training.config import TrackingConfig
from training.propensity.learn import Learning
from training.tracking.client import connected, experiment_id

EXPERIMENT = "offers"


def log_run(folder: Path, learning: Learning, *, seed: int, tracking_uri: str) -> str:
    """Log parameters, figures and files; returns the run's id.

    Raises:
        StorageUnavailable: MLflow cannot be opened or reached.
    """
    tracking = TrackingConfig(tracking_uri=tracking_uri, experiment=EXPERIMENT)
    file = learning.file
    with connected(tracking_uri) as client:
        run_id: str = client.create_run(experiment_id(client, tracking)).info.run_id
        parameters = {
            "source": file.source,
            "model_version": file.model_version,
            "model_fingerprint": file.model_fingerprint,
            "horizon_days": file.horizon_days,
            "regularization": file.regularization,
            "pairs": file.pair_count,
            "redemptions": file.redemption_count,
            "unripe": learning.unripe_count,
            "offers": len(file.offers),
            "prior": file.prior,
            "prior_strength": file.prior_strength,
            "seed": seed,
        }
        for name, value in parameters.items():
            client.log_param(run_id, name, value)
        for name, number in file.metrics.items():
            client.log_metric(run_id, name, number)
        for step, part in enumerate(learning.measured.parts, start=1):
            client.log_metric(run_id, "calibration_expected", part.expected, step=step)
            client.log_metric(run_id, "calibration_redeemed", part.observed, step=step)
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id)
    return run_id
