"""What is known of a model's items is read once, however many ask for it."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recsys.catalog import KeyedItem
from recsys.events import NoHistories
from recsys.recommend import Recommender, RecommendQuery
from support.catalogs import MemoryCatalog
from support.new_items import KNOWN, NOW, item_of, shop_model

WORKERS = 4
WAIT_SECONDS = 0.5


class SlowCatalog(MemoryCatalog):
    """Reading all of it takes until somebody else reads all of it, or half a second."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self._second = threading.Event()

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """As the port."""
        pieces = list(super().snapshot())
        if self.is_slow:
            if self.snapshot_count > 2:
                self._second.set()
            self._second.wait(WAIT_SECONDS)
        yield from pieces


def test_one_reads_all_of_it_anew_and_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where bitmaps have no room for more new items, and many ask at that moment."""
    monkeypatch.setattr("recsys.rules.assortment._NEW_ROWS_MIN", 4)
    catalog = SlowCatalog()
    for name in KNOWN:
        catalog.put(name, item_of(name))
    model = shop_model(tmp_path / "bundle")
    recommender = Recommender(histories=NoHistories(), catalog=catalog)
    recommender.prepare(model, now=NOW)
    for number in range(20):
        catalog.put(f"late-{number}", item_of("tea-late"))
    catalog.is_slow = True
    assert catalog.snapshot_count == 1
    query = RecommendQuery(result_count=60)
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = [pool.submit(recommender.recommend, model, query, now=NOW) for _ in range(WORKERS)]
        counts = {len(one.result().results) for one in asked}
    assert counts == {len(KNOWN) + 20}
    assert catalog.snapshot_count == 2
