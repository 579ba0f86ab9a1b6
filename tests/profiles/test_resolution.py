"""Who is who is decided by the set of links: laws over made-up links, and what they mean."""

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import limits
from recsys.domain import Identifier
from recsys.profiles import IdentityRules, Link, LinkKind, LinkName, Refusal, merged, resolve
from support.identity import (
    DAY,
    PAIRS,
    STATEMENTS,
    STRICT,
    Graph,
    account,
    card,
    link,
    visitor,
)

RULES = IdentityRules()
STATEMENT_LISTS = st.lists(STATEMENTS, max_size=25)


def filled(links: list[Link], rules: IdentityRules = STRICT) -> Graph:
    """Keep links one by one."""
    graph = Graph(rules)
    for one in links:
        graph.add([one])
    return graph


def between(graph: Graph, pair: tuple[Identifier, Identifier]) -> list[LinkName]:
    """Names of the links of two identifiers."""
    return [name for name in graph.kept if {name.one, name.other} == set(pair)]


@given(STATEMENT_LISTS, st.randoms(use_true_random=False))
def test_any_order_of_links_gives_the_same_profiles(links: list[Link], rng: random.Random) -> None:
    """One by one, in any order, or in batches of any size."""
    expected = resolve(merged(links), STRICT)
    shuffled = rng.sample(links, len(links))
    assert filled(shuffled).state() == (expected.heads, expected.segments)
    graph = Graph(STRICT)
    while shuffled:
        size = rng.randint(1, len(shuffled))
        graph.add(shuffled[:size])
        del shuffled[:size]
    assert graph.state() == (expected.heads, expected.segments)


@given(STATEMENT_LISTS, STATEMENT_LISTS, PAIRS)
def test_unlinking_restores_what_would_be_had_there_never_been_a_link(
    before: list[Link], after: list[Link], pair: tuple[Identifier, Identifier]
) -> None:
    """Whatever else was linked before, and in between."""
    never = filled([one for one in before + after if set(one.ends) != set(pair)])
    linked = filled(before)
    linked.add([link(*pair, 3 * DAY, kind=LinkKind.EXPLICIT)])
    for one in after:
        linked.add([one])
    linked.remove(between(linked, pair))
    assert linked.state() == never.state()
    assert linked.kept == never.kept


@given(STATEMENT_LISTS)
def test_limits_are_never_exceeded(links: list[Link]) -> None:
    """Of a namespace, of a person, of people on a device; and devices join nobody."""
    found = resolve(merged(links), STRICT)
    people: dict[Identifier, list[Identifier]] = {}
    for one, head in found.heads.items():
        people.setdefault(head, []).append(one)
    for head, together in people.items():
        assert len(together) <= STRICT.identifiers_per_person
        assert len({STRICT.is_device(one) for one in together}) == 1
        assert head == min(together, key=STRICT.strength)
        for namespace, count in Counter(one.namespace for one in together).items():
            assert count <= STRICT.limit(namespace)
    users: dict[Identifier, set[Identifier]] = {}
    for segment in found.segments:
        users.setdefault(segment.identifier, set()).add(segment.owner)
    assert all(len(owners) <= STRICT.people_per_device for owners in users.values())


@given(STATEMENT_LISTS)
def test_every_moment_of_a_device_counts_for_one_owner_at_most(links: list[Link]) -> None:
    """Segments of one identifier do not overlap and leave no gap once they have begun."""
    by_identifier: dict[Identifier, list[tuple[float, float]]] = {}
    for segment in resolve(merged(links), STRICT).segments:
        assert segment.from_time < segment.until_time
        stretch = (segment.from_time, segment.until_time)
        by_identifier.setdefault(segment.identifier, []).append(stretch)
    for stretches in by_identifier.values():
        stretches.sort()
        assert stretches[-1][1] == math.inf
        assert all(one[1] == other[0] for one, other in itertools.pairwise(stretches))


@given(STATEMENT_LISTS)
def test_links_that_join_nothing_are_reported(links: list[Link]) -> None:
    """Two people whose link is not refused are one; the report of an update agrees."""
    graph = Graph(STRICT)
    refusals = {}
    for one in links:
        reported = graph.add([one])
        found = resolve(graph.kept.values(), STRICT)
        refusals = found.refusals
        assert reported.get(one.name) == refusals.get(one.name)
    for name in graph.kept.keys() - refusals.keys():
        if STRICT.is_device(name.one) == STRICT.is_device(name.other):
            assert graph.head_of[name.one] == graph.head_of[name.other]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=120))
def test_what_is_too_connected_or_public_is_parted_and_joined_again(
    steps: list[tuple[int, int, bool]],
) -> None:
    """With small bounds, adding and removing crosses them again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "LINK_COUNT_MAX", 4)
        patch.setattr(limits, "CONNECTED_IDENTIFIER_COUNT_MAX", 9)
        graph = Graph(RULES)
        for one, other, is_new in steps:
            if one == other:
                continue
            pair = (account(f"{one:02}"), account(f"{other:02}"))
            if is_new:
                graph.add([link(*pair)])
            else:
                graph.remove(between(graph, pair))
            expected = resolve(graph.kept.values(), RULES)
            assert graph.state() == (expected.heads, expected.segments)
            # What is looked at does not grow with what is there.
            assert graph.looked_at < 4_000
            graph.looked_at = 0


def test_a_city_on_one_tablet_stays_a_city() -> None:
    """Ten thousand accounts on a device join nobody, and each costs the same."""
    graph = Graph(RULES)
    tablet = visitor("tablet")
    refused = {}
    for number in range(10_000):
        refused = graph.add([link(account(f"a-{number}"), tablet, float(number))])
    assert refused == dict.fromkeys(refused, Refusal.PUBLIC_DEVICE)
    assert len(refused) >= 1
    assert graph.state() == ({tablet: tablet}, set())
    assert graph.looked_at < 10_000 * 300


def test_a_card_that_everybody_shows_joins_nobody() -> None:
    """The clerk's own card, scanned for all who have none; their other cards stay theirs."""
    graph = Graph(RULES)
    clerks = card("clerk")
    own = [link(account(f"a-{number}"), card(f"c-{number}")) for number in range(300)]
    graph.add(own)
    refused = {}
    for number in range(300):
        refused = graph.add([link(account(f"a-{number}"), clerks)])
    assert Refusal.PUBLIC_IDENTIFIER in refused.values()
    heads, _ = graph.state()
    assert heads == {end: account(end.value.replace("c", "a")) for one in own for end in one.ends}


def test_cycles_and_repetitions_change_nothing() -> None:
    """A ring of identifiers is one person, however often it is said."""
    ring = [
        account("a"),
        card("b"),
        Identifier("email_sha256", "c"),
        Identifier("pos_customer", "d"),
    ]
    links = [link(one, ring[(place + 1) % 4]) for place, one in enumerate(ring)]
    graph = filled(links * 3, RULES)
    assert graph.head_of == dict.fromkeys(ring, account("a"))


def test_what_somebody_said_beats_what_was_seen() -> None:
    """With room for one card, the stated one stays, whenever it came."""
    seen = link(account("a"), card("seen"), 1.0)
    said = link(account("a"), card("said"), 9.0, kind=LinkKind.EXPLICIT, source="crm")
    graph = Graph(STRICT)
    graph.add([seen])
    assert graph.head_of[card("seen")] == account("a")
    assert graph.add([said]) == {seen.name: Refusal.NAMESPACE_LIMIT}
    assert card("seen") not in graph.head_of
    assert graph.head_of[card("said")] == account("a")
    graph.remove([said.name])
    assert graph.head_of[card("seen")] == account("a")


def test_an_unsure_link_is_kept_and_joins_nothing() -> None:
    """Until it is said again with more confidence."""
    pair = (account("a"), card("b"))
    unsure = link(*pair, 1.0, kind=LinkKind.EXPLICIT, confidence=0.4)
    graph = Graph(RULES)
    assert graph.add([unsure]) == {unsure.name: Refusal.CONFIDENCE}
    assert graph.state() == ({}, set())
    assert graph.add([link(*pair, 2.0, kind=LinkKind.EXPLICIT, confidence=0.9)]) == {}
    assert graph.head_of[card("b")] == account("a")
