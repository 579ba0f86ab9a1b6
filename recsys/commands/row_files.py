"""What commands that send files of rows to a server have in common."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path],
    typer.Argument(help="JSON lines, CSV, TSV or Parquet (the last needs the training extra)."),
]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="Column of the files and what we call it, THEIRS=OURS; again."),
]


def column_names_of(pairs: list[str] | None, *, preset: str = "") -> dict[str, str]:
    """Read THEIRS=OURS texts, on top of a preset's; raises typer.BadParameter."""
    from recsys.catalog import PRESETS  # noqa: PLC0415 - keeps --help quick

    if preset and preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise typer.BadParameter(f"{preset!r} is no preset; there are {known}")
    names = dict(PRESETS[preset]) if preset else {}
    for pair in pairs or ():
        theirs, separator, ours = pair.partition("=")
        if not (theirs and separator and ours):
            raise typer.BadParameter(f"{pair!r} is not THEIRS=OURS, such as sku=item_id")
        names[theirs] = ours
    return names


def say_unused(columns: Collection[str]) -> None:
    """Name the columns that nobody looked at, if there are any."""
    if columns:
        typer.echo(f"columns that were not used: {', '.join(sorted(columns))}", err=True)
