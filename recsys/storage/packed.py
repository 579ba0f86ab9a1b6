"""The newest lines of an identifier in one row: read in one step, without an object per line.

The columns are those of `recsys.events.History`, types and channels in one. Lines
lie newest first, so the newest are the beginning of each column.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from recsys import limits
from recsys.events import EMPTY_HISTORY, ID_SEPARATOR, TIME_BYTES, History

LINE_COUNT_MAX: Final = limits.HISTORY_EVENT_COUNT_MAX
"""Lines kept of each identifier."""

PackedLines = tuple[str, bytes, bytes]
"""The columns item_ids, codes, event_times."""

LoggedLines = tuple[float, int, int, str]
"""event_time, event_type, channel and joined item_ids of an event in the log."""


def logged_lines(events: Iterable[LoggedLines]) -> History:
    """Collect the lines of events with lines, as they lie in the log."""
    ids: list[str] = []
    types = bytearray()
    channels = bytearray()
    times: list[float] = []
    for event_time, event_type, channel, item_ids in events:
        line_count = item_ids.count(ID_SEPARATOR) + 1
        ids.append(item_ids)
        types.extend((event_type,) * line_count)
        channels.extend((channel,) * line_count)
        times.extend((event_time,) * line_count)
    if not ids:
        return EMPTY_HISTORY
    packed_times = np.array(times, dtype="<f8").tobytes()
    return History(ID_SEPARATOR.join(ids), bytes(types), bytes(channels), packed_times)


def newest(history: History, *, line_count_max: int) -> History:
    """Return the newest lines, newest first; among equal times the order stays."""
    times = history.event_times
    if len(times) <= line_count_max and not np.any(times[1:] > times[:-1]):
        return history
    order = np.argsort(-times, kind="stable")
    return history.taken(order[:line_count_max])


def pack_lines(history: History) -> PackedLines:
    """Pack the newest lines of one identifier; at least one line."""
    kept = newest(history, line_count_max=LINE_COUNT_MAX)
    return kept.joined_ids, kept.types + kept.channels, kept.times


def unpack_lines(packed: PackedLines, *, line_count_max: int) -> History:
    """Return the newest lines, newest first.

    Raises:
        TypeError: A column is no text or no bytes.
        ValueError: The columns do not belong together.
    """
    joined, codes, times = packed
    if not (type(joined) is str and type(codes) is type(times) is bytes):
        raise TypeError("a profile's columns are of the wrong type")
    line_count = len(codes) // 2
    history = History(joined, codes[:line_count], codes[line_count:], times)
    if line_count <= line_count_max:
        return history
    return History(
        ID_SEPARATOR.join(joined.split(ID_SEPARATOR, line_count_max)[:line_count_max]),
        history.types[:line_count_max],
        history.channels[:line_count_max],
        times[: TIME_BYTES * line_count_max],
    )
