"""What every storage must do for a catalogue; one suite for all adapters.

An adapter's test module subclasses `CatalogContract` and gives the fixture `open_catalog`.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys import limits
from recsys.catalog import (
    STORE_ONLINE,
    Attribute,
    CatalogChanges,
    Item,
    KeyedItem,
    Price,
    StockCell,
    StockOutcome,
    StockRow,
    Store,
    StoreKind,
)
from recsys.domain import ItemId, StoreId
from recsys.errors import FeedTooSmall
from recsys.storage.catalog import Catalog

NOW = 1_790_000_000.0
MUG = Item(
    title="Mug ☕",
    category_paths=("Home > Kitchen", "Gifts"),
    brand="Pott",
    prices=(
        Price(amount="12.50", currency="EUR"),
        Price(amount="9", currency="EUR", from_time=NOW),
    ),
    attributes={"color": Attribute(("red", "blue")), "litres": Attribute((), (0.3,))},
    release_time=NOW - 1e6,
    margin=3.25,
)
TILE = Item(title="Tile")
BERLIN, ULM = StoreId("berlin"), StoreId("ulm")
ONE, TWO, THREE = ItemId("i"), ItemId("j"), ItemId("k")
WRITTEN, DUPLICATE, STALE, UNKNOWN_ITEM, UNKNOWN_STORE = StockOutcome

Open = Callable[[], Catalog]


def count(quantity: float, *, item: str = ONE, store: str = BERLIN, time: float = NOW) -> StockCell:
    """A count."""
    return StockCell(
        item_id=ItemId(item), store_id=StoreId(store), quantity=quantity, stock_time=time
    )


def adjustment(
    quantity: float, name: str, *, item: str = ONE, store: str = BERLIN, time: float = NOW
) -> StockCell:
    """An adjustment."""
    return StockCell(
        item_id=ItemId(item),
        store_id=StoreId(store),
        quantity=quantity,
        stock_time=time,
        adjustment_id=name,
    )


def snapshot(catalog: Catalog) -> tuple[int, list[KeyedItem]]:
    """All items and the number of the last change."""
    parts = list(catalog.snapshot())
    (seq,) = {seq for seq, _ in parts}
    return seq, [one for _, some in parts for one in some]


def changed(catalog: Catalog, after: int) -> CatalogChanges:
    """What has changed."""
    found = catalog.changes(after, count_max=1_000)
    assert found is not None
    return found


def quantity(catalog: Catalog, item: ItemId = ONE) -> dict[StoreId, float]:
    """How much of an item is where."""
    return {row.store_id: row.quantity for row in catalog.quantities(item)}


def shop(catalog: Catalog) -> None:
    """Write two items and two stores."""
    catalog.upsert_items({ONE: MUG, TWO: TILE}, now=NOW)
    catalog.upsert_stores([Store(store_id=BERLIN), Store(store_id=ULM)], now=NOW)


class CatalogContract:
    """The laws; see the module."""

    @pytest.fixture
    def open_catalog(self) -> Open:
        """Open one storage, as each worker does; every adapter gives its own."""
        raise NotImplementedError

    @pytest.fixture
    def catalog(self, open_catalog: Open) -> Catalog:
        """Open it once."""
        return open_catalog()

    def test_a_new_storage_has_nothing_but_the_online_store(self, catalog: Catalog) -> None:
        """And says so, whatever is asked."""
        assert catalog.last_seq() == 0
        assert snapshot(catalog) == (0, [])
        assert changed(catalog, 0) == CatalogChanges(0, (), (), stores_changed=False)
        assert catalog.stores() == [Store(store_id=STORE_ONLINE, kind=StoreKind.ONLINE)]
        seq, keys = catalog.stock(STORE_ONLINE)
        assert (seq, keys.tolist(), keys.dtype) == (0, [], np.int64)
        assert catalog.stock(ULM)[1].tolist() == []
        assert catalog.quantities(ONE) == []
        assert catalog.items([ONE], now=NOW) == {}
        assert catalog.list_items(after=None, count_max=9) == ([], None)
        assert (catalog.item_count(), catalog.feed_time()) == (0, None)

    def test_what_is_written_is_read_by_all(self, catalog: Catalog, open_catalog: Open) -> None:
        """Every field of it, by another worker."""
        written = catalog.upsert_items({ONE: MUG, TWO: TILE}, now=NOW)
        assert written.changed == [ONE, TWO]
        other = open_catalog()
        assert other.find_items([TWO, ItemId("nothing"), ONE]) == {ONE: MUG, TWO: TILE}
        assert other.items([ONE], now=NOW)[ONE] == MUG.summary(ONE, now=NOW)
        assert (other.item_count(), other.feed_time()) == (2, NOW)
        _, items = snapshot(other)
        assert items == [
            KeyedItem(key, item_id, item)
            for key, item_id, item in zip(written.item_keys, [ONE, TWO], [MUG, TILE], strict=True)
        ]

    def test_writing_again_changes_nothing(self, catalog: Catalog) -> None:
        """Nothing is to be followed; what differs is."""
        first = catalog.upsert_items({ONE: MUG, TWO: TILE}, now=NOW)
        seq = catalog.last_seq()
        again = catalog.upsert_items({TWO: TILE, ONE: MUG}, now=NOW + 1)
        assert (again.changed, again.item_keys) == ([], list(reversed(first.item_keys)))
        assert (catalog.last_seq(), catalog.feed_time()) == (seq, NOW + 1)
        assert catalog.upsert_items({TWO: MUG, ONE: MUG}, now=NOW).changed == [TWO]
        assert catalog.last_seq() == seq + 1

    def test_parts_of_an_item_are_changed_alone(self, catalog: Catalog) -> None:
        """The rest stays; an item that is not there is made of the parts."""
        catalog.upsert_items({ONE: MUG}, now=NOW)
        news = Item(title="Cup", brand="ignored", attributes={"color": Attribute(("green",))})
        catalog.upsert_items({ONE: news, TWO: news}, parts=["title", "attributes.color"], now=NOW)
        found = catalog.find_items([ONE, TWO])
        assert (found[ONE].title, found[ONE].brand) == ("Cup", "Pott")
        assert found[ONE].attributes == {**MUG.attributes, "color": Attribute(("green",))}
        assert found[TWO] == Item(title="Cup", attributes=news.attributes)
        catalog.upsert_items({ONE: Item()}, parts=["attributes.litres", "prices"], now=NOW)
        assert catalog.find_items([ONE])[ONE].attributes == news.attributes
        assert catalog.find_items([ONE])[ONE].prices == ()
        catalog.upsert_items({ONE: MUG}, parts=["attributes.color", "attributes"], now=NOW)
        assert catalog.find_items([ONE])[ONE].attributes == MUG.attributes

    def test_items_are_listed_by_the_bytes_of_their_ids(self, catalog: Catalog) -> None:
        """Page by page, each once."""
        ids = ["B", "a", "b-1", "b1", "ä", "Ω", "\U0001f600", "\uffee"]
        catalog.upsert_items({ItemId(one): Item(title=one) for one in ids}, now=NOW)
        catalog.delete_items([ItemId("a")], now=NOW)
        found, after, sizes = [], None, []
        while True:
            page = catalog.list_items(after=after, count_max=3)
            found += [item_id for item_id, _ in page.items]
            sizes.append(len(page.items))
            if page.next_id is None:
                break
            after = page.next_id
        assert found == sorted(set(ids) - {"a"}, key=str.encode)
        assert sizes == [3, 3, 1]

    def test_an_item_that_grows_too_large_stays_as_it_was(self, catalog: Catalog) -> None:
        """Bit by bit, too; the others are written."""
        catalog.upsert_items({ONE: MUG, TWO: TILE}, now=NOW)
        for turn in range(9):
            more = Item(attributes={f"a{turn}": Attribute(("x" * 9_000,))})
            written = catalog.upsert_items(
                {ONE: more, THREE: TILE}, parts=[f"attributes.a{turn}", "title"], now=NOW
            )
            if written.oversized:
                break
        assert (turn, written.changed, written.oversized) == (7, [], [ONE])
        assert written.item_keys == [1, 3]
        assert len(catalog.find_items([ONE])[ONE].attributes) == 9
        new = Item(brand="x" * limits.ITEM_KEPT_BYTES_MAX)
        refused = catalog.upsert_items({ItemId("new"): new}, now=NOW)
        assert refused == ([], ["new"], [])
        assert catalog.item_count() == 3
        assert catalog.item_keys([THREE, ItemId("new")]) == [3]

    def test_keys_are_dense_and_never_given_again(self, catalog: Catalog) -> None:
        """A deleted item that comes back has the key that it had."""
        first = catalog.upsert_items({ONE: MUG, TWO: TILE}, now=NOW).item_keys
        assert catalog.delete_items([TWO, ItemId("nothing"), TWO], now=NOW) == [TWO]
        assert catalog.delete_items([TWO], now=NOW) == []
        (new,) = catalog.upsert_items({THREE: TILE}, now=NOW).item_keys
        assert [*first, new] == [1, 2, 3]
        assert catalog.upsert_items({TWO: MUG}, now=NOW).item_keys == [2]

    def test_changes_tell_what_is_now(self, catalog: Catalog, open_catalog: Open) -> None:
        """In the words of items, stores and stock, to whoever follows."""
        other = open_catalog()
        shop(catalog)
        after = other.last_seq()
        catalog.upsert_items({TWO: MUG}, now=NOW)
        catalog.upsert_items({THREE: TILE, TWO: TILE}, now=NOW)
        catalog.delete_items([ONE], now=NOW)
        catalog.set_stock([count(2, item=THREE), count(0, item=TWO)], now=NOW)
        found = changed(other, after)
        assert found.seq == other.last_seq() == after + 5
        assert sorted(found.items) == [
            KeyedItem(1, ONE, None), KeyedItem(2, TWO, TILE), KeyedItem(3, THREE, TILE)
        ]  # fmt: skip
        assert found.stock == [(BERLIN, 3, True)]
        assert not found.stores_changed
        catalog.upsert_stores([Store(store_id=ULM, title="Ulm")], now=NOW)
        catalog.adjust_stock([adjustment(-2, "a", item=THREE, time=NOW + 1)], now=NOW)
        assert changed(other, found.seq) == CatalogChanges(
            found.seq + 2, [], [(BERLIN, 3, False)], stores_changed=True
        )

    def test_changes_come_some_at_a_time(self, catalog: Catalog) -> None:
        """One after the other until nothing is left."""
        catalog.upsert_items({ONE: MUG}, now=NOW)
        after = first = catalog.last_seq()
        catalog.upsert_items({ItemId(f"n{one}"): TILE for one in range(7)}, now=NOW)
        seen = []
        while after < catalog.last_seq():
            some = catalog.changes(after, count_max=3)
            assert some is not None
            seen += [item.item_id for item in some.items]
            after = some.seq
        assert after == first + 7
        assert seen == [f"n{one}" for one in range(7)]

    def test_whoever_is_too_far_behind_must_begin_anew(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As must whoever follows another catalogue."""
        monkeypatch.setattr(limits, "CATALOG_CHANGE_COUNT_MAX", 5)
        catalog.upsert_items({ItemId(f"n{one}"): TILE for one in range(9)}, now=NOW)
        last = catalog.last_seq()
        assert len(changed(catalog, last - 5).items) == 5
        for after in (last - 6, 0, last + 1):
            assert catalog.changes(after, count_max=9) is None

    def test_a_snapshot_is_of_one_moment(self, catalog: Catalog, open_catalog: Open) -> None:
        """Whatever is written while it is read."""
        ids = [ItemId(f"n{one:05}") for one in range(5_003)]
        catalog.upsert_items(dict.fromkeys(ids, TILE), now=NOW)
        seq = catalog.last_seq()
        parts = open_catalog().snapshot()
        first = next(parts)
        catalog.upsert_items({ids[-1]: MUG, THREE: MUG}, now=NOW)
        rest = list(parts)
        found = [one for _, some in (first, *rest) for one in some]
        assert {one for one, _ in (first, *rest)} == {seq}
        assert [one.item_id for one in found] == ids
        assert found[-1].item == TILE
        assert changed(catalog, seq).items[0].item == MUG

    def test_a_count_stands_until_a_newer_one(self, catalog: Catalog) -> None:
        """Older ones never overwrite newer ones."""
        shop(catalog)
        assert catalog.set_stock([count(5), count(7, store=ULM)], now=NOW) == [WRITTEN, WRITTEN]
        assert catalog.set_stock([count(4, time=NOW - 1)], now=NOW) == [STALE]
        assert catalog.set_stock([count(5)], now=NOW) == [DUPLICATE]
        assert quantity(catalog) == {BERLIN: 5, ULM: 7}
        assert catalog.set_stock([count(0, time=NOW + 1)], now=NOW) == [WRITTEN]
        assert catalog.quantities(ONE)[0] == StockRow(
            item_id=ONE, store_id=BERLIN, quantity=0, stock_time=NOW + 1
        )
        _, keys = catalog.stock(BERLIN)
        assert keys.tolist() == []
        assert catalog.stock(ULM)[1].tolist() == [1]

    def test_adjustments_count_once_and_on_top(self, catalog: Catalog) -> None:
        """Those that the count knew of are stale; those of later moments outlive it."""
        shop(catalog)
        late = adjustment(-1, "sale-2", time=NOW + 20)
        said = [adjustment(3, "delivery", time=NOW + 10), late, late]
        assert catalog.adjust_stock(said, now=NOW) == [WRITTEN, WRITTEN, DUPLICATE]
        assert quantity(catalog) == {BERLIN: 2}
        assert catalog.set_stock([count(10, time=NOW + 15)], now=NOW) == [WRITTEN]
        assert quantity(catalog) == {BERLIN: 9}
        assert catalog.adjust_stock(said, now=NOW) == [STALE, DUPLICATE, DUPLICATE]
        assert catalog.adjust_stock([adjustment(1, "x", time=NOW + 15)], now=NOW) == [STALE]
        assert catalog.quantities(ONE)[0].stock_time == NOW + 20

    def test_a_cell_may_fall_below_nothing(self, catalog: Catalog) -> None:
        """More was sold than was counted: it is not in stock, and comes back by as much."""
        shop(catalog)
        catalog.set_stock([count(1)], now=NOW)
        catalog.adjust_stock([adjustment(-3, "a", time=NOW + 1)], now=NOW)
        assert quantity(catalog) == {BERLIN: -2}
        assert catalog.stock(BERLIN)[1].tolist() == []
        catalog.adjust_stock([adjustment(2.5, "b", time=NOW + 2)], now=NOW)
        assert catalog.stock(BERLIN)[1].tolist() == [1]

    def test_unknown_items_and_stores_are_refused_cell_by_cell(self, catalog: Catalog) -> None:
        """The others are written."""
        shop(catalog)
        catalog.delete_items([TWO], now=NOW)
        cells = [count(1, item="x"), count(1), count(1, store="y"), count(1, item=TWO)]
        expected = [UNKNOWN_ITEM, WRITTEN, UNKNOWN_STORE, UNKNOWN_ITEM]
        assert catalog.set_stock(cells, now=NOW) == expected
        assert catalog.stock(BERLIN)[1].tolist() == [1]

    def test_only_what_comes_into_stock_or_goes_is_a_change(self, catalog: Catalog) -> None:
        """A quantity that stays above nothing is nobody's business."""
        shop(catalog)
        catalog.set_stock([count(5)], now=NOW)
        seq = catalog.last_seq()
        catalog.set_stock([count(9, time=NOW + 1)], now=NOW)
        catalog.adjust_stock([adjustment(-8, "a", time=NOW + 2)], now=NOW)
        assert catalog.last_seq() == seq
        catalog.adjust_stock([adjustment(-1, "b", time=NOW + 2)], now=NOW)
        assert catalog.last_seq() == seq + 1

    def test_deleting_an_item_forgets_its_stock(self, catalog: Catalog) -> None:
        """Also when it comes back; and whoever follows is told."""
        shop(catalog)
        catalog.set_stock([count(5), count(0, store=ULM), count(3, item=TWO)], now=NOW)
        catalog.adjust_stock([adjustment(1, "a", store=ULM, time=NOW + 1)], now=NOW)
        after = catalog.last_seq()
        catalog.delete_items([ONE], now=NOW)
        assert catalog.quantities(ONE) == []
        found = changed(catalog, after)
        assert found.stock == [(BERLIN, 1, False), (ULM, 1, False)]
        catalog.upsert_items({ONE: MUG}, now=NOW)
        assert catalog.quantities(ONE) == []
        assert [catalog.stock(store)[1].tolist() for store in (BERLIN, ULM)] == [[2], []]
        again = [adjustment(1, "a", store=ULM, time=NOW + 1)]
        assert catalog.adjust_stock(again, now=NOW) == [WRITTEN]

    def test_a_feed_that_replaces_all_deletes_the_rest(self, catalog: Catalog) -> None:
        """Unless it is too much, and then nothing."""
        catalog.upsert_items({ONE: MUG, TWO: TILE, THREE: TILE}, now=NOW)
        keep = np.array([3, 3], dtype=np.int64)
        with pytest.raises(FeedTooSmall) as caught:
            catalog.keep_only(keep, deleted_count_max=1, now=NOW)
        assert caught.value.metadata() == {"missing_count": "2", "missing_count_max": "1"}
        assert catalog.item_count() == 3
        assert catalog.keep_only(keep, deleted_count_max=2, now=NOW) == 2
        assert list(catalog.find_items([ONE, TWO, THREE])) == [THREE]
        assert catalog.keep_only(np.zeros(0, np.int64), deleted_count_max=None, now=NOW) == 1
        assert catalog.item_count() == 0

    def test_stores_are_written_whatever_was_said_of_them(self, catalog: Catalog) -> None:
        """The same again is no change."""
        ulm = Store(
            store_id=ULM, title="Ulm ⛪", latitude=48.4, longitude=9.99, time_zone="Europe/Berlin"
        )
        catalog.upsert_stores([ulm, Store(store_id=BERLIN), ulm], now=NOW)
        online = Store(store_id=STORE_ONLINE, kind=StoreKind.ONLINE)
        assert catalog.stores() == [Store(store_id=BERLIN), online, ulm]
        seq = catalog.last_seq()
        catalog.upsert_stores([ulm], now=NOW)
        assert catalog.last_seq() == seq
        catalog.upsert_stores([Store(store_id=ULM)], now=NOW)
        assert catalog.stores()[2] == Store(store_id=ULM)
        assert catalog.feed_time() is None

    def test_writers_take_turns_and_lose_nothing(
        self, catalog: Catalog, open_catalog: Open
    ) -> None:
        """Numbers have no gaps, keys are not given twice, and adjustments add up."""
        shop(catalog)
        first = catalog.last_seq()

        def write(worker: int) -> None:
            one = open_catalog()
            for turn in range(8):
                name = f"{worker}-{turn}"
                one.upsert_items({ItemId(name): TILE}, now=NOW)
                one.adjust_stock([adjustment(1, name, time=NOW + turn)], now=NOW)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert quantity(catalog) == {BERLIN: 32}
        _, items = snapshot(catalog)
        assert sorted(one.item_key for one in items) == list(range(1, 35))
        # 32 items, and one cell that came into stock.
        assert catalog.last_seq() == first + 33
        assert len(changed(catalog, first).items) == 32

    def test_stock_is_what_the_law_says_in_any_order(self, catalog: Catalog) -> None:
        """The latest count and all later adjustments, each once, however they arrive."""
        shop(catalog)
        cells = iter(range(1_000_000))

        @settings(max_examples=40, suppress_health_check=list(HealthCheck))
        @given(counts=_COUNTS, adjustments=_ADJUSTMENTS, seed=st.integers(0, 9_999))
        def holds(
            counts: dict[int, int], adjustments: dict[int, tuple[int, int]], seed: int
        ) -> None:
            store = StoreId(f"s{next(cells)}")
            catalog.upsert_stores([Store(store_id=store)], now=NOW)
            said = [count(n, store=store, time=NOW + at) for at, n in counts.items()]
            said += [
                adjustment(n, f"a{name}", store=store, time=NOW + at)
                for name, (at, n) in adjustments.items()
            ]
            said += said[::2]
            random.Random(seed).shuffle(said)
            for one in said:
                write = catalog.adjust_stock if one.adjustment_id else catalog.set_stock
                write([one], now=NOW)
            last = max(counts, default=-1)
            expected = counts.get(last, 0) + sum(n for at, n in adjustments.values() if at > last)
            assert quantity(catalog) == ({store: expected} if said else {})
            assert (catalog.stock(store)[1].tolist() == [1]) == (expected > 0)
            catalog.delete_items([ONE], now=NOW)
            catalog.upsert_items({ONE: MUG}, now=NOW)

        holds()


_COUNTS = st.dictionaries(st.integers(0, 5), st.integers(0, 9), max_size=4)
_ADJUSTMENTS = st.dictionaries(
    st.integers(0, 9), st.tuples(st.integers(0, 6), st.integers(-5, 5)), max_size=6
)
