"""Who was erased stays erased: what keeps late writes and second imports out.

A tombstone is the key of an identifier, a keyed hash. Nothing is written under an
identifier that has one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from recsys.domain import Identifier
from recsys.events import Event, Outcome, strongest
from recsys.storage.event_rows import Keys
from recsys.storage.sessions import Session

_ANY: Final = "SELECT 1 FROM tombstones LIMIT 1"
_AMONG: Final = "SELECT identifier_key, erase_time FROM tombstones WHERE identifier_key = ANY(?)"


def erased_among(session: Session, keys: Iterable[int]) -> dict[int, float]:
    """Return which of these identifiers were erased, and when (seconds since 1970 UTC)."""
    return dict(session.rows(_AMONG, list(keys)))


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
    by_key = {session.keys.identifier(one): one for one in names}
    erased = {by_key[key] for key in erased_among(session, by_key)}
    if not erased:
        return append(events)
    left = [without_erased(event, erased.__contains__) for event in events]
    outcomes = iter(append([event for event in left if event is not None]))
    return [Outcome.ERASED if event is None else next(outcomes) for event in left]


def without_erased(event: Event, is_erased: Callable[[Identifier], bool]) -> Event | None:
    """Return what may be kept of an event: None if it belongs to somebody who was erased.

    An erased identifier beside a stronger one, such as a device that somebody else uses
    now, is left out. Id and digest stay, so that a second sending is a duplicate.
    """
    identifiers = event.content.identifiers
    owner = strongest(identifiers)
    if owner is None:
        return event
    if is_erased(owner):
        return None
    kept = tuple(one for one in identifiers if not is_erased(one))
    if len(kept) == len(identifiers):
        return event
    content = msgspec.structs.replace(event.content, identifiers=kept)
    return msgspec.structs.replace(event, content=content)


class Tombstones:
    """Those of one storage, for a bulk writer that cannot ask for each event."""

    def __init__(self, keys: Keys, erase_times: dict[int, float]) -> None:
        """Take them by key.

        Args:
            keys: Of the storage that they are from.
            erase_times: Seconds since 1970-01-01 UTC by key.
        """
        self._keys = keys
        self.erase_times = erase_times

    def __contains__(self, identifier: object) -> bool:
        return (
            isinstance(identifier, Identifier)
            and bool(self.erase_times)
            and self._keys.identifier(identifier) in self.erase_times
        )
