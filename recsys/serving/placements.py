"""The placements' file, read again whenever it has changed."""

from pathlib import Path

from recsys.errors import InvalidConfig
from recsys.rules import Placements, read_placements


class PlacementsFile:
    """A file that people write while it is in use."""

    def __init__(self, path: str) -> None:
        """Point at a file.

        Args:
            path: Where it is; empty for none.
        """
        self._path = Path(path) if path else None
        self._mark: tuple[int, int, int] | None = None

    def read(self) -> Placements:
        """Return what it says.

        Raises:
            InvalidConfig: It cannot be read, or something in it is wrong.
        """
        if self._path is None:
            return Placements()
        try:
            self._mark = self._look()
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfig(source=str(self._path), problem=str(error)) from error
        return read_placements(text, source=str(self._path))

    def changed(self) -> Placements | None:
        """Return what it says now, if it has changed since it was read or tried last.

        Raises:
            InvalidConfig: As `read`; once for each change.
        """
        if self._path is None:
            return None
        try:
            mark = self._look()
        except OSError:
            # Editors take a file away for a moment before they put the new one there.
            return None
        return None if mark == self._mark else self.read()

    def _look(self) -> tuple[int, int, int]:
        assert self._path is not None  # Else there is nothing to look at.
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
