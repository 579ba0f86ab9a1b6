"""People in either database; implements `recsys.profiles.PeopleStore`."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from recsys.consent import Consent, newest_of_each
from recsys.domain import EventType, Identifier
from recsys.errors import PersonErased
from recsys.profiles import (
    Erasure,
    Export,
    LoggedEvent,
    Person,
    TierOutcome,
    TierStatement,
    tier_of,
)
from recsys.storage import (
    exports,
    offers_people,
    people_consents,
    people_tiers,
    tombstones,
    trigger_rows,
)
from recsys.storage.mentions import forget_mentions
from recsys.storage.people_export import exported
from recsys.storage.people_members import HERS, add, members, most_trusted_first, turns_of_others
from recsys.storage.sessions import Session, Sessions
from recsys.storage.tombstones import Tombstone, tombstones_of

_WITH_CONTENT: Final = (EventType.PURCHASE_COMPLETE.code, EventType.RETURN.code)
_EVENTS: Final = f"""
SELECT event_time, event_type, channel, store_id, item_ids,
  CASE WHEN event_type IN {_WITH_CONTENT} THEN content END
FROM events WHERE {HERS} ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - our own numbers and words
_COUNT: Final = f"SELECT count(*) FROM events WHERE {HERS}"  # noqa: S608 - as above

# Where a person can be, with what each is called in the report. What is packed counts
# as her events do, of which it is a copy.
_DELETE_EVENTS: Final = f"DELETE FROM events WHERE {HERS}"  # noqa: S608 - as above
_DELETE_PACKED: Final = "DELETE FROM history WHERE identifier_key = ANY(?)"
_DELETE_CONSENTS: Final = "DELETE FROM consents WHERE identifier_key = ANY(?)"
_TURNS: Final = """
SELECT identifier_key, from_time, until_time FROM segments
WHERE identifier_key = ANY(?) AND owner_key = ANY(?)
"""
_DELETE_IDENTIFIERS: Final = "DELETE FROM identifiers WHERE identifier_key = ANY(?)"
# Not where files are: their names may name her.
_LOGGED: Final = [name for name in Erasure.__struct_fields__ if name != "exports"]
_LOG: Final = f"""
INSERT INTO erasures ({", ".join(_LOGGED)}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (erasure_id) DO NOTHING -- the same once more at the same moment
"""  # noqa: S608 - our own names


class People:
    """Keeps, shows and forgets people; see `recsys.profiles.PeopleStore`."""

    def __init__(self, sessions: Sessions) -> None:
        """Share a storage, which whoever made it closes."""
        self._sessions = sessions

    def person(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> Person:
        """Return what is stored of a person; as `PeopleStore.person`."""

        def read(session: Session) -> Person:
            return _person(session, identifiers, event_count_max=event_count_max)

        return self._sessions.read(read)

    def record_consents(
        self, identifiers: Sequence[Identifier], statements: Sequence[Consent], *, now: float
    ) -> Person:
        """Keep what she says; as `PeopleStore.record_consents`."""

        def write(session: Session) -> Person:
            named = {session.keys.identifier(one): one for one in identifiers}
            erased = {
                one.identifier_key: one.erase_time
                for one in tombstones_of(session, named)
                if one.is_for_good
            }
            living = {key: one for key, one in sorted(named.items()) if key not in erased}
            if not living:
                raise PersonErased(erase_time=max(erased.values()))
            add(session, living)
            people_consents.record(session, list(living), statements, now=now)
            return _person(session, identifiers, event_count_max=0)

        return self._sessions.write(write)

    def record_tiers(self, statements: Sequence[TierStatement]) -> list[TierOutcome]:
        """Keep loyalty tiers; as `PeopleStore.record_tiers`."""
        return self._sessions.write(lambda session: people_tiers.record(session, statements))

    def export(
        self, identifiers: Sequence[Identifier], *, to: Export | None = None
    ) -> Iterator[list[bytes]]:
        """Return everything held about her; as `PeopleStore.export`."""
        return exported(self._sessions, identifiers, to=to)

    def erase(self, identifiers: Sequence[Identifier], *, now: float) -> Erasure:
        """Delete everything of her; as `PeopleStore.erase`."""
        return self._sessions.write(
            lambda session: _erase(session, identifiers, now=now), alone=True
        )


def _person(session: Session, identifiers: Sequence[Identifier], *, event_count_max: int) -> Person:
    found = most_trusted_first(session, members(session, identifiers))
    keys = list(found)
    said = people_consents.read(session, keys)
    events: tuple[LoggedEvent, ...] = ()
    if event_count_max:
        rows = session.rows(_EVENTS, keys, keys, event_count_max)
        events = tuple(map(LoggedEvent._make, rows))
    event_count = len(events)
    if event_count == event_count_max:
        ((event_count,),) = session.rows(_COUNT, keys, keys)
    erased = tombstones_of(session, [session.keys.identifier(one) for one in identifiers])
    return Person(
        consents={
            one: newest_of_each(statement for statement, _ in said[key])
            for key, one in found.items()
        },
        events=events,
        event_count=event_count,
        erase_time=max((one.erase_time for one in erased), default=None),
        loyalty_tier=tier_of(people_tiers.read(session, keys).values()),
    )


def _erase(session: Session, identifiers: Sequence[Identifier], *, now: float) -> Erasure:
    found = members(session, identifiers)
    keys = sorted({*found, *map(session.keys.identifier, identifiers)})
    shared = turns_of_others(session, keys).keys()
    own = [key for key in keys if key not in shared]
    files = exports.exports_of(session, keys, own=own)
    exports.forget(session, keys)
    event_count = session.change(_DELETE_EVENTS, keys, keys)
    offers_people.forget(session, keys)
    trigger_rows.forget(session, keys)
    if session.packs:
        session.change(_DELETE_PACKED, keys)
    # Whose turn it is now is nobody's from now on: others go on with the device.
    hers = [
        Tombstone(key, from_time, min(until_time, now), now)
        for key, from_time, until_time in session.rows(_TURNS, sorted(shared), keys)
    ]
    consent_count = session.change(_DELETE_CONSENTS, own)
    people_tiers.forget(session, own)
    names = [found[key] for key in own if key in found]
    forget_mentions(session, names)
    link_count = session.unlink(names)
    session.change(_DELETE_IDENTIFIERS, own)
    tombstones.add(session, [*hers, *(Tombstone(key, -math.inf, math.inf, now) for key in own)])
    erasure = Erasure(
        erasure_id=session.keys.erasure(own, erase_time=now),
        erase_time=now,
        identifier_count=len(own),
        event_count=event_count,
        consent_count=consent_count,
        link_count=link_count,
        exports=files,
    )
    session.change(_LOG, *(getattr(erasure, name) for name in _LOGGED))
    return erasure
