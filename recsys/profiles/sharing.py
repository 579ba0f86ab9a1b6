"""Whose turn on a device it was: events without a login go to who logs in next, or was last.

The logins on a device, in order of time, cut its life into stretches:

    ────────┬───────── A ────────┬─────── B ───────▶ time
            │    A     A         │    B
        A's first login      B's login less the window, but
        less the window      not before A's last login

What was done on the device without saying who counts for the next one to log in, if she
does so within the window, else for the last one who did. So what a person did before she
logged in is hers, and nothing counts for her any more once another logs in. A link that
somebody has stated (or a rule found) reaches back without a window, to the login of
another.
"""

import itertools
import math
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from recsys.domain import SECONDS_PER_DAY, Identifier
from recsys.profiles.joining import Refusal, is_public
from recsys.profiles.link import Link, LinkKind, LinkName
from recsys.profiles.rules import IdentityRules

ALWAYS_DAY: Final = 2**31 - 1
"""`login_day` of what does not depend on a login."""


class Segment(NamedTuple):
    """A stretch of time in which what an identifier did counts for somebody.

    Attributes:
        owner: For whom: an identifier of a person; or the device itself, for nobody else.
        identifier: Who did it.
        from_time: After this moment; seconds since 1970-01-01 UTC or minus infinity.
        until_time: Up to and including this moment, or infinity.
        login_day: Day of the last login in it, since 1970-01-01; tells what is recent.
    """

    owner: Identifier
    identifier: Identifier
    from_time: float
    until_time: float
    login_day: int


class Shared(NamedTuple):
    """What became of devices.

    Attributes:
        segments: For whom they count; none for a public device and for one without links.
        is_public: Whether they are nobody's because too many people use them.
        refusals: The logins that count for nothing.
    """

    segments: list[Segment]
    is_public: bool
    refusals: dict[LinkName, Refusal]


class _Login(NamedTuple):
    time: float
    strength: tuple[int, str, str]
    person: Identifier
    reach: float


def always(owner: Identifier, identifier: Identifier) -> Segment:
    """Say that everything an identifier does counts for somebody."""
    return Segment(owner, identifier, -math.inf, math.inf, ALWAYS_DAY)


def share(devices: Sequence[Identifier], logins: Collection[Link], rules: IdentityRules) -> Shared:
    """Decide for whom devices that are used as one count.

    Args:
        devices: One device, or several that links have joined, the strongest first.
        logins: All links between them and people.
        rules: The retailer's.
    """
    refusals = {
        link.name: Refusal.CONFIDENCE for link in logins if link.confidence < rules.confidence_min
    }
    trusted = [link for link in logins if link.name not in refusals]
    people = {person_of(link, rules) for link in trusted}
    if len(people) > rules.people_per_device or is_public(logins):
        refusals |= {link.name: Refusal.PUBLIC_DEVICE for link in trusted}
        return Shared([], is_public=True, refusals=refusals)
    if trusted:
        return Shared(_segments(devices, trusted, rules), is_public=False, refusals=refusals)
    alone = [always(devices[0], one) for one in devices] if len(devices) > 1 else []
    return Shared(alone, is_public=False, refusals=refusals)


def person_of(link: Link, rules: IdentityRules) -> Identifier:
    """Return who logs in by a link between a person and a device."""
    return link.other if rules.is_device(link.one) else link.one


def _segments(
    devices: Sequence[Identifier], links: Collection[Link], rules: IdentityRules
) -> list[Segment]:
    logins = sorted(login for link in links for login in _logins(link, rules))
    turns: list[tuple[Identifier, float, float]] = []
    before = -math.inf
    for person, of_one in itertools.groupby(logins, key=attrgetter("person")):
        turn = list(of_one)
        turns.append((person, max(before, min(login.time - login.reach for login in turn)), before))
        before = turn[-1].time
    lasts = [last for _, _, last in turns[1:]] + [before]
    untils = [start for _, start, _ in turns[1:]] + [math.inf]
    return [
        Segment(person, device, start, until, int(last // SECONDS_PER_DAY))
        for (person, start, _), last, until in zip(turns, lasts, untils, strict=True)
        for device in devices
        if start < until
    ]


def _logins(link: Link, rules: IdentityRules) -> list[_Login]:
    person = person_of(link, rules)
    strength = rules.strength(person)
    reach = rules.window_seconds if link.kind is LinkKind.EVENT else math.inf
    times = {link.first_time, link.last_time, *link.times}
    return [_Login(time, strength, person, reach) for time in times]
