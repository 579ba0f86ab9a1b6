"""Parquet files of events for `recsys events import`, a batch of rows at a time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.errors import InvalidData

_ROWS_AT_ONCE: Final = 8_192


def read_parquet(path: Path) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Return each row, and the share of the file that has been read.

    Raises:
        InvalidData: It is no Parquet file, or damaged.
    """
    done = 0
    try:
        with pq.ParquetFile(path) as file:
            count = max(1, file.metadata.num_rows)
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    done += 1
                    yield row, done / count
    except (pa.ArrowException, OSError) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error
