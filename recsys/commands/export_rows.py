"""From what a batch says of a person to a row of a file, and the kinds of files."""

import csv
import enum
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol, cast

from recsys.commands.value_files import account_of
from recsys.errors import InvalidInput
from recsys.serving.enum_words import channel_word, enum_word
from recsys.v1 import campaign_pb2, result_pb2

WRITER_GROUP: Final = "recsys.export_files"
_BUILT_IN: Final = ("csv", "jsonl")
PERSON_COLUMNS: Final = (
    "account", "address_namespace", "address", "identifiers", "preferred_channel",
    "preferred_hour", "time_zone", "attribution_token", "model_version", "offer_code",
)  # fmt: skip
ITEM_COLUMNS: Final = (
    "item_id", "title", "page_url", "image_url", "price", "currency", "reason",
)  # fmt: skip
_SPECIAL: Final = re.compile(r"[\\|]")
_PIECES: Final = re.compile(r"\\([\\|])|(\||[^\\|]+|\\)")
_NO_ITEM: Final = campaign_pb2.BatchItem()

Row = Mapping[str, Any]


class RowKind(enum.StrEnum):
    """What a row is about."""

    PEOPLE = "people"
    """Somebody and what she gets: `row_of`."""

    OFFER_VALUES = "offer-values"
    """`user_id`, `offer_id`, what she with it is worth and what it costs: `value`, `cost`."""

    ITEM_VALUES = "item-values"
    """The same of an `item_id`."""


class UnknownFormat(InvalidInput):
    """There is no writer for a kind of files."""

    reason = "UNKNOWN_FORMAT"

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = ", ".join(known)
        super().__init__(f"cannot write {name!r}; known are {self.known}")


class PartWriter(Protocol):
    """Writes the rows of one file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows; raises OSError."""
        ...

    def close(self) -> None:
        """Finish the file; raises OSError."""
        ...


def row_of(
    one: campaign_pb2.BatchPerson,
    results: Sequence[result_pb2.Result],
    items: Mapping[str, campaign_pb2.BatchItem],
    *,
    offers: Mapping[str, str] | None = None,
) -> Row:
    """Return the row of somebody who gets something.

    Args:
        one: Who she is.
        results: The items that she gets.
        items: What is known of the items, by id.
        offers: Which offer goes to whom, by account; without it, as the batch says.
    """
    account = account_of(one)
    return {
        "account": account,
        "address_namespace": one.address.namespace,
        "address": one.address.value,
        "identifiers": [f"{each.namespace}={each.value}" for each in one.identifiers],
        "preferred_channel": channel_word(one.preferred_channel),
        "preferred_hour": one.preferred_hour if one.HasField("preferred_hour") else None,
        "time_zone": one.time_zone,
        "attribution_token": one.attribution_token,
        "model_version": one.model_version,
        "offer_code": barred(each.offer_id for each in one.offers)
        if offers is None
        else offers.get(account, ""),
        "items": [_item(each, items.get(each.item_id, _NO_ITEM)) for each in results],
    }  # fmt: skip


def part_writer(path: Path, format_: str, *, item_count: int) -> PartWriter:
    """Open a file of people to write.

    Args:
        path: Where; whatever is there goes.
        format_: `csv`, `jsonl`, or a kind that plugs in (group `recsys.export_files`).
        item_count: Items of a row, at most.

    Raises:
        UnknownFormat: There is no such kind, or its library is not installed.
        OSError: It cannot be written.
    """
    if format_ == "jsonl":
        return _JsonLines(path)
    if format_ == "csv":
        return _Csv(path, item_count)
    return _plugged(path, format_, RowKind.PEOPLE)


def values_writer(path: Path, kind: RowKind) -> PartWriter:
    """Open a Parquet file of values to write, as `recsys allocate` reads it; as `part_writer`."""
    return _plugged(path, "parquet", kind)


def _plugged(path: Path, format_: str, kind: RowKind) -> PartWriter:
    for writer in entry_points(group=WRITER_GROUP, name=format_):
        return cast("PartWriter", writer.load()(path, kind))
    raise UnknownFormat(name=format_, known=known_formats())


def known_formats() -> list[str]:
    """Return the kinds of files that can be written."""
    return sorted({*_BUILT_IN, *(one.name for one in entry_points(group=WRITER_GROUP))})


class _JsonLines:
    """A row a line, with its items as a list."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        for row in rows:
            self._file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Finish."""
        self._file.close()


class _Csv:
    """A row a line, with the columns of each item side by side: `item_1_title`."""

    def __init__(self, path: Path, item_count: int) -> None:
        self._item_count = item_count
        self._file: io.TextIOWrapper = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        places = range(1, item_count + 1)
        items = [
            f"item_{at}_{name.removeprefix('item_')}" for at in places for name in ITEM_COLUMNS
        ]
        self._writer.writerow([*PERSON_COLUMNS, *items])

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        for row in rows:
            self._writer.writerow([*map(_cell, _of(row, PERSON_COLUMNS)), *self._items(row)])

    def close(self) -> None:
        """Finish."""
        self._file.close()

    def _items(self, row: Row) -> Iterable[str]:
        items = row["items"][: self._item_count]
        missing = self._item_count - len(items)
        return [
            *(_cell(value) for item in items for value in _of(item, ITEM_COLUMNS)),
            *[""] * (missing * len(ITEM_COLUMNS)),
        ]


def _of(row: Row, names: Sequence[str]) -> list[Any]:
    return [row[name] for name in names]


def barred(values: Iterable[str]) -> str:
    """Write several values into one cell, parted by bars; a bar of a value gets a backslash."""
    return "|".join(_SPECIAL.sub(r"\\\g<0>", one) for one in values)


def parted(cell: str) -> list[str]:
    """Read the values of a cell back that `barred` has written."""
    values = [""]
    for escaped, plain in _PIECES.findall(cell):
        if plain == "|":
            values.append("")
        else:
            values[-1] += escaped or plain
    return values if cell else []


def _cell(value: object) -> str:
    if isinstance(value, list):
        return barred(map(str, value))
    return "" if value is None else str(value)


def _item(result: result_pb2.Result, known: campaign_pb2.BatchItem) -> Row:
    return {
        "item_id": result.item_id,
        "title": known.title,
        "page_url": known.page_url,
        "image_url": known.image_url,
        "price": known.price,
        "currency": known.currency,
        "reason": enum_word(result_pb2.ReasonKind, result.reason.kind),
    }
