"""`recsys bundle show|verify`: look at a model bundle on disk."""

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
        help="Look at a model bundle on disk.", no_args_is_help=True, rich_markup_mode="rich"
    )
    group.command("show")(show)
    group.command("verify")(verify)
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


def _bundle_folder(folder: Path) -> Path:
    from recsys.bundle import BundleStore  # noqa: PLC0415 - keeps --help quick

    return BundleStore(folder).current() or folder
