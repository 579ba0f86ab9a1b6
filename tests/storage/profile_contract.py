"""What every storage of links must do; one suite for all adapters.

An adapter's test module subclasses `ProfileContract` and gives the fixture `people`.
"""

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from recsys import limits
from recsys.domain import Identifier
from recsys.events import Event, EventLog, HistoryReader
from recsys.profiles import (
    IdentityRules,
    Link,
    LinkKind,
    ProfileStore,
    Refusal,
    Segment,
    merged,
    resolve,
    stated,
)
from storage.event_log_contract import NOW, event
from support.identity import DAY, STRICT, account, card, link, visitor

Snapshot = tuple[list[tuple[str, ...]], dict[Identifier, Identifier], set[Segment]]


@dataclass(frozen=True)
class People:
    """Links, a log and a reader of one storage, with the rules `STRICT`.

    Attributes:
        profiles: Where links go.
        log: Where events go.
        reader: Reads histories.
        open_profiles: Opens the links once more, as another worker would, by other
            rules if some are given.
        snapshot: Reads all links (as texts), heads and segments from the tables.
        known: Reads all identifiers.
    """

    profiles: ProfileStore
    log: EventLog
    reader: HistoryReader
    open_profiles: Callable[[IdentityRules], ProfileStore]
    snapshot: Callable[[], Snapshot]
    known: Callable[[], set[Identifier]]

    def items(self, *who: Identifier) -> list[str]:
        """Items of a person, newest first."""
        return list(self.reader.history(who, event_count_max=200).item_ids)

    def browse(self, who: Sequence[Identifier], item: str, time: float) -> None:
        """Let somebody look at an item."""
        self.log.append([seen(who, item, time)])


def seen(who: Sequence[Identifier], item: str, time: float) -> Event:
    """Build a view."""
    return event(f"{item}@{time}", who=who, items=[item], time=time)


ANNA, BEN, CARD = account("anna"), account("ben"), card("26001")
PHONE, TABLET = visitor("phone"), visitor("tablet")


def said(
    *pair: Identifier, time: float = NOW, source: str = "crm", confidence: float = 1.0
) -> Link:
    """Build an explicit link."""
    return stated(pair, kind=LinkKind.EXPLICIT, source=source, time=time, confidence=confidence)


class ProfileContract:
    """The laws; see the module."""

    @pytest.fixture
    def people(self) -> People:
        """Make an empty storage; every adapter gives its own."""
        raise NotImplementedError

    @pytest.mark.parametrize("seed", range(4))
    def test_profiles_are_those_of_the_set_of_links(self, people: People, seed: int) -> None:
        """After made-up links and unlinks, as if the links had come at once, in any order."""
        rng = random.Random(seed)
        names = [Identifier(namespace, value) for namespace in ("account", "loyalty_card", "visitor")
                 for value in "abcd"]  # fmt: skip
        kept: dict[object, Link] = {}
        for _ in range(40):
            if rng.random() < 0.25 and kept:
                pair = rng.choice(list(kept.values())).ends
                count = people.profiles.unlink(pair, source=None)
                gone = [name for name, one in kept.items() if set(one.ends) == set(pair)]
                assert count == len(gone)
                for name in gone:
                    del kept[name]
                continue
            links = [
                stated(rng.sample(names, 2), kind=rng.choice(list(LinkKind)),
                       source=rng.choice(["web", "crm"]), time=rng.randint(0, 40) * DAY,
                       confidence=rng.choice([0.3, 0.9, 1.0]))
                for _ in range(rng.randint(1, 4))
            ]  # fmt: skip
            refusals = people.profiles.link(links)
            kept = {one.name: one for one in merged([*kept.values(), *links])}
            expected = resolve(kept.values(), STRICT)
            for one in links:
                assert refusals.get(one.name) == expected.refusals.get(one.name)
        expected = resolve(kept.values(), STRICT)
        _, heads, segments = people.snapshot()
        assert (heads, segments) == (expected.heads, expected.segments)

    def test_link_then_unlink_equals_never_linked(self, people: People) -> None:
        """To the last row, with events of all kinds before, in between and after."""
        people.browse([TABLET], "a", NOW - 50.0)
        people.browse([BEN], "b", NOW - 40.0)
        people.browse([ANNA, CARD], "c", NOW - 30.0)
        people.profiles.link([said(ANNA, visitor("old"))])
        asked = [(ANNA,), (BEN,), (CARD,), (TABLET,), (ANNA, TABLET), (BEN, TABLET)]
        before, items = people.snapshot(), [people.items(*who) for who in asked]
        assert people.profiles.link([said(ANNA, BEN), said(BEN, TABLET)]) == {}
        assert sorted(people.items(CARD)) == ["a", "b", "c"]
        assert people.profiles.unlink([ANNA, BEN, TABLET], source=None) == 2
        assert people.snapshot() == before
        assert [people.items(*who) for who in asked] == items
        assert people.profiles.unlink([ANNA, BEN, TABLET], source=None) == 0

    def test_nothing_is_left_of_whom_only_a_link_knew(self, people: People) -> None:
        """Those with events, statements or other links stay."""
        people.browse([ANNA], "a", NOW - 30.0)
        people.profiles.link([said(CARD, card("kept"))])
        before = people.known()
        people.profiles.link([said(ANNA, CARD), said(ANNA, account("typo")), said(ANNA, TABLET)])
        assert people.known() == before | {account("typo"), TABLET}
        everybody = [ANNA, CARD, account("typo"), TABLET]
        assert people.profiles.unlink(everybody, source=None) == 3
        assert people.known() == before

    def test_who_is_unlinked_while_she_first_acts_is_known(self, people: People) -> None:
        """What is acknowledged is in her history, though the only link to her goes meanwhile."""
        profiles, count = people.open_profiles(STRICT), 30
        cards = [card(f"c{turn}") for turn in range(count)]
        together = threading.Barrier(2, timeout=60)

        def unlink() -> None:
            for one in cards:
                profiles.link([said(ANNA, one)])
                together.wait()
                profiles.unlink([ANNA, one], source=None)

        with ThreadPoolExecutor(1) as pool:
            unlinking = pool.submit(unlink)
            for one in cards:
                together.wait()
                people.browse([one], one.value, NOW - 9.0)
            unlinking.result()
        profiles.close()
        assert [people.items(one) for one in cards] == [[one.value] for one in cards]

    def test_unlinking_one_source_leaves_what_others_say(self, people: People) -> None:
        """The till was wrong, the register was not."""
        people.profiles.link([said(ANNA, CARD, source="crm")])
        before = people.snapshot()
        people.profiles.link([said(ANNA, CARD, source="till", confidence=0.8)])
        assert people.profiles.unlink([CARD, ANNA], source="till") == 1
        assert people.snapshot() == before

    def test_every_identifier_of_a_person_gives_the_same_history(self, people: People) -> None:
        """Account, card and phone; newest first."""
        people.browse([PHONE], "phone", NOW - 30.0)
        people.browse([ANNA], "web", NOW - 20.0)
        people.browse([CARD], "shop", NOW - 10.0)
        people.profiles.link([said(ANNA, CARD), said(ANNA, PHONE)])
        for who in ([ANNA], [CARD], [PHONE], [PHONE, ANNA], [CARD, PHONE, ANNA]):
            assert people.items(*who) == ["shop", "web", "phone"]
        (first, *others) = [people.profiles.profile(one) for one in (ANNA, CARD, PHONE)]
        assert all(other == first for other in others)
        assert first.identifiers == (ANNA, CARD, PHONE)
        assert people.profiles.profile(BEN).profile_id != first.profile_id

    def test_an_event_with_several_identifiers_links_them(self, people: People) -> None:
        """It is found by each of them, and what each did before is hers."""
        people.browse([PHONE], "before", NOW - 20.0)
        people.browse([ANNA, CARD, PHONE], "login", NOW - 10.0)
        people.browse([PHONE], "after", NOW - 5.0)
        for who in (ANNA, CARD, PHONE):
            assert people.items(who) == ["after", "login", "before"]
        assert people.profiles.unlink([ANNA, PHONE], source=None) == 1
        assert people.items(PHONE) == ["after", "before"]
        assert people.items(CARD) == ["login"]

    def test_people_who_share_a_tablet_keep_apart(self, people: People) -> None:
        """Each event counts for who logs in next, or was last; nothing for both."""
        for number, who in enumerate([[TABLET], [TABLET, ANNA], [TABLET], [TABLET, BEN], [TABLET]]):
            people.browse(who, f"i{number}", NOW - 100.0 + number)
        assert people.items(ANNA) == ["i1", "i0"]
        assert people.items(BEN) == people.items(TABLET) == ["i4", "i3", "i2"]
        # A device that is named beside a person adds nothing of another person.
        assert people.items(ANNA, TABLET) == ["i1", "i0"]
        assert people.items(account("carol"), TABLET) == []
        assert people.items(account("carol"), visitor("new")) == []
        people.profiles.unlink([TABLET, BEN], source=None)
        assert people.items(TABLET) == people.items(ANNA) == ["i4", "i2", "i1", "i0"]
        assert people.items(BEN) == ["i3"]

    def test_what_was_done_long_ago_on_a_busy_tablet_is_found(self, people: People) -> None:
        """Behind more lines of others than are kept at hand."""
        people.browse([TABLET], "hers", NOW - 9_000.0)
        people.browse([TABLET, ANNA], "login", NOW - 8_999.0)
        people.browse([TABLET, BEN], "login", NOW - 8_000.0)
        count = limits.HISTORY_EVENT_COUNT_MAX + 50
        people.log.append(
            [seen([TABLET], f"i{number}", NOW - 7_000.0 + number) for number in range(count)]
        )
        for _ in range(2):
            assert people.items(ANNA) == ["login", "hers"]
            assert len(people.items(BEN)) == 200

    def test_a_public_device_is_nobodys(self, people: People) -> None:
        """Beyond the limit nobody has it; the logins are kept, and count again after one less."""
        people.browse([TABLET], "whose", NOW - 90.0)
        for name in ("a", "b"):
            assert people.profiles.link([said(account(name), TABLET)]) == {}
        third = said(account("c"), TABLET)
        assert people.profiles.link([third])[third.name] is Refusal.PUBLIC_DEVICE
        assert people.items(account("a")) == []
        assert people.items(account("c"), TABLET) == []
        assert people.items(TABLET) == ["whose"]
        evidence = people.profiles.profile(TABLET).evidence
        assert [one.refusal for one in evidence] == [Refusal.PUBLIC_DEVICE] * 3
        people.profiles.unlink([account("c"), TABLET], source=None)
        assert people.items(account("a")) == ["whose"]

    def test_a_device_with_ten_thousand_accounts_joins_nobody(self, people: People) -> None:
        """In batches, as an import brings them."""
        count = 10_000
        for first in range(0, count, 1_000):
            people.log.append(
                [seen([account(f"a{n}"), TABLET], f"i{n}", NOW - 20_000.0 + n)
                 for n in range(first, first + 1_000)]
            )  # fmt: skip
        assert people.items(account("a17")) == ["i17"]
        people.browse([account("a17"), TABLET], "again", NOW)
        assert people.items(account("a17")) == ["again", "i17"]
        assert people.items(TABLET) == []
        profile = people.profiles.profile(TABLET)
        assert profile.identifiers == (TABLET,)
        assert {one.refusal for one in profile.evidence} == {Refusal.PUBLIC_DEVICE}

    def test_other_rules_make_the_same_profiles_as_if_they_had_always_been(
        self, people: People
    ) -> None:
        """Who opens the storage with other rules has everything made anew."""
        links = [link(ANNA, BEN), link(ANNA, account("carol")), link(BEN, PHONE), link(CARD, PHONE)]
        people.profiles.link(links)
        before = people.snapshot()
        other = IdentityRules(
            devices=("loyalty_card",), priority=("account",), limits={"account": 3}
        )
        profiles = people.open_profiles(other)
        profiles.link([])
        expected = resolve(links, other)
        assert people.snapshot()[1:] == (expected.heads, expected.segments)
        profiles.close()
        profiles = people.open_profiles(STRICT)
        profiles.link([])
        profiles.close()
        assert people.snapshot() == before

    def test_many_writers_make_the_same_profiles_as_one(self, people: People) -> None:
        """Workers that link, unlink and log in at once, all of the same people."""
        names = [account("a"), account("b"), card("c"), card("d"), PHONE, TABLET]
        pairs = list(itertools.combinations(names, 2))
        stores = [people.open_profiles(STRICT) for _ in range(3)]
        people.profiles.link([])

        def work(worker: int) -> list[Link]:
            rng = random.Random(worker)
            kept = []
            for turn in range(15):
                # Each worker has sources of its own, so that what stays is known.
                one = said(*rng.choice(pairs), time=NOW + turn, source=f"w{worker}-{turn}")
                stores[worker].link([one])
                if rng.random() < 0.4:
                    assert stores[worker].unlink(one.ends, source=one.source) == 1
                else:
                    kept.append(one)
            return kept

        with ThreadPoolExecutor(3) as pool:
            links = [one for some in pool.map(work, range(3)) for one in some]
        for store in stores:
            store.close()
        expected = resolve(links, STRICT)
        _, heads, segments = people.snapshot()
        assert (heads, segments) == (expected.heads, expected.segments)

    @pytest.mark.parametrize("value", ["'; DROP TABLE links; --", "%", "ä✓", "a" * 256, " "])
    def test_values_are_only_values(self, people: People, value: str) -> None:
        """Nothing in an identifier is ever taken for a command or a pattern."""
        strange = Identifier("email_sha256", value)
        people.profiles.link([said(ANNA, strange)])
        assert set(people.profiles.profile(strange).identifiers) == {ANNA, strange}
        assert people.profiles.unlink([strange, ANNA], source=None) == 1
