"""`recsys bundle show|verify|prune`: model bundles on disk."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

Folder = Annotated[
    Path,
    typer.Argument(help="A bundle's folder, or a bundle store (then its current bundle)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Look at model bundles on disk, and remove old ones.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("show")(show)
    group.command("verify")(verify)
    group.command("prune")(prune)
    app.add_typer(group, name="bundle", rich_help_panel="Serve")


def show(folder: Folder) -> None:
    """Say what a bundle is: model, data, metrics, arrays. Reads only its manifest.

    [b]Example[/]

      recsys bundle show var/bundles
    """
    from recsys.bundle.reader import read_manifest  # noqa: PLC0415 - keeps --help quick

    path = _bundle_folder(folder)
    manifest = read_manifest(path)
    console = Console(soft_wrap=True)
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in {
        "folder": path,
        "model version": manifest.model_version,
        "model type": manifest.model_type,
        "format": manifest.format_version,
        "items x factors": f"{manifest.item_count} x {manifest.factor_count}",
        "published": manifest.publish_time.isoformat(),
        "trained on": f"{manifest.training_start_time.isoformat()} to"
        f" {manifest.training_end_time.isoformat()}",
        "data": manifest.data_fingerprint,
        "popular lists": len(manifest.segments),
        **{f"lineage: {name}": value for name, value in sorted(manifest.lineage.items())},
        **{name: f"{value:.4f}" for name, value in sorted(manifest.metrics.items())},
    }.items():
        facts.add_row(str(name), str(value))
    console.print(facts)
    arrays = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("array", "dtype", "shape", "bytes", "sha256"):
        arrays.add_column(heading)
    for name, entry in sorted(manifest.arrays.items()):
        shape = " x ".join(map(str, entry.shape))
        arrays.add_row(name, entry.dtype, shape, f"{entry.size_bytes:,}", entry.sha256[:12])
    console.print(arrays)


def verify(folder: Folder) -> None:
    """Read every byte of a bundle and refuse what is wrong; exit code 1 if anything is.

    [b]Example[/]

      recsys bundle verify var/bundles/2026-01-01-a1b2c3
    """
    from recsys.bundle import verify_bundle  # noqa: PLC0415 - keeps --help quick

    path = _bundle_folder(folder)
    manifest = verify_bundle(path).manifest
    typer.echo(f"{path} is fine: {manifest.model_version}, {manifest.item_count} items")


def prune(
    store: Annotated[Path, typer.Argument(help="A bundle store.")] = Path("var/bundles"),
    *,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 5,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")
    ] = False,
) -> None:
    """Remove old bundles that nobody uses.

    The newest stay, and the current one, the one that was served last, whatever a
    running server on this machine uses, and folders that are no readable bundles.
    While somebody publishes, nothing is removed.

    [b]Examples[/]

      recsys bundle prune var/bundles --dry-run
      recsys bundle prune var/bundles --keep 3
    """
    from recsys.bundle import BundleStore  # noqa: PLC0415 - keeps --help quick
    from recsys.bundle import prune as prune_bundles  # noqa: PLC0415 - as above
    from recsys.errors import InvalidData, StorageUnavailable  # noqa: PLC0415 - as above

    if not store.is_dir():
        raise InvalidData(path=str(store), problem="is no folder")
    try:
        pruned = prune_bundles(BundleStore(store), keep=keep, dry_run=dry_run)
    except OSError as error:
        raise StorageUnavailable(storage=str(store), problem=str(error)) from error
    if pruned.busy:
        typer.echo("somebody is publishing into this store; nothing was removed")
        return
    verb = "would remove" if dry_run else "removed"
    for version in pruned.removed:
        typer.echo(f"{verb} {version}")
    for version, reason in pruned.kept:
        typer.echo(f"kept {version}: {reason}")
    if not pruned.removed and not pruned.leftover_count:
        typer.echo("nothing to remove")
    if pruned.leftover_count:
        typer.echo(f"{verb} {pruned.leftover_count} unfinished leftovers of killed writers")


def _bundle_folder(folder: Path) -> Path:
    from recsys.bundle import BundleStore  # noqa: PLC0415 - keeps --help quick

    return BundleStore(folder).current() or folder
