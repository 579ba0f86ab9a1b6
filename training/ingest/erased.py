"""Leaves out of an import whoever a store has erased: from the dataset as from the storage."""

import hashlib
from collections.abc import Sequence
from typing import Final

import polars as pl

from recsys.domain import Identifier
from recsys.storage.carried import Carried
from recsys.storage.event_rows import Keys
from training import columns

_FINGERPRINT_BYTES: Final = 16


def erased_fingerprint(fingerprint: str, carried: Carried) -> str:
    """Return the fingerprint of an import that leaves the erased out."""
    if not carried.tombstones:
        return fingerprint
    text = repr((fingerprint, carried.salt, sorted(carried.tombstones))).encode()
    return hashlib.blake2b(text, digest_size=_FINGERPRINT_BYTES).hexdigest()


def without_erased_rows(events: pl.LazyFrame, carried: Carried) -> pl.LazyFrame:
    """Drop rows of erased people, and erased identifiers beside stronger ones.

    Only those count that were erased for good; time limits are the storage's business.

    Args:
        events: columns.EVENTS.
        carried: What the store hands over.
    """
    for_good = {one.identifier_key for one in carried.tombstones if one.is_for_good}
    if not for_good:
        return events
    keys = Keys(carried.salt)
    erased: dict[str, pl.Series] = {}
    for name, namespace in columns.IDENTIFIER_NAMESPACES.items():
        values = events.select(pl.col(name).drop_nulls().unique()).collect(engine="streaming")
        gone = [
            value
            for value in values[name]
            if keys.identifier(Identifier(namespace, value)) in for_good
        ]
        erased[name] = pl.Series(gone, dtype=pl.String())
    # Whose row it is, the strongest identifier says.
    is_hers = pl.coalesce(
        pl.when(pl.col(name).is_not_null()).then(pl.col(name).is_in(gone.implode()))
        for name, gone in erased.items()
    ).fill_null(value=False)
    return events.filter(~is_hers).with_columns(
        pl.when(~pl.col(name).is_in(gone.implode())).then(pl.col(name)).alias(name)
        for name, gone in erased.items()
        if len(gone)
    )


def without_erased_pairs(tables: Sequence[pl.DataFrame], carried: Carried) -> list[pl.DataFrame]:
    """Drop pairs of a CRM in which anybody was erased."""
    for_good = {one.identifier_key for one in carried.tombstones if one.is_for_good}
    if not for_good:
        return list(tables)
    keys = Keys(carried.salt)

    def is_kept(row: tuple[str, ...], names: Sequence[str]) -> bool:
        return not any(
            keys.identifier(Identifier(columns.IDENTIFIER_NAMESPACES[name], value)) in for_good
            for name, value in zip(names, row, strict=True)
        )

    return [
        table.filter(
            pl.Series(
                [is_kept(row, table.columns) for row in table.iter_rows()], dtype=pl.Boolean()
            )
        )
        for table in tables
    ]
