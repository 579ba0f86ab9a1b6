"""The `recsys` command. Its sub-commands plug in by entry point (group `recsys.commands`)."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import typer
from rich.console import Console
from rich.markup import escape

from recsys.errors import InvalidInput, NotFound, RecsysError

COMMAND_GROUP = "recsys.commands"
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
TRAINING_LIBRARIES = {"implicit", "matplotlib", "mlflow", "polars", "psutil", "pyarrow", "scipy"}

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
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for point in sorted(entry_points(group=COMMAND_GROUP), key=lambda point: point.name):
        _plug_in(point, console)
    sys.exit(_run(console))


def _run(console: Console) -> int:
    try:
        app()
    except RecsysError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        return EXIT_USAGE if isinstance(error, (InvalidInput, NotFound)) else EXIT_FAILED
    except UnicodeEncodeError:
        # Names of files may be any bytes; whatever is sent somewhere is text.
        strange = [word for word in sys.argv if not _is_text(word)]
        if not strange:
            raise
        console.print(f"[bold red]error:[/] not UTF-8: {escape(', '.join(map(repr, strange)))}")
        return EXIT_USAGE
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in TRAINING_LIBRARIES:
            raise
        console.print(
            f"[bold red]error:[/] this command needs {error.name}; "
            r"install it with: pip install 'recsys\[training]'"
        )
        return EXIT_USAGE
    except KeyboardInterrupt:
        console.print("interrupted")
        return EXIT_INTERRUPTED
    return 0


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plug_in(point: EntryPoint, console: Console) -> None:
    try:
        register: Callable[[typer.Typer], None] = point.load()
    except (ImportError, AttributeError) as error:
        # One broken plug-in must not take the other commands away.
        console.print(f"[yellow]warning:[/] command {point.name!r} is broken: {escape(str(error))}")
        return
    register(app)
