"""Walks over all people: everybody once, whatever happens on the way; on both storages."""

import random
from collections.abc import Sequence

from recsys.campaigns import ALL_EVENTS, NO_EVENTS, FoundPerson, PeopleSource, WalkPosition
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier
from recsys.profiles import LinkKind
from recsys.serving.storage import Storage
from storage.event_log_contract import NOW, event
from support.identity import account, card, link, visitor


def source_of(store: Storage) -> PeopleSource:
    """People of a storage."""
    assert store.campaign_people is not None
    return store.campaign_people


def arrive(store: Storage, *people: Identifier) -> None:
    """Let people do something for the first time."""
    assert store.log is not None
    store.log.append(
        [event(f"e-{one.namespace}-{one.value}", who=[one], items=[one.value]) for one in people]
    )


def join(store: Storage, one: Identifier, other: Identifier) -> None:
    """Say that two identifiers are of one person."""
    assert store.profiles is not None
    store.profiles.link([link(one, other, NOW - 5.0, kind=LinkKind.EXPLICIT)])


def steps(source: PeopleSource, position: WalkPosition | None, *, count: int) -> list[FoundPerson]:
    """Walk to the end from a position."""
    met: list[FoundPerson] = []
    while position is not None:
        part = source.walk(position, count=count, needs=NO_EVENTS)
        met += part.people
        position = part.next
    return met


def names(people: Sequence[FoundPerson]) -> list[tuple[str, ...]]:
    """Who was met, in order."""
    return [tuple(one.value for one in each.person.identifiers) for each in people]


def test_everybody_is_met_once_with_all_identifiers(store: Storage) -> None:
    """A card of an account and a device with a login are no people of their own."""
    source = source_of(store)
    assert steps(source, source.begin(), count=2) == []
    arrive(store, account("anna"), visitor("phone"), account("ben"), card("26"), visitor("alone"))
    join(store, account("anna"), card("26"))
    join(store, account("anna"), visitor("phone"))
    met = names(steps(source, source.begin(), count=2))
    assert sorted(met) == [("alone",), ("anna", "26", "phone"), ("ben",)]
    assert met[-1] == ("alone",)


def test_what_is_joined_on_the_way_neither_loses_nor_repeats_anybody(store: Storage) -> None:
    """Old people, newcomers and devices are linked between any two steps."""
    source = source_of(store)
    rng = random.Random(7)
    people = [account(f"a{number}") for number in range(24)]
    devices = [visitor(f"v{number}") for number in range(12)]
    everybody = [*people, *devices]
    rng.shuffle(everybody)
    for one in everybody:
        arrive(store, one)
    position: WalkPosition | None = source.begin()
    met: list[FoundPerson] = []
    turn = 0
    while position is not None:
        part = source.walk(position, count=3, needs=NO_EVENTS)
        met += part.people
        position = part.next
        turn += 1
        newcomer = account(f"new{turn}")
        arrive(store, newcomer)
        join(store, newcomer, rng.choice(devices))
        if turn % 3 == 1:
            join(store, card(f"c{turn}"), rng.choice(people))
        if turn % 4 == 2:
            join(store, *rng.sample(people, 2))
        if turn % 4 == 3:
            join(store, rng.choice(people), rng.choice(devices))
    seen = [one for person in met for one in person.person.identifiers]
    assert set(people) <= set(seen)
    # Nobody is met who was met before, as part of whomever.
    behind: set[Identifier] = set()
    for person in met:
        hers = {one for one in person.person.identifiers if one in people}
        assert not hers & behind
        behind |= hers
    # Devices are met unless they are somebody's who was met.
    owned = {one for one in seen if one.namespace == "visitor"}
    for device in set(devices) - owned:
        (found,) = source.find([[device]], needs=NO_EVENTS)
        assert set(found.person.identifiers) & set(seen)


def test_a_walk_goes_on_elsewhere_from_a_position(store: Storage) -> None:
    """In another process as well: a position is a value."""
    source = source_of(store)
    arrive(store, *(account(f"a{number}") for number in range(7)))
    whole = names(steps(source, source.begin(), count=3))
    part = source.walk(source.begin(), count=3, needs=NO_EVENTS)
    assert part.next is not None
    assert names(part.people) + names(steps(source, part.next, count=2)) == whole
    arrive(store, account("late"))
    assert names(part.people) + names(steps(source, part.next, count=2)) == whole


def test_what_she_said_and_did_comes_along(store: Storage) -> None:
    """Under all of her identifiers; on a shared device, what others did does not."""
    assert store.log is not None
    assert store.people is not None
    source = source_of(store)
    anna, ben, phone = account("anna"), account("ben"), visitor("phone")
    store.log.append(
        [
            event("e1", who=[anna, phone], items=["tea"], time=NOW - 90.0),
            event("e2", who=[ben, phone], items=["ham"], time=NOW - 60.0),
            event("e3", who=[phone], items=["egg"], time=NOW - 30.0),
            event("e4", who=[anna], items=["jam"], time=NOW - 20.0,
                  event_type=EventType.CLICK, channel=Channel.EMAIL),
        ]
    )  # fmt: skip
    said = Consent(purpose=Purpose.MARKETING, status=ConsentStatus.GRANTED, time=NOW)
    store.people.record_consents([anna], [said], now=NOW)
    found = {
        one.person.identifiers[0]: one.person
        for one in source.find([[anna], [ben]], needs=ALL_EVENTS)
    }
    assert sorted(one.item_ids for one in found[anna].events) == ["jam", "tea"]
    assert sorted(one.item_ids for one in found[ben].events) == ["egg", "ham"]
    assert found[anna].consents[anna] == (said,)


def test_the_unknown_and_the_erased_are_told_apart(store: Storage) -> None:
    """Both have no identifiers; the erased have a time."""
    assert store.people is not None
    source = source_of(store)
    arrive(store, account("anna"), account("ben"))
    store.people.erase([account("ben")], now=NOW)
    anna, ben, nobody = source.find(
        [[account("anna")], [account("ben")], [account("nobody")]], needs=NO_EVENTS
    )
    assert anna.person.erase_time is None
    assert (ben.person.identifiers, ben.person.erase_time) == ((), NOW)
    assert (nobody.person.identifiers, nobody.person.erase_time) == ((), None)
    assert names(steps(source, source.begin(), count=9)) == [("anna",)]


def test_a_sample_of_all_is_all(store: Storage) -> None:
    """And a smaller one has that many identifiers, and says of how many."""
    source = source_of(store)
    arrive(store, *(account(f"a{number}") for number in range(9)), visitor("v"))
    join(store, account("a0"), visitor("v"))
    whole = source.sample(count=20, seed=1, needs=NO_EVENTS)
    assert (len(whole.people), whole.identifier_count, whole.identifier_total) == (9, 10, 10)
    some = source.sample(count=4, seed=1, needs=NO_EVENTS)
    assert (some.identifier_count, some.identifier_total) == (4, 10)
    assert source.sample(count=4, seed=1, needs=NO_EVENTS) == some
