"""Second pass: what was delivered twice counts once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from training import columns
from training.ingest.checks import Reason
from training.ingest.normalise import ROW, Progress
from training.ingest.report import Rejects

_HASH_SEED: Final = 0


def drop_duplicates(
    parts: Iterable[tuple[Path, str]], rejects: Rejects, progress: Progress
) -> None:
    """Keep the first row of each event and item, in place.

    Needs some 30 bytes of memory a row, whatever else the rows hold. Rows are told
    apart by 64-bit hashes: among 100 million, the odds that two collide are 1 in 4,000.

    Args:
        parts: Part files of `Normaliser`, each with the name of its source file.
        rejects: Told about the dropped rows.
        progress: Told about each part.
    """
    parts = list(parts)
    keys = [
        pl.read_parquet(path, columns=[columns.EVENT_ID, columns.ITEM_ID])
        .hash_rows(_HASH_SEED)
        .to_numpy()
        for path, _ in parts
    ]
    if not keys:
        return
    joined = np.concatenate(keys)
    _, firsts = np.unique(joined, return_index=True)
    if len(firsts) == len(joined):
        return
    first = np.zeros(len(joined), dtype=np.bool_)
    first[firsts] = True
    offset = 0
    for number, (path, file) in enumerate(parts):
        length = len(keys[number])
        flags = pl.Series(first[offset : offset + length])
        offset += length
        if not flags.all():
            _drop_rows(path, file, flags, rejects)
        progress("dropping duplicates", offset / len(joined))


def _drop_rows(path: Path, file: str, kept: pl.Series, rejects: Rejects) -> None:
    rows = pl.read_parquet(path)
    dropped = rows.filter(~kept)
    why = pl.Series("reason", [str(Reason.DUPLICATE)]).new_from_index(0, dropped.height)
    wanted = dropped.filter(rejects.tally(why))
    rejects.keep(
        wanted.select(
            pl.lit(file).alias("file"),
            pl.col(ROW).alias("row"),
            pl.lit(str(Reason.DUPLICATE)).alias("reason"),
            pl.struct(*columns.EVENTS).struct.json_encode().alias("record"),
        )
    )
    # Never over a file that may be mapped into memory.
    clean = path.with_suffix(".clean")
    rows.filter(kept).write_parquet(clean)
    clean.replace(path)
