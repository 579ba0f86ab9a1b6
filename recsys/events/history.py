"""A person's history as arrays, and the port that finds it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recsys.domain import CHANNEL_UNKNOWN_CODE, Identifier, ItemEvent, ItemId


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Item lines of events, one entry each, in any order.

    Attributes:
        item_ids: The items, length e.
        type_codes: `EventType.code`, uint8, shape (e,).
        channel_codes: `Channel.code`, 0 for unknown, uint8, shape (e,).
        event_times: Seconds since 1970-01-01 UTC, float64, shape (e,).
    """

    item_ids: Sequence[ItemId]
    type_codes: NDArray[np.uint8]
    channel_codes: NDArray[np.uint8]
    event_times: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.item_ids)

    @classmethod
    def from_events(cls, events: Iterable[ItemEvent]) -> Self:
        """Collect events that a caller brought along."""
        lines = list(events)
        return cls(
            item_ids=[line.item_id for line in lines],
            type_codes=np.array([line.event_type.code for line in lines], dtype=np.uint8),
            channel_codes=np.array(
                [line.channel.code if line.channel else CHANNEL_UNKNOWN_CODE for line in lines],
                dtype=np.uint8,
            ),
            event_times=np.array([line.event_time for line in lines], dtype=np.float64),
        )

    def taken(self, positions: NDArray[np.int32]) -> "History":
        """Return the lines at these positions, in their order."""
        return History(
            item_ids=[self.item_ids[position] for position in positions.tolist()],
            type_codes=self.type_codes[positions],
            channel_codes=self.channel_codes[positions],
            event_times=self.event_times[positions],
        )

    def joined(self, other: "History") -> "History":
        """Return both histories in one."""
        if not len(other):
            return self
        if not len(self):
            return other
        return History(
            item_ids=[*self.item_ids, *other.item_ids],
            type_codes=np.concatenate([self.type_codes, other.type_codes]),
            channel_codes=np.concatenate([self.channel_codes, other.channel_codes]),
            event_times=np.concatenate([self.event_times, other.event_times]),
        )


EMPTY_HISTORY = History.from_events(())


class HistoryReader(Protocol):
    """Finds what a person did, over all identifiers that lead to the same profile."""

    def history(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> History:
        """Return the newest events of the person behind these identifiers.

        Args:
            identifiers: Any identifiers, known or not; at least one.
            event_count_max: Upper bound of lines returned, newest kept, positive.

        Returns:
            The history; empty if no identifier is known.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...
