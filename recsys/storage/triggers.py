"""Decisions of triggers in either database; implements `recsys.triggers.TriggerStore`.

Whoever decides, takes or acknowledges holds one lock to the end of the transaction, so that one
thing happens after the other on however many servers. These transactions look at little: what
is slow was looked at before.
"""

from collections.abc import Collection, Sequence
from typing import Final

from recsys import limits
from recsys.domain import SECONDS_PER_DAY, Channel, Identifier, ItemId
from recsys.events import ID_SEPARATOR
from recsys.storage.people_members import HERS as HER_EVENTS
from recsys.storage.sessions import Clock, Session, Sessions, storage_clock
from recsys.storage.tombstones import tombstones_of
from recsys.storage.trigger_decisions import decisions
from recsys.storage.trigger_rows import (
    MESSAGES,
    MessageName,
    ask_counting,
    keys_of_each,
    message_of,
    text_of,
)
from recsys.triggers import (
    CART_TYPES,
    AckOutcome,
    CartEvent,
    Decision,
    Judge,
    Message,
    MessageState,
    Round,
    TriggerCause,
    Turn,
    Wait,
)

_LOCK: Final = "recsys.triggers"
_TURN: Final = "follower"
_PRUNED_PER_DECIDED: Final = 2

_WHOSE_TURN: Final = "SELECT holder, until_time, place FROM trigger_turns WHERE name = ?"
_TAKE: Final = """
INSERT INTO trigger_turns (name, holder, until_time) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_time = excluded.until_time
"""
_END: Final = "UPDATE trigger_turns SET until_time = 0 WHERE name = ? AND holder = ?"
_PLACE: Final = "UPDATE trigger_turns SET place = ? WHERE name = ? AND holder = ?"
_DUE: Final = """
SELECT w.name, i.namespace, i.value, w.due_time
FROM trigger_waits AS w JOIN identifiers AS i ON i.identifier_key = w.identifier_key
WHERE w.due_time <= ? ORDER BY w.due_time LIMIT ?
"""
_WAIT: Final = """
INSERT INTO trigger_waits (name, identifier_key, due_time) VALUES (?, ?, ?)
ON CONFLICT (name, identifier_key) DO UPDATE SET due_time = excluded.due_time
WHERE trigger_waits.due_time < excluded.due_time
"""
_DONE: Final = "DELETE FROM trigger_waits WHERE name = ? AND identifier_key = ? AND due_time <= ?"
_CART: Final = f"""
SELECT event_time, event_type, event_id, item_ids, channel, store_id FROM events
WHERE {HER_EVENTS} AND event_time > ? AND event_type = ANY(?) ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - our own words
# Events of one identifier are found by their arrival in SQLite, by their time in PostgreSQL.
_RANKED: Final = {
    by_arrival: f"""
SELECT event_time FROM events WHERE identifier_key = ? ORDER BY {order} LIMIT 1 OFFSET ?
"""  # noqa: S608 - our own words
    for by_arrival, order in ((True, "seq DESC"), (False, "event_time DESC, seq DESC"))
}
_BY_NAME: Final = f"{MESSAGES} WHERE m.id_high = ANY(?)"
_NAMES: Final = "SELECT id_high, id_low FROM trigger_messages WHERE id_high = ANY(?)"
_OPEN: Final = f"m.state <= {MessageState.LEASED} AND m.channel = ANY(?)"
_NOBODYS: Final = f"(m.state = {MessageState.PENDING} OR m.lease_time <= ? OR m.consumer = ?)"
_EXPIRED: Final = f"{MESSAGES} WHERE {_OPEN} AND m.expire_time <= ? ORDER BY m.message_key LIMIT ?"
_FREE: Final = f"{MESSAGES} WHERE {_OPEN} AND {_NOBODYS} {{names}} ORDER BY m.message_key LIMIT ?"
_OF_NAMES: Final = "AND m.name = ANY(?)"
_LEASE: Final = f"""
UPDATE trigger_messages SET state = {MessageState.LEASED}, consumer = ?, lease_time = ?
WHERE message_key = ANY(?)
"""  # noqa: S608 - our own numbers
_SETTLE: Final = """
UPDATE trigger_messages SET state = ?, cause = ?, consumer = '' WHERE id_high = ? AND id_low = ?
"""
_OLD: Final = """
SELECT message_key FROM trigger_messages WHERE decide_time < ? ORDER BY decide_time LIMIT ?
"""
_PRUNE: Final = "DELETE FROM trigger_messages WHERE message_key = ANY(?)"


class TriggerMessages:
    """Keeps decisions; see the module. Safe to share by threads."""

    def __init__(self, sessions: Sessions, *, clock: Clock = storage_clock) -> None:
        """Share a storage, which whoever made it closes.

        Args:
            sessions: Its transactions.
            clock: Tells the time in seconds since 1970-01-01 UTC; that of the storage.
        """
        self._sessions = sessions
        self._clock = clock

    def take_turn(self, holder: str, *, seconds: float) -> Turn | None:
        """Be the one who decides; as `TriggerStore.take_turn`."""

        def whose(session: Session) -> tuple[bool, float, int | None]:
            now = self._clock(session)
            for other, until_time, place in session.rows(_WHOSE_TURN, _TURN):
                return other == holder or until_time <= now, now, place
            return True, now, None

        def take(session: Session) -> Turn | None:
            session.lock(_LOCK)
            is_free, now, place = whose(session)
            if not is_free:
                return None
            session.change(_TAKE, _TURN, holder, now + seconds)
            return Turn(place)

        is_free, *_ = self._sessions.read(whose)
        return self._sessions.write(take) if is_free else None

    def end_turn(self, holder: str) -> None:
        """Let somebody else decide; as `TriggerStore.end_turn`."""
        self._sessions.write(lambda session: session.change(_END, _TURN, holder))

    def due(self, *, now: float, count_max: int) -> list[Wait]:
        """Return the carts to look at; as `TriggerStore.due`."""
        rows = self._sessions.rows(_DUE, now, count_max)
        return [Wait(name, Identifier(*who), due_time) for name, *who, due_time in rows]

    def cart_events(
        self, owners: Sequence[Identifier], *, since: float, count_max: int
    ) -> list[list[CartEvent]]:
        """Return what people did with carts; as `TriggerStore.cart_events`."""
        codes = [one.code for one in CART_TYPES]

        def read(session: Session) -> list[list[CartEvent]]:
            named = keys_of_each(session, owners)
            asked = [
                session.ask(_CART, named[one], named[one], since, codes, count_max)
                for one in owners
            ]
            return [
                [
                    CartEvent(time, kind, name, tuple(map(ItemId, ids.split(ID_SEPARATOR))), *where)
                    for time, kind, name, ids, *where in answer()
                    if ids
                ]
                for answer in asked
            ]

        return self._sessions.read(read, queued=True) if owners else []

    def robots(
        self, owners: Collection[Identifier], *, since: float, count_max: int
    ) -> set[Identifier]:
        """Return those who do too much; as `TriggerStore.robots`."""

        def read(session: Session) -> set[Identifier]:
            query = _RANKED[session.packs]
            asked = {
                one: session.ask(query, session.keys.identifier(one), count_max) for one in owners
            }
            return {
                one for one, answer in asked.items() if any(time > since for (time,) in answer())
            }

        return self._sessions.read(read, queued=True) if owners else set()

    def decided(self, names: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return what was decided; as `TriggerStore.decided`."""
        return self._sessions.read(lambda session: _decided(session, names))

    def decide(self, what: Round, judge: Judge, *, holder: str, now: float) -> list[Decision]:
        """Keep a round; as `TriggerStore.decide`."""

        def write(session: Session) -> list[Decision]:
            session.lock(_LOCK)
            there = _decided(session, [(one.trigger, one.event_id) for one in what.proposals])
            new = []
            for one in what.proposals:
                name = one.trigger, one.event_id
                new += [] if name in there else [one]
                there.add(name)
            causes = decisions(session, new, judge, now=now)
            _keep_waits(session, what)
            if what.place is not None:
                session.change(_PLACE, what.place, _TURN, holder)
            if what.proposals:
                _prune(session, len(what.proposals), now=now)
            found = {
                id(one): Decision(cause, is_new=True)
                for one, cause in zip(new, causes, strict=True)
            }
            before = Decision(None, is_new=False)
            return [found.get(id(one), before) for one in what.proposals]

        return self._sessions.write(write, queued=True)

    def lease(
        self,
        consumer: str,
        *,
        channels: Collection[Channel],
        triggers: Collection[str],
        seconds: float,
        count_max: int,
        is_resuming: bool,
    ) -> tuple[list[Message], list[Message]]:
        """Take messages; as `TriggerStore.lease`."""
        codes = sorted(one.code for one in channels or Channel)
        names = [sorted(triggers)] if triggers else []
        free = _FREE.format(names=_OF_NAMES if triggers else "")
        # Nobody is called that, so nobody's messages come again.
        own = consumer if is_resuming else "?"

        def find(session: Session) -> tuple[float, list[Message], list[Message]]:
            now = self._clock(session)
            expired = session.rows(_EXPIRED, codes, now, count_max)
            gone = {row[0] for row in expired}
            rows = session.rows(free, codes, now, own, *names, count_max)
            left = [message_of(row) for row in rows if row[0] not in gone]
            return now, left, list(map(message_of, expired))

        def take(session: Session) -> tuple[list[Message], list[Message]]:
            session.lock(_LOCK)
            now, taken, expired = find(session)
            session.change(_LEASE, consumer, now + seconds, [one.number for one in taken])
            _settle(
                session, [(one, MessageState.WITHDRAWN, TriggerCause.EXPIRED) for one in expired]
            )
            return taken, expired

        _, taken, expired = self._sessions.read(find)
        return self._sessions.write(take) if taken or expired else ([], [])

    def before(self, messages: Sequence[Message], *, now: float) -> list[list[Message]]:
        """Return what counts of each person and came before; as `TriggerStore.before`."""

        def read(session: Session) -> list[list[Message]]:
            named = keys_of_each(session, [one.owner for one in messages if one.owner])
            asked = [
                ask_counting(session, named[one.owner], now=now) if one.owner else list
                for one in messages
            ]
            return [
                [each for each in there() if each.number < one.number]
                for one, there in zip(messages, asked, strict=True)
            ]

        return self._sessions.read(read, queued=True)

    def withdraw(self, causes: Sequence[tuple[str, TriggerCause]]) -> None:
        """Say that messages must not be sent; as `TriggerStore.withdraw`."""

        def write(session: Session) -> None:
            session.lock(_LOCK)
            there = _find(session, [message_id for message_id, _ in causes])
            _settle(
                session,
                [
                    (there[message_id], MessageState.WITHDRAWN, cause)
                    for message_id, cause in causes
                    if message_id in there and there[message_id].state <= MessageState.LEASED
                ],
            )

        self._sessions.write(write)

    def find(self, message_ids: Sequence[str]) -> dict[str, Message]:
        """Return those that there are; as `TriggerStore.find`."""
        return self._sessions.read(lambda session: _find(session, message_ids))

    def acknowledge(self, outcomes: Sequence[tuple[str, AckOutcome]]) -> dict[str, MessageState]:
        """Keep what became of messages; as `TriggerStore.acknowledge`."""

        def write(session: Session) -> dict[str, MessageState]:
            session.lock(_LOCK)
            there = _find(session, [message_id for message_id, _ in outcomes])
            for message_id, outcome in outcomes:
                if message_id in there:
                    there[message_id] = _acknowledged(session, there[message_id], outcome)
            return {message_id: one.state for message_id, one in there.items()}

        return self._sessions.write(write)


def _find(session: Session, message_ids: Sequence[str]) -> dict[str, Message]:
    names = {one: MessageName.read(one) for one in message_ids}
    rows = session.rows(_BY_NAME, [name.high for name in names.values() if name is not None])
    found = {one.message_id: one for one in map(message_of, rows)}
    return {one: found[one] for one in names if one in found}


def _decided(session: Session, names: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    keyed = {MessageName.of(*one, session.keys): one for one in names}
    rows = session.rows(_NAMES, [name.high for name in keyed])
    return {keyed[name] for row in rows if (name := MessageName._make(row)) in keyed}


def _keep_waits(session: Session, what: Round) -> None:
    def rows(waits: Sequence[Wait]) -> list[tuple[str, int, float]]:
        # Always in one order, or two writers could wait for each other.
        return sorted(
            (one.trigger, session.keys.identifier(one.owner), one.due_time) for one in waits
        )

    living = rows(what.waits)
    keys = {key for _, key, _ in living}
    erased = {one.identifier_key for one in tombstones_of(session, keys) if one.is_for_good}
    session.change_each(_DONE, rows(what.done_waits))
    session.change_each(_WAIT, [row for row in living if row[1] not in erased])


def _settle(
    session: Session, rows: Sequence[tuple[Message, MessageState, TriggerCause | None]]
) -> None:
    names = ((MessageName.read(one.message_id), state, cause) for one, state, cause in rows)
    session.change_each(
        _SETTLE,
        [(int(state), text_of(cause), *name) for name, state, cause in names if name is not None],
    )


def _acknowledged(session: Session, one: Message, outcome: AckOutcome) -> Message:
    """Keep what became of a message. What she has had, she has had, whatever was decided since."""
    state, cause = one.state, one.cause
    if one.state is MessageState.SUPPRESSED:
        return one
    if outcome is AckOutcome.SENT:
        state, cause = MessageState.SENT, None
    elif one.state is MessageState.LEASED:
        is_over = outcome is AckOutcome.REFUSED
        state = MessageState.WITHDRAWN if is_over else MessageState.PENDING
        cause = TriggerCause.REFUSED if is_over else None
    if (state, cause) != (one.state, one.cause):
        _settle(session, [(one, state, cause)])
    return one._replace(state=state, cause=cause)


def _prune(session: Session, decided_count: int, *, now: float) -> None:
    """Forget some of what was decided long ago."""
    before = now - limits.TRIGGER_KEPT_DAYS * SECONDS_PER_DAY
    rows = session.rows(_OLD, before, _PRUNED_PER_DECIDED * decided_count)
    if rows:
        session.change(_PRUNE, [number for (number,) in rows])
