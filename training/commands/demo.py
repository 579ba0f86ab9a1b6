"""`recsys demo`: the whole path in one command."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from recsys.errors import InvalidConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Your events: a folder or a file. Without it a shop is simulated."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="How to read DATA: a preset's name or a TOML file (docs/import.md)."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the answers instead of at Ctrl-C.")
    ] = False,
    workspace: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("var/demo"),
    tracking_uri: Annotated[
        str, typer.Option(help="Where MLflow keeps runs and models.")
    ] = "sqlite:///var/mlflow.db",
) -> None:
    """Go the whole way: events, training, MLflow, a gRPC server, answers over the wire.

    A second run reuses what is there and is quick.

    Examples:
      recsys demo --once
      recsys demo --data retailrocket/ --preset retailrocket
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    from training.demo import steps  # noqa: PLC0415 - as said above

    if (data is None) != (preset is None):
        raise InvalidConfig(source="demo", problem="--data and --preset come together")
    name = (
        "simulated"
        if data is None
        else steps.demo_folder(workspace, source=data, preset=str(preset)).name
    )
    plan = steps.Demo(
        folder=steps.demo_folder(workspace, source=data, preset=str(preset)),
        name=f"recsys-{name}",
        source=data,
        preset=preset or "generic",
        tracking_uri=tracking_uri,
        console=Console(highlight=False),
    )
    steps.interrupt_on_signals()
    dataset = steps.prepare(plan, now=dt.datetime.now(dt.UTC))
    with steps.server(plan) as ready:
        if data is None:
            with plan.step("catalog", "Items, stores and stock"):
                steps.fill_catalog(plan, address=ready.address)
        with plan.step("ask", "Ask over gRPC"):
            steps.ask(plan, dataset, address=ready.address)
        steps.say_what_next(plan, ready=ready)
        if not once:
            plan.console.print("\nThe server stays up. Ctrl-C stops it.")
            steps.wait_for_interrupt()
