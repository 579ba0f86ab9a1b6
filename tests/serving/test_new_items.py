"""A new item's way through a running shop: written, shown, deleted, and known at last."""

from pathlib import Path

import pytest

from recsys.bundle import BundleStore, write_bundle
from recsys.v1 import (
    catalog_pb2,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    recommendation_service_pb2,
    recommendation_service_pb2_grpc,
    result_pb2,
)
from recsys.v1.subject_pb2 import Subject
from serving.test_stories import Channels
from support.bundles import contents, two_worlds
from support.new_items import map_of
from support.processes import WAIT_SECONDS, serving, wait_until

COUNT = 30
IDS = [f"item-{row}" for row in range(COUNT)]
ANNA = Subject(user_id="anna")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Even and odd items are two worlds, and categories say of which a new one is."""
    store = BundleStore(tmp_path / "bundles")
    worlds = two_worlds(COUNT)
    added = {name: [*worlds[row].tolist(), 0.0] for row, name in ((0, "even"), (1, "odd"))}
    found = contents(IDS, factors=worlds, new_items=map_of(added), model_version="v1")
    write_bundle(store.path("v1"), found)
    store.set_current("v1")
    return tmp_path


class Caller(Channels):
    """Asks each worker in its turn."""

    def reasons(self) -> list[dict[str, int]]:
        """Why each item is recommended to Anna, by every connection."""
        request = recommendation_service_pb2.RecommendRequest(subject=ANNA, page_size=COUNT + 2)
        answers = []
        for _ in range(8):
            stub = recommendation_service_pb2_grpc.RecommendationServiceStub(self.next())
            results = stub.Recommend(request, timeout=WAIT_SECONDS).results
            answers.append({one.item_id: one.reason.kind for one in results})
        return answers

    def similar(self, item_id: str) -> list[str]:
        """What is similar to an item, on the next worker."""
        request = recommendation_service_pb2.SimilarItemsRequest(item_id=item_id, page_size=5)
        stub = recommendation_service_pb2_grpc.RecommendationServiceStub(self.next())
        return [one.item_id for one in stub.SimilarItems(request, timeout=WAIT_SECONDS).results]

    @property
    def catalog(self) -> catalog_service_pb2_grpc.CatalogServiceStub:
        """Writes to the catalogue, on the next connection."""
        return catalog_service_pb2_grpc.CatalogServiceStub(self.next())

    def write(self, *items: catalog_pb2.Item) -> None:
        """Write items."""
        self.catalog.UpsertItems(
            catalog_service_pb2.UpsertItemsRequest(items=items), timeout=WAIT_SECONDS
        )


def test_a_new_item_is_shown_at_once_and_personal_once_the_model_knows_it(shop: Path) -> None:
    """On every worker, in the very next answer; what is deleted is gone from it."""
    with serving(
        shop, storage={"histories": str(shop / "store.sqlite")}, server={"workers": 2}
    ) as server:
        caller = Caller(server)
        caller.write(*(catalog_pb2.Item(item_id=name, title=name) for name in IDS))
        caller.browse(ANNA, ["item-1", "item-3"])
        assert all("fresh" not in one for one in caller.reasons())
        fresh = catalog_pb2.Item(item_id="fresh", title="Fresh", category_paths=["odd"])
        for _ in range(3):
            caller.write(fresh)
            for one in caller.reasons():
                assert one["fresh"] == result_pb2.REASON_KIND_NEW
                assert one["item-5"] == result_pb2.REASON_KIND_PERSONAL
                # It is of the world that she likes.
                assert list(one).index("fresh") < list(one).index("item-2")
            like_it = caller.similar("fresh")
            assert all(int(name.removeprefix("item-")) % 2 for name in like_it)
            request = catalog_service_pb2.DeleteItemsRequest(item_ids=["fresh"])
            caller.catalog.DeleteItems(request, timeout=WAIT_SECONDS)
            assert all("fresh" not in one for one in caller.reasons())
        caller.write(fresh)
        learned = contents([*IDS, "fresh"], factors=two_worlds(COUNT + 2)[: COUNT + 1],
                           new_items=map_of({}), model_version="v2")  # fmt: skip
        store = BundleStore(shop / "bundles")
        write_bundle(store.path("v2"), learned)
        store.set_current("v2")

        def is_personal() -> bool:
            kinds = {one.get("fresh") for one in caller.reasons()}
            return kinds == {result_pb2.REASON_KIND_PERSONAL}

        wait_until(is_personal, "every worker answers with the model that knows the item")
        caller.close()
