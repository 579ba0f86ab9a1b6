"""Progress on stderr: a bar where somebody watches, silence where nobody does."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.progress import ShowStep


@contextlib.contextmanager
def step_bar(console: Console) -> Iterator[ShowStep]:
    """Yield a function that shows progress, one bar for each step."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    tasks = {}

    def show(step: str, share: float) -> None:
        if step not in tasks:
            tasks[step] = bar.add_task(step, total=1.0)
        bar.update(tasks[step], completed=share)

    with bar:
        yield show
