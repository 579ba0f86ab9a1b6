"""Lists of some people, kept beside the numbers so that somebody can look at them."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.catalog import Catalog
from training.metrics import Targets
from training.ranking import RankedItems
from training.testset import TestSet

LIST_LENGTH = 10
_HISTORY_ITEM_COUNT = 12


class ItemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader sees of an item; None where unknown."""

    title: str | None = None
    category: str | None = None
    price: float | None = None
    image_url: str | None = None


class SampledUser(msgspec.Struct, frozen=True, kw_only=True):
    """One person, by the number that the data gives her.

    Attributes:
        user: The number.
        history: Items she touched before the cut, newest first, at most 12.
        bought: Items to be found.
        shown: What the model recommends, best first, at most 10.
    """

    user: int
    history: tuple[str, ...]
    bought: tuple[str, ...]
    shown: tuple[str, ...]


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """Some people and the items that appear with them.

    Attributes:
        lists: Kind of list, such as `new`.
        people: The people, by number.
        items: Facts of each item that appears, by id.
    """

    lists: str = ""
    people: tuple[SampledUser, ...] = ()
    items: dict[str, ItemFacts] = {}


def sample(
    test: TestSet,
    *,
    lists: str,
    ranked: RankedItems,
    targets: Targets,
    rows: NDArray[np.int64],
    numbers: NDArray[np.int32],
    catalog: Catalog | None,
) -> Samples:
    """Keep the lists of some people.

    Args:
        test: Who was asked about.
        lists: Kind of list.
        ranked: The lists of all of them.
        targets: What is to be found for all of them.
        rows: Whom to keep.
        numbers: What each of all of them is called.
        catalog: What is known of items, if anything.
    """
    item_ids = test.histories.item_ids
    newest = np.lexsort((-test.histories.times, test.histories.users))
    owners = test.histories.users[newest]
    items = test.histories.items[newest]
    people, seen = [], set[int]()
    for row in np.sort(rows).tolist():
        user = int(test.users[row])
        start, stop = np.searchsorted(owners, [user, user + 1])
        history = list(dict.fromkeys(items[start:stop].tolist()))[:_HISTORY_ITEM_COUNT]
        bought = targets.items[targets.indptr[row] : targets.indptr[row + 1]].tolist()
        shown = ranked.items[row, : ranked.counts[row]][:LIST_LENGTH].tolist()
        seen.update(history, bought, shown)
        people.append(
            SampledUser(
                user=int(numbers[row]),
                history=tuple(item_ids[item] for item in history),
                bought=tuple(item_ids[item] for item in bought),
                shown=tuple(item_ids[item] for item in shown),
            )
        )
    return Samples(
        lists=lists,
        people=tuple(people),
        items={} if catalog is None else _facts(catalog, seen, item_ids),
    )


def draw_sample(users: NDArray[np.int32], *, count: int, seed: int) -> NDArray[np.int64]:
    """Choose rows of people by chance that depends on the people and the seed alone."""
    if len(users) <= count:
        return np.arange(len(users))
    return np.sort(np.random.default_rng(seed).choice(len(users), count, replace=False))


def _facts(catalog: Catalog, items: Iterable[int], item_ids: list[str]) -> dict[str, ItemFacts]:
    numbers = sorted(items)
    rows = catalog.facts[numbers].select("title", "category", "price", "image_url").to_dicts()
    return {
        item_ids[number]: ItemFacts(**row)
        for number, row in zip(numbers, rows, strict=True)
        if any(value is not None for value in row.values())
    }
