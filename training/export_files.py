"""Parquet files of `recsys export`."""

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


class ParquetPart:
    """Rows as a row group for each message; implements `recsys.commands.export_rows.PartWriter`."""

    def __init__(self, path: Path) -> None:
        """Open a file; raises OSError."""
        self._writer = pq.ParquetWriter(path, _SCHEMA)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        self._writer.write_table(pa.Table.from_pylist(list(rows), schema=_SCHEMA))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
