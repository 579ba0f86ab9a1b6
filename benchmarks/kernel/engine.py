"""What every engine under measurement offers: a search that is ready to be called."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Search = Callable[[F32, int], Any]
"""Takes queries, shape (m, f), and the number of the first; returns the engine's own result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is asked of an engine.

    Attributes:
        k: Items wanted per query.
        is_batch: Whether the call gets all queries at once, or one.
        mask: Name of the mask that applies, or None.
        with_history: Whether each query has a history for the item-item part.
        options: What the engine may be told further (`threads`, `ef`, ...).
    """

    k: int
    is_batch: bool = False
    mask: str | None = None
    with_history: bool = False
    options: tuple[tuple[str, int], ...] = ()

    def option(self, name: str, default: int) -> int:
        """One option by name."""
        return dict(self.options).get(name, default)


class Unsupported(Exception):
    """An engine has nothing for a task."""


class Engine(Protocol):
    """One library in one configuration, holding the items of one data set."""

    version: str

    def prepare(self, task: Task) -> Search:
        """Make everything ready that a server would keep between calls.

        Raises:
            Unsupported: The library cannot do this.
        """
        ...

    def rows(self, result: Any) -> NDArray[np.int64]:
        """Item rows of a search's result, shape (m, k), best first, -1 where there is none."""
        ...

    def scores(self, result: Any) -> NDArray[np.float64] | None:
        """Float64 scores beside `rows`, or None where the engine is not held to the last bit."""
        ...

    def bytes_read(self) -> int | None:
        """Bytes read since the start, where the engine counts them."""
        ...


class Mask:
    """A mask of a data set, in every form that an engine may want."""

    def __init__(self, folder: Path, name: str) -> None:
        self.bitmap: NDArray[np.uint8] = np.load(folder / f"mask-{name}.npy")
        items = np.load(folder / "items.npy", mmap_mode="r")
        bits = np.unpackbits(self.bitmap, count=len(items), bitorder="little")
        self.rows: NDArray[np.int64] = np.flatnonzero(bits)
        self.forbidden: NDArray[np.int64] = np.flatnonzero(bits == 0)
