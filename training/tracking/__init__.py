"""MLflow: runs, plots, models, the registry and its gate."""

from pathlib import Path


def pyfunc_model_path() -> Path:
    """Return the file that MLflow stores as the model's code; never imported here."""
    return Path(__file__).with_name("pyfunc_model.py")
