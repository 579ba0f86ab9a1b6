"""Imports point one way; the contracts are in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a folder that holds a pyproject.toml and the packages."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_down_only(repo_root: Path) -> None:
    """No module imports from a floor above its own."""
    run = lint_imports(repo_root)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_serving_import_in_a_capability_is_noticed(tmp_path: Path) -> None:
    """The check itself works: a planted upward import breaks a contract."""
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "serving.py").write_text("")
    (package / "domain.py").write_text("import house.serving\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_package = "house"\n'
        '[[tool.importlinter.contracts]]\nname = "floors"\ntype = "layers"\n'
        'containers = ["house"]\nlayers = ["serving", "domain"]\n'
    )
    run = lint_imports(tmp_path)
    assert run.returncode != 0
    assert "house.domain -> house.serving" in run.stdout


@pytest.mark.parametrize("name", ["implicit", "mlflow", "scipy", "polars", "matplotlib", "pandas"])
def test_a_serving_import_pulls_in_no_training_library(name: str) -> None:
    """Importing the server's parts loads none of the heavy libraries."""
    program = (
        "import sys, recsys.recommend, recsys.bundle, recsys.storage.sqlite, recsys.serving.server\n"
        f"sys.exit({name!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
