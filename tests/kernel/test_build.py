"""The compiled module: its stub, its instruction sets, how one is forced."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys import _scoring


def test_stub_names_exactly_what_the_module_has(repo_root: Path) -> None:
    """Each public name, class and method of the stub exists, and the reverse."""
    tree = ast.parse((repo_root / "recsys" / "_scoring.pyi").read_text("utf-8"))
    stub: dict[str, set[str]] = {}
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name, body=body):
                methods = (item.name for item in body if isinstance(item, ast.FunctionDef))
                stub[name] = {method for method in methods if method != "__init__"}
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                stub[name] = set()
    del stub["_Fault"]  # an alias for type checkers only
    module: dict[str, set[str]] = {}
    for name, value in vars(_scoring).items():
        if name.startswith("__") or name == "os":
            continue
        public = {method for method in dir(value) if not method.startswith("_")}
        module[name] = public if isinstance(value, type) else set()
    assert stub == module


@pytest.mark.parametrize("simd", _scoring.available_simd())
def test_environment_forces_an_instruction_set(simd: str) -> None:
    """RECSYS_SIMD decides at import."""
    assert import_with(simd) == (0, f"{simd}\n", "")


def test_unknown_instruction_set_is_refused_at_import() -> None:
    """The error says what this machine has."""
    code, _, errors = import_with("mmx")
    assert code != 0
    assert (
        f"RECSYS_SIMD is 'mmx'; this machine runs {', '.join(_scoring.available_simd())}" in errors
    )


def test_portable_variant_is_always_there() -> None:
    """Slowest first."""
    assert _scoring.available_simd()[0] == "portable"


def import_with(simd: str) -> tuple[int, str, str]:
    """Import the module in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", "from recsys import _scoring; print(_scoring.simd())"],
        env={**os.environ, "RECSYS_SIMD": simd},
        cwd=Path(_scoring.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
