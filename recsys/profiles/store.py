"""Profiles as others see them, and the port to where links are kept."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

from recsys.domain import Identifier, ProfileId
from recsys.profiles.joining import Refusal
from recsys.profiles.link import Link, LinkName
from recsys.profiles.rules import IdentityRules
from recsys.profiles.sharing import Segment
from recsys.profiles.update import Change, LinkGraph, update

_EVIDENCE_COUNT_MAX: Final = 200


class Evidence(NamedTuple):
    """A link, and why it joins nothing; None if it does."""

    link: Link
    refusal: Refusal | None


class Profile(NamedTuple):
    """Who is behind an identifier.

    Attributes:
        profile_id: Ours; it changes when people are joined or parted.
        identifiers: All of hers, people's before devices', the most trusted first; the
            one that was asked for if nothing is linked with it.
        segments: When devices count for her; none of a device that is nobody's.
        evidence: All links of these identifiers (of one with very many, some), whether
            they join or not.
    """

    profile_id: ProfileId
    identifiers: tuple[Identifier, ...]
    segments: tuple[Segment, ...]
    evidence: tuple[Evidence, ...]


class ProfileGraph(LinkGraph, Protocol):
    """What a profile is put together from, as a transaction of a storage sees it."""

    def members(self, head: Identifier) -> Sequence[Identifier]:
        """Return all that have this head."""
        ...

    def owned(self, people: Collection[Identifier]) -> Sequence[Segment]:
        """Return when devices count for these people; the latest `HISTORY_PART_COUNT_MAX`."""
        ...

    def profile_id(self, identifier: Identifier) -> ProfileId:
        """Return the id of a profile by its strongest identifier."""
        ...


class ProfileStore(Protocol):
    """Keeps links. What it has done is part of the very next answer, in every process.

    Safe to share by processes; an instance does one thing at a time.
    """

    def link(self, links: Sequence[Link]) -> dict[LinkName, Refusal]:
        """Keep links in one step that survives any crash.

        Returns:
            Those of them that join nothing, and perhaps others that do not.

        Raises:
            PersonErased: One of the identifiers was erased; none of the links is kept.
            StorageUnavailable: None of them is kept.
        """
        ...

    def unlink(self, identifiers: Collection[Identifier], *, source: str | None) -> int:
        """Forget all links between any two of these identifiers, as if they had never been.

        Args:
            identifiers: Known or not.
            source: Whose links; None for all, those that events have brought included.

        Returns:
            How many links were forgotten.

        Raises:
            StorageUnavailable: None was.
        """
        ...

    def profile(self, identifier: Identifier) -> Profile:
        """Return who is behind an identifier, known or not.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...


def profile_of(graph: ProfileGraph, identifier: Identifier, rules: IdentityRules) -> Profile:
    """Put a profile together; nothing is written."""
    asked = identifier
    for segment in graph.segments([identifier]):
        if segment.until_time == float("inf"):
            asked = segment.owner
    head = graph.heads([asked]).get(asked, asked)
    people = sorted({asked, head, *graph.members(head)}, key=rules.strength)
    segments = [one for one in graph.owned(people) if one.identifier not in people]
    devices = {one.identifier for one in segments}
    links: dict[LinkName, Link] = {}
    for logins in (False, True):
        found = graph.links({*people, identifier}, logins=logins, count_max=_EVIDENCE_COUNT_MAX)
        links.update((link.name, link) for its in found.values() for link in its)
    evidence = sorted(links.values(), key=lambda link: (link.name.kind, link.name))
    refusals = update(graph, Change(altered=evidence), rules)
    return Profile(
        profile_id=graph.profile_id(head),
        identifiers=(*people, *sorted(devices, key=rules.strength)),
        segments=tuple(sorted(segments, key=lambda one: (one.identifier, one.from_time))),
        evidence=tuple(Evidence(link, refusals.get(link.name)) for link in evidence),
    )
