"""What an item is like, as hashed features: the one code path that training and serving share.

Each kind of feature (words of the title, levels of category paths, brand, price, variants,
each attribute) has length 1 in an item, however many there are of it, so that a long title
does not drown the brand.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.catalog.item import CATEGORY_SEPARATOR, Item
from recsys.domain import ItemId

FEATURES_PER_KIND_MAX: Final = 32
"""Of one kind in one item; the first ones count."""

_WORD: Final = re.compile(r"[^\W_]+")
_PRICE_STEPS: Final = 2
"""Price buckets for each doubling."""
_HASH_BYTES: Final = 8


class FeatureRows(NamedTuple):
    """Features of some items.

    Attributes:
        indptr: Where each item's begin, int64, shape (m + 1,).
        hashes: Uint64, shape (z,).
        values: Float32, shape (z,), positive.
    """

    indptr: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    values: NDArray[np.float32]


def feature_rows(items: Iterable[tuple[ItemId, Item]], *, now: float) -> FeatureRows:
    """Say what some items are like.

    Args:
        items: With their ids, which their variants name.
        now: Whose prices count, seconds since 1970-01-01 UTC.
    """
    ends, hashes, values = [0], list[int](), list[float]()
    known: dict[str, int] = {}
    for item_id, item in items:
        for kind, words in _kinds(item_id, item, now=now):
            distinct = list(dict.fromkeys(words))[:FEATURES_PER_KIND_MAX]
            for word in distinct:
                name = f"{kind}={word}"
                found = known.get(name)
                if found is None:
                    found = known[name] = _hashed(name)
                hashes.append(found)
            # A title may be without a word, and an attribute without a value.
            if distinct:
                values += [len(distinct) ** -0.5] * len(distinct)
        ends.append(len(hashes))
    return FeatureRows(
        np.array(ends, dtype=np.int64),
        np.array(hashes, dtype=np.uint64),
        np.array(values, dtype=np.float32),
    )


def _kinds(item_id: ItemId, item: Item, *, now: float) -> Iterator[tuple[str, Sequence[str]]]:
    yield "variant", (item.primary_item_id or item_id,)
    if item.title:
        yield "title", _WORD.findall(item.title.lower())
    if item.category_paths:
        yield "category", [level for path in item.category_paths for level in _levels(path)]
    if item.brand:
        yield "brand", (item.brand.lower(),)
    price = item.price(now)
    amount = 0.0 if price is None else float(price.amount)
    if amount > 0.0:
        yield "price", (str(round(_PRICE_STEPS * math.log2(amount))),)
    for name, attribute in sorted(item.attributes.items()):
        numbers = [f"{number:g}" for number in attribute.numbers]
        yield f"attributes.{name}", [*(text.lower() for text in attribute.texts), *numbers]


def _levels(path: str) -> Iterator[str]:
    """Yield a path and all paths that it lies below."""
    levels = path.lower().split(CATEGORY_SEPARATOR)
    for count in range(1, len(levels) + 1):
        yield CATEGORY_SEPARATOR.join(levels[:count])


def _hashed(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES)
    return int.from_bytes(digest.digest(), "little")
