"""A profile's lines in one row: read in one step, without an object per line and field.

Ids are one text, joined by U+001F, which no id holds. Codes are one byte each,
first those of all types, then those of all channels. Times are float64, little
endian. Lines lie newest first, so the newest are the beginning of each column.
"""

from collections.abc import Iterable
from typing import Final, cast

import numpy as np

from recsys.domain import ItemId
from recsys.events import History

_SEPARATOR: Final = "\x1f"
_TIME: Final = np.dtype("<f8")

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
    joined = _SEPARATOR.join(item_ids)
    if joined.count(_SEPARATOR) != len(item_ids) - 1:
        raise ValueError("an item id holds the control character U+001F")
    codes = bytes(type_codes) + bytes(channel_codes)
    return joined, codes, np.array(times, dtype=_TIME).tobytes()


def unpack_lines(packed: PackedLines, *, line_count_max: int) -> History:
    """Return the newest lines, newest first.

    Raises:
        ValueError: The columns do not belong together.
    """
    joined, codes, times = packed
    item_ids = cast("list[ItemId]", joined.split(_SEPARATOR))
    line_count = len(item_ids)
    if len(codes) != 2 * line_count or len(times) != _TIME.itemsize * line_count:
        raise ValueError(
            f"a profile has {line_count} item ids, {len(codes)} bytes of codes and "
            f"{len(times)} bytes of times"
        )
    kept = min(line_count, line_count_max)
    return History(
        item_ids=item_ids if kept == line_count else item_ids[:kept],
        type_codes=np.frombuffer(codes, dtype=np.uint8, count=kept),
        channel_codes=np.frombuffer(codes, dtype=np.uint8, count=kept, offset=line_count),
        event_times=np.frombuffer(times, dtype=_TIME, count=kept),
    )
