"""The compiled module: its instruction sets, how one is forced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys import _scoring


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
