"""Filters: a small language over the fields of items and people, exact and fast.

The language is docs/filters.md's. `read_filter` reads it against a `Schema`; a `Filter`
answers over `Columns` of many records as a bitmap, and over single ones. `LiveColumns` are
columns that change while they are read.
"""

from recsys.filters.cache import CacheCounts, FilterCache
from recsys.filters.columns import BoolColumn, Columns, NumberColumn, TextColumn
from recsys.filters.errors import InvalidFilter, InvalidValue
from recsys.filters.filter import Failure, Filter, compile_filter, read_filter
from recsys.filters.live import LiveColumns
from recsys.filters.parser import parse_filter
from recsys.filters.schema import FieldType, Schema
from recsys.filters.values import Record

__all__ = [
    "BoolColumn",
    "CacheCounts",
    "Columns",
    "Failure",
    "FieldType",
    "Filter",
    "FilterCache",
    "InvalidFilter",
    "InvalidValue",
    "LiveColumns",
    "NumberColumn",
    "Record",
    "Schema",
    "TextColumn",
    "compile_filter",
    "parse_filter",
    "read_filter",
]
