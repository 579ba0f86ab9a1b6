"""People in some order, for campaigns; implements `recsys.campaigns.PeopleSource`.

A walk visits identifiers in the order in which they came (`identifiers.added_number`), those of
people before those of devices. A person is met at the first of her identifiers in that order,
of those that were there when the walk began. So what comes later plays no part, and joining two
people on the way neither loses nor repeats one: what is behind stays behind.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from recsys import limits
from recsys.campaigns import (
    NO_EVENTS,
    EventNeeds,
    FoundPerson,
    PeopleSample,
    Versions,
    WalkPart,
    WalkPosition,
)
from recsys.consent import newest_of_each
from recsys.domain import EventType, Identifier
from recsys.profiles import Export, IdentityRules, LoggedEvent, Person, tier_of
from recsys.storage import exports, people_consents, people_tiers
from recsys.storage.people_members import HERS
from recsys.storage.sessions import Row, Session, Sessions
from recsys.storage.tombstones import tombstones_of

_LAST: Final = "SELECT coalesce(max(added_number), 0) FROM identifiers"
_COUNT: Final = "SELECT count(*) FROM identifiers"
_COLUMNS: Final = "identifier_key, added_number, namespace, value, profile_key"
_NEXT: Final = f"""
SELECT {_COLUMNS} FROM identifiers WHERE added_number > ? AND added_number <= ?
ORDER BY added_number LIMIT ?
"""  # noqa: S608 - our own words
_OF_KEYS: Final = f"SELECT {_COLUMNS} FROM identifiers WHERE identifier_key = ANY(?)"  # noqa: S608 - as above
# Keys are keyed hashes, so those above any number are a random part of all.
_SAMPLE: Final = f"""
SELECT {_COLUMNS} FROM identifiers WHERE identifier_key >= ? ORDER BY identifier_key LIMIT ?
"""  # noqa: S608 - as above
_HEADS: Final = """
SELECT t.identifier_key, o.profile_key FROM segments AS t
JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE t.identifier_key = ANY(?) AND t.until_time > 1e300
"""
_OF_HEADS: Final = f"SELECT {_COLUMNS} FROM identifiers WHERE profile_key = ANY(?)"  # noqa: S608 - as above
_USED: Final = """
SELECT o.profile_key, s.until_time > 1e300,
  i.identifier_key, i.added_number, i.namespace, i.value, i.profile_key
FROM segments AS s
JOIN identifiers AS o ON o.identifier_key = s.owner_key
JOIN identifiers AS i ON i.identifier_key = s.identifier_key
WHERE o.profile_key = ANY(?)
"""
# What was done on a device counts for whose turn it was.
_EVENTS: Final = """
SELECT coalesce(s.owner_key, e.identifier_key), e.event_time, e.event_type, e.channel,
  e.store_id, e.item_ids, CASE WHEN e.event_type = ANY(?) THEN e.content END
FROM events AS e LEFT JOIN segments AS s ON s.identifier_key = e.identifier_key
  AND s.from_time < e.event_time AND s.until_time >= e.event_time
WHERE e.identifier_key = ANY(?) AND e.event_time > ? AND e.event_type = ANY(?) LIMIT ?
"""
_EVENTS_OF_ONE: Final = f"""
SELECT event_time, event_type, channel, store_id, item_ids,
  CASE WHEN event_type = ANY(?) THEN content END
FROM events WHERE {HERS} AND event_time > ? AND event_type = ANY(?) ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - as above
_VERSIONS: Final = """
SELECT (SELECT coalesce(max(seq), 0) FROM consents), (SELECT coalesce(max(seq), 0) FROM events),
  (SELECT coalesce(max(seq), 0) FROM catalog_changes)
"""
_ALL_TYPES: Final = [one.code for one in EventType]
_WITH_CONTENT: Final = [
    EventType.PURCHASE_COMPLETE.code, EventType.RETURN.code, EventType.IMPRESSION.code,
]  # fmt: skip
_KEY_END: Final = 2**63


class _Row(NamedTuple):
    """A row of the table `identifiers`."""

    key: int
    number: int
    namespace: str
    value: str
    profile_key: int | None

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.namespace, self.value)


class _Member(NamedTuple):
    """An identifier of somebody, and whether it is hers now or was once, as a shared device."""

    row: _Row
    is_present: bool


class CampaignPeople:
    """Finds people, some at a time. Safe to share by threads."""

    def __init__(self, sessions: Sessions, rules: IdentityRules | None = None) -> None:
        """Share a storage, which whoever made it closes.

        Args:
            sessions: The storage.
            rules: Which namespaces are devices', and which identifiers are strong.
        """
        self._sessions = sessions
        self._rules = rules or IdentityRules()

    def begin(self) -> WalkPosition:
        """Return where a walk begins; as `PeopleSource.begin`."""
        # Alone, so that nobody who came before is still being written.
        last = self._sessions.write(lambda session: session.rows(_LAST)[0][0], alone=True)
        return WalkPosition(after=0, last=int(last))

    def walk(self, position: WalkPosition, *, count: int, needs: EventNeeds) -> WalkPart:
        """Return the next people; as `PeopleSource.walk`."""
        return self._sessions.read(lambda session: self._walk(session, position, count, needs))

    def find(
        self, asked: Sequence[Sequence[Identifier]], *, needs: EventNeeds
    ) -> list[FoundPerson]:
        """Return who is meant; as `PeopleSource.find`."""
        return self._sessions.read(lambda session: self._find(session, asked, needs))

    def sample(self, *, count: int, seed: int, needs: EventNeeds) -> PeopleSample:
        """Return some people; as `PeopleSource.sample`."""

        def read(session: Session) -> PeopleSample:
            ((total,),) = session.rows(_COUNT)
            start = seed * 0x9E3779B97F4A7C15 % _KEY_END if total > count else 0
            rows = session.rows(_SAMPLE, start, count)
            if len(rows) < min(count, total):
                rows += session.rows(_SAMPLE, 0, count - len(rows))
            found = list(map(_Row._make, rows))
            people = self._firsts(session, found, last=_KEY_END, needs=needs, is_device=None)
            return PeopleSample(
                people=people,
                identifier_count=len(found),
                identifier_total=int(total),
            )

        return self._sessions.read(read)

    def versions(self) -> Versions:
        """Say how far consents, events and the catalogue are."""
        return Versions._make(self._sessions.rows(_VERSIONS)[0])

    def note_export(self, export: Export) -> None:
        """Note that a file holds everybody; as `PeopleSource.note_export`."""

        def write(session: Session) -> None:
            exports.add_log(session, export, last_seq=session.rows(_VERSIONS)[0][1])

        self._sessions.write(write)

    def _walk(
        self, session: Session, position: WalkPosition, count: int, needs: EventNeeds
    ) -> WalkPart:
        rows = list(map(_Row._make, session.rows(_NEXT, position.after, position.last, count)))
        people = self._firsts(
            session, rows, last=position.last, needs=needs, is_device=position.in_devices
        )
        if len(rows) == count:
            there = WalkPosition(
                after=rows[-1].number, last=position.last, in_devices=position.in_devices
            )
        elif position.in_devices:
            return WalkPart(people=people, next=None)
        else:
            there = WalkPosition(after=0, last=position.last, in_devices=True)
        return WalkPart(people=people, next=there)

    def _firsts(
        self,
        session: Session,
        rows: Sequence[_Row],
        *,
        last: int,
        needs: EventNeeds,
        is_device: bool | None,
    ) -> list[FoundPerson]:
        """Return the people of those rows that are the first of theirs."""
        devices = self._rules.devices
        if is_device is not None:
            rows = [row for row in rows if (row.namespace in devices) is is_device]
        people = self._members(session, [[row] for row in rows])

        def place(member: _Member) -> tuple[bool, int]:
            return member.row.namespace in devices, member.row.number

        firsts = []
        for row, members in zip(rows, people, strict=True):
            there = [one for one in members if one.is_present and one.row.number <= last]
            if not there or min(there, key=place).row.key == row.key:
                firsts.append(members)
        return self._filled(session, firsts, needs)

    def _find(
        self, session: Session, asked: Sequence[Sequence[Identifier]], needs: EventNeeds
    ) -> list[FoundPerson]:
        keys = {one: session.keys.identifier(one) for who in asked for one in who}
        rows = {
            row.key: row for row in map(_Row._make, session.rows(_OF_KEYS, list(keys.values())))
        }
        groups = [
            [
                row
                for one in who
                if (row := rows.get(keys[one])) is not None and row.identifier == one
            ]
            for who in asked
        ]
        found = self._filled(session, self._members(session, groups), needs)
        erased = {
            one.identifier_key: one.erase_time
            for one in tombstones_of(session, keys.values())
            if one.is_for_good
        }
        if not erased:
            return found
        return [
            one.erased(max(times)) if (times := [erased[k] for k in map(keys.get, who) if k in erased])
            else one
            for one, who in zip(found, asked, strict=True)
        ]  # fmt: skip

    def _members(self, session: Session, groups: Sequence[Sequence[_Row]]) -> list[list[_Member]]:
        """Return for each group of identifiers all that are hers, the strongest first."""
        linked = [row.key for group in groups for row in group if row.profile_key is not None]
        heads: dict[int, int] = dict(session.rows(_HEADS, linked)) if linked else {}
        of_head: dict[int, dict[int, _Member]] = defaultdict(dict)
        if heads:
            wanted = sorted(set(heads.values()))
            for used in session.rows(_USED, wanted):
                member = _Member(_Row._make(used[2:]), bool(used[1]))
                before = of_head[used[0]].get(member.row.key)
                if before is None or member.is_present:
                    of_head[used[0]][member.row.key] = member
            for row in map(_Row._make, session.rows(_OF_HEADS, wanted)):
                assert row.profile_key is not None  # It is one of those asked for.
                of_head[row.profile_key][row.key] = _Member(row, is_present=True)
        return [self._joined(group, heads, of_head) for group in groups]

    def _joined(
        self,
        group: Sequence[_Row],
        heads: dict[int, int],
        of_head: dict[int, dict[int, _Member]],
    ) -> list[_Member]:
        if len(group) == 1 and group[0].key not in heads:
            return [_Member(group[0], is_present=True)]
        found: dict[int, _Member] = {}
        for row in group:
            found[row.key] = _Member(row, is_present=True)
            if row.key in heads:
                found |= of_head[heads[row.key]]
        return sorted(found.values(), key=lambda one: self._rules.strength(one.row.identifier))

    def _filled(
        self, session: Session, people: Sequence[Sequence[_Member]], needs: EventNeeds
    ) -> list[FoundPerson]:
        keys = [one.row.key for members in people for one in members]
        said = people_consents.read(session, keys) if keys else {}
        tiers = people_tiers.read(session, keys)
        events = self._events(session, people, needs)
        return [
            FoundPerson(
                person=Person(
                    consents={
                        one.row.identifier: newest_of_each(each for each, _ in said[one.row.key])
                        for one in members
                    },
                    events=tuple(hers),
                    event_count=len(hers),
                    loyalty_tier=tier_of(
                        tiers[one.row.key] for one in members if one.row.key in tiers
                    ),
                ),
                keys=tuple(one.row.key for one in members),
            )
            for members, hers in zip(people, events, strict=True)
        ]

    def _events(
        self, session: Session, people: Sequence[Sequence[_Member]], needs: EventNeeds
    ) -> list[list[LoggedEvent]]:
        found: list[list[LoggedEvent]] = [[] for _ in people]
        if needs == NO_EVENTS or not people:
            return found
        types = _ALL_TYPES if needs.types is None else [one.code for one in needs.types]
        places: dict[int, list[int]] = defaultdict(list)
        for at, members in enumerate(people):
            for one in members:
                places[one.row.key].append(at)
        bound = limits.WALK_EVENT_COUNT_MAX
        rows: list[Row] = session.rows(
            _EVENTS, _WITH_CONTENT, sorted(places), needs.since, types, bound
        )
        if len(rows) < bound:
            for owner, *event in rows:
                for at in places.get(owner, ()):
                    found[at].append(LoggedEvent._make(event))
            return found
        # Somebody among them has very many: a robot, whose newest events are enough.
        for at, members in enumerate(people):
            hers = [one.row.key for one in members]
            some = session.rows(
                _EVENTS_OF_ONE, _WITH_CONTENT, hers, hers, needs.since, types,
                limits.PROFILE_EVENT_COUNT_MAX,
            )  # fmt: skip
            found[at] = list(map(LoggedEvent._make, some))
        return found
