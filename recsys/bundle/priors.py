"""Rows of priors: what a channel, a store or any other context adds to the score of each item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import NotFinite, row_magnitudes
from recsys.bundle import format as fmt
from recsys.bundle.popular import channel_segment, store_segment
from recsys.domain import Channel, StoreId
from recsys.item_codes import ItemCodes

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriorRows:
    """Named rows of priors; a query adds one of them, or none.

    Attributes:
        names: What each row is for, such as `channel:web` or `store:s-1`.
        values: Float32, shape (r, n), finite.
        largest: The largest absolute value of each row, float32, shape (r,).
    """

    names: tuple[str, ...]
    values: F32
    largest: F32
    _positions: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Every answer looks a row up.
        positions = {name: position for position, name in enumerate(self.names)}
        object.__setattr__(self, "_positions", positions)

    @classmethod
    def from_rows(cls, rows: Mapping[str, F32]) -> Self:
        """Put rows together, each of shape (n,), at least one.

        Raises:
            ValueError: There are none, or they differ in length.
        """
        values = np.stack(list(rows.values())).astype(np.float32)
        return cls(names=tuple(rows), values=values, largest=row_magnitudes(values))

    def row_of_place(self, *, channel: Channel | None, store_id: StoreId | None) -> int:
        """Return the row of the store, else of the channel; -1 if neither has one."""
        row = -1 if store_id is None else self.row(store_segment(store_id))
        if row < 0 and channel is not None:
            row = self.row(channel_segment(channel))
        return row

    def row(self, name: str) -> int:
        """Return the position of a row for `prior_rows`; -1, which means none, without one."""
        return self._positions.get(name, -1)


def priors_info(priors: PriorRows | None) -> fmt.PriorsInfo | None:
    """Describe the rows for a manifest.

    Raises:
        NotFinite: A value is NaN or infinite.
    """
    if priors is None:
        return None
    if not np.isfinite(priors.largest).all():
        raise NotFinite(argument="priors", row=int(np.flatnonzero(~np.isfinite(priors.largest))[0]))
    return fmt.PriorsInfo(names=priors.names, largest=tuple(priors.largest.tolist()))


def mapped_priors(manifest: fmt.Manifest, values: F32 | None) -> PriorRows | None:
    """Put the rows of an opened bundle together; None where it has none."""
    if manifest.priors is None or values is None:
        return None
    largest = np.array(manifest.priors.largest, dtype=np.float32)
    return PriorRows(names=manifest.priors.names, values=values, largest=largest)


def priors_problem(
    priors: PriorRows | None, codes: ItemCodes | None, code_priors: F32 | None
) -> str | None:
    """Say what is wrong with the rows of a bundle, or None; reads them, one at a time."""
    if priors is None:
        return None
    for row, name in enumerate(priors.names):
        values = priors.values[row]
        if not np.isfinite(values).all():
            return f"priors: values of {name!r} are not finite"
        if row_magnitudes(values[np.newaxis])[0] != priors.largest[row]:
            return f"priors: the largest value of {name!r} is not as described"
        if codes is None:
            continue
        if code_priors is None or not np.array_equal(codes.in_order(values), code_priors[row]):
            return f"codes: the priors of {name!r} are not in their order"
    return None
