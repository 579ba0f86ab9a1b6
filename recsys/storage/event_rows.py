"""How events and identifiers are named and laid out in rows, whatever the database.

Keys are keyed hashes of what they name, so that writers need no look-up to know
them and nobody outside the storage can choose two names of one key.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from recsys.domain import CHANNEL_UNKNOWN_CODE, Channel, EventType, Identifier
from recsys.events import ID_SEPARATOR, Event, EventLine, strongest

SALT_FACT: Final = "salt"
"""Fact that holds the salt of a storage's keys, in hexadecimal digits."""

_SALT_BYTES: Final = 16
_INTEGER_BYTES: Final = 8
_two_integers: Final = struct.Struct(">QQ").unpack
# Looking up beats asking: members of enumerations answer slowly.
_TYPE_CODES: Final = {kind: kind.code for kind in EventType}
_CHANNEL_CODES: Final[dict[Channel | None, int]] = {place: place.code for place in Channel} | {
    None: CHANNEL_UNKNOWN_CODE
}


def new_salt() -> str:
    """Draw the salt of a new storage, as its fact says it."""
    return secrets.token_hex(_SALT_BYTES)


class IdentifierRow(NamedTuple):
    """One row of the table `identifiers`, as an event needs it."""

    identifier_key: int
    namespace: str
    value: str


class EventRow(NamedTuple):
    """One row of the table `events`, without its place in the log.

    Attributes:
        identifier_key: To whom it belongs; None for nobody.
        id_high: Key of the event id, first half.
        id_low: Second half.
        digest: Of what the caller sent.
        event_id: As the caller named it.
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        channel: `Channel.code`, 0 for unknown.
        store_id: The shop, or None.
        item_ids: Joined by `ID_SEPARATOR`; empty without lines.
        content: All that the caller sent, as JSON of `EventContent`.
    """

    identifier_key: int | None
    id_high: int
    id_low: int
    digest: int
    event_id: str
    event_time: float
    event_type: int
    channel: int
    store_id: str | None
    item_ids: str
    content: str


EVENT_COLUMNS: Final = ", ".join(EventRow._fields)


class Keys:
    """Names things within one storage."""

    __slots__ = ("_event_hash", "_identifier_hash")

    def __init__(self, salt: str) -> None:
        """Take the salt as the fact says it.

        Raises:
            ValueError: It is no salt.
        """
        found = bytes.fromhex(salt)
        if len(found) != _SALT_BYTES:
            raise ValueError(f"the salt has {len(found)} bytes; it must have {_SALT_BYTES}")
        # Copying a hash that has taken in its key is quicker than keying another.
        self._identifier_hash = hashlib.blake2b(digest_size=_INTEGER_BYTES, key=found)
        self._event_hash = hashlib.blake2b(digest_size=2 * _INTEGER_BYTES, key=found)

    def identifier(self, identifier: Identifier) -> int:
        """Return the key of an identifier, 63 bits."""
        name = f"{identifier.namespace}\x00{identifier.value}".encode(errors="surrogatepass")
        state = self._identifier_hash.copy()
        state.update(name)
        return int.from_bytes(state.digest(), "big") >> 1

    def event(self, event_id: str) -> tuple[int, int]:
        """Return the key of an event id, two times 63 bits."""
        state = self._event_hash.copy()
        state.update(event_id.encode(errors="surrogatepass"))
        high, low = _two_integers(state.digest())
        return high >> 1, low >> 1

    def erasure(self, identifier_keys: Sequence[int], *, erase_time: float) -> str:
        """Return the name of an erasure, 128 bits in hexadecimal digits."""
        state = self._event_hash.copy()
        state.update(repr((list(identifier_keys), erase_time)).encode())
        return state.hexdigest()

    def rows(self, events: Iterable[Event]) -> tuple[dict[int, IdentifierRow], list[EventRow]]:
        """Lay out events.

        Returns:
            The identifiers that they belong to, by key, and a row for each event.

        Raises:
            ValueError: An item id holds `ID_SEPARATOR`.
        """
        identifiers: dict[int, IdentifierRow] = {}
        rows = []
        # Events of one person often follow each other, and carry the same tuple then.
        who: tuple[Identifier, ...] | None = None
        owner_key = None
        for event in events:
            content = event.content
            if content.identifiers is not who:
                who = content.identifiers
                owner_key = self._owner(who, identifiers)
            high, low = self.event(event.event_id)
            rows.append(
                EventRow(
                    owner_key,
                    high,
                    low,
                    event.digest,
                    event.event_id,
                    event.event_time,
                    _TYPE_CODES[content.event_type],
                    _CHANNEL_CODES[content.channel],
                    content.store_id,
                    _joined_ids(content.lines),
                    _encode(content).decode(),
                )
            )
        return identifiers, rows

    def _owner(
        self, who: tuple[Identifier, ...], identifiers: dict[int, IdentifierRow]
    ) -> int | None:
        owner = strongest(who)
        if owner is None:
            return None
        key = self.identifier(owner)
        identifiers[key] = IdentifierRow(key, owner.namespace, owner.value)
        return key


def _joined_ids(lines: tuple[EventLine, ...]) -> str:
    if len(lines) == 1:
        joined: str = lines[0].item_id
    else:
        joined = ID_SEPARATOR.join([line.item_id for line in lines])
    if ID_SEPARATOR in joined and joined.count(ID_SEPARATOR) >= len(lines):
        raise ValueError("an item id holds the control character U+001F")
    return joined


_encode: Final = msgspec.json.Encoder().encode
