"""Files of rules that people write: a TOML table for each thing that has some."""

import tomllib
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from recsys.errors import InvalidConfig

TableT = TypeVar("TableT", bound=msgspec.Struct)


def read_toml_tables(
    text: str,
    table_type: type[TableT],
    *,
    source: str,
    refused_name: Callable[[str], str],
    problems: Callable[[TableT], Iterable[tuple[str, str]]],
) -> dict[str, TableT]:
    """Read and check tables by name.

    Args:
        text: TOML.
        table_type: What each table is.
        source: What to call the text in errors.
        refused_name: Says what is wrong with a table's name; empty for nothing.
        problems: Finds each wrong key of a table, with what is wrong.

    Raises:
        InvalidConfig: With the table, the key and what is allowed.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(source=source, problem=str(error)) from error
    found: dict[str, TableT] = {}
    for name, table in tables.items():
        if problem := refused_name(name):
            raise InvalidConfig(source=source, problem=f"[{name}] {problem}")
        try:
            found[name] = msgspec.convert(table, table_type)
        except msgspec.ValidationError as error:
            raise InvalidConfig(source=source, problem=f"[{name}] {error}") from error
        for key, problem in problems(found[name]):
            raise InvalidConfig(source=source, problem=f"[{name}] {key} {problem}")
    return found
