"""New items are searched exactly, whatever has been written, settled or changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.bundle import ItemIndex, NewItemMap
from recsys.catalog import Item, KeyedItem
from recsys.domain import ItemId
from recsys.new_items import LiveItems, NewItemTable, table

FACTORS = 5


def expected(
    vectors: np.ndarray, priors: np.ndarray, query: np.ndarray, allowed: np.ndarray, count: int
) -> list[int]:
    """Sort all that are allowed by score, then by row."""
    scores = vectors.astype(np.float64) @ query.astype(np.float64) + priors
    order = np.lexsort((np.arange(len(scores)), -scores))
    return [int(row) for row in order if allowed[row]][:count]


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    batches=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=8),
    count=st.integers(1, 40),
    short=st.integers(0, 3),
)
def test_it_finds_the_best_of_all_rows(
    seed: int, batches: list[tuple[int, int]], count: int, short: int
) -> None:
    """Values are small whole numbers, so scores are exact and there are many ties."""
    rng = np.random.default_rng(seed)
    vectors, priors = np.zeros((0, FACTORS), np.float32), np.zeros(0, np.float32)
    found = NewItemTable(FACTORS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_TAIL_MIN", 8)
        for added, changed in batches:
            total = len(vectors) + added
            old = rng.choice(len(vectors), min(changed, len(vectors)), replace=False)
            rows = np.concatenate([old, np.arange(len(vectors), total)]).astype(np.int32)
            fresh = rng.integers(-2, 3, (len(rows), FACTORS)).astype(np.float32)
            other = rng.integers(-1, 2, len(rows)).astype(np.float32)
            grown = np.zeros((total, FACTORS), np.float32)
            grown[: len(vectors)] = vectors
            longer = np.zeros(total, np.float32)
            longer[: len(priors)] = priors
            grown[rows], longer[rows] = fresh, other
            vectors, priors = grown, longer
            found.put(rows, fresh, other)
    assert len(found) == len(vectors)
    if not len(vectors):
        return
    query = rng.integers(-3, 4, FACTORS).astype(np.float32)
    allowed = rng.random(len(vectors)) < 0.7
    bitmap = np.packbits(allowed, bitorder="little")
    bitmap = bitmap[: max(0, len(bitmap) - short)]
    allowed &= np.arange(len(allowed)) < 8 * len(bitmap)
    excluded = np.flatnonzero(rng.random(len(vectors)) < 0.1).astype(np.int32)
    ranked = found.search(query, count, [bitmap], excluded=excluded)
    allowed[excluded] = False
    assert ranked.rows.tolist() == expected(vectors, priors, query, allowed, count)
    everything = vectors.astype(np.float64) @ query.astype(np.float64) + priors
    np.testing.assert_array_equal(ranked.scores, everything[ranked.rows])
    assert found.may_reach(query, float(everything.max()))
    np.testing.assert_array_equal(found.vectors(np.arange(len(vectors))), vectors)


class Watched(NewItemTable):
    """Says what can be found of the items while their vectors are on their way."""

    def __init__(self, items: LiveItems) -> None:
        super().__init__(2)
        self.items = items
        self.found: list[list[int]] = []

    def put(self, rows: np.ndarray, vectors: np.ndarray, priors: np.ndarray) -> None:
        """Look, and write."""
        self.found.append(self.items.find_any(["old", "new-1", "new-2"])[0].tolist())
        super().put(rows, vectors, priors)


def test_nobody_finds_an_item_that_has_no_vector_yet() -> None:
    """Who looks an id up asks for its vector next, on any thread."""
    items = LiveItems(
        ItemIndex.from_ids(["old"]),
        NewItemMap(features=np.empty(0, np.uint64), weights=np.ones((1, 3), np.float32)),
    )
    watched = items.table = Watched(items)
    for key, name in enumerate(["new-1", "new-2"]):
        items.admit([KeyedItem(key, ItemId(name), Item())], now=0.0)
    assert watched.found == [[0], [0, 8]]
    rows, _ = items.find_any(["new-2", "new-1"])
    assert rows.tolist() == [9, 8]
    assert items.vectors(rows).shape == (2, 2)


def test_a_search_sees_one_state_while_rows_are_written() -> None:
    """Neither a row that is written again nor a new one changes what is being read."""
    found = NewItemTable(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_TAIL_MIN", 8)
        for count in (1, 8, 40):
            rows = np.arange(len(found), count, dtype=np.int32)
            found.put(rows, np.ones((len(rows), 2), np.float32), np.zeros(len(rows), np.float32))
            before = found._state
            everything = np.arange(count, dtype=np.int32)
            kept = before.at(everything)
            for row in (0, count // 2, count - 1):
                again = np.array([row], dtype=np.int32)
                found.put(again, np.full((1, 2), row + 2, np.float32), np.ones(1, np.float32))
            for was, now in zip(kept, before.at(everything), strict=True):
                np.testing.assert_array_equal(was, now)


def test_writing_the_same_again_changes_nothing() -> None:
    """So that reading a catalogue anew costs no new codes."""
    found = NewItemTable(2)
    rows = np.arange(3, dtype=np.int32)
    vectors, priors = np.ones((3, 2), np.float32), np.zeros(3, np.float32)
    found.put(rows, vectors, priors)
    before = found._state
    found.put(rows, vectors, priors)
    assert found._state is before
