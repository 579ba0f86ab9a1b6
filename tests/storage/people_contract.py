"""What every storage must do for people; one suite for all adapters.

An adapter's test module subclasses `PeopleContract` and gives the fixture `people`.
"""

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from recsys import limits
from recsys.consent import Consent, ConsentStatus, Permission, Purpose
from recsys.domain import Channel, Identifier
from recsys.errors import PersonErased
from recsys.events import EventLog, HistoryReader, Outcome
from recsys.profiles import (
    Export,
    ExportKind,
    IdentityRules,
    LinkKind,
    PeopleStore,
    ProfileStore,
    pairs_of,
)
from recsys.storage import exports
from recsys.storage.sessions import Sessions
from storage.event_log_contract import NOW, event
from storage.history_contract import ANNA, ANNAS_CARD, BEN, entries
from support.identity import link as stated

GRANTED, DENIED, WITHDRAWN = ConsentStatus
ANNAS_PHONE = Identifier("visitor", "annas-phone")
MAY = Permission.to(Purpose.PERSONALISE, Channel.WEB, by_default=True)
MUST = Permission.to(Purpose.PERSONALISE, Channel.WEB, by_default=False)


@dataclass(frozen=True)
class Household:
    """One storage as two workers have it.

    Attributes:
        people: Of one worker.
        log: Of the other.
        reader: Of the other.
        open_people: Opens people once more.
        open_log: Opens the log once more.
        profiles: Who is who.
        pack: Packs histories, where the storage keeps such.
        leftovers: Returns everything in the storage, as text to search.
        sessions: The storage itself.
    """

    people: PeopleStore
    log: EventLog
    reader: HistoryReader
    open_people: Callable[[], PeopleStore]
    open_log: Callable[[], EventLog]
    profiles: ProfileStore
    pack: Callable[[Sequence[Identifier]], None]
    leftovers: Callable[[], str]
    sessions: Sessions

    def link(self, identifiers: Sequence[Identifier]) -> None:
        """Make identifiers those of one person."""
        pairs = pairs_of(identifiers, IdentityRules())
        self.profiles.link([stated(*pair, kind=LinkKind.EXPLICIT) for pair in pairs])


def said(
    status: ConsentStatus,
    *,
    purpose: Purpose = Purpose.PERSONALISE,
    channel: Channel | None = None,
    time: float = NOW,
    source: str = "test",
) -> Consent:
    """Make a statement."""
    return Consent(purpose=purpose, status=status, time=time, channel=channel, source=source)


def exported(people: PeopleStore, *who: Identifier) -> list[dict[str, object]]:
    """Everything held about somebody."""
    return [json.loads(line) for part in people.export(who) for line in part]


class PeopleContract:
    """The laws; see the module."""

    @pytest.fixture
    def home(self) -> Household:
        """Make an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def lines(self, home: Household, *who: Identifier, permission: Permission = MAY) -> int | None:
        """How many lines an answer may use; None for no permission."""
        found = home.reader.history(who, event_count_max=200, permission=permission)
        return None if found is None else len(found)

    def test_a_withdrawal_counts_for_the_very_next_answer(self, home: Household) -> None:
        """Of another worker; and so does a new grant."""
        home.log.append([event("e1"), event("e2", who=[BEN])])
        assert (self.lines(home, ANNA), self.lines(home, ANNA, permission=MUST)) == (1, None)
        for turn, status in enumerate([GRANTED, WITHDRAWN, GRANTED, DENIED]):
            home.people.record_consents([ANNA], [said(status, time=NOW + turn)], now=NOW + turn)
            expected = 1 if status is GRANTED else None
            assert self.lines(home, ANNA) == expected
            assert self.lines(home, ANNA, permission=MUST) == expected
            assert self.lines(home, BEN) == 1

    def test_a_refusal_covers_its_channel_only(self, home: Household) -> None:
        """Unless it is not known where the answer is shown."""
        home.log.append([event("e1")])
        home.people.record_consents([ANNA], [said(DENIED, channel=Channel.STORE)], now=NOW)
        for channel, expected in ((Channel.WEB, 1), (Channel.STORE, None), (None, None)):
            may = Permission.to(Purpose.PERSONALISE, channel, by_default=True)
            assert self.lines(home, ANNA, permission=may) == expected

    def test_one_identifier_of_a_person_refuses_for_all(self, home: Household) -> None:
        """The most restrictive wins, whichever of them asks; strangers are not concerned."""
        home.log.append([event("e1"), event("e2", who=[ANNAS_CARD]), event("e3", who=[BEN])])
        home.link([ANNA, ANNAS_CARD])
        home.people.record_consents([ANNA], [said(GRANTED)], now=NOW)
        assert self.lines(home, ANNAS_CARD) == 2
        home.people.record_consents([ANNAS_CARD], [said(DENIED)], now=NOW)
        for who in ([ANNA], [ANNAS_CARD], [ANNA, ANNAS_CARD], [BEN, ANNA]):
            assert self.lines(home, *who) is None
        assert self.lines(home, BEN) == 1
        again = [said(GRANTED, time=NOW + 1)]
        home.people.record_consents([ANNA, ANNAS_CARD], again, now=NOW + 1)
        assert self.lines(home, ANNA) == 2

    def test_a_refusal_under_a_device_of_long_ago_counts(self, home: Household) -> None:
        """Though she has more devices than an answer reads the histories of."""
        count = limits.HISTORY_PART_COUNT_MAX + 6
        devices = [Identifier("visitor", f"d{number}") for number in range(count)]
        home.log.append(
            [event(f"e{number}", who=[ANNA, one], time=NOW - 86_400.0 * (number + 1))
             for number, one in enumerate(devices)]
        )  # fmt: skip
        home.log.append([event(f"b{number}", who=[BEN, devices[-1]]) for number in range(2)])
        assert self.lines(home, ANNA) == count
        home.people.record_consents([devices[-2]], [said(DENIED)], now=NOW)
        for who in ([ANNA], [devices[0]], [ANNA, devices[0]]):
            assert self.lines(home, *who) is None
        assert self.lines(home, BEN) == 2
        home.people.record_consents([devices[-2]], [said(GRANTED, time=NOW + 1)], now=NOW + 1)
        assert self.lines(home, devices[0]) == count
        assert self.lines(home, ANNA, permission=MUST) == count

    def test_somebody_unknown_can_refuse(self, home: Household) -> None:
        """Before her first event; and it is kept with all that she says."""
        assert self.lines(home, ANNA, BEN, permission=MUST) is None
        more = [
            said(DENIED, source="till ✓ 7"),
            said(GRANTED, purpose=Purpose.MARKETING, channel=Channel.EMAIL, time=NOW - 9),
        ]
        person = home.people.record_consents([ANNA], more, now=NOW)
        assert person.consents == {ANNA: tuple(more)}
        home.log.append([event("e1")])
        assert self.lines(home, ANNA) is None
        assert home.people.person([ANNA], event_count_max=9).event_count == 1

    def test_what_is_said_now_is_the_last_word(self, home: Household) -> None:
        """Although a server with a fast clock dated what was said before."""
        home.log.append([event("e1")])
        home.people.record_consents([ANNA], [said(GRANTED, time=NOW + 5)], now=NOW + 5)
        home.people.record_consents([ANNA], [said(WITHDRAWN)], now=NOW)
        assert self.lines(home, ANNA) is None
        late = said(GRANTED, time=NOW - 100)
        for _ in range(2):
            person = home.people.record_consents([ANNA], [late], now=NOW + 6)
        assert person.consents[ANNA][0].status is WITHDRAWN
        kept = [line for line in exported(home.people, ANNA) if line["record"] == "consent"]
        assert [line["status"] for line in kept] == ["granted", "withdrawn", "granted"]

    def test_somebody_who_cannot_decide_fills_no_disk(self, home: Household) -> None:
        """The oldest replaced statements go, and never one that counts."""
        first = said(DENIED, purpose=Purpose.MARKETING, time=NOW - 9e6)
        home.people.record_consents([ANNA], [first], now=NOW)
        for turn in range(30):
            many = [said(GRANTED, time=NOW - 5e6 + 50 * turn + number) for number in range(50)]
            person = home.people.record_consents([ANNA], many, now=NOW)
        assert first in person.consents[ANNA]
        kept = [line for line in exported(home.people, ANNA) if line["record"] == "consent"]
        assert len(kept) == limits.CONSENT_KEPT_COUNT_MAX

    @pytest.mark.parametrize("seed", range(3))
    def test_many_people_at_once_are_told_what_each_alone_is(
        self, home: Household, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Linked, on shared devices, refusing, unknown; named twice or by several identifiers."""
        monkeypatch.setattr("recsys.limits.HISTORIES_COUNT_MAX", 7)
        rng = random.Random(seed)
        names = [Identifier(space, f"{space}{n}") for space in ("account", "loyalty_card", "visitor")
                 for n in range(8)]  # fmt: skip
        for number in range(120):
            # Cards are hers alone, and devices pass from hand to hand.
            who = [rng.choice(names)]
            if rng.random() < 0.3:
                mine = names.index(who[0]) % 8
                who = [names[mine], rng.choice([names[8 + mine], rng.choice(names[16:])])]
            time = NOW - rng.randint(0, 50)
            home.log.append([event(f"e{number}", who=who, items=[f"i{number}", "i"], time=time)])
        for who in rng.sample(names, 6):
            status = rng.choice([GRANTED, DENIED])
            home.people.record_consents([who], [said(status)], now=NOW)
        asked = [rng.sample(names, rng.choice([1, 1, 2, 3])) for _ in range(40)]
        asked += [[Identifier("account", "nobody")], [Identifier("account", "\x00")], *asked[:2]]
        for permission in (MAY, MUST):
            for count in (200, 5):
                found = home.reader.histories(asked, event_count_max=count, permission=permission)
                for who, history in zip(asked, found, strict=True):
                    alone = home.reader.history(who, event_count_max=count, permission=permission)
                    assert (history is None) == (alone is None)
                    if history is not None and alone is not None:
                        assert entries(history) == entries(alone)
                assert any(history is None for history in found)
                assert any(history is not None and len(history) for history in found)
        assert home.reader.histories([], event_count_max=5) == []

    def test_an_export_is_complete(self, home: Household) -> None:
        """Every identifier, statement and event, with all that was sent."""
        count = 1_234
        home.log.append(
            [event(f"e{n}", who=[ANNAS_CARD] if n % 2 else [ANNA], search_query=f"q{n}",
                   items=() if n % 3 else ("i",)) for n in range(count)]
        )  # fmt: skip
        home.log.append([event("ben", who=[BEN])])
        home.link([ANNA, ANNAS_CARD])
        home.people.record_consents([ANNA], [said(GRANTED)], now=NOW)
        found = exported(home.people, ANNAS_CARD)
        by_record = {line["record"] for line in found}
        assert {"identifier", "consent", "event"} <= by_record
        events = [line for line in found if line["record"] == "event"]
        assert {line["event_id"] for line in events} == {f"e{n}" for n in range(count)}
        assert len(events) == count
        one = next(line for line in events if line["event_id"] == "e7")
        assert (one["namespace"], one["value"]) == (ANNAS_CARD.namespace, ANNAS_CARD.value)
        assert one["content"]["search_query"] == "q7"
        who = [line["value"] for line in found if line["record"] == "identifier"]
        assert who == [ANNA.value, ANNAS_CARD.value]
        for one in (ANNA, ANNAS_CARD):
            person = home.people.person([one], event_count_max=0)
            assert person.identifiers == (ANNA, ANNAS_CARD)
        assert exported(home.people, Identifier("account", "nobody")) == []

    def test_nothing_of_the_erased_remains(self, home: Household) -> None:
        """Neither of any identifier of hers, nor in any corner; others keep all."""
        home.log.append(
            [event(f"e{n}", who=[ANNA if n % 2 else ANNAS_CARD], items=[f"i{n}"],
                   referrer="https://example.org/annas-secret") for n in range(40)]
        )  # fmt: skip
        home.log.append([event("ben", who=[BEN])])
        home.link([ANNA, ANNAS_CARD])
        home.people.record_consents([ANNA], [said(GRANTED), said(DENIED)], now=NOW)
        assert "annas-secret" in home.leftovers()
        erasure = home.people.erase([ANNAS_CARD], now=NOW + 1)
        assert (erasure.identifier_count, erasure.event_count, erasure.consent_count) == (2, 40, 2)
        for who in (ANNA, ANNAS_CARD):
            assert self.lines(home, who) == 0
            person = home.people.person([who], event_count_max=9)
            assert (person.identifiers, person.event_count) == ((), 0)
            assert person.erase_time == NOW + 1
            assert {line["record"] for line in exported(home.people, who)} == {"erased"}
        assert self.lines(home, BEN) == 1
        left = home.leftovers()
        assert not [word for word in ("annas-secret", ANNA.value, ANNAS_CARD.value) if word in left]
        assert erasure.erasure_id in left

    def test_an_erasure_names_the_files_that_hold_her(self, home: Household) -> None:
        """Those of hers, and those of everybody who was there when they were written."""
        hers = Export(kind=ExportKind.PROFILE, place="desk:/anna.jsonl", time=NOW)
        everybodys = Export(kind=ExportKind.SNAPSHOT, place="lab:/log", time=NOW + 1)
        carol = Identifier("account", "carol")
        home.log.append([event("a"), event("b", who=[BEN]), event("c", who=[ANNAS_CARD])])
        home.link([ANNA, ANNAS_CARD])
        for who, to in ((ANNA, hers), (carol, hers)):
            list(home.people.export([who], to=to))
        ((last_seq,),) = home.sessions.rows("SELECT max(seq) FROM events")
        home.sessions.write(lambda session: exports.add_log(session, everybodys, last_seq=last_seq))
        home.log.append([event("d", who=[carol]), event("e", who=[BEN])])
        lines = [line for line in exported(home.people, ANNAS_CARD) if line["record"] == "export"]
        assert [line["place"] for line in lines] == ["desk:/anna.jsonl", "lab:/log"]
        erased = {
            who: home.people.erase([who], now=NOW + 2).exports for who in (carol, ANNAS_CARD, BEN)
        }
        assert erased == {carol: (), ANNAS_CARD: (hers, everybodys), BEN: (everybodys,)}
        assert "anna.jsonl" not in home.leftovers()
        assert home.people.erase([ANNA], now=NOW + 3).exports == ()

    def test_the_erased_cannot_be_brought_back(self, home: Household) -> None:
        """By no second import, late event or consent; the same once more is refused again."""
        before = [event(f"e{n}") for n in range(3)]
        home.log.append(before)
        home.people.erase([ANNA, ANNAS_PHONE], now=NOW)
        late = [event("late", time=NOW + 5, who=[ANNAS_PHONE, ANNA]), event("ben", who=[BEN])]
        assert home.log.append([*before, *late]) == [Outcome.ERASED] * 4 + [Outcome.WRITTEN]
        with pytest.raises(PersonErased):
            home.people.record_consents([ANNA], [said(GRANTED)], now=NOW)
        assert self.lines(home, ANNA) == 0
        assert home.people.person([ANNA], event_count_max=9).identifiers == ()
        assert home.people.erase([ANNA], now=NOW + 9).event_count == 0

    def test_a_device_of_the_erased_serves_others(self, home: Household) -> None:
        """Their events are kept without it."""
        home.people.erase([ANNA, ANNAS_PHONE], now=NOW)
        theirs = event("e1", who=[BEN, ANNAS_PHONE])
        assert home.log.append([theirs, theirs]) == [Outcome.WRITTEN, Outcome.DUPLICATE]
        (line,) = (one for one in exported(home.people, BEN) if one["record"] == "event")
        assert line["content"]["identifiers"] == [{"namespace": "account", "value": "ben"}]

    def test_erasing_races_with_writers_and_wins(self, home: Household) -> None:
        """Whatever was under way, nothing of her is there afterwards."""
        stop = threading.Event()
        erased_outcomes: list[int] = []

        def write(worker: int) -> None:
            log, seen, number = home.open_log(), 0, 0
            while not stop.is_set() or not seen:
                mine = [event(f"{worker}-{number}-{n}", who=[ANNA, ANNAS_PHONE][:1 + n % 2])
                        for n in range(5)]  # fmt: skip
                outcomes = log.append([*mine, event(f"{worker}-{number}", who=[BEN])])
                assert outcomes[-1] is Outcome.WRITTEN
                seen += outcomes.count(Outcome.ERASED)
                number += 1
            log.close()
            erased_outcomes.append(seen)

        with ThreadPoolExecutor(3) as pool:
            writers = [pool.submit(write, worker) for worker in range(3)]
            while not self.lines(home, ANNA):
                pass
            home.open_people().erase([ANNA], now=NOW)
            stop.set()
            for writer in writers:
                writer.result()
        assert len(erased_outcomes) == 3
        assert self.lines(home, ANNA) == 0
        assert home.people.person([ANNA], event_count_max=9).event_count == 0
        assert "anna" not in home.leftovers()
        assert self.lines(home, BEN) > 0
