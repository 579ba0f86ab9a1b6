"""Who was erased stays erased: what keeps late writes and second imports out.

A tombstone is the key of an identifier, a keyed hash, with the time for which it holds:
always, or for a device that others use too, while it was hers. Nothing that happened in
that time is written under it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from recsys.domain import Identifier
from recsys.errors import PersonErased
from recsys.events import Event, Outcome, strongest
from recsys.profiles import Link
from recsys.storage.sessions import Session

_ANY: Final = "SELECT 1 FROM tombstones LIMIT 1"
_AMONG: Final = """
SELECT identifier_key, from_time, until_time, erase_time FROM tombstones
WHERE identifier_key = ANY(?)
"""
_ADD: Final = """
INSERT INTO tombstones (identifier_key, from_time, until_time, erase_time) VALUES (?, ?, ?, ?)
ON CONFLICT (identifier_key, from_time)
DO UPDATE SET until_time = excluded.until_time, erase_time = excluded.erase_time
WHERE excluded.until_time >= tombstones.until_time
"""


class Tombstone(NamedTuple):
    """Says that an identifier was erased.

    Attributes:
        identifier_key: Which.
        from_time: What happened after this moment is kept out; seconds since 1970-01-01
            UTC, or minus infinity.
        until_time: And up to this moment, or infinity.
        erase_time: When it was erased.
    """

    identifier_key: int
    from_time: float
    until_time: float
    erase_time: float

    @property
    def is_for_good(self) -> bool:
        """Whether nothing at all is written under the identifier any more."""
        return self.from_time == -math.inf and self.until_time == math.inf


IsErased = Callable[[Identifier, float], bool]
"""Whether something of an identifier at a moment must not be kept."""


def add(session: Session, tombstones: Iterable[Tombstone]) -> None:
    """Keep identifiers out from now on."""
    session.change_each(_ADD, list(tombstones))


def tombstones_of(session: Session, keys: Iterable[int]) -> list[Tombstone]:
    """Return those of these identifiers."""
    return ask_tombstones(session, keys)()


def ask_tombstones(session: Session, keys: Iterable[int]) -> Callable[[], list[Tombstone]]:
    """Ask for those of these identifiers, and go on; as `Session.ask`."""
    answer = session.ask(_AMONG, list(keys))
    return lambda: list(map(Tombstone._make, answer()))


def refuse_erased(session: Session, links: Iterable[Link]) -> None:
    """Refuse to link who was erased.

    Raises:
        PersonErased: An identifier of these links was erased for good.
    """
    keys = {session.keys.identifier(end) for link in links for end in link.ends}
    erased = [one.erase_time for one in tombstones_of(session, keys) if one.is_for_good]
    if erased:
        raise PersonErased(erase_time=max(erased))


def append_living(
    session: Session, events: Sequence[Event], append: Callable[[Sequence[Event]], list[Outcome]]
) -> list[Outcome]:
    """Append the events that no tombstone keeps out.

    Args:
        session: In the transaction of the append.
        events: As they were sent.
        append: Keeps events; returns the outcome of each.

    Returns:
        The outcome of every event, in their order.
    """
    if not session.rows(_ANY):
        return append(events)
    names = {one for event in events for one in event.content.identifiers}
    keys = {one: session.keys.identifier(one) for one in names}
    found = tombstones_of(session, keys.values())
    if not found:
        return append(events)
    is_erased = matcher(found, keys.__getitem__)
    left = [without_erased(event, is_erased) for event in events]
    outcomes = iter(append([event for event in left if event is not None]))
    return [Outcome.ERASED if event is None else next(outcomes) for event in left]


def matcher(tombstones: Iterable[Tombstone], key_of: Callable[[Identifier], int]) -> IsErased:
    """Return what tells the erased by these tombstones."""
    by_key: dict[int, list[Tombstone]] = {}
    for one in tombstones:
        by_key.setdefault(one.identifier_key, []).append(one)

    def is_erased(identifier: Identifier, time: float) -> bool:
        found = by_key.get(key_of(identifier), ())
        return any(one.from_time < time <= one.until_time for one in found)

    return is_erased


def without_erased(event: Event, is_erased: IsErased) -> Event | None:
    """Return what may be kept of an event: None if it belongs to somebody who was erased.

    An erased identifier beside a stronger one, such as a device that somebody else uses
    now, is left out. Id and digest stay, so that a second sending is a duplicate.
    """
    identifiers = event.content.identifiers
    owner = strongest(identifiers)
    if owner is None:
        return event
    if is_erased(owner, event.event_time):
        return None
    kept = tuple(one for one in identifiers if not is_erased(one, event.event_time))
    if len(kept) == len(identifiers):
        return event
    content = msgspec.structs.replace(event.content, identifiers=kept)
    return msgspec.structs.replace(event, content=content)
