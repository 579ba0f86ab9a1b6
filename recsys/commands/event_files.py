"""Reading files of rows, such as events or items, with how far one has come.

JSON lines, CSV and TSV are read here, also compressed by gzip. Other kinds plug in by entry point (group
`recsys.event_files`, named by the suffix): a function of a path to `Rows`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from recsys.compressed import UNREADABLE, kind_of, opened
from recsys.errors import InvalidData

READER_GROUP: Final = "recsys.event_files"
_JSON: Final = (".jsonl", ".ndjson", ".json")
_SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}

Rows = Iterator[tuple[Mapping[str, Any], float]]
"""Each row, and the share of the file that has been read, 0 to 1."""


def read_rows(path: Path) -> Rows:
    """Read a file's rows by its suffix.

    Raises:
        InvalidData: The file is not there, of an unknown kind, or damaged.
    """
    if not path.is_file():
        raise InvalidData(path=str(path), problem="is no file")
    suffix = kind_of(path)
    if suffix in _JSON:
        return _readable(path, _json_rows(path))
    if suffix in _SEPARATORS:
        return _readable(path, _csv_rows(path, _SEPARATORS[suffix]))
    readers = entry_points(group=READER_GROUP, name=suffix.removeprefix("."))
    for reader in readers:
        return cast("Rows", reader.load()(path))
    known = ", ".join((*_JSON, *_SEPARATORS, *sorted(f".{one.name}" for one in _others())))
    raise InvalidData(path=str(path), problem=f"is of an unknown kind; known are {known}")


def _others() -> Iterator[Any]:
    yield from entry_points(group=READER_GROUP)


def _readable(path: Path, rows: Rows) -> Rows:
    try:
        yield from rows
    except (*UNREADABLE, csv.Error, UnicodeDecodeError) as error:
        raise InvalidData(path=str(path), problem=f"cannot be read: {error}") from error


def _json_rows(path: Path) -> Rows:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with opened(path) as (file, done_share):
        for number, line in enumerate(file, start=1):
            if line.isspace():
                continue
            try:
                yield decode(line), done_share()
            except msgspec.DecodeError as error:
                raise InvalidData(path=str(path), problem=f"line {number}: {error}") from error


def _csv_rows(path: Path, separator: str) -> Rows:
    with opened(path) as (file, done_share):
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        for row in csv.DictReader(text, delimiter=separator, strict=True):
            yield row, done_share()
