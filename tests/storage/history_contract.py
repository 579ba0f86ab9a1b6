"""What every storage of histories must do; one suite for all adapters.

An adapter's test module subclasses `HistoryContract` and gives the fixture
`load`, which fills an empty storage and returns a reader of it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine, History, HistoryReader

Line = tuple[float, str, EventType, Channel]
"""Time, item, type and channel of one item line."""

ANNA = Identifier("account", "anna")
ANNAS_CARD = Identifier("loyalty_card", "26001")
BEN = Identifier("account", "ben")
NOBODY = Identifier("visitor", "never-seen")


@dataclass(frozen=True)
class Contents:
    """What a storage is filled with.

    Attributes:
        links: Profile of each identifier.
        lines: Item lines of each profile, in any order.
    """

    links: Mapping[Identifier, str] = field(default_factory=dict)
    lines: Mapping[str, Sequence[Line]] = field(default_factory=dict)


Load = Callable[[Contents], HistoryReader]


def line(time: float, item: str = "i1") -> Line:
    """Build a purchase in a store."""
    return (time, item, EventType.PURCHASE_COMPLETE, Channel.STORE)


def line_event(who: Identifier, of: Line, *, event_id: str) -> Event:
    """Build the event of one item line."""
    time, item, kind, channel = of
    content = EventContent(
        event_type=kind,
        event_time=time,
        channel=channel,
        identifiers=(who,),
        lines=(EventLine(ItemId(item)),),
    )
    return Event.of(content, event_id=event_id, now=time)


def entries(history: History) -> list[tuple[str, int, int, float]]:
    """List a history's lines as they come."""
    columns = (history.type_codes, history.channel_codes, history.event_times)
    return list(zip(history.item_ids, *(column.tolist() for column in columns), strict=True))


class HistoryContract:
    """The laws; see the module."""

    @pytest.fixture
    def load(self) -> Load:
        """Fill an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_an_unknown_identifier_has_an_empty_history(self, load: Load) -> None:
        """Nobody is not an error."""
        assert len(load(Contents()).history([NOBODY], event_count_max=10)) == 0

    def test_every_field_comes_back_as_it_was(self, load: Load) -> None:
        """Items, types, channels and times survive, to the microsecond."""
        kept = (1_700_000_000.123456, "ärtikel-✓", EventType.RETURN, Channel.CALL_CENTER)
        reader = load(Contents({ANNA: "p1"}, {"p1": [kept]}))
        found = reader.history([ANNA], event_count_max=10)
        assert entries(found) == [
            ("ärtikel-✓", EventType.RETURN.code, Channel.CALL_CENTER.code, 1_700_000_000.123456)
        ]
        assert [array.dtype.str for array in (found.type_codes, found.event_times)] == [
            "|u1",
            "<f8",
        ]

    def test_the_newest_lines_are_kept(self, load: Load) -> None:
        """A bound cuts off the oldest."""
        lines = [line(float(time), f"i{time}") for time in range(50)]
        random.Random(5).shuffle(lines)
        reader = load(Contents({ANNA: "p1"}, {"p1": lines}))
        found = reader.history([ANNA], event_count_max=3)
        assert sorted(found.item_ids) == ["i47", "i48", "i49"]

    def test_equal_lines_at_one_moment_all_count(self, load: Load) -> None:
        """Two pieces scanned one by one are two lines."""
        reader = load(Contents({ANNA: "p1"}, {"p1": [line(5.0), line(5.0), line(5.0, "i2")]}))
        found = reader.history([ANNA], event_count_max=10)
        assert sorted(found.item_ids) == ["i1", "i1", "i2"]

    def test_identifiers_of_one_profile_give_its_history_once(self, load: Load) -> None:
        """Naming a person twice does not double what they did."""
        reader = load(Contents({ANNA: "p1", ANNAS_CARD: "p1"}, {"p1": [line(1.0), line(2.0)]}))
        alone = entries(reader.history([ANNA], event_count_max=10))
        assert entries(reader.history([ANNAS_CARD], event_count_max=10)) == alone
        assert entries(reader.history([ANNA, ANNAS_CARD], event_count_max=10)) == alone
        assert entries(reader.history([ANNA, ANNA, NOBODY], event_count_max=10)) == alone

    def test_identifiers_of_several_profiles_give_the_newest_of_all(self, load: Load) -> None:
        """The union is bounded as a whole, not by profile."""
        contents = Contents(
            {ANNA: "p1", BEN: "p2"},
            {"p1": [line(1.0, "a1"), line(4.0, "a4")], "p2": [line(3.0, "b3"), line(2.0, "b2")]},
        )
        reader = load(contents)
        assert sorted(reader.history([ANNA, BEN], event_count_max=9).item_ids) == [
            "a1", "a4", "b2", "b3",
        ]  # fmt: skip
        assert sorted(reader.history([BEN, ANNA], event_count_max=3).item_ids) == ["a4", "b2", "b3"]

    def test_profiles_do_not_mix(self, load: Load) -> None:
        """Nobody sees what another one did."""
        reader = load(
            Contents({ANNA: "p1", BEN: "p2"}, {"p1": [line(1.0, "a")], "p2": [line(1.0, "b")]})
        )
        assert list(reader.history([BEN], event_count_max=10).item_ids) == ["b"]

    def test_namespaces_do_not_mix(self, load: Load) -> None:
        """The same value is another identifier in another namespace."""
        reader = load(Contents({ANNA: "p1"}, {"p1": [line(1.0)]}))
        same_value = Identifier("visitor", ANNA.value)
        assert len(reader.history([same_value], event_count_max=10)) == 0

    @pytest.mark.parametrize("value", ["'; DROP TABLE history; --", "%", "", "\x00", "a" * 256])
    def test_values_are_only_values(self, load: Load, value: str) -> None:
        """Nothing in an identifier is ever taken for a command or a pattern."""
        reader = load(Contents({ANNA: "p1"}, {"p1": [line(1.0)]}))
        assert len(reader.history([Identifier("account", value)], event_count_max=10)) == 0
        assert len(reader.history([ANNA], event_count_max=10)) == 1

    def test_a_known_person_without_lines_has_an_empty_history(self, load: Load) -> None:
        """An account that did nothing yet is no error."""
        assert len(load(Contents({ANNA: "p1"})).history([ANNA], event_count_max=10)) == 0

    def test_threads_share_a_reader(self, load: Load) -> None:
        """Many threads at once get the answers that one gets alone."""
        people = [Identifier("account", f"u{number}") for number in range(20)]
        contents = Contents(
            {who: who.value for who in people},
            {who.value: [line(float(t), f"{who.value}-{t}") for t in range(9)] for who in people},
        )
        reader = load(contents)
        alone = [entries(reader.history([who], event_count_max=5)) for who in people]
        with ThreadPoolExecutor(max_workers=8) as pool:
            answers = list(
                pool.map(lambda who: entries(reader.history([who], event_count_max=5)), people * 20)
            )
        assert answers == alone * 20
