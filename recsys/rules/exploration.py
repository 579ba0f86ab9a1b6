"""Whose turn it is: new items that get a place of a page, so that each has its chance.

Nobody knows yet who wants a new item, and its expected score seldom beats what people have
proved to want. So a share of the page may be kept for new items. They are drawn by lot for each
person, placement and day: new items fall into groups, and every day another group has its
turn, of which the page takes those that suit her best.
"""

import hashlib
import math
from typing import Final, NamedTuple

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


class _Allowed(NamedTuple):
    """The new items that one bitmap allows.

    Attributes:
        bitmap: The bitmap, which nobody writes to.
        key_count: Of how many new items.
        places: Their places among new items, ascending.
        numbers: Their keys, scattered over 64 bits.
    """

    bitmap: U8
    key_count: int
    places: NDArray[np.intp]
    numbers: U64


class NewItemLots:
    """Draws new items. Safe to share between threads."""

    def __init__(self, items: ItemIndex) -> None:
        """Draw from the items of a model, known and new."""
        self._items = items
        # Most answers allow the same as the one before.
        self._last: _Allowed | None = None

    def drawn(self, permitted: Permitted, asked: Asked, *, place_count: int) -> U8 | None:
        """Return the new items whose turn it is; None where there are none at all.

        A lot puts each new item into a group. Groups are as many as leave each large enough,
        a power of two, so that a new item more moves no other, until there are twice as many
        groups. While they are as many, each new item has its turn once in as many days, with
        every person. Lots are drawn by multiplying and shifting (Dietzfelbinger, Hagerup,
        Katajainen, Penttonen 1997): of two items, hardly more than chance has it that they
        are in one group.

        Args:
            permitted: What may appear.
            asked: For whom, where and when.
            place_count: Places that are kept, positive.
        """
        items, bitmap = self._items, permitted.bitmap()
        if bitmap is None or not isinstance(items, LiveItems) or not items.shows_new:
            return None
        allowed = self._allowed(items, bitmap)
        count = len(allowed.places)
        group_bits = max(0, (count // (DRAWN_PER_PLACE * place_count)).bit_length() - 1)
        drawn = allowed.places
        if group_bits:
            turn = math.floor(asked.now / SECONDS_PER_DAY) % (1 << group_bits)
            lots = allowed.numbers * _odd(asked.person, asked.placement)
            lots >>= np.uint64(64 - group_bits)
            drawn = drawn[lots == np.uint64(turn)]
        if not len(drawn):
            return None
        own = bitmap_of(drawn.astype(np.int32), allowed.key_count)
        found = np.zeros((permitted.row_count + 7) // 8, dtype=np.uint8)
        first_byte = items.first_row // 8
        found[first_byte : first_byte + len(own)] = own
        return found

    def _allowed(self, items: LiveItems, bitmap: U8) -> _Allowed:
        last = self._last
        keys = items.new_keys()
        if last is not None and last.bitmap is bitmap and last.key_count == len(keys):
            return last
        bits = of_length(bitmap[items.first_row // 8 :], len(keys))
        places = np.flatnonzero(np.unpackbits(bits, count=len(keys), bitorder="little"))
        found = _Allowed(bitmap, len(keys), places, mixed(keys[places].astype(np.uint64)))
        if not bitmap.flags.writeable:
            self._last = found
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


def _odd(person: str, placement: str) -> np.uint64:
    """Return the number that a person's lots are drawn with."""
    digest = hashlib.blake2b(f"{person}\0{placement}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little") | 1)
