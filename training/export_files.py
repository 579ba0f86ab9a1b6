"""Parquet files of `recsys export`, and of what offers or items are worth with people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT: Final = pa.string()
_ITEM: Final = pa.struct(
    [(name, _TEXT) for name in (
        "item_id", "title", "page_url", "image_url", "price", "currency", "reason",
    )]
)  # fmt: skip
_PEOPLE: Final = pa.schema(
    [
        ("account", _TEXT),
        ("address_namespace", _TEXT),
        ("address", _TEXT),
        ("identifiers", pa.list_(_TEXT)),
        ("preferred_channel", _TEXT),
        ("preferred_hour", pa.int8()),
        ("time_zone", _TEXT),
        ("attribution_token", _TEXT),
        ("model_version", _TEXT),
        ("offer_code", _TEXT),
        ("items", pa.list_(_ITEM)),
    ]
)


def _values(choice: str) -> pa.Schema:
    return pa.schema(
        [("user_id", _TEXT), (choice, _TEXT), ("value", pa.float64()), ("cost", pa.float64())]
    )


_SCHEMAS: Final = {
    "people": _PEOPLE,
    "offer-values": _values("offer_id"),
    "item-values": _values("item_id"),
}
"""By `recsys.commands.export_rows.RowKind`."""


class ParquetPart:
    """Rows as a row group for each message; implements `recsys.commands.export_rows.PartWriter`.

    Without any row, the file has the columns all the same.
    """

    def __init__(self, path: Path, kind: str) -> None:
        """Open a file.

        Args:
            path: Where; whatever is there goes.
            kind: Of its rows.

        Raises:
            OSError: It cannot be written.
        """
        self._schema = _SCHEMAS[kind]
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, self._schema)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows; raises OSError."""
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """Finish the file; raises OSError."""
        try:
            self._writer.close()
        finally:
            self._file.close()
