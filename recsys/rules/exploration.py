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

from recsys.bitmaps import U8, bitmap_of, of_length
from recsys.bundle import ItemIndex
from recsys.domain import SECONDS_PER_DAY
from recsys.new_items import LiveItems
from recsys.rules.asked import Asked
from recsys.rules.permitted import Permitted

U64 = NDArray[np.uint64]

DRAWN_PER_PLACE: Final = 8
"""New items that a place is given to the best of: the mean of groups, at least, if there are as many."""


def drawn_new_items(
    items: ItemIndex, permitted: Permitted, asked: Asked, *, place_count: int
) -> U8 | None:
    """Return the new items whose turn it is; None where there are none at all.

    A lot puts each new item into a group. Groups are as many as leave each large enough, a
    power of two, so that a new item more moves no other, until there are twice as many groups.
    While they are as many, each new item has its turn once in as many days, with every person.

    Args:
        items: Known and new.
        permitted: What may appear.
        asked: For whom, where and when.
        place_count: Places that are kept, positive.
    """
    if not isinstance(items, LiveItems) or not items.shows_new:
        return None
    bitmap = permitted.bitmap()
    if bitmap is None:
        return None
    keys = items.new_keys()
    first_byte = items.first_row // 8
    bits = of_length(bitmap[first_byte:], len(keys))
    allowed = np.flatnonzero(np.unpackbits(bits, count=len(keys), bitorder="little"))
    group_bits = max(0, (len(allowed) // (DRAWN_PER_PLACE * place_count)).bit_length() - 1)
    drawn = allowed
    if group_bits:
        turn = math.floor(asked.now / SECONDS_PER_DAY) % (1 << group_bits)
        lots = mixed(keys[allowed].astype(np.uint64) ^ _seed(asked.person, asked.placement))
        drawn = allowed[lots >> np.uint64(64 - group_bits) == np.uint64(turn)]
    if not len(drawn):
        return None
    found = np.zeros((permitted.row_count + 7) // 8, dtype=np.uint8)
    own = bitmap_of(drawn.astype(np.int32), len(keys))
    found[first_byte : first_byte + len(own)] = own
    return found


def mixed(values: U64) -> U64:
    """Scatter numbers: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    scattered = values.copy()
    scattered ^= scattered >> np.uint64(30)
    scattered *= np.uint64(0xBF58476D1CE4E5B9)
    scattered ^= scattered >> np.uint64(27)
    scattered *= np.uint64(0x94D049BB133111EB)
    scattered ^= scattered >> np.uint64(31)
    return scattered


def _seed(person: str, placement: str) -> np.uint64:
    digest = hashlib.blake2b(f"{person}\0{placement}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
