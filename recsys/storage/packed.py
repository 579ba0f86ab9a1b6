"""A profile's lines in one row: read in one step, without an object per line and field.

The columns are those of `recsys.events.History`, types and channels in one. Lines
lie newest first, so the newest are the beginning of each column.
"""

from collections.abc import Iterable

import numpy as np

from recsys.events import ID_SEPARATOR, TIME_BYTES, History

Line = tuple[float, int, str, int, int]
"""event_time, line, item_id, type_code, channel_code; see `SqliteWriter.add_history`."""

PackedLines = tuple[str, bytes, bytes]
"""The columns item_ids, codes, event_times."""


def pack_lines(lines: Iterable[Line]) -> PackedLines:
    """Pack the lines of one profile, given in any order; at least one.

    Raises:
        ValueError: An id holds the separator, or a code needs more than a byte.
    """
    newest_first = sorted(lines, reverse=True)
    times, _, item_ids, type_codes, channel_codes = zip(*newest_first, strict=True)
    joined = ID_SEPARATOR.join(item_ids)
    if joined.count(ID_SEPARATOR) != len(item_ids) - 1:
        raise ValueError("an item id holds the control character U+001F")
    codes = bytes(type_codes) + bytes(channel_codes)
    return joined, codes, np.array(times, dtype="<f8").tobytes()


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
