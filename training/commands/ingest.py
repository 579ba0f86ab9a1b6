"""`recsys import`: from a retailer's files to a dataset."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.commands.bars import step_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_source)


def import_source(
    source: Annotated[Path, typer.Argument(help="A folder, or one file of events.")],
    *,
    out: Annotated[Path, typer.Option(help="Dataset folder to create or replace.")],
    preset: Annotated[
        str, typer.Option(help="Name of a preset, or a TOML file of your own.")
    ] = "generic",
    strict: Annotated[bool, typer.Option(help="Fail if a single row is rejected.")] = False,
    history_db: Annotated[
        Path | None,
        typer.Option(help="Storage for serving; history.sqlite in the dataset unless given."),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            help="SQLite store of a server, whose erased people stay out and whose consents go on"
            " counting; the store that is replaced unless given.",
            exists=True,
        ),
    ] = None,
) -> None:
    """Import events, items and identities; report what was read, rejected and kept.

    Bad rows never stop an import: they land in rejects.parquet with their reason.
    The dataset appears complete or not at all; importing the same files again
    returns at once.
    """
    from training.ingest import import_events, read_report  # noqa: PLC0415 - polars is slow
    from training.ingest.show import show_report  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    with step_bar(console) as show:
        result = import_events(
            source=source,
            preset=preset,
            out=out,
            now=dt.datetime.now(dt.UTC),
            strict=strict,
            history_path=history_db,
            people=people,
            progress=show,
        )
    report = read_report(out)
    assert report is not None
    show_report(console, report, result.info)
    console.print(f"next: recsys train --data {out}")
