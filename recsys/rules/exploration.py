"""Whose turn it is: new items that get a place of a page, so that each has its chance.

Nobody knows yet who wants a new item, and its expected score seldom beats what people have
proved to want. So a share of the page may be kept for new items. They are drawn by lot for each
person, placement and day: new items fall into groups, and every day another group has its
turn, of which the page takes those that suit her best.
"""

import hashlib
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, allows, bitmap_of
from recsys.bundle import ItemIndex
from recsys.domain import SECONDS_PER_DAY
from recsys.new_items import LiveItems
from recsys.rules.asked import Asked
from recsys.rules.permitted import Permitted

U64 = NDArray[np.uint64]

DRAWN_PER_PLACE: Final = 4
"""New items that a place is given to the best of, at least, where there are as many."""


def drawn_new_items(
    items: ItemIndex, permitted: Permitted, asked: Asked, *, place_count: int
) -> U8 | None:
    """Return the new items whose turn it is; None where there are none at all.

    Lots put the new items into an order, which is cut into groups of one size. They are as
    many as leave each large enough, a power of two, so that a new item more moves the others by
    no more than a place. While they are as many, each new item has its turn once in as many
    days, with every person.

    Args:
        items: Known and new.
        permitted: What may appear.
        asked: For whom, where and when.
        place_count: Places that are kept, positive.
    """
    if not isinstance(items, LiveItems) or not items.shows_new:
        return None
    rows, keys = items.new_keys()
    bitmap = permitted.bitmap()
    if bitmap is None:
        return None
    is_allowed = allows(bitmap, rows)
    rows, keys = rows[is_allowed], keys[is_allowed]
    group_count = 1 << max(0, (len(rows) // (DRAWN_PER_PLACE * place_count)).bit_length() - 1)
    turn = math.floor(asked.now / SECONDS_PER_DAY) % group_count
    first, stop = (len(rows) * number // group_count for number in (turn, turn + 1))
    if first == stop:
        return None
    lots = mixed(keys.astype(np.uint64) ^ _seed(asked.person, asked.placement))
    # No two items have the same lot, because mixing can be undone.
    least, most = np.partition(lots, (first, stop - 1))[[first, stop - 1]]
    drawn = (lots >= least) & (lots <= most)
    return bitmap_of(rows[drawn], permitted.row_count)


def mixed(values: U64) -> U64:
    """Scatter numbers: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scattered: U64 = values ^ (values >> np.uint64(31))
    return scattered


def _seed(person: str, placement: str) -> np.uint64:
    digest = hashlib.blake2b(f"{person}\0{placement}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
