"""The page for notebooks says what works: its examples run, its names are all there are."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.shops import checkerboard, write_dataset

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "notebook.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def _package() -> ModuleType:
    """Load the package's own file: the folder of its tests has the same name."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "training" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


PACKAGE = _package()


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an imported shop."""
    folder = tmp_path_factory.mktemp("notebook")
    write_dataset(folder / "var" / "shop", checkerboard())
    return folder


def test_every_example_runs(somewhere: Path) -> None:
    """One after the other in one process, as in a notebook."""
    script = somewhere / "page.py"
    script.write_text("\n".join(EXAMPLES), "utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=somewhere,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert 0.0 < float(lines[0].split()[0]) <= 1.0
    assert "-bm25-" in lines[-1]
    assert (somewhere / "var" / "bundles").is_dir()


@pytest.mark.parametrize("name", PACKAGE.__all__)
def test_every_public_name_is_on_the_page_and_importable(name: str) -> None:
    """Whatever was imported before: none is hidden by a module of the same name."""
    assert f"`{name}" in PAGE.read_text()
    assert not hasattr(getattr(PACKAGE, name), "__path__")
    assert not (ROOT / "training" / f"{name}.py").exists()


def test_nothing_is_imported_before_it_is_used() -> None:
    """Commands that import a part of the package start in a moment."""
    script = "import sys, training; sys.exit('numpy' in sys.modules or not dir(training))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_other_names_are_refused() -> None:
    """As by any module."""
    with pytest.raises(AttributeError, match="nonsense"):
        PACKAGE.nonsense  # noqa: B018 - looking it up is the test
