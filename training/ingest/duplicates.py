"""Second pass: what was delivered twice counts once."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training import columns
from training.ingest.checks import Reason
from training.ingest.normalise import ROW, Part, Progress, write_scratch
from training.ingest.report import Rejects

_RANGE_BITS: Final = 4
"""Keys are compared in 2 ** _RANGE_BITS ranges, so that sorting needs little memory."""


def drop_duplicates(parts: Sequence[Part], rejects: Rejects, progress: Progress) -> None:
    """Keep the first row of each event and item, in place.

    Needs 8 bytes of memory a row, whatever else the rows hold, and an eighth of that
    while it looks. Rows are told apart by 64-bit hashes: among 100 million, the odds
    that two collide are 1 in 4,000.

    Args:
        parts: Part files in the order in which they were read.
        rejects: Told about the dropped rows.
        progress: Told about each part.
    """
    repeated = _repeated([part.keys for part in parts])
    if not len(repeated):
        return
    seen = np.zeros(len(repeated), dtype=np.bool_)
    for number, part in enumerate(parts):
        again = _again(part.keys, repeated, seen)
        if again.any():
            _drop_rows(part, pl.Series(again), rejects)
        progress("dropping duplicates", (number + 1) / len(parts))


def _repeated(keys: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Return the keys that occur more than once, ascending."""
    found = [np.empty(0, dtype=np.uint64)]
    shift = np.uint64(64 - _RANGE_BITS)
    for start in range(2**_RANGE_BITS):
        within = np.sort(np.concatenate([part[part >> shift == start] for part in keys] or found))
        found.append(np.unique(within[1:][within[1:] == within[:-1]]))
    return np.concatenate(found)


def _again(
    keys: NDArray[np.uint64], repeated: NDArray[np.uint64], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Flag the keys that came before, here or in an earlier part; updates `seen`."""
    places = np.minimum(np.searchsorted(repeated, keys), len(repeated) - 1)
    rows = np.flatnonzero(repeated[places] == keys)
    places = places[rows]
    distinct, firsts = np.unique(places, return_index=True)
    again = np.zeros(len(keys), dtype=np.bool_)
    again[rows] = True
    again[rows[firsts]] = seen[distinct]
    seen[distinct] = True
    return again


def _drop_rows(part: Part, again: pl.Series, rejects: Rejects) -> None:
    rows = pl.read_parquet(part.path)
    dropped = rows.filter(again)
    why = pl.Series("reason", [str(Reason.DUPLICATE)]).new_from_index(0, dropped.height)
    wanted = dropped.filter(rejects.tally(why))
    rejects.keep(
        wanted.select(
            pl.lit(part.file).alias("file"),
            pl.col(ROW).alias("row"),
            pl.lit(str(Reason.DUPLICATE)).alias("reason"),
            pl.struct(*columns.EVENTS).struct.json_encode().alias("record"),
        )
    )
    # Never over a file that may be mapped into memory.
    clean = part.path.with_suffix(".clean")
    write_scratch(rows.filter(~again), clean)
    clean.replace(part.path)
