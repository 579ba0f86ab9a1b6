"""How old the catalogue is, for those who watch."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from recsys.catalog import Item
from recsys.domain import ItemId
from recsys.serving.admission import Admission
from recsys.serving.config import StorageConfig
from recsys.serving.exposition import SupervisorCollector, SupervisorState
from recsys.serving.feed_age import FeedClock
from recsys.serving.storage import open_storage


def ages(clock: FeedClock, folder: Path) -> list[float]:
    """What a scrape says of the age."""
    registry = CollectorRegistry()
    registry.register(SupervisorCollector(SupervisorState(Admission(folder), feed_time=clock)))
    return [
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "recsys_catalog_feed_age_seconds"
    ]


def test_the_age_of_the_feed_is_that_of_the_last_writing(
    storage_config: StorageConfig, tmp_path: Path
) -> None:
    """Whoever wrote; nothing is said before that."""
    clock = FeedClock(storage_config)
    assert ages(clock, tmp_path) == []
    storage = open_storage(storage_config)
    assert storage.catalog_store is not None
    storage.catalog_store.upsert_items({ItemId("mug"): Item()}, now=1_000.0)
    (age,) = ages(clock, tmp_path)
    assert age > 1e9
    storage.close()
    clock.close()


def test_a_storage_that_does_not_answer_hides_no_other_metric(tmp_path: Path) -> None:
    """And neither does a server without one."""
    damaged = tmp_path / "store.sqlite"
    damaged.write_bytes(b"no database at all" * 500)
    for place in (str(damaged), ""):
        clock = FeedClock(StorageConfig(histories=place))
        assert ages(clock, tmp_path) == []
        clock.close()
