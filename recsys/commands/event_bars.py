"""A bar that shows how far a file has been sent."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from recsys.commands.event_files import Rows

_ROWS_PER_LOOK: Final = 500


class HasSettled(Protocol):
    """Knows how much the server has answered for."""

    @property
    def settled(self) -> int:
        """How much."""
        ...


class Bars:
    """A bar for each file, with the number of things that are settled."""

    def __init__(self, console: Console, *, things: str = "events") -> None:
        """Draw on a console; nothing is drawn if it is no terminal."""
        self._settled = 0
        self._task: TaskID | None = None
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[settled]:,} " + things), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def read(self, rows: Rows, path: Path) -> Iterator[Mapping[str, Any]]:
        """Pass a file's rows on, and show how far it has been read."""
        self._task = self._progress.add_task(path.name, total=1.0, settled=self._settled)
        for number, (row, share) in enumerate(rows):
            if number % _ROWS_PER_LOOK == 0:
                self._progress.update(self._task, completed=share)
            yield row
        self._progress.update(self._task, completed=1.0)

    def sent(self, so_far: HasSettled) -> None:
        """Show how many are settled."""
        self._settled = so_far.settled
        if self._task is not None:
            self._progress.update(self._task, settled=self._settled)
