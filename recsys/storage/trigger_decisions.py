"""Decides on some proposals in one transaction, where no other decision comes between.

All that is asked of the storage is asked at once. Only of somebody who has got a message in this
very transaction it is asked again, so that it counts for the next one.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from recsys.domain import Identifier
from recsys.storage.people_members import add
from recsys.storage.sessions import Session
from recsys.storage.tombstones import Tombstone, ask_tombstones
from recsys.storage.trigger_rows import MessageName, ask_counting, keys_of_each, text_of
from recsys.triggers import Judge, MessageState, Proposal, TriggerCause

_ARE_KNOWN: Final = "SELECT identifier_key FROM identifiers WHERE identifier_key = ANY(?)"
_ADD: Final = """
INSERT INTO trigger_messages (id_high, id_low, name, identifier_key, channel, state, cause,
  event_time, decide_time, expire_time, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def decisions(
    session: Session, proposals: Sequence[Proposal], judge: Judge, *, now: float
) -> list[TriggerCause | None]:
    """Decide on proposals one after the other, and keep what is decided.

    Args:
        session: Writes, and holds the lock of all decisions.
        proposals: Of which none was decided before.
        judge: Has the last word.
        now: Seconds since 1970-01-01 UTC.

    Returns:
        Of each why there is no message; None if there is.
    """
    if not proposals:
        return []
    named = keys_of_each(session, [one.owner for one in proposals])
    own = {one.owner: session.keys.identifier(one.owner) for one in proposals}
    wanted = sorted(own.values())
    there = session.ask(_ARE_KNOWN, wanted)
    tombstones = ask_tombstones(session, wanted)
    counting = [ask_counting(session, named[one.owner], now=now) for one in proposals]
    kept = _Kept(session, {key for (key,) in there()})
    erased = tombstones()
    causes: list[TriggerCause | None] = []
    for one, hers in zip(proposals, counting, strict=True):
        key = own[one.owner]
        if one.cause is TriggerCause.ERASED or _is_erased(key, one.event_time, erased):
            causes.append(TriggerCause.ERASED)
            continue
        if not kept.given.isdisjoint(named[one.owner]):
            kept.write()
            hers = ask_counting(session, named[one.owner], now=now)  # noqa: PLW2901 - newer
        cause = judge(one, hers())
        kept.add(one, key, cause, now=now)
        causes.append(cause)
    kept.write()
    return causes


class _Kept:
    """What was decided, written a few times.

    Attributes:
        given: Identifiers under which there are new messages.
    """

    def __init__(self, session: Session, known: set[int]) -> None:
        """Begin with nothing.

        Args:
            session: Writes.
            known: Identifiers that there are.
        """
        self._session = session
        self._known = known
        self._new: dict[int, Identifier] = {}
        self._rows: list[tuple[object, ...]] = []
        self.given: set[int] = set()

    def add(self, one: Proposal, key: int, cause: TriggerCause | None, *, now: float) -> None:
        """Take one more in."""
        if key not in self._known:
            # Only then: whoever adds what is there holds it against those who write events.
            self._new[key] = one.owner
        if cause is None:
            self.given.add(key)
        state = MessageState.PENDING if cause is None else MessageState.SUPPRESSED
        self._rows.append((
            *MessageName.of(one.trigger, one.event_id, self._session.keys), one.trigger, key,
            one.channel.code, int(state), text_of(cause), one.event_time, now, one.expire_time,
            msgspec.json.encode(one.content).decode(),
        ))  # fmt: skip

    def write(self) -> None:
        """Write what was decided since the last time."""
        if self._new:
            add(self._session, self._new)
            self._known |= self._new.keys()
            self._new.clear()
        if self._rows:
            self._session.change_each(_ADD, self._rows)
            self._rows.clear()


def _is_erased(key: int, event_time: float, tombstones: Sequence[Tombstone]) -> bool:
    return any(
        one.identifier_key == key and one.from_time < event_time <= one.until_time
        for one in tombstones
    )
