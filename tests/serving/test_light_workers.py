"""A worker stays small: what it does not need it does not load."""

import subprocess
import sys

HEAVY = (
    "typer", "rich", "mlflow", "pandas", "scipy", "matplotlib", "polars", "pyarrow", "implicit",
    "sqlalchemy", "structlog",
)  # fmt: skip


def loaded_by(module: str) -> set[str]:
    """Top-level packages that importing a module loads."""
    program = (
        f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_a_worker_loads_no_heavy_library() -> None:
    """Everything that answers is there, and nothing of the command line or of training."""
    loaded = loaded_by("recsys.serving.worker, recsys.storage.sqlite")
    assert {"grpc", "numpy", "recsys"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_supervisor_loads_no_grpc() -> None:
    """What answers no calls has no part in answering them."""
    assert loaded_by("recsys.serving.supervisor").isdisjoint({*HEAVY, "grpc", "google"})
