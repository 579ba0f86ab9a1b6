"""The `recsys` command. Its sub-commands plug in by entry point (group `recsys.commands`)."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import typer
from rich.console import Console

from recsys.errors import InvalidInput, RecsysError

COMMAND_GROUP = "recsys.commands"
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="recsys",
    help="One recommender for every channel: import events, train, publish, serve, ask.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _root() -> None:
    """Keep `recsys` a group even with a single command installed."""


def main() -> None:
    """Run the command line; every expected error is one line on stderr."""
    console = Console(stderr=True, soft_wrap=True)
    for point in sorted(entry_points(group=COMMAND_GROUP), key=lambda point: point.name):
        _plug_in(point, console)
    try:
        app()
    except InvalidInput as error:
        console.print(f"[bold red]error:[/] {_plain(error)}")
        sys.exit(EXIT_USAGE)
    except RecsysError as error:
        console.print(f"[bold red]error:[/] {_plain(error)}")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        console.print("interrupted")
        sys.exit(EXIT_INTERRUPTED)


def _plug_in(point: EntryPoint, console: Console) -> None:
    try:
        register: Callable[[typer.Typer], None] = point.load()
    except ModuleNotFoundError as error:
        if point.module.startswith("training."):
            return  # A serving install has no training extra; its commands are simply not there.
        console.print(f"[yellow]warning:[/] command {point.name!r} cannot be loaded: {error}")
        return
    register(app)


def _plain(error: Exception) -> str:
    return str(error).replace("[", "\\[")
