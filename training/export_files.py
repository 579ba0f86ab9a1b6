"""Parquet files of `recsys export`, and of pairs of people and offers."""

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
_SCHEMA: Final = pa.schema(
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


_PAIRS: Final = pa.schema(
    [("user_id", _TEXT), ("offer_id", _TEXT), ("value", pa.float64()), ("cost", pa.float64())]
)


class ParquetPart:
    """Rows as a row group for each message; implements `recsys.commands.export_rows.PartWriter`.

    Rows with a `user_id` are pairs, all others are of people.
    """

    def __init__(self, path: Path) -> None:
        """Open a file; raises OSError."""
        self._file = path.open("wb")
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows; raises OSError."""
        if not rows:
            return
        schema = _PAIRS if "user_id" in rows[0] else _SCHEMA
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, schema)
        self._writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))

    def close(self) -> None:
        """Finish the file; raises OSError."""
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._file.close()
