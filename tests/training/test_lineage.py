"""Where a model comes from."""

import subprocess
from pathlib import Path

from training.config import parse_config
from training.tracking.lineage import environment, flat_params, git_commit


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Amy", "-c", "user.email=amy@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_the_commit_is_that_of_the_code(tmp_path: Path) -> None:
    """Changed files are said to be changed."""
    code = tmp_path / "code.py"
    code.write_text("a = 1\n")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", "code.py")
    _git(tmp_path, "commit", "--quiet", "-m", "first")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(code) == {"git_commit": commit, "git_dirty": "false"}
    code.write_text("a = 2\n")
    assert git_commit(code) == {"git_commit": commit, "git_dirty": "true"}


def test_an_installed_package_has_no_commit(tmp_path: Path) -> None:
    """Not even if its environment lies inside somebody's checkout, or outside of any."""
    outside = tmp_path / "outside.py"
    outside.touch()
    assert git_commit(outside) == {}
    _git(tmp_path, "init", "--quiet")
    assert git_commit(outside) == {}


def test_parameters_are_flat() -> None:
    """`section.key`, and `section.key.name` for tables."""
    config = parse_config("[features.channel_weights]\nstore = 2.0\n[model]\ntype = 'bm25'\n")
    params = flat_params(config, seed=9)
    assert params["seed"] == 9
    assert params["model.type"] == "bm25"
    assert params["features.channel_weights.store"] == 2.0
    assert params["split.test_days"] == 28.0
    assert not any(isinstance(value, dict) for value in params.values())


def test_the_environment_names_what_decides_results() -> None:
    """Python and the libraries that compute."""
    versions = environment()
    assert {"version_python", "version_implicit", "version_numpy"} <= versions.keys()
