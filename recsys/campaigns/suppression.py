"""Why somebody gets no message."""

import enum
import hashlib
from typing import Final

from recsys.consent import Purpose, effective
from recsys.domain import Channel, Identifier
from recsys.profiles import Person

_HASH_BYTES: Final = 8


class SuppressionCause(enum.StrEnum):
    """Why somebody gets no message; the first that applies, in this order."""

    ERASED = "erased"
    """An identifier that was asked for was erased."""
    UNKNOWN = "unknown"
    """Nothing is stored under any identifier that was asked for."""
    DUPLICATE = "duplicate"
    """She was on the list before, maybe by another identifier."""
    NOT_IN_SEGMENT = "not-in-segment"
    """She was asked for and does not pass the filter."""
    NO_ADDRESS = "no-address"
    """She has no identifier that a message could be sent to."""
    NO_CONSENT = "no-consent"
    """She does not allow it, on this channel and for this purpose."""
    HOLDOUT = "holdout"
    """She is among those who are left alone, to measure what the others' messages do."""
    QUIET_HOURS = "quiet-hours"
    """It is night where she is."""
    MINIMUM_GAP = "minimum-gap"
    """Her last message was not long enough ago."""
    CAPPED = "capped"
    """She has had as many messages as the rules allow."""
    NOTHING_TO_SHOW = "nothing-to-show"
    """No item may be shown to her."""
    FAILED = "failed"
    """Her answer could not be computed; the others' could."""
    NO_OFFER = "no-offer"
    """No offer is for her, and the batch is for those who get one."""


def address_of(person: Person, namespaces: tuple[str, ...]) -> Identifier | None:
    """Return the identifier to send to: of the first namespace that she has one of."""
    for namespace in namespaces:
        for one in person.identifiers:
            if one.namespace == namespace:
                return one
    return None


def may_be_messaged(person: Person, channel: Channel | None, *, by_default: bool) -> bool:
    """Say whether she allows messages on a channel.

    Args:
        person: Her consents.
        channel: Where; None if that is not known, and then a refusal of any counts.
        by_default: Whether those may be messaged who have said nothing.
    """
    found = effective(person.consents.values(), Purpose.MARKETING, channel)
    return by_default if found is None else found.is_granted


def is_held_out(person: Person, name: str, share: float) -> bool:
    """Say whether somebody is left alone: the same people for the same name, whoever asks.

    Args:
        person: Her strongest identifier decides.
        name: Of the experiment; people held out under one name are as any under another.
        share: Of all people, 0 to 1.
    """
    if share <= 0.0 or not person.identifiers:
        return False
    strongest = person.identifiers[0]
    text = f"{name}\0{strongest.namespace}\0{strongest.value}".encode(errors="surrogatepass")
    digest = hashlib.blake2b(text, digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big") < share * 2.0 ** (8 * _HASH_BYTES)
