"""From a set of links to profiles: all at once, which is what the parts must add up to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from recsys.domain import Identifier
from recsys.profiles.joining import Component, Joined, Refusal, components, is_public, join
from recsys.profiles.link import Link, LinkName
from recsys.profiles.rules import IdentityRules
from recsys.profiles.sharing import Segment, always, share

Links = Mapping[Identifier, Collection[Link]]


class Resolution(NamedTuple):
    """Who is who.

    Attributes:
        heads: For each identifier that links say something of: the strongest of those
            that are one with it. Absent for one that is alone and has no device.
        segments: For whom everything counts that these identifiers do.
        refusals: The links that join nothing, and why.
    """

    heads: dict[Identifier, Identifier]
    segments: set[Segment]
    refusals: dict[LinkName, Refusal]


def resolve(links: Iterable[Link], rules: IdentityRules) -> Resolution:
    """Decide who is who; a function of the set of links.

    Args:
        links: Each name once.
        rules: The retailer's.
    """
    people, devices, logins = _sorted_out(links, rules)
    joined = joined_of(components(people), rules)
    groups = joined_of(components(devices), rules)
    heads: dict[Identifier, Identifier] = {}
    segments: set[Segment] = set()
    refusals = joined.refusals | groups.refusals | public_refusals(people, devices)
    members: dict[Identifier, list[Identifier]] = defaultdict(list)
    for one, head in groups.heads.items():
        members[head].append(one)
    for head, together in members.items():
        together.sort(key=rules.strength)
        shared = share(together, [link for one in together for link in logins[one]], rules)
        refusals |= shared.refusals
        segments.update(shared.segments)
        if len(together) > 1 or shared.segments or shared.is_public:
            heads.update(dict.fromkeys(together, head))
    owners = {segment.owner for segment in segments}
    sizes: dict[Identifier, int] = defaultdict(int)
    for head in joined.heads.values():
        sizes[head] += 1
    for one, head in joined.heads.items():
        if sizes[head] > 1 or one in owners:
            heads[one] = head
            segments.add(always(one, one))
    return Resolution(heads, segments, refusals)


def joined_of(found: Iterable[Component], rules: IdentityRules) -> Joined:
    """Join components; of one that is too large, nothing is joined."""
    heads: dict[Identifier, Identifier] = {}
    refusals: dict[LinkName, Refusal] = {}
    for component in found:
        if component.is_too_large:
            heads.update((one, one) for one in component.members)
            refusals.update((link.name, Refusal.TOO_CONNECTED) for link in component.links)
        else:
            joined = join(component.members, component.links, rules)
            heads |= joined.heads
            refusals |= joined.refusals
    return Joined(heads, refusals)


def public_refusals(*kinds: Links) -> dict[LinkName, Refusal]:
    """Return the refusals of all links with a public identifier."""
    return {
        link.name: Refusal.PUBLIC_IDENTIFIER
        for links in kinds
        for its in links.values()
        if is_public(its)
        for link in its
    }


def _sorted_out(links: Iterable[Link], rules: IdentityRules) -> tuple[Links, Links, Links]:
    """Sort links by identifier: of people among each other, of devices, and logins by device."""
    people: dict[Identifier, list[Link]] = defaultdict(list)
    devices: dict[Identifier, list[Link]] = defaultdict(list)
    logins: dict[Identifier, list[Link]] = defaultdict(list)
    for link in links:
        kinds = [rules.is_device(one) for one in link.ends]
        for one, is_device in zip(link.ends, kinds, strict=True):
            there = devices if is_device else people
            there[one] += [link] if kinds[0] == kinds[1] else []
            if is_device and kinds[0] != kinds[1]:
                logins[one].append(link)
    return people, devices, logins
