"""Who is who after some links have changed, by looking at what they touch and nothing else.

The outcome is that of `resolve` over all links. What has to be looked at is bounded:
what is connected with a changed link, up to a limit beyond which nothing is joined;
through an identifier with too many links nothing is connected; and who logs in on a
device joins nobody, so that a device is looked at for itself.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from recsys import limits
from recsys.domain import Identifier
from recsys.profiles.joining import Refusal, components, is_public
from recsys.profiles.link import Link, LinkName
from recsys.profiles.resolution import joined_of
from recsys.profiles.rules import IdentityRules
from recsys.profiles.sharing import Segment, always, share

_Fetch = Callable[[Collection[Identifier]], Mapping[Identifier, list[Link]]]


class LinkGraph(Protocol):
    """Links and what follows from them, as a transaction of a storage sees them."""

    def links(
        self, identifiers: Collection[Identifier], *, logins: bool, count_max: int
    ) -> Mapping[Identifier, list[Link]]:
        """Return the links of each identifier.

        Args:
            identifiers: Those that have none may be absent from the answer.
            logins: Whether those between people and devices, or all others.
            count_max: No more of each identifier than this.
        """
        ...

    def heads(self, identifiers: Collection[Identifier]) -> Mapping[Identifier, Identifier]:
        """Return the heads of those that have one."""
        ...

    def segments(self, identifiers: Collection[Identifier]) -> set[Segment]:
        """Return the segments of these identifiers."""
        ...

    def owners(self, people: Collection[Identifier]) -> set[Identifier]:
        """Return those of these people for whom a device counts."""
        ...

    def write(
        self,
        heads: Mapping[Identifier, Identifier | None],
        *,
        gone: Collection[Segment],
        new: Collection[Segment],
    ) -> None:
        """Change heads and segments."""
        ...


class Change(NamedTuple):
    """What has become of links in the graph.

    Attributes:
        added: Links that are there now and were not before.
        altered: Links that say something else than before.
        removed: Links that are gone.
    """

    added: Sequence[Link] = ()
    altered: Sequence[Link] = ()
    removed: Sequence[Link] = ()


LinkOutcomes = Sequence[Refusal | None]
"""Of links that were said: why each joins nothing, None if it does."""


def outcomes_of(change: Change, refusals: Mapping[LinkName, Refusal]) -> LinkOutcomes:
    """Say what became of the links of a change that are there now, given what `update` returned."""
    return [refusals.get(link.name) for link in (*change.added, *change.altered)]


def update(graph: LinkGraph, change: Change, rules: IdentityRules) -> dict[LinkName, Refusal]:
    """Bring heads and segments up to date after a change.

    Returns:
        The links of the change that join nothing, and perhaps others that do not.
    """
    return _Update(graph, change, rules).run()


class _Update:
    def __init__(self, graph: LinkGraph, change: Change, rules: IdentityRules) -> None:
        self._graph = graph
        self._rules = rules
        self._added = frozenset(link.name for link in change.added)
        self._removed = change.removed
        self._there = (*change.added, *change.altered)
        self._refusals: dict[LinkName, Refusal] = {}
        self._heads: dict[Identifier, Identifier | None] = {}

    def run(self) -> dict[LinkName, Refusal]:
        people: set[Identifier] = set()
        devices: set[Identifier] = set()
        for link in (*self._there, *self._removed):
            kinds = [self._rules.is_device(one) for one in link.ends]
            for one, is_device in zip(link.ends, kinds, strict=True):
                if is_device:
                    devices.add(one)
                elif kinds[0] == kinds[1]:
                    people.add(one)
        owners = self._update_devices(devices) if devices else set()
        if people or owners:
            self._update_people(people | owners)
        return self._refusals

    def _update_devices(self, touched: Collection[Identifier]) -> set[Identifier]:
        """Return the people for whom a device has begun or ceased to count."""
        heads = self._joined(touched)
        members: dict[Identifier, list[Identifier]] = defaultdict(list)
        for one, head in heads.items():
            members[head].append(one)
        # One more than a device may have tells that it has too many.
        logins = self._graph.links(heads, logins=True, count_max=limits.LINK_COUNT_MAX + 1)
        new: set[Segment] = set()
        linked: dict[Identifier, Identifier | None] = dict.fromkeys(heads)
        for head, together in members.items():
            together.sort(key=self._rules.strength)
            links = [link for one in together for link in logins.get(one, ())]
            shared = share(together, links, self._rules)
            new.update(shared.segments)
            self._refusals |= shared.refusals
            if shared.is_public:
                self._refuse(together, Refusal.PUBLIC_DEVICE, logins=True)
            if len(together) > 1 or shared.segments or shared.is_public:
                linked.update(dict.fromkeys(together, head))
        old = self._graph.segments(heads)
        self._write(linked, old=old, new=new)
        owners = {one.owner for one in old} ^ {one.owner for one in new}
        return {one for one in owners if not self._rules.is_device(one)}

    def _update_people(self, touched: Collection[Identifier]) -> None:
        heads = self._joined(touched)
        sizes: dict[Identifier, int] = defaultdict(int)
        for head in heads.values():
            sizes[head] += 1
        owners = self._graph.owners(heads)
        linked: dict[Identifier, Identifier | None] = {
            one: head if sizes[head] > 1 or one in owners else None for one, head in heads.items()
        }
        new = {always(one, one) for one, head in linked.items() if head is not None}
        self._write(linked, old=self._graph.segments(heads), new=new)

    def _write(
        self,
        heads: Mapping[Identifier, Identifier | None],
        *,
        old: Collection[Segment],
        new: Collection[Segment],
    ) -> None:
        there = self._graph.heads(heads)
        changed = {one: head for one, head in heads.items() if there.get(one) != head}
        gone, more = set(old) - set(new), set(new) - set(old)
        if changed or gone or more:
            self._graph.write(changed, gone=gone, new=more)

    def _joined(self, touched: Collection[Identifier]) -> dict[Identifier, Identifier]:
        """Return the heads of all that must be looked at because these were touched."""
        links = _explored(touched, self._fetched)
        found = components(links)
        joined = joined_of(found, self._rules)
        self._refusals |= joined.refusals
        self._refuse(
            [one for one, its in links.items() if is_public(its)],
            Refusal.PUBLIC_IDENTIFIER,
            logins=False,
        )
        heads = dict(joined.heads)
        too_large = {
            one for component in found if component.is_too_large for one in component.members
        }
        if too_large:
            # What was joined as long as it was less connected is parted now.
            before = _explored(too_large & set(touched), self._fetched_as_it_was)
            for component in components(before):
                if not component.is_too_large:
                    heads.update((one, heads.get(one, one)) for one in component.members)
        return heads

    def _fetched(self, identifiers: Collection[Identifier]) -> Mapping[Identifier, list[Link]]:
        # So many that those from before the change are all among them.
        count_max = limits.LINK_COUNT_MAX + 1 + len(self._added)
        return self._graph.links(identifiers, logins=False, count_max=count_max)

    def _fetched_as_it_was(
        self, identifiers: Collection[Identifier]
    ) -> Mapping[Identifier, list[Link]]:
        found = {
            one: [link for link in links if link.name not in self._added]
            for one, links in self._fetched(identifiers).items()
        }
        for link in self._removed:
            for end in link.ends:
                if end in found:
                    found[end].append(link)
        return found

    def _refuse(self, ends: Collection[Identifier], refusal: Refusal, *, logins: bool) -> None:
        # Of an end with very many links, only some have been looked at.
        for link in self._there:
            kinds = {self._rules.is_device(end) for end in link.ends}
            if (len(kinds) > 1) is logins and (link.one in ends or link.other in ends):
                self._refusals.setdefault(link.name, refusal)


def _explored(starts: Iterable[Identifier], fetch: _Fetch) -> dict[Identifier, list[Link]]:
    """Return the links of all that is connected with some identifiers.

    It ends early where more is connected than can be joined. The neighbours of a start
    that is public are looked at, too: it may have joined them until now.
    """
    found: dict[Identifier, list[Link]] = {}
    frontier = set(starts)
    is_start = True
    while frontier:
        fetched = fetch(frontier)
        found.update((one, fetched.get(one, [])) for one in frontier)
        open_ends = frontier if is_start else {one for one in frontier if not is_public(found[one])}
        for component in components(found):
            if component.is_too_large:
                open_ends = open_ends - set(component.members)
        frontier = {
            end for one in open_ends for link in found[one] for end in link.ends
        } - found.keys()
        is_start = False
    return found
