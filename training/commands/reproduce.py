"""`recsys reproduce`: the same training again, and whether the same comes out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from training.reproduce import Reproduction

_ROWS_MAX = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce", rich_help_panel="Train")(reproduce_command)


def reproduce_command(
    run: Annotated[
        str,
        typer.Argument(help="Its MLflow run, its name, its number, `latest` or `champion`."),
    ],
    *,
    data: Annotated[
        Path | None, typer.Option(help="The dataset, if it is not where it was.")
    ] = None,
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    model_name: Annotated[str, typer.Option(help="Name in the model registry.")] = "recsys",
) -> None:
    """Train a registered model again from its own configuration, seed and data, and compare.

    The exit code is 0 if the same comes out: every byte without factors, metrics within the
    tolerance of rounding with them. It is 1 if not, and what is different is named.

    Examples:
      recsys reproduce champion
      recsys reproduce 20261121T201500Z-als-1a2b3c4d --data var/shop
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    from training.config import TrackingConfig  # noqa: PLC0415 - as said above
    from training.reproduce import reproduce  # noqa: PLC0415 - as said above

    console = Console(highlight=False)
    found = reproduce(
        run,
        tracking=TrackingConfig(tracking_uri=tracking_uri, model_name=model_name),
        data=data,
        progress=Console(stderr=True).is_terminal,
    )
    _show(console, found)
    if not found.is_same:
        raise typer.Exit(code=1)


def _show(console: Console, found: "Reproduction") -> None:
    from training.reproduce import METRIC_TOLERANCE  # noqa: PLC0415 - as above

    console.print(f"{found.model_version}, trained again on {found.data}", soft_wrap=True)
    if found.is_exact:
        console.print(
            f"[green]the same[/]: every byte of the bundle, and all {found.metric_count} metrics"
        )
    else:
        same = found.metric_count - len(found.metrics)
        console.print(f"{same} of {found.metric_count} metrics are the same to the last bit")
        for pair in found.metrics[:_ROWS_MAX]:
            console.print(f"  {pair.name}: {pair.before:.6f}, now {pair.now:.6f}")
        if found.arrays:
            console.print(f"other bytes: {', '.join(found.arrays)}")
        console.print(
            f"[green]the same within {METRIC_TOLERANCE}[/], which rounding of factors explains"
            if found.is_same
            else "[red]not reproduced[/]"
        )
    for name, (before, now) in found.surroundings.items():
        console.print(f"then and now: {name} {before}, {now}", soft_wrap=True)
