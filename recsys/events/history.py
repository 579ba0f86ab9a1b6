"""A person's history in packed columns, and the port that finds it."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from recsys.consent import ALWAYS, Permission
from recsys.domain import CHANNEL_UNKNOWN_CODE, Identifier, ItemEvent, ItemId

ID_SEPARATOR: Final = "\x1f"
"""Joins item ids to one text; no id holds it (U+001F, a control character)."""

TIME_BYTES: Final = 8


class History:
    """Item lines of events, in any order. Immutable.

    The columns are kept as storage has them, so that reading a person costs no object
    per line; the properties unpack them for those who look.

    Attributes:
        joined_ids: The items, joined by `ID_SEPARATOR`.
        types: `EventType.code` of each line, one byte each.
        channels: `Channel.code`, 0 for unknown, one byte each.
        times: Seconds since 1970-01-01 UTC, float64, little endian.
    """

    __slots__ = ("channels", "joined_ids", "times", "types")

    def __init__(self, joined_ids: str, types: bytes, channels: bytes, times: bytes) -> None:
        """Keep the columns, which must belong together.

        Raises:
            ValueError: They differ in length.
        """
        count = len(types)
        id_count = joined_ids.count(ID_SEPARATOR) + 1 if count else 0
        if not id_count == count == len(channels) or len(times) != TIME_BYTES * count:
            raise ValueError(
                f"a history has {id_count} item ids, {count} types, {len(channels)} channels "
                f"and {len(times)} bytes of times"
            )
        self.joined_ids = joined_ids
        self.types = types
        self.channels = channels
        self.times = times

    def __len__(self) -> int:
        return len(self.types)

    @classmethod
    def from_events(cls, events: Iterable[ItemEvent]) -> Self:
        """Collect events that a caller brought along."""
        lines = list(events)
        return cls(
            ID_SEPARATOR.join(_plain(line.item_id) for line in lines),
            bytes(line.event_type.code for line in lines),
            bytes(line.channel.code if line.channel else CHANNEL_UNKNOWN_CODE for line in lines),
            np.array([line.event_time for line in lines], dtype="<f8").tobytes(),
        )

    @property
    def item_ids(self) -> list[ItemId]:
        """The items, length e."""
        return cast("list[ItemId]", self.joined_ids.split(ID_SEPARATOR)) if self.types else []

    @property
    def type_codes(self) -> NDArray[np.uint8]:
        """`EventType.code`, uint8, shape (e,)."""
        return np.frombuffer(self.types, dtype=np.uint8)

    @property
    def channel_codes(self) -> NDArray[np.uint8]:
        """`Channel.code`, 0 for unknown, uint8, shape (e,)."""
        return np.frombuffer(self.channels, dtype=np.uint8)

    @property
    def event_times(self) -> NDArray[np.float64]:
        """Seconds since 1970-01-01 UTC, float64, shape (e,)."""
        return np.frombuffer(self.times, dtype="<f8")

    def taken(self, positions: NDArray[np.intp]) -> "History":
        """Return the lines at these positions, in their order."""
        item_ids = self.item_ids
        return History(
            ID_SEPARATOR.join(item_ids[position] for position in positions.tolist()),
            self.type_codes[positions].tobytes(),
            self.channel_codes[positions].tobytes(),
            self.event_times[positions].tobytes(),
        )

    def joined(self, other: "History") -> "History":
        """Return both histories in one."""
        if not len(other):
            return self
        if not len(self):
            return other
        return History(
            f"{self.joined_ids}{ID_SEPARATOR}{other.joined_ids}",
            self.types + other.types,
            self.channels + other.channels,
            self.times + other.times,
        )


def _plain(item_id: ItemId) -> str:
    # What no item can be called stays an unknown item, whatever it holds.
    try:
        item_id.encode()
    except UnicodeEncodeError:
        return ""
    return "" if ID_SEPARATOR in item_id else item_id


EMPTY_HISTORY = History("", b"", b"", b"")


class HistoryReader(Protocol):
    """Finds what a person did, over all identifiers that lead to the same profile."""

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """Return the newest events of the person behind these identifiers.

        Args:
            identifiers: Any identifiers, known or not; at least one.
            event_count_max: Upper bound of lines returned, newest kept, positive.
            permission: What she must allow. It is looked at first, and without it
                nothing else of her is read.

        Returns:
            The history, empty if no identifier is known; None without permission.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...

    def histories(
        self,
        asked: Sequence[Sequence[Identifier]],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> list[History | None]:
        """Return for each of several people what `history` returns for her alone.

        Args:
            asked: Identifiers of each; at least one of each.
            event_count_max: As `history`, of each.
            permission: What each must allow.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...


class OneByOne:
    """Finds many people one after the other, where a look takes no journey to a server."""

    def histories(
        self: HistoryReader,
        asked: Sequence[Sequence[Identifier]],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> list[History | None]:
        """Return the history of each; as `HistoryReader.histories`."""
        return [
            self.history(who, event_count_max=event_count_max, permission=permission)
            for who in asked
        ]


class NoHistories(OneByOne):
    """Knows nobody: for answers from what requests bring. Implements `HistoryReader`."""

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """Return the empty history, where nothing being said permits it."""
        del identifiers, event_count_max
        return EMPTY_HISTORY if permission.given_by(0) else None
