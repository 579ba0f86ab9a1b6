"""What was filtered away, rule by rule, each item under the first that applies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, bitmap_of, common_bits, inverse
from recsys.domain import ShortfallCause
from recsys.rules import Permitted
from recsys.rules.arrangement import Cap

I32 = NDArray[np.int32]


class Filtered(NamedTuple):
    """What one rule took away that none before it did.

    Attributes:
        cause: Which kind of rule.
        rule: The filter or the stores; empty where the cause says it all.
        item_count: How many items.
    """

    cause: ShortfallCause
    rule: str
    item_count: int


def filtered_away(
    permitted: Permitted,
    *,
    page: I32,
    taken: Mapping[ShortfallCause, I32],
    caps: Sequence[Cap] = (),
    among: I32 | None = None,
) -> Iterator[Filtered]:
    """Count what each rule takes away.

    Args:
        permitted: What may appear.
        page: Rows that are shown; no cap has taken these away.
        taken: Rows that the question leaves out, by the cause.
        caps: How many of each group there may be.
        among: Count these rows only; None for all items.
    """
    count = permitted.row_count
    if among is None:
        # Without any rule there are no new items, and no rows that are none.
        among_count = count if permitted.parts else permitted.item_count
        left = bitmap_of(np.arange(among_count, dtype=np.int32), count)
    else:
        left = bitmap_of(_within(among, count), count)
    left_count = permitted.item_count if among is None else len(among)
    for part in permitted.parts:
        left = _both(left, common_bits([part.mask]))
        before, left_count = left_count, _size(left)
        yield Filtered(part.cause, part.text, before - left_count)
    for cause, rows in taken.items():
        left = left & inverse(bitmap_of(_within(rows, count), count), count)
        before, left_count = left_count, _size(left)
        yield Filtered(cause, "", before - left_count)
    left = left & inverse(bitmap_of(_within(page, count), count), count)
    left_count = _size(left)
    for cap in caps:
        left = _both(left, cap.open_rows(cap.held(page)))
        before, left_count = left_count, _size(left)
        yield Filtered(cap.cause, cap.text, before - left_count)


def by_cause(filtered: Iterable[Filtered]) -> dict[ShortfallCause, int]:
    """Add up what rules of the same kind took away."""
    counts: dict[ShortfallCause, int] = {}
    for one in filtered:
        counts[one.cause] = counts.get(one.cause, 0) + one.item_count
    return counts


def _both(left: U8, right: U8 | None) -> U8:
    return left if right is None else left & right


def _within(rows: I32, row_count: int) -> I32:
    return rows[rows < row_count]


def _size(bitmap: U8) -> int:
    return int(np.bitwise_count(bitmap).sum())
