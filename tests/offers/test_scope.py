"""Which items an offer is about, kept in bits."""

import numpy as np

from recsys.bundle import ItemIndex
from recsys.catalog import Item
from recsys.offers import Offer, PercentOff, Scope
from recsys.offers.scope import ScopeTable
from recsys.rules.assortment import Assortment
from support.catalogs import MemoryCatalog


def test_a_filter_of_now_over_named_items_is_asked_again_as_time_passes() -> None:
    """An item that is new today is not tomorrow, though nobody has changed it."""
    catalog = MemoryCatalog()
    catalog.put("tea", Item(release_time=0.0))
    assortment = Assortment(ItemIndex.from_ids(["tea", "soap"]), catalog)
    scope = Scope(item_ids=("tea",), filter="release_time > now - 1d")
    new = Offer(benefit=PercentOff(percent=10.0), currency="EUR", scope=scope)
    table, offers = ScopeTable(assortment), {"new": new}
    rows, weights = np.array([0, 1], dtype=np.int32), np.ones(2)
    found = []
    for now in (3_600.0, 200_000.0):
        assortment.refresh(now=now)
        found.append(table.shares(offers, ["new"], rows, weights, now=now).tolist())
    assert found == [[1.0], [0.0]]


def test_scopes_are_as_wide_as_the_items_in_them() -> None:
    """Of the whole basket, of nothing, and of what is written later, once a minute is over."""
    catalog = MemoryCatalog()
    for name in ("tea", "soap", "jam"):
        catalog.put(name, Item(brand="a"))
    assortment = Assortment(ItemIndex.from_ids(["tea", "soap", "jam"]), catalog)
    said = {
        "basket": Scope(), "two": Scope(item_ids=("tea", "jam")), "brand": Scope(brands=("b",)),
    }  # fmt: skip
    offers = {
        name: Offer(benefit=PercentOff(percent=10.0), currency="EUR", scope=scope)
        for name, scope in said.items()
    }
    table = ScopeTable(assortment)
    rows, weights = np.array([2, 0], dtype=np.int32), np.array([0.75, 0.25])
    assortment.refresh(now=0.0)
    first = table.breadths(offers, rows, weights, now=0.0)
    assert first[0].tolist() == [3, 2, 0]
    assert first[1].tolist() == [1.0, 1.0, 0.0]
    catalog.put("jam", Item(brand="b"))
    assortment.refresh(now=30.0)
    assert table.breadths(offers, rows, weights, now=30.0) is first
    later = table.breadths(offers, rows, weights, now=61.0)
    assert later[:, 2].tolist() == [1.0, 0.75]
    assert table.breadths(dict(offers), rows, weights, now=61.0) is not later
