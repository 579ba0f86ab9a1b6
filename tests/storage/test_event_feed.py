"""The end of a log, as those read it who count: everything once, in both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from recsys import limits
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import Event, EventContent, EventLine, FeedEvent
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from recsys.storage.event_rows import EVENT_COLUMNS, Keys
from recsys.storage.postgres_schema import migrate

NOW = 1_800_000_000.0


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    """Opens each kind of storage, empty at first, as often as asked."""
    place = f"{tmp_path}/store.sqlite"
    if request.param == "postgres":
        place = request.getfixturevalue("postgres_url")
    storages: list[Storage] = []

    def open_one() -> Storage:
        storages.append(open_storage(StorageConfig(histories=place)))
        return storages[-1]

    yield open_one
    for storage in storages:
        storage.close()


def write(storage: Storage, *names: str, items: tuple[str, ...] = ("i1", "i2")) -> None:
    """Append events of these names."""
    assert storage.log is not None
    storage.log.append([Event.of(content(name, items), event_id=name, now=NOW) for name in names])


def content(name: str, items: tuple[str, ...]) -> EventContent:
    """A purchase in a shop; those of nobody begin with n."""
    who = () if name.startswith("n") else (Identifier("account", name),)
    return EventContent(
        event_type=EventType.PURCHASE_COMPLETE,
        event_time=NOW,
        channel=Channel.STORE,
        store_id=StoreId("s-1"),
        identifiers=who,
        lines=tuple(EventLine(item_id=ItemId(one)) for one in items),
    )


def news(storage: Storage, now: float = 0.0) -> list[FeedEvent]:
    """All pieces of one look."""
    return [one for some in storage.feed.news(now=now) for one in some]


def test_every_event_with_items_is_given_once(opened: Callable[[], Storage]) -> None:
    """To each follower, whoever wrote it; who it was is a number."""
    one, other = opened(), opened()
    assert news(other) == []
    write(one, "anna", "nobody")
    first, second = sorted(news(other), key=lambda one: one.person is None)
    assert first[:5] == (
        NOW,
        EventType.PURCHASE_COMPLETE.code,
        Channel.STORE.code,
        "s-1",
        "i1\x1fi2",
    )
    assert isinstance(first.person, int)
    assert second.person is None
    write(one, "empty", items=())
    write(other, "ben", "anna")
    (third,) = news(other)
    assert third.person not in {None, first.person}
    assert news(other) == []
    assert len(news(one)) == 3


def test_a_new_follower_begins_near_the_end(
    opened: Callable[[], Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the log is."""
    write(opened(), *(f"user-{number}" for number in range(9)))
    monkeypatch.setattr(limits, "FEED_EVENT_COUNT_MAX", 4)
    assert len(news(opened())) == 4


def test_an_event_that_becomes_visible_late_is_given(postgres_url: str) -> None:
    """PostgreSQL numbers events before they are committed, so they can come out of order."""
    migrate(postgres_url)
    storage = open_storage(StorageConfig(histories=postgres_url))
    events = [
        Event.of(content(name, (name,)), event_id=name, now=NOW)
        for name in ("first", "slow", "quick")
    ]
    rows = Keys("00" * 16).rows(events)[1]
    marks = ", ".join(["%s"] * len(EVENT_COLUMNS.split(", ")))
    add = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})"
    try:
        with (
            psycopg.connect(postgres_url) as slow,
            psycopg.connect(postgres_url, autocommit=True) as quick,
        ):
            quick.execute(add, rows[0])
            assert [one.item_ids for one in news(storage)] == ["first"]
            slow.execute(add, rows[1])
            quick.execute(add, rows[2])
            assert [one.item_ids for one in news(storage, 1.0)] == ["quick"]
            slow.commit()
            assert [one.item_ids for one in news(storage, 2.0)] == ["slow"]
            assert news(storage, 3.0) == []
    finally:
        storage.close()
