"""Fixtures for every test: where the public datasets are, and quiet determinism."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of public datasets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("RECSYS_DATA_DIR", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public datasets are not at {folder}; set RECSYS_DATA_DIR")
    return folder
