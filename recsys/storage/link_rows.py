"""How links are laid out in rows, whatever the database."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from recsys.domain import Identifier, ProfileId
from recsys.profiles import Change, IdentityRules, Link, LinkKind, LinkName, Segment
from recsys.storage.event_rows import IdentifierRow, Keys

RULES_FACT: Final = "identity_rules"
"""Fact that holds the rules by which profiles were made, as JSON."""

FORGET_IDLE: Final = """
DELETE FROM identifiers AS i
WHERE {which} AND i.profile_key IS NULL AND i.consent_bits = 0
  AND NOT EXISTS (SELECT 1 FROM links WHERE one_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM links WHERE other_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM events WHERE events.identifier_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM consents WHERE consents.identifier_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM offer_uses AS u WHERE u.identifier_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM loyalty_tiers AS t WHERE t.identifier_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM trigger_waits AS w WHERE w.identifier_key = i.identifier_key)
  AND NOT EXISTS (SELECT 1 FROM trigger_messages AS m WHERE m.identifier_key = i.identifier_key)
"""
"""Forgets identifiers of which nothing is known any more. Nobody may write under them meanwhile."""

LINKS_PER_PAGE: Final = 5_000
"""Links read at once where all of them are."""

_TIME_BYTES: Final = 8

Row = tuple[Any, ...]


class LinkRow(NamedTuple):
    """One row of the table `links`.

    Attributes:
        one_key: Of the first identifier by name.
        is_login: 1 between a person and a device, else 0; part of the key, so that the
            one sort is found without walking through the other.
        other_key: Of the second.
        kind: `LinkKind`.
        source: Who says so.
        confidence: Of the latest statement.
        first_time: Seconds since 1970-01-01 UTC.
        last_time: As `first_time`.
        times: Moments, packed as float64, little endian.
    """

    one_key: int
    is_login: int
    other_key: int
    kind: int
    source: str
    confidence: float
    first_time: float
    last_time: float
    times: bytes


class SegmentRow(NamedTuple):
    """One row of the table `segments`; as `recsys.profiles.Segment`, by keys."""

    owner_key: int
    identifier_key: int
    from_time: float
    until_time: float
    login_day: int


LINK_COLUMNS: Final = ", ".join(LinkRow._fields)
SEGMENT_COLUMNS: Final = ", ".join(SegmentRow._fields)


def link_row(link: Link, keys: Keys, rules: IdentityRules) -> LinkRow:
    """Lay out a link."""
    return LinkRow(
        keys.identifier(link.one),
        int(is_login(link, rules)),
        keys.identifier(link.other),
        int(link.kind),
        link.source,
        link.confidence,
        link.first_time,
        link.last_time,
        struct.pack(f"<{len(link.times)}d", *link.times),
    )


def read_link(row: Row) -> Link:
    """Read a link: namespace and value of both ends, then the columns from `kind` on."""
    *names, kind, source, confidence, first_time, last_time, times = row
    return Link(
        one=Identifier(*names[:2]),
        other=Identifier(*names[2:]),
        kind=LinkKind(kind),
        source=source,
        confidence=confidence,
        first_time=first_time,
        last_time=last_time,
        times=struct.unpack(f"<{len(times) // _TIME_BYTES}d", times),
    )


def segment_row(segment: Segment, keys: Keys) -> SegmentRow:
    """Lay out a segment."""
    return SegmentRow(
        keys.identifier(segment.owner),
        keys.identifier(segment.identifier),
        segment.from_time,
        segment.until_time,
        segment.login_day,
    )


def read_segment(row: Row) -> Segment:
    """Read a segment: namespace and value of owner and identifier, then the other columns."""
    return Segment(Identifier(*row[:2]), Identifier(*row[2:4]), *row[4:])


def identifier_rows(links: Iterable[Link], keys: Keys) -> dict[int, IdentifierRow]:
    """Lay out the identifiers of links."""
    ends = {end for link in links for end in link.ends}
    rows = [IdentifierRow(keys.identifier(one), one.namespace, one.value) for one in ends]
    return {row.identifier_key: row for row in rows}


def is_login(link: Link, rules: IdentityRules) -> bool:
    """Whether a link is between a person and a device."""
    return rules.is_device(link.one) != rules.is_device(link.other)


def key_of_pair(
    pair: Sequence[Identifier], keys: Keys, rules: IdentityRules
) -> tuple[int, int, int]:
    """Return the first three columns of all links of two identifiers."""
    one, other = sorted(pair)
    return (
        keys.identifier(one),
        int(rules.is_device(one) != rules.is_device(other)),
        keys.identifier(other),
    )


def compared(
    links: Iterable[Link], before: Mapping[LinkName, Link], keys: Keys, rules: IdentityRules
) -> tuple[Change, list[LinkRow]]:
    """Join links with what is there already.

    Args:
        links: Each name once.
        before: Those of the same names that are there.
        keys: Of the storage.
        rules: By which profiles are made.

    Returns:
        What changes for profiles, and the rows to be written.
    """
    added, altered, rows = [], [], []
    for link in links:
        there = before.get(link.name)
        joined = link if there is None else there.merged(link)
        if joined != there:
            rows.append(link_row(joined, keys, rules))
        if there is None:
            added.append(link)
        elif not _changes_nothing(joined, there, rules):
            altered.append(joined)
    return Change(added=added, altered=altered), rows


def _changes_nothing(link: Link, before: Link, rules: IdentityRules) -> bool:
    """Whether profiles are the same with what a link says now."""
    if is_login(link, rules):
        return link == before
    return (link.confidence, link.first_time) == (before.confidence, before.first_time)


def rules_text(rules: IdentityRules) -> str:
    """Say rules as the fact does; equal rules give equal texts."""
    return msgspec.json.encode(rules, order="sorted").decode()


def profile_id(head_key: int) -> ProfileId:
    """Name a profile by the key of its strongest identifier, which nobody can guess."""
    return ProfileId(f"{head_key:016x}")
