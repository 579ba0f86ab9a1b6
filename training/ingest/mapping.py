"""Turns source columns into canonical ones, as a preset says."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from training import columns
from training.ingest.preset import EventSource, Rule, When
from training.ingest.records import LOST
from training.ingest.times import to_utc

RAW_TIME: Final = "_raw_time"
RAW_QUANTITY: Final = "_raw_quantity"
UNDECODED: Final = "_undecoded"
FIRST_FILE_KEY: Final = "_file_key"

_TEXT_COLUMNS: Final = tuple(
    name for name, dtype in columns.EVENTS.items() if isinstance(dtype, pl.String)
)
_WHOLE_MAX: Final = 2.0**53


def canonical(rows: pl.DataFrame, source: EventSource, found: Mapping[str, str]) -> pl.DataFrame:
    """Map a batch.

    Args:
        rows: The source's columns.
        source: The mapping.
        found: Canonical column to source column, for those that the file has.

    Returns:
        columns.EVENTS, unchecked: text as it came, null where unknown or not
        readable; and the helper columns `RAW_TIME` and `RAW_QUANTITY` (whether
        something was there to parse), `UNDECODED`, `FIRST_FILE_KEY`.
    """
    types = rows.schema
    exprs: list[pl.Expr] = []
    for name in _TEXT_COLUMNS:
        value = text(found[name], types) if name in found else pl.lit(None, dtype=pl.String)
        refined = _refine(name, value, source)
        is_name = name in columns.IDENTIFIER_NAMESPACES
        exprs.append((normal(refined) if is_name else refined).alias(name))
    time_column = found.get(columns.EVENT_TIME)
    if time_column is None:
        exprs.append(pl.lit(None, dtype=columns.EVENTS[columns.EVENT_TIME]).alias("event_time"))
        exprs.append(pl.lit(value=False).alias(RAW_TIME))
    else:
        exprs.append(
            to_utc(pl.col(time_column), types[time_column], source.time).alias("event_time")
        )
        exprs.append(text(time_column, types).is_not_null().alias(RAW_TIME))
    exprs += _amounts(source, found, types)
    key = source.once_across_files
    exprs.append((text(key, types) if key else pl.lit(None, dtype=pl.String)).alias(FIRST_FILE_KEY))
    lost = [
        pl.col(name).str.contains(LOST, literal=True).fill_null(value=False)
        for name, dtype in types.items()
        if isinstance(dtype, pl.String)
    ]
    undecoded = pl.any_horizontal(*lost) if lost else pl.lit(value=False)
    return rows.select(*exprs, undecoded.alias(UNDECODED))


def text(name: str, types: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return a column as trimmed text; empty text is null.

    Whole numbers kept as floats (a column with gaps, as pandas writes it) lose
    their `.0`, or customer 17850 would be somebody else than 17850.0.
    """
    column = pl.col(name)
    if types[name].is_float():
        whole = column.is_finite() & (column == column.round(0)) & (column.abs() < _WHOLE_MAX)
        shown = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String))
        column = shown.otherwise(column.cast(pl.String))
    else:
        column = column.cast(pl.String)
    trimmed = column.str.strip_chars(" \t")
    return pl.when(trimmed != "").then(trimmed)


def normal(value: pl.Expr) -> pl.Expr:
    """Return values of identifiers as they are compared; as `recsys.domain.normal_text`."""
    return value.str.normalize("NFC")


def _refine(name: str, value: pl.Expr, source: EventSource) -> pl.Expr:
    """Apply what a preset says about one text column, in a fixed order."""
    if markers := source.unknown.get(name):
        value = pl.when(~value.is_in(markers)).then(value)
    if name == columns.EVENT_TYPE and source.event_types:
        value = value.replace({key: str(kind) for key, kind in source.event_types.items()})
    if name == columns.CHANNEL and source.channels:
        value = value.replace({key: str(kind) for key, kind in source.channels.items()})
    if prefix := source.prefixes.get(name):
        value = pl.lit(prefix) + value
    if constant := source.constants.named().get(name):
        value = value.fill_null(constant)
    if name in (columns.EVENT_TYPE, columns.CHANNEL):
        for rule in reversed(source.rules):
            if (decided := getattr(rule, name)) is not None:
                value = pl.when(_passes(rule.when)).then(pl.lit(str(decided))).otherwise(value)
    return value


def _amounts(
    source: EventSource, found: Mapping[str, str], types: Mapping[str, pl.DataType]
) -> list[pl.Expr]:
    none = pl.lit(None, dtype=pl.Float64)

    def number(name: str) -> pl.Expr:
        return _number(found[name], types) if name in found else none

    quantity = number(columns.QUANTITY)
    for rule in reversed(source.rules):
        if rule.absolute_quantity:
            quantity = _rule_when(rule).then(quantity.abs()).otherwise(quantity)
    price = number(columns.UNIT_PRICE)
    if "line_value" in found:
        price = pl.coalesce(price, number("line_value") / quantity)
    raw = text(found[columns.QUANTITY], types) if columns.QUANTITY in found else none
    return [
        quantity.alias(columns.QUANTITY),
        # A price is nice to know but no reason to lose an event.
        pl.when(price.is_finite() & (price >= 0)).then(price).alias(columns.UNIT_PRICE),
        raw.is_not_null().alias(RAW_QUANTITY),
    ]


def _number(name: str, types: Mapping[str, pl.DataType]) -> pl.Expr:
    column = pl.col(name)
    if types[name].is_numeric():
        return column.cast(pl.Float64)
    return column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)


def _rule_when(rule: Rule) -> "pl.expr.whenthen.When":
    return pl.when(_passes(rule.when))


def _passes(when: When) -> pl.Expr:
    column = pl.col(when.column)
    if when.equals is not None:
        return (column.cast(pl.String) == when.equals).fill_null(value=False)
    if when.starts_with is not None:
        return column.cast(pl.String).str.starts_with(when.starts_with).fill_null(value=False)
    return (column.cast(pl.Float64, strict=False) < when.below).fill_null(value=False)
