"""Links: what says that two identifiers are of one person. They are evidence and never rewritten."""

import enum
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from recsys import limits
from recsys.domain import Identifier
from recsys.events import Event
from recsys.profiles.rules import IdentityRules

CONFIDENCE_SURE: Final = 1.0
SOURCE_IMPORT: Final = "import"
"""Source of the links that an import's rule finds."""


class LinkKind(enum.IntEnum):
    """Where a link comes from; the strongest first. The numbers are kept in storage."""

    EXPLICIT = 1
    """Somebody has said so."""

    RULE = 2
    """A rule over a whole set of data has found it, such as an import's."""

    EVENT = 3
    """An event carried both identifiers."""


class LinkName(NamedTuple):
    """Tells links apart: what is said again of the same name joins the link that is there."""

    one: Identifier
    other: Identifier
    kind: LinkKind
    source: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """All that one source has said about two identifiers, in whatever order it came.

    Attributes:
        one: The first of the two by namespace and value.
        other: The second.
        kind: Where it comes from.
        source: Who said so, such as `crm`; for events the channel.
        confidence: Of what was said last, in (0, 1].
        first_time: When it was first said or seen, seconds since 1970-01-01 UTC.
        last_time: When it was last said or seen.
        times: When it was seen, ascending, each moment once: the newest
            `LOGIN_TIME_COUNT_MAX`. They tell whose turn on a device it was.
    """

    one: Identifier
    other: Identifier
    kind: LinkKind
    source: str
    confidence: float
    first_time: float
    last_time: float
    times: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.one < self.other:
            raise ValueError("a link joins two identifiers, in their order")
        if not 0.0 < self.confidence <= CONFIDENCE_SURE:
            raise ValueError(f"confidence is {self.confidence}; allowed above 0 to 1")
        if not math.isfinite(self.first_time) or not math.isfinite(self.last_time):
            raise ValueError("a link needs finite times")

    @property
    def name(self) -> LinkName:
        """What tells it apart."""
        return LinkName(self.one, self.other, self.kind, self.source)

    @property
    def ends(self) -> tuple[Identifier, Identifier]:
        """Both identifiers."""
        return self.one, self.other

    def merged(self, more: "Link") -> "Link":
        """Return what both say together; in any order and grouping the same."""
        last = max((self.last_time, self.confidence), (more.last_time, more.confidence))
        times = sorted({*self.times, *more.times})[-limits.LOGIN_TIME_COUNT_MAX :]
        return msgspec.structs.replace(
            self,
            confidence=last[1],
            first_time=min(self.first_time, more.first_time),
            last_time=last[0],
            times=tuple(times),
        )


def stated(
    pair: Sequence[Identifier],
    *,
    kind: LinkKind,
    source: str,
    time: float,
    confidence: float = CONFIDENCE_SURE,
) -> Link:
    """Say that two identifiers are of one person.

    Raises:
        ValueError: They are one identifier, or a value is out of its bounds.
    """
    one, other = sorted(pair)
    return Link(
        one=one,
        other=other,
        kind=kind,
        source=source,
        confidence=confidence,
        first_time=time,
        last_time=time,
        times=(time,),
    )


def pairs_of(
    identifiers: Iterable[Identifier], rules: IdentityRules
) -> list[tuple[Identifier, Identifier]]:
    """Return the links between identifiers that go together: the strongest with each other one."""
    ordered = sorted(set(identifiers), key=rules.strength)
    return [(ordered[0], one) for one in ordered[1:]]


def links_of_events(events: Iterable[Event], rules: IdentityRules) -> list[Link]:
    """Return what events say by carrying several identifiers, each link once."""
    return merged(
        stated(
            pair,
            kind=LinkKind.EVENT,
            source=event.content.channel.value if event.content.channel else "",
            time=event.event_time,
        )
        for event in events
        if len(event.content.identifiers) > 1
        for pair in pairs_of(event.content.identifiers, rules)
    )


def merged(links: Iterable[Link]) -> list[Link]:
    """Join the links of each name."""
    found: dict[LinkName, Link] = {}
    for link in links:
        name = link.name
        there = found.get(name)
        found[name] = link if there is None else there.merged(link)
    return list(found.values())
