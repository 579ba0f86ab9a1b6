"""What every event log must do; one suite for all adapters.

An adapter's test module subclasses `EventLogContract` and gives the fixture `store`.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from recsys import limits
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import (
    Event,
    EventContent,
    EventFilter,
    EventLine,
    EventLog,
    HistoryReader,
    Outcome,
)
from storage.history_contract import ANNA, ANNAS_CARD, BEN, entries

NOW = 1_800_000_000.0
WRITTEN, DUPLICATE, CONFLICT = Outcome.WRITTEN, Outcome.DUPLICATE, Outcome.CONFLICT


@dataclass(frozen=True)
class Store:
    """A log and a reader of one storage.

    Attributes:
        log: Appends to it.
        reader: Reads what was appended.
        open_log: Opens the log once more, as another worker would.
        contents: Reads what is kept of each event, in the order of the log.
    """

    log: EventLog
    reader: HistoryReader
    open_log: Callable[[], EventLog]
    contents: Callable[[], Sequence[str]]


def event(
    event_id: str,
    *,
    who: Sequence[Identifier] = (ANNA,),
    items: Sequence[str] = ("i1",),
    time: float | None = NOW - 10.0,
    **more: Any,
) -> Event:
    """Build a view."""
    content = EventContent(
        event_type=more.pop("event_type", EventType.DETAIL_PAGE_VIEW),
        event_time=time,
        channel=more.pop("channel", Channel.WEB),
        identifiers=tuple(who),
        lines=tuple(EventLine(ItemId(item)) for item in items),
        **more,
    )
    return Event.of(content, event_id=event_id, now=NOW)


def items_of(store: Store, *who: Identifier) -> list[str]:
    """Items of a person, newest first."""
    return list(store.reader.history(who or (ANNA,), event_count_max=200).item_ids)


class EventLogContract:
    """The laws; see the module."""

    @pytest.fixture
    def store(self) -> Store:
        """Make an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_an_appended_event_is_in_the_very_next_history(self, store: Store) -> None:
        """Every field that answers need, whatever was asked before."""
        assert store.log.append([event("e1")]) == [WRITTEN]
        for number in range(3):
            assert len(items_of(store)) == number + 1
            store.log.append([event(f"more-{number}")])
        found = store.reader.history([ANNA], event_count_max=1)
        view = EventType.DETAIL_PAGE_VIEW.code
        assert entries(found) == [("i1", view, Channel.WEB.code, NOW - 10.0)]

    def test_the_same_event_twice_is_kept_once(self, store: Store) -> None:
        """In later calls and within one."""
        assert store.log.append([event("e1"), event("e1"), event("e2")]) == [
            WRITTEN, DUPLICATE, WRITTEN,
        ]  # fmt: skip
        assert store.log.append([event("e1"), event("e3")]) == [DUPLICATE, WRITTEN]
        assert len(items_of(store)) == 3

    def test_another_event_of_the_same_id_is_a_conflict_and_the_first_stays(
        self, store: Store
    ) -> None:
        """Across people, and within one call."""
        assert store.log.append([event("e1", items=["first"]), event("e1", items=["other"])]) == [
            WRITTEN, CONFLICT,
        ]  # fmt: skip
        assert store.log.append([event("e1", who=[BEN])]) == [CONFLICT]
        assert store.log.append([event("e1", items=["first"])]) == [DUPLICATE]
        assert (items_of(store), items_of(store, BEN)) == (["first"], [])

    def test_an_event_without_a_time_sent_again_is_a_duplicate(self, store: Store) -> None:
        """Although the clock has gone on."""
        first = event("e1", time=None)
        later = Event.of(first.content, event_id="e1", now=NOW + 60.0)
        assert store.log.append([first]) == [WRITTEN]
        assert store.log.append([later]) == [DUPLICATE]

    def test_events_without_an_id_are_told_apart_by_content(self, store: Store) -> None:
        """Equal ones are one event."""
        same, other = event("", items=["a"]), event("", items=["b"])
        assert store.log.append([same, other, same]) == [WRITTEN, WRITTEN, DUPLICATE]

    def test_late_events_land_at_their_time(self, store: Store) -> None:
        """Whatever the order of arrival, the order of histories is that of event times."""
        times = [NOW - number for number in range(1, 30)]
        shuffled = random.Random(3).sample(times, len(times))
        for time in shuffled:
            store.log.append([event(f"e{time}", time=time, items=[f"i{time}"])])
        assert items_of(store) == [f"i{time}" for time in times]

    def test_an_event_belongs_to_its_strongest_identifier(self, store: Store) -> None:
        """The account before the visitor, whatever their order, and is found by both."""
        visitor, pc = Identifier("visitor", "v-1"), Identifier("visitor", "v-2")
        store.log.append([event("e1", who=[visitor, ANNA]), event("e2", who=[ANNA, visitor])])
        assert len(items_of(store, ANNA)) == len(items_of(store, visitor)) == 2
        store.log.append([event("e3", who=[pc, ANNAS_CARD])])
        assert len(items_of(store, ANNAS_CARD)) == len(items_of(store, pc)) == 1
        which = EventFilter(identifier=visitor)
        assert store.log.purge(which, validate_only=True) == 0

    def test_events_of_nobody_and_without_items_are_kept(self, store: Store) -> None:
        """They say what is popular, or that somebody was there."""
        nobody, search = event("e1", who=()), event("e2", items=(), search_query="shoes")
        assert store.log.append([nobody, search]) == [WRITTEN, WRITTEN]
        assert items_of(store) == []
        assert len(store.contents()) == 2

    def test_everything_that_was_sent_is_kept(self, store: Store) -> None:
        """The log is the truth; whatever else there is comes from it."""
        import msgspec  # noqa: PLC0415 - this test alone

        rich = event(
            "e1", who=[Identifier("visitor", "ä✓"), ANNA], store_id=StoreId("s-1"),
            session_id="s", attribution_token="t", offer_id="o", search_query="größe 'x'\\",
            referrer="https://example.org/?a=%00",
        )  # fmt: skip
        line = EventLine(ItemId("i"), 0.1, "19.99", "EUR")
        rich = Event.of(msgspec.structs.replace(rich.content, lines=(line,)), event_id="e", now=NOW)
        store.log.append([rich])
        (kept,) = store.contents()
        assert msgspec.json.decode(kept, type=EventContent) == rich.content

    def test_large_batches_are_kept_whole(self, store: Store) -> None:
        """More than a statement holds, with old ones among them."""
        store.log.append([event("e-500"), event("e-77", items=["other"])])
        count = 2_345
        outcomes = store.log.append(
            [event(f"e-{number}", who=[Identifier("visitor", f"v-{number}")] if number % 3 else ())
             for number in range(count)]
        )  # fmt: skip
        assert outcomes.count(WRITTEN) == count - 2
        assert outcomes[500] is outcomes[77] is CONFLICT
        assert len(store.contents()) == count

    def test_the_newest_lines_of_a_busy_identifier_are_found(self, store: Store) -> None:
        """However many events it has; packing or not."""
        count = limits.HISTORY_EVENT_COUNT_MAX + 50
        for first in range(0, count, 50):
            store.log.append(
                [event(f"e{number}", time=NOW - 1_000.0 + number, items=[f"i{number}"])
                 for number in range(first, first + 50)]
            )  # fmt: skip
            newest = [f"i{number}" for number in range(first + 49, -1, -1)]
            assert items_of(store) == newest[: limits.HISTORY_EVENT_COUNT_MAX]

    def test_writers_of_all_kinds_at_once_lose_and_double_nothing(self, store: Store) -> None:
        """Several workers write the same people and some of the same events."""
        logs = [store.open_log() for _ in range(4)]

        def write(worker: int) -> int:
            written = 0
            for turn in range(15):
                some = [event(f"own-{worker}-{turn}-{n}", items=["own"]) for n in range(3)]
                shared = [event(f"shared-{turn}-{n}", items=["shared"]) for n in range(3)]
                batch = random.Random(worker).sample(some + shared, 6)
                written += logs[worker].append(batch).count(WRITTEN)
            return written

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(write, range(4))) == 4 * 15 * 3 + 15 * 3
        for log in logs:
            log.close()
        assert len(store.contents()) == 225

    @pytest.mark.parametrize(
        ("which", "left"),
        [
            (EventFilter(identifier=ANNA), ["ben-old", "ben-new"]),
            (EventFilter(end_time=NOW - 100.0), ["anna-new", "ben-new"]),
            (EventFilter(start_time=NOW - 100.0), ["anna-old", "ben-old"]),
            (EventFilter(identifier=BEN, start_time=NOW - 100.0), ["anna-old", "anna-new", "ben-old"]),
            (EventFilter(event_types=(EventType.RETURN,)), ["anna-old", "ben-old", "ben-new"]),
            (EventFilter(channels=(Channel.STORE, Channel.KIOSK)), ["anna-old", "anna-new"]),
            (EventFilter(store_ids=(StoreId("s-1"),)), ["anna-old", "anna-new", "ben-old"]),
            (EventFilter(store_ids=(StoreId("s-9"),)), ["anna-old", "anna-new", "ben-old", "ben-new"]),
        ],
        ids=["person", "before", "since", "both", "type", "channels", "store", "none"],
    )  # fmt: skip
    def test_purging_forgets_what_the_filter_says_and_nothing_else(
        self, store: Store, which: EventFilter, left: list[str]
    ) -> None:
        """Counting first changes nothing; a purged event can be written again."""
        events = {
            "anna-old": event("1", time=NOW - 500.0, items=["anna-old"]),
            "anna-new": event("2", items=["anna-new"], event_type=EventType.RETURN),
            "ben-old": event(
                "3", who=[BEN], time=NOW - 500.0, items=["ben-old"], channel=Channel.STORE
            ),
            "ben-new": event(
                "4", who=[BEN], items=["ben-new"], channel=Channel.KIOSK, store_id=StoreId("s-1")
            ),
        }
        store.log.append(list(events.values()))
        purged = 4 - len(left)
        assert store.log.purge(which, validate_only=True) == purged
        assert len(store.contents()) == 4
        assert store.log.purge(which, validate_only=False) == purged
        assert sorted(items_of(store, ANNA) + items_of(store, BEN)) == sorted(left)
        again = store.log.append(list(events.values()))
        assert [
            name for name, outcome in zip(events, again, strict=True) if outcome is WRITTEN
        ] == [name for name in events if name not in left]
        assert len(items_of(store, ANNA, BEN)) == 4

    def test_purging_everything_needs_saying_something(self, store: Store) -> None:
        """An empty filter is a mistake and never means all."""
        store.log.append([event("e1")])
        with pytest.raises(ValueError, match="needs a filter"):
            store.log.purge(EventFilter(), validate_only=False)
        assert len(store.contents()) == 1
