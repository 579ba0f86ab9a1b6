"""A kept answer is never another one than a fresh one."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recsys.filters import FilterCache, InvalidFilter, LiveColumns, read_filter
from support.filters import NOW, SCHEMA, expressions, records

PLENTY = 1_000_000


def rows_of(bitmap: np.ndarray) -> list[int]:
    """Return the rows of a bitmap."""
    return np.flatnonzero(np.unpackbits(bitmap, bitorder="little")).tolist()


class CacheMachine(RuleBasedStateMachine):
    """Any order of writes, new rows, passing time and questions."""

    @initialize(
        shop=st.lists(records, min_size=1, max_size=5),
        asked=st.lists(expressions, min_size=1, max_size=3),
    )
    def open(self, shop: list[dict], asked: list[str]) -> None:
        """Begin with some records and the filters that are asked."""
        self.live = LiveColumns(SCHEMA)
        self.live.write(range(len(shop)), shop)
        self.asked = [*asked, "release_time > now - 30d", "NOT attributes:size"]
        self.cache = FilterCache(bytes_max=PLENTY)
        self.now = NOW
        self.older = self.live.columns

    @rule(row=st.integers(0, 7), record=records)
    def write(self, row: int, record: dict) -> None:
        """Change or add a record."""
        self.live.write([row], [record])

    @rule(price=st.sampled_from([0.0, 1.0, 42.0]))
    def reprice(self, price: float) -> None:
        """Change one column of one record."""
        self.live.put([0], {"price": [price]})

    @rule()
    def hold(self) -> None:
        """Keep these columns to ask them later, when there are newer ones."""
        self.older = self.live.columns

    @rule(hours=st.sampled_from([0.0, 1e-9, 0.5, 24.0, 720.0, -1.0]))
    def wait(self, hours: float) -> None:
        """Let time pass; a clock may also be set back."""
        self.now += hours * 3_600

    @invariant()
    def every_answer_is_as_fresh(self) -> None:
        """Also of the columns that an earlier reader holds."""
        for columns in (self.live.columns, self.older):
            for expression in self.asked:
                kept = self.cache.bitmap(expression, columns, now=self.now)
                fresh = read_filter(expression, SCHEMA).bitmap(columns, now=self.now)
                assert kept.tolist() == fresh.tolist(), expression


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=25, stateful_step_count=12)


def shop_of(*prices: float) -> LiveColumns:
    """Return columns of items that have prices."""
    live = LiveColumns(SCHEMA)
    live.write(range(len(prices)), [{"price": price, "brand": "a"} for price in prices])
    return live


def test_what_did_not_change_is_the_same_array() -> None:
    """So callers can tell; nobody can write into it."""
    live, cache = shop_of(1.0, 60.0), FilterCache(bytes_max=PLENTY)
    first = cache.bitmap("price < 50", live.columns, now=NOW)
    live.put([0], {"brand": ["b"]})
    assert cache.bitmap("price < 50", live.columns, now=NOW + 1) is first
    assert not first.flags.writeable
    assert (cache.counts.misses, cache.counts.hits, cache.counts.updates) == (1, 1, 0)


def test_only_changed_rows_are_asked_again() -> None:
    """And counted as such, until so many changed that all are."""
    live, cache = shop_of(*[1.0] * 5_000), FilterCache(bytes_max=PLENTY)
    cache.bitmap("price < 50", live.columns, now=NOW)
    live.put([3], {"price": [60.0]})
    assert 3 not in rows_of(cache.bitmap("price < 50", live.columns, now=NOW))
    assert (cache.counts.misses, cache.counts.updates) == (1, 1)
    live.put(range(5_000), {"price": [60.0] * 5_000})
    assert rows_of(cache.bitmap("price < 50", live.columns, now=NOW)) == []
    assert (cache.counts.misses, cache.counts.updates) == (2, 1)


def test_a_filter_with_now_is_kept_until_a_record_crosses_its_bound() -> None:
    """Not until some interval is over."""
    live, cache = LiveColumns(SCHEMA), FilterCache(bytes_max=PLENTY)
    live.write([0, 1], [{"release_time": NOW}, {"release_time": NOW - 86_400}])
    newer = "release_time > now - 2d"
    assert rows_of(cache.bitmap(newer, live.columns, now=NOW)) == [0, 1]
    assert rows_of(cache.bitmap(newer, live.columns, now=NOW + 86_399)) == [0, 1]
    assert cache.counts.misses == 1
    assert rows_of(cache.bitmap(newer, live.columns, now=NOW + 86_400)) == [0]
    assert rows_of(cache.bitmap(newer, live.columns, now=NOW + 2 * 86_400)) == []
    assert cache.counts.misses == 3


def test_a_reader_who_holds_older_columns_sets_nobody_back() -> None:
    """It gets the answer of its columns, and the newer one stays."""
    live, cache = shop_of(1.0, 60.0), FilterCache(bytes_max=PLENTY)
    older = live.columns
    newer = live.put([1], {"price": [2.0]})
    for columns, rows in ((newer, [0, 1]), (older, [0]), (newer, [0, 1])):
        assert rows_of(cache.bitmap("price < 50", columns, now=NOW)) == rows
    assert (cache.counts.misses, cache.counts.hits) == (2, 1)


def test_a_clock_that_is_set_back_gets_the_answer_of_then() -> None:
    """An answer of later is none of earlier."""
    live, cache = LiveColumns(SCHEMA), FilterCache(bytes_max=PLENTY)
    live.write([0], [{"release_time": NOW}])
    assert rows_of(cache.bitmap("release_time < now", live.columns, now=NOW + 1)) == [0]
    assert rows_of(cache.bitmap("release_time < now", live.columns, now=NOW - 1)) == []


def test_the_longest_unused_goes_first() -> None:
    """The bytes stay below their bound, and are counted."""
    live, cache = shop_of(*[1.0] * 80_000), FilterCache(bytes_max=50_000)
    for bound in (1, 2, 3, 1, 4):
        cache.bitmap(f"price < {bound}", live.columns, now=NOW)
    assert cache.counts.entries == 3
    assert cache.counts.evictions == 1
    assert 30_000 < cache.counts.bytes <= 50_000
    assert cache.counts.hits == 1
    cache.bitmap("price < 2", live.columns, now=NOW)
    assert cache.counts.misses == 5


def test_an_answer_larger_than_the_cache_drives_out_no_other() -> None:
    """It is given all the same."""
    small, large = shop_of(1.0), shop_of(*[1.0] * 400_000)
    cache = FilterCache(bytes_max=20_000)
    cache.bitmap("price < 2", small.columns, now=NOW)
    assert len(rows_of(cache.bitmap("price < 2", large.columns, now=NOW))) == 400_000
    assert (cache.counts.entries, cache.counts.evictions) == (1, 0)


def test_columns_of_two_origins_are_told_apart() -> None:
    """The same expression and version, other records."""
    one, other, cache = shop_of(1.0), shop_of(60.0), FilterCache(bytes_max=PLENTY)
    assert rows_of(cache.bitmap("price < 50", one.columns, now=NOW)) == [0]
    assert rows_of(cache.bitmap("price < 50", other.columns, now=NOW)) == []


def test_what_is_no_filter_is_not_kept() -> None:
    """It is refused each time."""
    live, cache = shop_of(1.0), FilterCache(bytes_max=PLENTY)
    for _ in range(2):
        with pytest.raises(InvalidFilter):
            cache.bitmap("prize < 3", live.columns, now=NOW)
    assert cache.counts.entries == 0


def test_readers_and_a_writer_at_once_never_see_half_a_record() -> None:
    """Each write moves all items from one brand and price to another, or none."""
    live, cache = LiveColumns(SCHEMA), FilterCache(bytes_max=PLENTY)
    count, writes = 2_000, 60
    live.write(range(count), [{"brand": "w0", "price": 0.0}] * count)
    answered, done, wrong = threading.Event(), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            columns = live.columns
            state = columns.version - 1
            expression = f'brand = "w{state}" AND price = {state}'
            counts = [
                len(rows_of(bitmap))
                for bitmap in (
                    cache.bitmap(expression, columns, now=NOW),
                    read_filter(expression, SCHEMA).bitmap(columns, now=NOW),
                    cache.bitmap("brand = w* AND price >= 0", columns, now=NOW),
                )
            ]
            if counts != [count] * 3:
                wrong.append(state)
            answered.set()

    readers = [threading.Thread(target=read) for _ in range(3)]
    try:
        for reader in readers:
            reader.start()
        for state in range(1, writes):
            live.write(range(count), [{"brand": f"w{state}", "price": float(state)}] * count)
        assert answered.wait(60)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert cache.counts.misses > 0


@given(st.lists(expressions, min_size=2, max_size=4))
@settings(max_examples=10)
def test_threads_read_filters_at_once(asked: list[str]) -> None:
    """The reader of expressions is shared by all."""
    expected = [str(read_filter(expression, SCHEMA)) for expression in asked]
    found: list[list[str]] = []

    def read() -> None:
        found.append([str(read_filter(expression, SCHEMA)) for expression in asked])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
