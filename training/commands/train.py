"""`recsys train`: events in, a published and registered model out."""

import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.errors import InvalidConfig
from training.commands.consent import LearnsFrom

if TYPE_CHECKING:
    from training.dataset import Dataset


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", rich_help_panel="Train")(train_command)


def train_command(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            help="A dataset: the folder that `recsys import` made. With --store only its items count."
        ),
    ] = None,
    store: Annotated[
        str,
        typer.Option(
            envvar="RECSYS_TRAIN_STORE",
            help="Learn from a live event log: the SQLite file or postgresql:// address that the"
            " server writes to.",
        ),
    ] = "",
    consent: Annotated[
        LearnsFrom,
        typer.Option(
            help="Whom of --store to learn from: with opt-out all who have not refused, with"
            " opt-in only those who have agreed."
        ),
    ] = LearnsFrom.OPT_OUT,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            help="Keep what was read of --store as a dataset here; else it is gone at the end."
        ),
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
    keep: Annotated[
        int, typer.Option(min=1, help="Bundles that stay in the store: the newest, and any in use.")
    ] = 5,
    warm_start: Annotated[
        str | None,
        typer.Option(
            help="Start factors from a bundle: `latest`, a version of the store, or a folder."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the settings in use, explained, and stop.")
    ] = False,
) -> None:
    """Train a model, measure it, publish it, register it in MLflow.

    It becomes the champion, which servers follow, if it passes the gate.

    Examples:
      recsys train --data var/shop
      recsys train --store var/shop/history.sqlite
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
    if data is None and not store:
        raise InvalidConfig(
            source="--data",
            problem="is missing; it names a dataset's folder (or --store names a live log)",
        )
    from recsys.bundle import BundleStore  # noqa: PLC0415 - as said above
    from training.config import TrackingConfig  # noqa: PLC0415 - as said above
    from training.publish import prune_store  # noqa: PLC0415 - as said above
    from training.show import show_result  # noqa: PLC0415 - as said above
    from training.train import train  # noqa: PLC0415 - as said above
    from training.warm import find_bundle  # noqa: PLC0415 - as said above

    bundles = BundleStore(bundle_store)
    learns_by_default = consent is LearnsFrom.OPT_OUT
    with _dataset(data, store=store, kept=snapshot, learns_by_default=learns_by_default) as dataset:
        result = train(
            dataset=dataset,
            config=settings,
            tracking=TrackingConfig(
                tracking_uri=tracking_uri,
                experiment=experiment,
                model_name=model_name,
                promote=promote,
            ),
            bundle_store=bundles,
            now=dt.datetime.now(dt.UTC),
            seed=seed,
            warm=None if warm_start is None else find_bundle(warm_start, bundles),
        )
    console = Console(highlight=False)
    show_result(console, result, settings, promote=promote)
    console.print(prune_store(bundles, keep=keep), style="dim")


@contextlib.contextmanager
def _dataset(
    data: Path | None, *, store: str, kept: Path | None, learns_by_default: bool
) -> Iterator["Dataset"]:
    """Open the dataset, or take it from a live log."""
    from recsys.profiles import Export, ExportKind, place_of  # noqa: PLC0415 - as said above
    from training.dataset import Dataset  # noqa: PLC0415 - as said above
    from training.log_dataset import dataset_of_log  # noqa: PLC0415 - as said above

    given = None if data is None else Dataset.open(data)
    if not store:
        assert given is not None  # Else there was nothing to learn from.
        yield given
        return
    console = Console(stderr=True)
    export = None
    if kept is not None:
        export = Export(kind=ExportKind.SNAPSHOT, place=place_of(kept), time=time.time())
    with (
        tempfile.TemporaryDirectory(prefix="recsys-snapshot-") as scratch,
        console.status("reading the log ...") as status,
    ):
        dataset = dataset_of_log(
            store,
            kept or Path(scratch) / "dataset",
            catalogue=given,
            learns_by_default=learns_by_default,
            export=export,
            progress=lambda count: status.update(f"reading the log: {count:,} events"),
        )
        status.stop()
        yield dataset
