"""`recsys simulate`: a shop with planted tastes, as files."""

import datetime as dt
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from recsys.errors import InvalidConfig
from training.commands.bars import step_bar

DEFAULT_SEED = 7


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate_shop)


def simulate_shop(
    *,
    out: Annotated[Path, typer.Option(help="Folder to create or replace.")],
    size: Annotated[str, typer.Option(help="tiny, small, medium or large.")] = "small",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal shops.")] = DEFAULT_SEED,
    users: Annotated[int | None, typer.Option(help="People, up to 1000000.")] = None,
    items: Annotated[int | None, typer.Option(help="Items, up to 100000.")] = None,
    days: Annotated[int | None, typer.Option(help="Days of history, up to 730.")] = None,
    until: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day without events, UTC; today."),
    ] = None,
) -> None:
    """Simulate a shop: catalogue, stores, stock, and what people did on every channel.

    Every person likes a few themes, and does everything by that taste: browses on
    web and app, buys online and by loyalty card in stores, answers e-mails, brings
    things back. The planted tastes are written too, so the right answers are known.
    """
    from training.simulate import SIZES, simulate  # noqa: PLC0415 - polars is slow to import
    from training.simulate.run import read_info  # noqa: PLC0415 - as above

    if size not in SIZES:
        known = ", ".join(SIZES)
        raise InvalidConfig(source="--size", problem=f"is {size!r}; known are {known}")
    chosen = SIZES[size]
    end = until or dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    console = Console(stderr=True)
    began = time.monotonic()
    with step_bar(console) as show:
        simulate(
            out=out,
            user_count=chosen.user_count if users is None else users,
            item_count=chosen.item_count if items is None else items,
            seed=seed,
            end_time=end.replace(tzinfo=dt.UTC),
            day_count=chosen.day_count if days is None else days,
            progress=lambda done, total: show("simulating", done / total),
        )
    info = read_info(out)
    assert info is not None
    elapsed = time.monotonic() - began
    console.print(
        f"[bold]{info.event_line_count:,}[/] event lines of {info.user_count:,} users and "
        f"{info.item_count:,} items over {info.day_count} days in {out} ({elapsed:.1f} s)\n"
        f"next: recsys import {out} --preset generic --out <dataset>"
    )
