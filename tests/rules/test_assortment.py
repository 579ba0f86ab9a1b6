"""A worker's picture of the catalogue is the catalogue, after any changes in any pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import limits
from recsys.bundle import ItemIndex, NewItemMap
from recsys.catalog import Attribute, Item, Price, item_record
from recsys.domain import StoreId
from recsys.errors import StorageUnavailable
from recsys.new_items import LiveItems
from recsys.rules.assortment import Assortment
from recsys.rules.filtered import item_filter
from recsys.scoring import Mask
from support.catalogs import MemoryCatalog

IDS = [f"i{row}" for row in range(11)]
SHOPS = ("s1", "s2")
HOUR = 3_600.0
FILTERS = ('attributes.color = "red"', "NOT attributes.color:*", "price < 5", "price >= 5")
SALE = (Price(amount="3", currency="EUR", from_time=1.5, until_time=3.0),)

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            # The model does not know the last ones.
            st.sampled_from([*IDS, "new-1", "new-2"]),
            st.sampled_from([None, 1.0, 2.0]),
            st.sampled_from([None, 2.0, 4.0]),
            st.sampled_from(["", "red", "blue"]),
        ),
        st.tuples(st.just("delete"), st.sampled_from(IDS)),
        st.tuples(st.just("stock"), st.sampled_from(SHOPS), st.sampled_from(IDS), st.booleans()),
        st.tuples(st.just("store"), st.sampled_from(SHOPS)),
        st.tuples(st.just("look"), st.sampled_from(SHOPS)),
        st.tuples(st.just("ask"), st.sampled_from(FILTERS)),
        st.tuples(st.just("refresh"), st.floats(0.0, 1.0)),
    ),
    max_size=30,
)


def shown(mask: Mask | None) -> set[str]:
    """Name the items of a mask."""
    if mask is None:
        return set(IDS)
    bits = np.unpackbits(mask.state.bitmap, bitorder="little")
    assert not bits[len(IDS) :].any()
    return {IDS[row] for row in np.flatnonzero(bits)}


def sold(catalog: MemoryCatalog, now: float) -> set[str]:
    """Name what is offered, one by one."""
    if not catalog.log:
        return set(IDS)
    items = {name: catalog.contents.get(name) for name in IDS}
    return {name for name, item in items.items() if item is not None and item.is_available(now)}


class BusyCatalog(MemoryCatalog):
    """Somebody writes between any two of its answers."""

    def __init__(self, meanwhile: list[tuple[object, ...]], *, kept_count: int) -> None:
        super().__init__(kept_count=kept_count)
        self.meanwhile = list(meanwhile)

    def _answer(self) -> None:
        super()._answer()
        if self.meanwhile:
            apply(self, None, self.meanwhile.pop(), 0.0)


@settings(deadline=None, max_examples=300)
@given(steps=steps, kept_count=st.sampled_from([1, 3, 1_000]), before=steps, meanwhile=steps)
def test_it_equals_the_catalogue(
    steps: list[tuple[object, ...]],
    before: list[tuple[object, ...]],
    meanwhile: list[tuple[object, ...]],
    kept_count: int,
) -> None:
    """Followed change by change, after long gaps or from the middle, while others write."""
    catalog = BusyCatalog(meanwhile, kept_count=kept_count)
    now = 0.0
    for name in IDS[:3]:
        catalog.put(name, Item())
    catalog.log.clear()
    for step in before:
        now = apply(catalog, None, step, now)
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    for step in steps:
        now = apply(catalog, assortment, step, now)
    catalog.meanwhile.clear()
    assortment.refresh(now=now)
    assert shown(assortment.offered) == sold(catalog, now)
    assert set(assortment.stores) == set(catalog.shops)
    for expression in FILTERS:
        which = item_filter(expression)
        records = {name: catalog.contents.get(name) for name in IDS}
        assert shown(assortment.filtered(expression, now=now)) == {
            name
            for name, item in records.items()
            if which.matches({} if item is None else item_record(item, now=now), now=now)
        }
    for shop in SHOPS:
        mask = assortment.stocked(StoreId(shop), now=now)
        assert (mask is None) == (not catalog.log)
        if mask is not None:
            has = {
                catalog.ids[key - 1]
                for (store, key), is_there in catalog.in_stock.items()
                if store == shop and is_there
            }
            assert shown(mask) == has & set(IDS)


@settings(deadline=None, max_examples=100)
@given(steps=steps, kept_count=st.sampled_from([1, 3, 1_000]), before=steps)
def test_new_items_are_followed_like_the_others(
    steps: list[tuple[object, ...]], before: list[tuple[object, ...]], kept_count: int
) -> None:
    """What the model does not know has rows behind those that it does."""
    catalog = MemoryCatalog(kept_count=kept_count)
    now = 0.0
    for step in before:
        now = apply(catalog, None, step, now)
    items = LiveItems(
        ItemIndex.from_ids(IDS),
        NewItemMap(features=np.empty(0, np.uint64), weights=np.ones((1, 3), np.float32)),
    )
    assortment = Assortment(items, catalog)
    for step in steps:
        now = apply(catalog, assortment, step, now)
    assortment.refresh(now=now)
    everything = [*IDS, "new-1", "new-2"]

    def named(mask: Mask) -> set[str]:
        bits = np.unpackbits(mask.state.bitmap, bitorder="little")[: items.row_count]
        rows = np.flatnonzero(bits).astype(np.int32)
        return set(items.ids(rows[(rows < len(IDS)) | (rows >= items.first_row)]))

    offered = assortment.offered
    if offered is None:
        assert not items.shows_new
        return
    there = {name: catalog.contents.get(name) for name in everything}
    assert named(offered) == {
        name for name, item in there.items() if item is not None and item.is_available(now)
    }
    for expression in FILTERS:
        which = item_filter(expression)
        assert named(assortment.filtered(expression, now=now)) == {
            name
            for name, item in there.items()
            if (name in IDS or items.row(name) is not None)
            and which.matches({} if item is None else item_record(item, now=now), now=now)
        }
    for shop in SHOPS:
        mask = assortment.stocked(StoreId(shop), now=now)
        assert mask is not None
        assert named(mask) == {
            catalog.ids[key - 1]
            for (store, key), is_there in catalog.in_stock.items()
            if store == shop and is_there
        }


def apply(
    catalog: MemoryCatalog, assortment: Assortment | None, step: tuple[object, ...], now: float
) -> float:
    """Do one step; return what time it is then."""
    match step:
        case ("put", str(name), start, end, str(color)):
            item = Item(
                available_from_time=start,  # type: ignore[arg-type]  # as drawn
                available_until_time=end,  # type: ignore[arg-type]  # as drawn
                prices=(Price(amount="5", currency="EUR"), *SALE) if color == "red" else SALE,
                attributes={"color": Attribute(texts=(color,))} if color else {},
            )
            catalog.put(name, item)
        case ("delete", str(name)) if name in catalog.contents:
            catalog.put(name, None)
        case ("stock", str(shop), str(name), bool(is_there)) if catalog.contents.get(name):
            catalog.stock_up(shop, name, is_in_stock=is_there)
        case ("store", str(shop)):
            catalog.add_store(shop)
        case ("look", str(shop)) if assortment is not None:
            assortment.stocked(StoreId(shop), now=now)
        case ("ask", str(expression)) if assortment is not None:
            assortment.filtered(expression, now=now)
        case ("refresh", float(seconds)):
            now += seconds
            if assortment is not None:
                assortment.refresh(now=now)
        case _:
            pass
    return now


def test_what_is_sold_during_the_first_look_at_a_store_is_gone() -> None:
    """Between reading what it has and taking in what else has changed."""
    sale = ("stock", "s1", "i0", False)
    catalog = BusyCatalog([], kept_count=1_000)
    catalog.put("i0", Item())
    catalog.add_store("s1")
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    catalog.stock_up("s1", "i0", is_in_stock=True)
    catalog.meanwhile = [sale, ("store", "s2")]
    mask = assortment.stocked(StoreId("s1"), now=0.0)
    assert mask is not None
    assortment.refresh(now=0.0)
    assert not catalog.meanwhile
    assert shown(mask) == set()


def test_a_store_written_while_all_is_read_is_known() -> None:
    """Between the stores and the items."""
    catalog = BusyCatalog([], kept_count=1_000)
    catalog.put("i0", Item())
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    catalog.meanwhile = [("store", "s1"), ("refresh", 0.0), ("refresh", 0.0)]
    assortment.refresh(now=0.0)
    assert not catalog.meanwhile
    assortment.refresh(now=0.0)
    assert set(assortment.stores) == {"s1"}


def test_without_a_change_since_the_import_everything_is_offered() -> None:
    """What a data set says of its items is no catalogue of what can be bought."""
    catalog = MemoryCatalog()
    catalog.put("i1", Item())
    catalog.log.clear()
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    assert assortment.offered is None
    assert assortment.stocked(StoreId("s1"), now=0.0) is None
    catalog.put("i2", Item())
    assortment.refresh(now=0.0)
    assert shown(assortment.offered) == {"i1", "i2"}


def test_it_keeps_what_it_knew_while_the_storage_is_down() -> None:
    """The error reaches the caller, and the next look finds what has changed."""
    catalog = MemoryCatalog()
    catalog.put("i1", Item())
    catalog.stock_up("s1", "i1", is_in_stock=True)
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    mask = assortment.stocked(StoreId("s1"), now=0.0)
    assert mask is not None
    catalog.put("i2", Item())
    catalog.stock_up("s1", "i1", is_in_stock=False)
    catalog.is_down = True
    with pytest.raises(StorageUnavailable):
        assortment.refresh(now=0.0)
    with pytest.raises(StorageUnavailable):
        assortment.stocked(StoreId("s2"), now=0.0)
    assert shown(assortment.offered) == {"i1"}
    assert shown(assortment.stocked(StoreId("s1"), now=0.0)) == {"i1"}
    catalog.is_down = False
    assortment.refresh(now=0.0)
    assert shown(assortment.offered) == {"i1", "i2"}
    # It is the same mask still, so that what was made for it goes on.
    assert assortment.stocked(StoreId("s1"), now=0.0) is mask
    assert shown(mask) == set()


def test_stores_beyond_the_room_there_is_are_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ones asked for last stay."""
    monkeypatch.setattr(limits, "STOCK_MASK_BYTES_MAX", 4)
    catalog = MemoryCatalog()
    catalog.put("i1", Item())
    for shop in ("s1", "s2", "s3"):
        catalog.stock_up(shop, "i1", is_in_stock=True)
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    first = assortment.stocked(StoreId("s1"), now=0.0)
    for shop in ("s2", "s1", "s3"):
        assert shown(assortment.stocked(StoreId(shop), now=0.0)) == {"i1"}
    assert assortment.stocked(StoreId("s1"), now=0.0) is first
    for shop in ("s2", "s3"):
        assortment.stocked(StoreId(shop), now=0.0)
    assert assortment.stocked(StoreId("s1"), now=0.0) is not first


def test_hours_that_change_again_and_again_take_no_room() -> None:
    """What an item's hours were before is forgotten."""
    catalog = MemoryCatalog()
    catalog.put("i1", Item())
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    for until in range(100):
        catalog.put("i1", Item(available_until_time=HOUR + until))
        assortment.refresh(now=0.0)
    assert len(assortment._turning) < 20
    assortment.refresh(now=HOUR + 98.5)
    assert shown(assortment.offered) == {"i1"}
    assortment.refresh(now=HOUR + 99.0)
    assert shown(assortment.offered) == set()


def test_another_catalogue_in_the_place_of_this_one_is_read_anew() -> None:
    """A storage can be restored from an older copy while it is followed."""
    catalog = MemoryCatalog()
    for name in IDS[:5]:
        catalog.put(name, Item())
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    older = MemoryCatalog()
    older.put("i7", Item())
    vars(catalog).update(vars(older))
    assortment.refresh(now=0.0)
    assert shown(assortment.offered) == {"i7"}


def test_the_first_change_of_all_makes_a_catalogue_of_what_is_known() -> None:
    """Without reading all of it again."""
    catalog = MemoryCatalog()
    for name in IDS[:4]:
        catalog.put(name, Item())
    catalog.log.clear()
    assortment = Assortment(ItemIndex.from_ids(IDS), catalog)
    assortment.refresh(now=0.0)
    catalog.put("i9", Item())
    assortment.refresh(now=0.0)
    assert shown(assortment.offered) == {*IDS[:4], "i9"}
    assert catalog.snapshot_count == 1
