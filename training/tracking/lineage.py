"""Where a model comes from: data, code, environment, configuration."""

import contextlib
import getpass
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from training.config import TrainConfig
from training.dataset import DatasetInfo
from training.models.parallel import thread_count

_GIT_SECONDS_MAX = 5
_PACKAGES = ("recsys", "implicit", "mlflow", "numpy", "polars", "scipy", "msgspec")


def git_commit(file: Path) -> dict[str, str]:
    """Return `git_commit` and `git_dirty` of the checkout that a source file belongs to.

    Empty for an installed package, also if its environment lies inside a checkout.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(file.parent), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_SECONDS_MAX,
            # Never wait for, or take, the lock of somebody who is committing.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"git_commit": commit, "git_dirty": str(dirty).lower()}


def source_tags() -> dict[str, str]:
    """Return the tags by which MLflow's pages show who ran what."""
    tags = {"mlflow.source.name": Path(sys.argv[0]).name or "python", "mlflow.source.type": "LOCAL"}
    with contextlib.suppress(OSError, KeyError):  # no such user in this container
        tags["mlflow.user"] = getpass.getuser()
    return tags


def snapshot_tags(info: DatasetInfo) -> dict[str, str]:
    """Return which moment of which live log was learned from; nothing for imported files."""
    if info.snapshot is None:
        return {}
    facts = msgspec.to_builtins(info.snapshot)
    return {"snapshot_source": info.source} | {
        f"snapshot_{name}": str(value) for name, value in facts.items()
    }


def environment() -> dict[str, str]:
    """Return what decides results besides code: versions, processor and threads."""
    versions = {
        "version_python": platform.python_version(),
        "machine": platform.machine(),
        "threads": str(thread_count()),
    }
    for package in _PACKAGES:
        try:
            versions[f"version_{package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def flat_params(config: TrainConfig, *, seed: int) -> dict[str, Any]:
    """Return the configuration as `section.key` to value, and the seed."""
    flat: dict[str, Any] = {"seed": seed}
    tables = msgspec.to_builtins(config)
    for section, table in tables.items():
        flat |= _flat(section, table)
    return flat


def _flat(name: str, value: Any) -> dict[str, Any]:
    """Return the leaves of tables, and of lists of tables such as a blend's parts."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        pairs = list(enumerate(value, start=1))
    else:
        return {name: value}
    flat: dict[str, Any] = {}
    for key, part in pairs:
        flat |= _flat(f"{name}.{key}", part)
    return flat
