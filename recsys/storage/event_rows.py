"""How events and identifiers are named and laid out in rows, whatever the database.

Keys are keyed hashes of what they name, so that writers need no look-up to know
them and nobody outside the storage can choose two names of one key.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from recsys.domain import CHANNEL_UNKNOWN_CODE, Identifier
from recsys.events import ID_SEPARATOR, Event, strongest

SALT_FACT: Final = "salt"
"""Fact that holds the salt of a storage's keys, in hexadecimal digits."""

_SALT_BYTES: Final = 16
_INTEGER_BYTES: Final = 8


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

    __slots__ = ("_salt",)

    def __init__(self, salt: str) -> None:
        """Take the salt as the fact says it.

        Raises:
            ValueError: It is no salt.
        """
        self._salt = bytes.fromhex(salt)
        if len(self._salt) != _SALT_BYTES:
            raise ValueError(f"the salt has {len(self._salt)} bytes; it must have {_SALT_BYTES}")

    def identifier(self, identifier: Identifier) -> int:
        """Return the key of an identifier, 63 bits."""
        name = f"{identifier.namespace}\x00{identifier.value}".encode(errors="surrogatepass")
        found = hashlib.blake2b(name, digest_size=_INTEGER_BYTES, key=self._salt).digest()
        return int.from_bytes(found, "big") >> 1

    def event(self, event_id: str) -> tuple[int, int]:
        """Return the key of an event id, two times 63 bits."""
        name = event_id.encode(errors="surrogatepass")
        found = hashlib.blake2b(name, digest_size=2 * _INTEGER_BYTES, key=self._salt).digest()
        high = int.from_bytes(found[:_INTEGER_BYTES], "big") >> 1
        return high, int.from_bytes(found[_INTEGER_BYTES:], "big") >> 1

    def rows(self, events: Iterable[Event]) -> tuple[dict[int, IdentifierRow], list[EventRow]]:
        """Lay out events.

        Returns:
            The identifiers that they belong to, by key, and a row for each event.

        Raises:
            ValueError: An item id holds `ID_SEPARATOR`.
        """
        identifiers: dict[int, IdentifierRow] = {}
        rows = []
        for event in events:
            content = event.content
            owner = strongest(content.identifiers)
            owner_key = None
            if owner is not None:
                owner_key = self.identifier(owner)
                identifiers[owner_key] = IdentifierRow(owner_key, owner.namespace, owner.value)
            high, low = self.event(event.event_id)
            item_ids = ID_SEPARATOR.join([line.item_id for line in content.lines])
            if item_ids.count(ID_SEPARATOR) >= max(1, len(content.lines)):
                raise ValueError("an item id holds the control character U+001F")
            rows.append(
                EventRow(
                    owner_key,
                    high,
                    low,
                    event.digest,
                    event.event_id,
                    event.event_time,
                    content.event_type.code,
                    content.channel.code if content.channel else CHANNEL_UNKNOWN_CODE,
                    content.store_id,
                    item_ids,
                    _encoder.encode(content).decode(),
                )
            )
        return identifiers, rows


_encoder: Final = msgspec.json.Encoder()
