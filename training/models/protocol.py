"""What a trainer gets and what it gives back: the one face of every model.

A new model is one small file with a configuration (a tagged `msgspec` struct)
and a trainer class, and one line in `training/models/__init__.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.features import FoldInConfig, HistoryConfig
from recsys.sparse import CsrMatrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Item lines of events, of the users and items trained on, by user and item and time.

    Attributes:
        users: Row of `Interactions.weights`, int32, shape (e,), ascending.
        items: Item row, int32, shape (e,).
        weights: What `EventWeighting` makes of each line, with its age, float64, shape (e,).
        type_codes: `EventType.code`, uint8, shape (e,).
        times: Seconds since 1970-01-01 UTC, float64, shape (e,).
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    weights: NDArray[np.float64]
    type_codes: NDArray[np.uint8]
    times: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.users)

    def where(self, mask: NDArray[np.bool_]) -> "Lines":
        """Return some lines."""
        return Lines(
            users=self.users[mask],
            items=self.items[mask],
            weights=self.weights[mask],
            type_codes=self.type_codes[mask],
            times=self.times[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interactions:
    """What people did with items, summed to one weight per user and item.

    Attributes:
        weights: Users x items, positive finite float32, columns ascending and
            unique within a row.
        item_count: Number of columns, n.
        popularity: How popular each item is, not negative, float64, shape (n,).
            The order that the bundle's popular list has.
        lines: Makes the events behind the weights, for trainers that need order or
            kind; None where only the sums are known.
        attributes: Makes what is known of the items besides, items x attributes, not
            negative; None where nothing is.
    """

    weights: CsrMatrix
    item_count: int
    popularity: NDArray[np.float64]
    lines: Callable[[], Lines] | None = None
    attributes: Callable[[], CsrMatrix] | None = None

    @property
    def user_count(self) -> int:
        """Number of rows."""
        return self.weights.row_count

    @property
    def item_users(self) -> NDArray[np.int64]:
        """Users of each item, shape (n,)."""
        return np.bincount(self.weights.indices, minlength=self.item_count)


def known_lines(interactions: Interactions) -> Lines:
    """Return the events behind the interactions.

    Raises:
        ValueError: Only their sums are known.
    """
    if interactions.lines is None:
        raise ValueError("this model needs events, and only sums of weights are known")
    return interactions.lines()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelParts:
    """The parts of a bundle that a trainer learns; at least one is there.

    Attributes:
        item_factors: Float32, shape (n, f), finite, C-contiguous, or None.
        fold_in: How user vectors are solved for; together with `item_factors`.
        history: How weights are made ready for `item_item`.
        prior: Float32, shape (n,), finite, or None.
        item_item: Square (n, n), row = history item, columns ascending within a
            row, or None.
        facts: Numbers worth logging of the fit itself.
    """

    item_factors: NDArray[np.float32] | None = None
    fold_in: FoldInConfig | None = None
    prior: NDArray[np.float32] | None = None
    item_item: CsrMatrix | None = None
    history: HistoryConfig = field(default_factory=HistoryConfig)
    facts: dict[str, float]


IterationReport = Callable[[int, float, float | None], None]
"""Called after each iteration with its number from 0, its seconds and its loss if known."""


def ignore_iteration(iteration: int, seconds: float, loss: float | None) -> None:
    """Report to nobody."""


class Trainer(Protocol):
    """Learns the parts of a bundle from interactions."""

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn.

        Args:
            interactions: At least one user and one item.
            seed: Same seed, same data, same machine: same parts.
            start: Item factors of an earlier fit, shape (n, f), NaN in the rows of
                items that it did not have. Trainers that iterate begin there and
                need fewer rounds; others need no start.
            progress: Whether to draw a progress bar on stderr.
            report: Told of each iteration, by trainers that iterate.
        """
        ...
