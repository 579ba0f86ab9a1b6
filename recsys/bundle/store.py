"""A folder of bundles with a pointer to the one in service."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recsys.bundle.locks import store_shared
from recsys.errors import BundleUnavailable
from recsys.files import sync_path

CURRENT: Final = "CURRENT"
"""Pointer to the bundle that should be served."""

ADMITTED: Final = "ADMITTED"
"""Pointer to the bundle that a server has last found whole."""


class BundleStore:
    """Bundles by model version, and which one is current.

    The pointer is one small file that is replaced in one rename: a reader sees
    the old version or the new one, also while the writer is being killed.
    """

    def __init__(self, folder: Path, *, pointer_name: str = CURRENT) -> None:
        self.folder = folder
        self._pointer = folder / pointer_name

    def path(self, model_version: str) -> Path:
        """Return where a version's bundle is or will be.

        Raises:
            ValueError: The version is not a plain folder name.
        """
        plain = Path(model_version).name == model_version
        if not model_version or not plain or model_version.startswith("."):
            raise ValueError(f"model version {model_version!r} is not a plain folder name")
        return self.folder / model_version

    def versions(self) -> list[str]:
        """Return the versions that are there, oldest name first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.folder.iterdir()
            if entry.is_dir() and not entry.name.startswith(".")
        )

    def current(self) -> Path | None:
        """Return the folder of the current bundle, or None before the first."""
        try:
            version = self._pointer.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BundleUnavailable(source=str(self.folder), problem=str(error)) from error
        return self.path(version) if version else None

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """Keep what is published within the block safe from pruning.

        Held from before a bundle appears until a pointer may name it. Any number of
        publishers can hold it at once.

        Raises:
            OSError: The store cannot be written.
        """
        with store_shared(self.folder):
            yield

    def set_current(self, model_version: str) -> None:
        """Point at a version that is there; idempotent.

        Raises:
            BundleUnavailable: The store has no such version.
        """
        if not self.path(model_version).is_dir():
            raise BundleUnavailable(
                source=str(self.folder), problem=f"no bundle {model_version!r} in the store"
            )
        descriptor, name = tempfile.mkstemp(prefix=".current.", dir=self.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(model_version + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(self._pointer)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_path(self.folder)
