"""Finds the files that a preset names, and says plainly what is missing."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from recsys.compressed import GZIP_SUFFIX
from recsys.errors import InvalidData
from training.ingest.preset import EventSource, Preset

_LISTED_COUNT_MAX: Final = 20
_ENDINGS: Final = (".parquet", ".csv", f".csv{GZIP_SUFFIX}")
_BLOCK_BYTES: Final = 1 << 20


class SourceFiles:
    """The files of one source: a folder, or one file of events in its folder."""

    def __init__(self, source: Path) -> None:
        """Open a source.

        Raises:
            InvalidData: There is nothing at that path.
        """
        if not source.exists():
            raise InvalidData(path=str(source), problem="does not exist")
        if not source.is_file() and not source.is_dir():
            raise InvalidData(path=str(source), problem="is neither a file nor a folder")
        self._single = source if source.is_file() else None
        self._folder = source.parent if source.is_file() else source

    def events(self, sources: Sequence[EventSource]) -> list[tuple[EventSource, list[Path]]]:
        """Return the files of each source of events; those without any are left out.

        A single file belongs to the first source that names it, or else to the first.

        Raises:
            InvalidData: Files that must be there are not.
        """
        if self._single is None:
            pairs = [(given, self.find(given.files, optional=given.optional)) for given in sources]
            return [(given, paths) for given, paths in pairs if paths]
        named = (given for given in sources if self._matches(self._single, given.files))
        return [(next(named, sources[0]), [_readable(self._single)])]

    def items(self, preset: Preset) -> list[Path]:
        """Return the files of items, which may be those of the events.

        Raises:
            InvalidData: Files that must be there are not.
        """
        source = preset.items
        if source is None:
            return []
        if self._single is not None and self._matches(self._single, source.files):
            return [self._single]
        return self.find(source.files, optional=source.optional)

    @staticmethod
    def _matches(path: Path, patterns: str | Sequence[str]) -> bool:
        return any(path.match(pattern) for pattern in _with_compressed(patterns))

    def find(self, patterns: str | Sequence[str], *, optional: bool) -> list[Path]:
        """Return the files that match, in the order of the patterns, each once.

        Raises:
            InvalidData: None is there although it must be.
        """
        wanted = [patterns] if isinstance(patterns, str) else list(patterns)
        found: dict[Path, None] = {}
        for pattern in _with_compressed(patterns):
            for path in sorted(self._folder.glob(pattern)):
                if path.is_file() and not path.name.startswith("."):
                    found[_readable(path)] = None
        if not found and not optional:
            raise InvalidData(
                path=str(self._folder),
                problem=f"has no {' or '.join(wanted)}; there is {self._listing()}",
            )
        return list(found)

    def _listing(self) -> str:
        names = sorted(path.name for path in self._folder.iterdir())
        if not names:
            return "nothing"
        more = len(names) - _LISTED_COUNT_MAX
        return ", ".join(names[:_LISTED_COUNT_MAX]) + (f" and {more} more" if more > 0 else "")


def fingerprint(paths: Iterable[Path], preset: Preset, *, version: int) -> str:
    """Hash the content of the inputs and the mapping, to recognise an equal import.

    Raises:
        InvalidData: A file cannot be read.
    """
    digest = hashlib.blake2b(f"{version}\n{preset!r}\n".encode(), digest_size=16)
    for path in paths:
        digest.update(f"{path.name}\n".encode())
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise InvalidData(path=str(path), problem=f"cannot be read: {error}") from error
    return digest.hexdigest()


def _readable(path: Path) -> Path:
    if not path.name.lower().endswith(_ENDINGS):
        raise InvalidData(path=str(path), problem=f"is none of {', '.join(_ENDINGS)}")
    return path


def _with_compressed(patterns: str | Sequence[str]) -> list[str]:
    """Return the patterns, each of CSV followed by that of the same file compressed."""
    wanted = [patterns] if isinstance(patterns, str) else patterns
    return [
        each
        for pattern in wanted
        for each in ((pattern, pattern + GZIP_SUFFIX) if pattern.endswith(".csv") else (pattern,))
    ]
