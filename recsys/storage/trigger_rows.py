"""How messages that were set off are laid out in rows, and whose they are."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from recsys.domain import CHANNEL_BY_CODE, Identifier
from recsys.storage.event_rows import Keys
from recsys.storage.people_members import LED
from recsys.storage.sessions import Session
from recsys.triggers import Message, MessageContent, MessageState, TriggerCause

HERS: Final = """m.identifier_key = ANY(?) AND NOT EXISTS (
  SELECT 1 FROM segments AS s WHERE s.identifier_key = m.identifier_key
    AND s.from_time < m.event_time AND s.until_time >= m.event_time
    AND NOT s.owner_key = ANY(?)
)"""
"""Condition of a person's messages, as `people_members.HERS` is one of her events."""

MESSAGES: Final = """
SELECT m.message_key, m.id_high, m.id_low, m.name, m.channel, m.state, m.cause, m.event_time,
  m.decide_time, m.expire_time, m.content, i.namespace, i.value
FROM trigger_messages AS m LEFT JOIN identifiers AS i ON i.identifier_key = m.identifier_key
"""
_COUNTING: Final = f"""
{MESSAGES} WHERE {HERS} AND (m.state = {MessageState.SENT}
  OR m.state < {MessageState.SENT} AND m.expire_time > ?)
ORDER BY m.message_key
"""
_ALL: Final = f"{MESSAGES} WHERE {HERS} ORDER BY m.message_key"

# The carts of others who use a device, too, are looked at all the same.
_UNSET: Final = """
DELETE FROM trigger_waits WHERE identifier_key = ANY(?) AND NOT EXISTS (
  SELECT 1 FROM segments AS s
  WHERE s.identifier_key = trigger_waits.identifier_key AND NOT s.owner_key = ANY(?)
)
"""
_HERS_BY_NUMBER: Final = f"SELECT m.message_key FROM trigger_messages AS m WHERE {HERS}"  # noqa: S608 - our own words
_FORGET: Final = "DELETE FROM trigger_messages WHERE message_key = ANY(?)"

_decode: Final = msgspec.json.Decoder(MessageContent).decode


class MessageName(NamedTuple):
    """The key of a trigger and an event: keyed hashes, two times 63 bits."""

    high: int
    low: int

    @classmethod
    def of(cls, trigger: str, event_id: str, keys: Keys) -> "MessageName":
        """Return that of a trigger and an event."""
        return cls(*keys.event(f"trigger\x00{trigger}\x00{event_id}"))

    @classmethod
    def read(cls, message_id: str) -> "MessageName | None":
        """Return that of a message's id; None for what is no such id."""
        try:
            found = bytes.fromhex(message_id)
        except ValueError:
            return None
        if len(message_id) != _ID_DIGITS or len(found) != _ID_DIGITS // 2:
            return None
        half = len(found) // 2
        high, low = int.from_bytes(found[:half], "big"), int.from_bytes(found[half:], "big")
        return cls(high, low) if max(high, low) < _KEY_END else None

    @property
    def message_id(self) -> str:
        """The id of the message."""
        return f"{self.high:016x}{self.low:016x}"


_ID_DIGITS: Final = 32
_KEY_END: Final = 2**63


def message_of(row: Sequence[Any]) -> Message:
    """Read a row of `MESSAGES`."""
    number, high, low, name, channel, state, cause, *times, content, namespace, value = row
    event_time, decide_time, expire_time = times
    return Message(
        number=number,
        message_id=MessageName(high, low).message_id,
        trigger=name,
        owner=None if namespace is None else Identifier(namespace, value),
        channel=CHANNEL_BY_CODE[channel],
        state=MessageState(state),
        cause=None if cause is None else TriggerCause(cause),
        event_time=event_time,
        decide_time=decide_time,
        expire_time=expire_time,
        content=_decode(content),
    )


def keys_of_each(session: Session, owners: Iterable[Identifier]) -> dict[Identifier, list[int]]:
    """Return for each identifier the keys of all that lead to the person behind it."""
    own = {one: session.keys.identifier(one) for one in owners}
    found = {key: {key} for key in own.values()}
    named = sorted(found)
    for key, other in session.rows(LED, named, named) if named else ():
        found[key].add(other)
    return {one: sorted(found[key]) for one, key in own.items()}


def ask_counting(session: Session, keys: list[int], *, now: float) -> Callable[[], list[Message]]:
    """Ask for the messages that a person had or may be getting, in the order of decision."""
    answer = session.ask(_COUNTING, keys, keys, now)
    return lambda: list(map(message_of, answer()))


def text_of(cause: TriggerCause | None) -> str | None:
    """Say a cause as rows do."""
    return None if cause is None else cause.value


def hers(session: Session, keys: list[int]) -> list[Message]:
    """Return everything that was decided about a person."""
    return list(map(message_of, session.rows(_ALL, keys, keys)))


def forget(session: Session, keys: Iterable[int]) -> None:
    """Forget everything that was decided about a person, before her links are forgotten."""
    some = sorted(keys)
    numbers = [number for (number,) in session.rows(_HERS_BY_NUMBER, some, some)]
    session.change(_FORGET, numbers)
    session.change(_UNSET, some, some)
