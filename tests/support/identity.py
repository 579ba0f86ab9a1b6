"""Made-up identifiers and links, and a graph of links in memory."""

import itertools
from collections.abc import Collection, Iterable, Mapping

from hypothesis import strategies as st

from recsys.domain import Identifier
from recsys.profiles import (
    Change,
    IdentityRules,
    Link,
    LinkKind,
    LinkName,
    Refusal,
    Segment,
    stated,
    update,
)

DAY = 86_400.0
STRICT = IdentityRules(
    limits={"account": 2, "loyalty_card": 1}, identifiers_per_person=4, people_per_device=2,
    limit_default=3,
)  # fmt: skip


def account(name: str) -> Identifier:
    """Build an account."""
    return Identifier("account", name)


def card(name: str) -> Identifier:
    """Build a loyalty card."""
    return Identifier("loyalty_card", name)


def visitor(name: str) -> Identifier:
    """Build a device."""
    return Identifier("visitor", name)


def link(
    one: Identifier,
    other: Identifier,
    time: float = 0.0,
    *,
    kind: LinkKind = LinkKind.EVENT,
    source: str = "web",
    confidence: float = 1.0,
) -> Link:
    """Build a link."""
    return stated((one, other), kind=kind, source=source, time=time, confidence=confidence)


IDENTIFIERS = st.builds(
    Identifier,
    st.sampled_from(["account", "account", "loyalty_card", "email_sha256", "visitor", "visitor"]),
    st.sampled_from("abcd"),
)
PAIRS = st.tuples(IDENTIFIERS, IDENTIFIERS).filter(lambda pair: pair[0] != pair[1])
STATEMENTS = st.builds(
    lambda pair, time, kind, source, confidence: stated(
        pair, kind=kind, source=source, time=time, confidence=confidence
    ),
    PAIRS,
    st.integers(0, 40).map(lambda days: days * DAY),
    st.sampled_from(LinkKind),
    st.sampled_from(["web", "crm"]),
    st.sampled_from([0.2, 0.9, 1.0]),
)


class Graph:
    """Links and what follows from them; counts what is looked at."""

    def __init__(self, rules: IdentityRules) -> None:
        self.rules = rules
        self.kept: dict[LinkName, Link] = {}
        self.head_of: dict[Identifier, Identifier] = {}
        self.stretches: set[Segment] = set()
        self.looked_at = 0
        self._by_end: dict[tuple[Identifier, bool], dict[LinkName, None]] = {}

    def add(self, links: Iterable[Link]) -> dict[LinkName, Refusal]:
        """Keep links, and bring everything up to date."""
        added, altered = {}, {}
        for one in links:
            name = one.name
            there = self.kept.get(name)
            self.kept[name] = one if there is None else there.merged(one)
            for end in one.ends:
                self._by_end.setdefault((end, self._is_login(name)), {})[name] = None
            (added if there is None or name in added else altered)[name] = self.kept[name]
        change = Change(added=list(added.values()), altered=list(altered.values()))
        return update(self, change, self.rules)

    def remove(self, names: Iterable[LinkName]) -> None:
        """Forget links, and bring everything up to date."""
        removed = [self.kept.pop(name) for name in names if name in self.kept]
        for one in removed:
            for end in one.ends:
                del self._by_end[end, self._is_login(one.name)][one.name]
        update(self, Change(removed=removed), self.rules)

    def state(self) -> tuple[dict[Identifier, Identifier], set[Segment]]:
        """Heads and segments."""
        return self.head_of, self.stretches

    def links(
        self, identifiers: Collection[Identifier], *, logins: bool, count_max: int
    ) -> Mapping[Identifier, list[Link]]:
        """As `LinkGraph.links`."""
        found = {}
        for one in identifiers:
            names = itertools.islice(self._by_end.get((one, logins), ()), count_max)
            found[one] = [self.kept[name] for name in names]
            self.looked_at += 1 + len(found[one])
        return found

    def _is_login(self, name: LinkName) -> bool:
        return self.rules.is_device(name.one) != self.rules.is_device(name.other)

    def heads(self, identifiers: Collection[Identifier]) -> Mapping[Identifier, Identifier]:
        """As `LinkGraph.heads`."""
        return {one: self.head_of[one] for one in identifiers if one in self.head_of}

    def segments(self, identifiers: Collection[Identifier]) -> set[Segment]:
        """As `LinkGraph.segments`."""
        wanted = set(identifiers)
        return {one for one in self.stretches if one.identifier in wanted}

    def owners(self, people: Collection[Identifier]) -> set[Identifier]:
        """As `LinkGraph.owners`."""
        wanted = set(people)
        return {
            one.owner
            for one in self.stretches
            if one.owner in wanted and one.owner != one.identifier
        }

    def write(
        self,
        heads: Mapping[Identifier, Identifier | None],
        *,
        gone: Collection[Segment],
        new: Collection[Segment],
    ) -> None:
        """As `LinkGraph.write`."""
        for one, head in heads.items():
            if head is None:
                del self.head_of[one]
            else:
                self.head_of[one] = head
        assert set(gone) <= self.stretches
        assert not set(new) & self.stretches
        self.stretches = self.stretches - set(gone) | set(new)
