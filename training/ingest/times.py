"""Event times in every spelling, as UTC."""

from typing import Final

import polars as pl

from training.ingest.preset import TimeFormat

UTC_TYPE: Final = pl.Datetime("us", "UTC")
_PER_SECOND: Final = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6}
# Years 1 to 9999: what the type can hold; anything outside is far out of range anyway.
_SECONDS_MIN: Final = -62_135_596_800.0
_SECONDS_MAX: Final = 253_402_300_799.0
_WITH_ZONE: Final = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")
_WITHOUT_ZONE: Final = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")


def to_utc(column: pl.Expr, dtype: pl.DataType, time: TimeFormat) -> pl.Expr:
    """Parse a column of times; null where that cannot be done.

    Args:
        column: The times.
        dtype: What it holds: moments, dates, numbers or texts.
        time: How they are written.
    """
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(UTC_TYPE)
    if isinstance(dtype, (pl.Datetime, pl.Date)):
        return _in_zone(column.cast(pl.Datetime("us")), time.zone)
    if dtype.is_numeric():
        return _from_number(column, time)
    text = column.cast(pl.String).str.strip_chars()
    return _from_number(text, time) if time.unit is not None else _from_text(text, time)


def _from_number(column: pl.Expr, time: TimeFormat) -> pl.Expr:
    if time.unit is None:
        return pl.lit(None, dtype=UTC_TYPE)
    seconds = column.cast(pl.Float64, strict=False).fill_nan(None) / _PER_SECOND[time.unit]
    # Clipping first: a number beyond the type's range must not wrap into a valid time.
    microseconds = seconds.clip(_SECONDS_MIN, _SECONDS_MAX) * 1e6
    return microseconds.round(0).cast(pl.Int64).cast(UTC_TYPE)


def _from_text(text: pl.Expr, time: TimeFormat) -> pl.Expr:
    if time.format is None:
        return _from_iso(text, time.zone)
    if "%z" in time.format or "%:z" in time.format:
        return text.str.to_datetime(time.format, time_unit="us", time_zone="UTC", strict=False)
    naive = text.str.to_datetime(time.format, time_unit="us", strict=False)
    return _in_zone(naive, time.zone)


def _from_iso(text: pl.Expr, zone: str) -> pl.Expr:
    spelled = text.str.replace(r"^(\S+)\s+", "${1}T").str.replace(r"[Zz]$", "+00:00")
    with_zone = [
        spelled.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        for form in _WITH_ZONE
    ]
    without = [
        spelled.str.to_datetime(form, time_unit="us", strict=False) for form in _WITHOUT_ZONE
    ]
    day = spelled.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(*with_zone, _in_zone(pl.coalesce(*without, day), zone))


def _in_zone(naive: pl.Expr, zone: str) -> pl.Expr:
    """Read wall-clock times; an hour that a zone skips is none, one it repeats is the first."""
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC")
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")
