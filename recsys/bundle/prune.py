"""Removes old bundles from a store: never one that somebody may still need."""

import enum
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recsys.bundle import format as fmt
from recsys.bundle.locks import STORE_LOCK, alone
from recsys.bundle.reader import read_manifest
from recsys.bundle.store import ADMITTED, CURRENT, BundleStore
from recsys.errors import BundleError, BundleUnavailable

KEEP_DEFAULT: Final = 5
"""Enough to go back a few models without asking the registry."""

_SCRATCH: Final = re.compile(r"\..+\.[a-z0-9_]{8}")
"""Hidden names that writers give to what is not finished; see `tempfile.mkdtemp`."""


class Kept(enum.StrEnum):
    """Why a bundle stays."""

    CURRENT = "current"
    ADMITTED = "last served"
    RECENT = "among the newest"
    IN_USE = "a server uses it"
    NOT_OURS = "no readable bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What pruning did, or would do.

    Attributes:
        removed: Model versions, oldest first.
        kept: The others, oldest first, each with the reason.
        leftover_count: Unfinished folders and files of killed writers, removed too.
        busy: Whether somebody is publishing, so that nothing was touched.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[tuple[str, Kept], ...] = ()
    leftover_count: int = 0
    busy: bool = False


def prune(store: BundleStore, *, keep: int, dry_run: bool = False) -> Pruned:
    """Remove all but the newest bundles and those in use.

    What `CURRENT` and `ADMITTED` name stays, what a running server serves stays, and
    so does a folder that is no readable bundle: it is somebody's, or evidence. While
    anybody publishes into the store, nothing is removed; whoever is last prunes.

    Args:
        store: The store.
        keep: How many of the newest bundles stay, by time of publishing, at least 1.
        dry_run: Whether to only say what would be done.

    Raises:
        BundleUnavailable: A pointer cannot be read or names no bundle.
        ValueError: `keep` is less than 1.
        OSError: The store cannot be written.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}; at least 1")
    if not store.versions():
        return Pruned()
    with alone(store.folder / STORE_LOCK, create=True) as nobody_writes:
        if not nobody_writes:
            return Pruned(busy=True)
        protected = _protected(store)
        ages = sorted(_published(store), reverse=True)
        recent = {version for _, version in ages[:keep]}
        kept: list[tuple[str, Kept]] = [
            (version, Kept.NOT_OURS)
            for version in set(store.versions()) - {version for _, version in ages}
        ]
        removed = []
        for _, version in reversed(ages):
            reason = protected.get(version, Kept.RECENT if version in recent else None)
            if reason is None and not _remove(store.path(version), dry_run=dry_run):
                reason = Kept.IN_USE
            if reason is None:
                removed.append(version)
            else:
                kept.append((version, reason))
        leftovers = list(_leftovers(store.folder))
        for path in leftovers if not dry_run else ():
            _delete(path)
    return Pruned(removed=tuple(removed), kept=tuple(kept), leftover_count=len(leftovers))


def _protected(store: BundleStore) -> dict[str, Kept]:
    named = {}
    for pointer, reason in ((ADMITTED, Kept.ADMITTED), (CURRENT, Kept.CURRENT)):
        try:
            folder = BundleStore(store.folder, pointer_name=pointer).current()
        except ValueError as error:
            problem = f"{pointer} names no bundle: {error}"
            raise BundleUnavailable(source=str(store.folder), problem=problem) from error
        if folder is not None:
            named[folder.name] = reason
    return named


def _published(store: BundleStore) -> Iterator[tuple[float, str]]:
    """Yield time of publishing and version of each folder that is what its name says."""
    for version in store.versions():
        try:
            manifest = read_manifest(store.path(version))
        except BundleError:
            continue
        if manifest.model_version == version:
            yield manifest.publish_time.timestamp(), version


def _remove(folder: Path, *, dry_run: bool) -> bool:
    """Remove a bundle unless a server uses it; whether it is (or would be) gone."""
    with alone(folder / fmt.MANIFEST_NAME) as nobody_reads:
        if nobody_reads and not dry_run:
            # First out of sight in one step: half a bundle never stands under its name.
            grave = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            folder.rename(grave / folder.name)
            _delete(grave)
        return nobody_reads


def _leftovers(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if _SCRATCH.fullmatch(path.name) and not path.is_symlink():
            yield path


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
