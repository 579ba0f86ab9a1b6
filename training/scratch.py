"""Folders that appear finished or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from recsys.errors import InvalidData, StorageUnavailable


@contextlib.contextmanager
def finished_folder(target: Path, *, marker: str) -> Iterator[Path]:
    """Yield a hidden folder beside `target` that takes its place at the end.

    If the body fails or is interrupted, the hidden folder goes and `target` stays
    as it was. What a killed process left behind is cleared by the next one.

    Args:
        target: The folder to create or replace.
        marker: File by which a folder of this kind is recognised; a non-empty
            folder without it is somebody else's and is never replaced.

    Raises:
        InvalidData: `target` exists and is not a folder of this kind.
        StorageUnavailable: The disk is full, read-only or otherwise refuses.
    """
    check_replaceable(target, marker=marker)
    scratch = target.parent / f".{target.name}.part-{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(target)
        scratch.mkdir()
        yield scratch
        _put_in_place(scratch, target)
    except (OSError, pl.exceptions.ComputeError) as error:
        # Polars says by its text alone that the operating system refused.
        if not isinstance(error, OSError) and "os error" not in str(error):
            raise
        problem = str(error).partition("\n")[0]
        raise StorageUnavailable(storage=str(target), problem=problem) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_replaceable(target: Path, *, marker: str) -> None:
    """Refuse to replace what is not ours.

    Raises:
        InvalidData: `target` exists and is neither empty nor marked.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise InvalidData(path=str(target), problem="is a file; give a folder to write into")
    if any(target.iterdir()) and not (target / marker).is_file():
        raise InvalidData(
            path=str(target),
            problem=f"holds other files (no {marker}) and is not replaced; give another folder",
        )


def _put_in_place(scratch: Path, target: Path) -> None:
    if target.exists():
        replaced = target.parent / f".{target.name}.old-{os.getpid()}"
        target.rename(replaced)
        scratch.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        scratch.rename(target)


def _clear_abandoned(target: Path) -> None:
    for kind in ("part", "old"):
        for folder in target.parent.glob(f".{target.name}.{kind}-*"):
            pid = folder.name.rpartition("-")[2]
            if not pid.isdigit() or int(pid) == os.getpid() or not _alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
