"""`recsys models`, `recsys promote`, `recsys rollback`: the model registry from the shell."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from recsys.errors import NotFound

if TYPE_CHECKING:
    from training.tracking.promotion import Promoter
    from training.tracking.registry import RegisteredVersion

_ROW_COUNT_DEFAULT = 20
_PIPE_WIDTH = 160

TrackingUri = Annotated[str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")]
ModelName = Annotated[str, typer.Option(help="Name in the model registry.")]
Store = Annotated[
    Path, typer.Option(help="Bundles on this machine; the champion becomes current there too.")
]
_URI_DEFAULT = "sqlite:///var/mlflow.db"
_NAME_DEFAULT = "recsys"
_STORE_DEFAULT = Path("var/bundles")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("models", rich_help_panel="Train")(models)
    app.command("promote", rich_help_panel="Train")(promote)
    app.command("rollback", rich_help_panel="Train")(rollback)


def models(
    *,
    tracking_uri: TrackingUri = _URI_DEFAULT,
    model_name: ModelName = _NAME_DEFAULT,
    count: Annotated[int, typer.Option(min=1, max=200, help="Rows, newest first.")] = (
        _ROW_COUNT_DEFAULT
    ),
) -> None:
    """List registered models: who is champion, what was measured, what the gate said.

    Examples:
      recsys models
      recsys models --tracking-uri http://mlflow:5000
    """
    console = Console(highlight=False)
    with _promoter(tracking_uri, model_name, store=None) as promoter:
        versions = promoter.registry.versions()
    if not versions:
        console.print(f"no model {model_name!r} is registered; `recsys train` makes one")
        return
    if not console.is_terminal:
        # A pipe has no width of its own; the usual 80 columns would cut the names.
        console.width = _PIPE_WIDTH
    console.print(_table(versions[:count]))


def promote(
    model_version: Annotated[
        str, typer.Argument(help="Its name, its number in the registry, an alias, or `latest`.")
    ] = "latest",
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Promote even if the gate fails; that is recorded.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the registry (tag promotion_reason).")
    ] = None,
    tracking_uri: TrackingUri = _URI_DEFAULT,
    model_name: ModelName = _NAME_DEFAULT,
    bundle_store: Store = _STORE_DEFAULT,
    data: Annotated[
        Path | None,
        typer.Option(help="The model's dataset, if it is not where it was any more."),
    ] = None,
) -> None:
    """Make a model the champion, which servers follow, if it passes the gate.

    A champion that was measured on other data is compared by its configuration: fitted on this
    model's data and asked what this model was asked.

    Examples:
      recsys promote
      recsys promote challenger
      recsys promote 20261121T201500Z-als-1a2b3c4d --force --reason "store data was down"
    """
    console = Console(highlight=False)
    notes: list[str] = []
    with _promoter(tracking_uri, model_name, store=bundle_store, told=notes.append) as promoter:
        entry, failures = promoter.promote(
            model_version, force=force, now=dt.datetime.now(dt.UTC), reason=reason, data=data
        )
    for note in notes:
        console.print(f"[yellow]{note}[/]")
    for failure in failures:
        console.print(f"[yellow]overridden[/]: {failure}")
    console.print(f"[green]champion[/] {entry.model_version}")


def rollback(
    *,
    tracking_uri: TrackingUri = _URI_DEFAULT,
    model_name: ModelName = _NAME_DEFAULT,
    bundle_store: Store = _STORE_DEFAULT,
) -> None:
    """Return to the champion before the present one; again, to the one before that.

    Examples:
      recsys rollback
    """
    with _promoter(tracking_uri, model_name, store=bundle_store) as promoter:
        entry = promoter.rollback()
    Console(highlight=False).print(f"[green]champion[/] {entry.model_version}")


@contextmanager
def _promoter(
    tracking_uri: str,
    model_name: str,
    *,
    store: Path | None,
    told: Callable[[str], None] = lambda _note: None,
) -> "Iterator[Promoter]":
    # MLflow takes seconds to import; `recsys --help` must not.
    from recsys.bundle import BundleStore  # noqa: PLC0415 - as said above
    from training.tracking.address import sqlite_path  # noqa: PLC0415 - as said above
    from training.tracking.client import connected  # noqa: PLC0415 - as said above
    from training.tracking.promotion import Promoter  # noqa: PLC0415 - as said above

    database = sqlite_path(tracking_uri)
    if database is not None and not database.is_file():
        # Opened, it would be made: an empty registry beside the one that was meant.
        raise NotFound(
            f"there is no {database}; `recsys train` makes it, --tracking-uri names another"
        )
    with connected(tracking_uri) as client:
        yield Promoter(
            client,
            tracking_uri=tracking_uri,
            model_name=model_name,
            store=None if store is None else BundleStore(store),
            told=told,
        )


def _table(versions: "list[RegisteredVersion]") -> Table:
    from training.tracking import tags  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("no.", "model", "alias"):
        table.add_column(heading, no_wrap=True)
    for heading in ("value", "popular", "+events"):
        table.add_column(heading, justify="right")
    for heading in ("metric", "gate", "promotion"):
        table.add_column(heading)
    for version in versions:
        about = version.tags
        table.add_row(
            version.number,
            version.model_version,
            ", ".join(version.aliases),
            *(
                f"{float(about[name]):{form}}" if name in about else ""
                for name, form in (
                    (tags.TAG_PRIMARY_VALUE, ".4f"),
                    (tags.TAG_POPULARITY_VALUE, ".4f"),
                    (tags.TAG_GAIN_OVER_PURCHASES, "+.4f"),
                )
            ),
            about.get(tags.TAG_PRIMARY, ""),
            about.get(tags.TAG_GATE, ""),
            about.get(tags.TAG_PROMOTION, ""),
        )
    return table
