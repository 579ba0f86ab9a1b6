"""Which identifiers are one: a union-find that refuses what a limit forbids.

The result is a function of the set of links. Links are taken in one fixed order (what
somebody said before what was seen, the surer first, then by trust in the namespaces,
time and names), so the order in which they arrived plays no part (Kruskal's scheme: a
link that joins two sets within the limits joins them for good, any other is refused).
"""

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from recsys import limits
from recsys.domain import Identifier
from recsys.profiles.link import Link, LinkName
from recsys.profiles.rules import IdentityRules


class Refusal(enum.StrEnum):
    """Why a link joins nothing. It is kept, and joins as soon as the reason is gone."""

    CONFIDENCE = "confidence"
    """It is less sure than `confidence_min`."""

    NAMESPACE_LIMIT = "namespace-limit"
    """The person would have too many identifiers of one namespace."""

    PERSON_LIMIT = "person-limit"
    """The person would have too many identifiers."""

    PUBLIC_IDENTIFIER = "public-identifier"
    """One of the two has so many links that it names nobody."""

    PUBLIC_DEVICE = "public-device"
    """Too many people log in on the device."""

    TOO_CONNECTED = "too-connected"
    """It belongs to more identifiers, all connected, than can be told apart."""


class Joined(NamedTuple):
    """What became of some links.

    Attributes:
        heads: The strongest identifier of the set of each identifier, itself if alone.
        refusals: The links that join nothing.
    """

    heads: dict[Identifier, Identifier]
    refusals: dict[LinkName, Refusal]


def join(members: Iterable[Identifier], links: Iterable[Link], rules: IdentityRules) -> Joined:
    """Join what is connected, all of it people or all of it devices.

    Args:
        members: All identifiers concerned.
        links: All links among them.
        rules: The retailer's.
    """
    sets = {one: [one] for one in members}
    refusals: dict[LinkName, Refusal] = {}
    for link in sorted(links, key=lambda link: _order(link, rules)):
        ours, theirs = sets[link.one], sets[link.other]
        if link.confidence < rules.confidence_min:
            refusals[link.name] = Refusal.CONFIDENCE
        elif ours is not theirs:
            if refusal := _refusal(ours, theirs, rules):
                refusals[link.name] = refusal
                continue
            larger, smaller = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
            larger += smaller
            sets.update(dict.fromkeys(smaller, larger))
    heads: dict[Identifier, Identifier] = {}
    for one, together in sets.items():
        if one not in heads:
            heads.update(dict.fromkeys(together, min(together, key=rules.strength)))
    return Joined(heads, refusals)


def _order(link: Link, rules: IdentityRules) -> tuple[object, ...]:
    ends = sorted((rules.strength(link.one), rules.strength(link.other)))
    return link.kind, -link.confidence, ends[0][0], ends[1][0], link.first_time, ends, link.source


def _refusal(
    ours: Collection[Identifier], theirs: Collection[Identifier], rules: IdentityRules
) -> Refusal | None:
    if len(ours) + len(theirs) > rules.identifiers_per_person:
        return Refusal.PERSON_LIMIT
    counts = Counter(one.namespace for one in (*ours, *theirs))
    if any(count > rules.limit(namespace) for namespace, count in counts.items()):
        return Refusal.NAMESPACE_LIMIT
    return None


class Component(NamedTuple):
    """Identifiers that links connect.

    Attributes:
        members: All of them, or more than can be looked at if `is_too_large`.
        links: Links among them, each once; those with a public identifier left out.
        is_too_large: Whether there are more than `CONNECTED_IDENTIFIER_COUNT_MAX`.
    """

    members: list[Identifier]
    links: list[Link]
    is_too_large: bool


def components(links: Mapping[Identifier, Collection[Link]]) -> list[Component]:
    """Find what is connected.

    Args:
        links: All links of each identifier, people's or devices'. An identifier that has
            more than `LINK_COUNT_MAX` is public: its links connect nothing.
    """
    sets = {one: [one] for one in links}
    public = {one for one, its in links.items() if is_public(its)}
    among: dict[LinkName, Link] = {}
    for its in links.values():
        for link in its:
            if link.one in public or link.other in public:
                continue
            ours, theirs = sets.get(link.one), sets.get(link.other)
            if ours is None or theirs is None:
                continue
            among[link.name] = link
            if ours is not theirs:
                larger, smaller = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
                larger += smaller
                sets.update(dict.fromkeys(smaller, larger))
    found = {
        id(together): Component(together, [], len(together) > limits.CONNECTED_IDENTIFIER_COUNT_MAX)
        for together in sets.values()
    }
    for link in among.values():
        found[id(sets[link.one])].links.append(link)
    return list(found.values())


def is_public(links: Collection[Link]) -> bool:
    """Whether an identifier has so many links that it names nobody."""
    return len(links) > limits.LINK_COUNT_MAX
