"""`recsys train`: events in, a published and registered model out."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from recsys.errors import InvalidConfig

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.train import TrainResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", rich_help_panel="Train")(train_command)


def train_command(
    *,
    data: Annotated[
        Path | None, typer.Option(help="A dataset: the folder that `recsys import` made.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; without it the defaults.")
    ] = None,
    bundle_store: Annotated[Path, typer.Option(help="Where bundles are published.")] = Path(
        "var/bundles"
    ),
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "recsys",
    model_name: Annotated[str, typer.Option(help="Name in the model registry.")] = "recsys",
    promote: Annotated[
        bool, typer.Option(help="Make it the champion if it passes the gate.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the settings in use, explained, and stop.")
    ] = False,
) -> None:
    """Train a model, measure it, publish it, register it in MLflow.

    It becomes the champion, which servers follow, if it passes the gate.

    Examples:
      recsys train --data var/shop
      recsys train --print-config > model.toml
      recsys train --data var/shop --config model.toml --no-promote
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    from training.config import load_config  # noqa: PLC0415 - as said above

    settings = load_config(config)
    if print_config:
        from training.config_text import config_text  # noqa: PLC0415 - as said above

        typer.echo(config_text(settings), nl=False)
        return
    if data is None:
        raise InvalidConfig(source="--data", problem="is missing; it names a dataset's folder")
    from recsys.bundle import BundleStore  # noqa: PLC0415 - as said above
    from training.config import TrackingConfig  # noqa: PLC0415 - as said above
    from training.dataset import Dataset  # noqa: PLC0415 - as said above
    from training.train import train  # noqa: PLC0415 - as said above

    result = train(
        dataset=Dataset.open(data),
        config=settings,
        tracking=TrackingConfig(
            tracking_uri=tracking_uri,
            experiment=experiment,
            model_name=model_name,
            promote=promote,
        ),
        bundle_store=BundleStore(bundle_store),
        now=dt.datetime.now(dt.UTC),
        seed=seed,
    )
    _say(Console(highlight=False), result, settings, promote=promote)


def _say(console: Console, result: "TrainResult", config: "TrainConfig", *, promote: bool) -> None:
    evaluate = config.evaluate
    table = Table(box=None, pad_edge=False, title_justify="left", header_style="bold")
    table.add_column("who")
    names = [f"{name}_at_{evaluate.primary_k}" for name in ("recall", "ndcg", "hit_rate", "mrr")]
    for name in names:
        table.add_column(name, justify="right")
    rows = [
        (f"{config.model_type}, every item", "any"),
        (f"{config.model_type}, new items", "new"),
        ("popular list, every item", "popularity/any"),
        ("popular list, new items", "popularity/new"),
        ("purchases only", f"purchases_only/{evaluate.primary_protocol}"),
        ("cold users, popular lists", "cold/any"),
    ]
    for label, prefix in rows:
        values = [result.metrics.get(f"{prefix}/{name}") for name in names]
        if any(value is not None for value in values):
            table.add_row(label, *("" if value is None else f"{value:.4f}" for value in values))
    console.print(table)
    for rival in ("popularity", "purchases_only"):
        gain = result.metrics.get(f"gain_over_{rival}")
        if gain is not None:
            low, high = (result.metrics[f"gain_over_{rival}_{end}"] for end in ("low", "high"))
            console.print(
                f"gain over {rival.replace('_', ' ')} in {evaluate.primary}: "
                f"{gain:+.4f} [{low:+.4f}, {high:+.4f}]"
            )
    console.print(f"\nmodel   {result.model_version}\nrun     {result.run_id}")
    console.print(f"bundle  {result.folder}")
    if result.promoted:
        console.print("[green]champion[/]: it passed the gate and servers will follow")
    elif result.gate_failures:
        console.print(f"[yellow]not promoted[/]: {'; '.join(result.gate_failures)}")
    elif not promote:
        console.print("not promoted, as asked; it passes the gate")
