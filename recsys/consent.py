"""What a person allows: statements of consent, which of them count, and how they merge.

A statement is about one purpose, on one channel or on all of them. Under one
identifier the newest statement that covers a question counts: who refuses all
messages on Monday and asks for e-mail on Tuesday gets e-mail. Over several
identifiers of a person the most restrictive counts, so that joining two of them never
allows more than one of them does. Where nothing is stated, a default counts.
"""

import enum
import functools
import itertools
from collections.abc import Iterable
from typing import Final, NamedTuple, Self

import msgspec

from recsys.domain import CHANNEL_UNKNOWN_CODE, Channel


class Purpose(enum.StrEnum):
    """What somebody's data are used for."""

    PERSONALISE = "personalise"
    """Answers made for her: her history, and what the session brings along."""

    TRAINING = "training"
    """Models learn from her events."""

    MARKETING = "marketing"
    """Messages to her: by e-mail, sms, push and so on, each a channel."""

    @property
    def code(self) -> int:
        """Small integer, equal to the proto's number; 0 is not used."""
        return _PURPOSE_CODES[self]


class ConsentStatus(enum.StrEnum):
    """What somebody says to a purpose."""

    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def code(self) -> int:
        """Small integer, equal to the proto's number; 0 is not used."""
        return _STATUS_CODES[self]


_PURPOSE_CODES: Final = {member: code for code, member in enumerate(Purpose, start=1)}
_STATUS_CODES: Final = {member: code for code, member in enumerate(ConsentStatus, start=1)}


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One statement.

    Attributes:
        purpose: Of what use.
        channel: Where; None for every channel.
        status: What she says to it.
        time: When she said it, seconds since 1970-01-01 UTC.
        source: Where she said it, such as `preference-centre` or `till 7`.
    """

    purpose: Purpose
    status: ConsentStatus
    time: float
    channel: Channel | None = None
    source: str = ""

    @property
    def is_granted(self) -> bool:
        """Whether she allows it."""
        return self.status is ConsentStatus.GRANTED

    @property
    def slot(self) -> tuple[int, int]:
        """What it is about: a later statement of the same slot takes its place."""
        return self.purpose.code, self.channel.code if self.channel else CHANNEL_UNKNOWN_CODE


def newest_of_each(statements: Iterable[Consent]) -> tuple[Consent, ...]:
    """Return the statements that no later one replaces, by purpose and channel.

    Of several at one moment the most restrictive counts, so that the order of arrival
    decides nothing.
    """
    newest: dict[tuple[int, int], Consent] = {}
    for one in statements:
        newest[one.slot] = max(newest.get(one.slot, one), one, key=_later)
    return tuple(newest[slot] for slot in sorted(newest))


def stated(
    statements: Iterable[Consent], purpose: Purpose, channel: Channel | None
) -> Consent | None:
    """Return the statement of one identifier that answers a question.

    Args:
        statements: All of this identifier, in any order.
        purpose: Of what use.
        channel: Where; None if that is not known, and then whatever is refused on any
            channel is refused.

    Returns:
        The statement; None if nothing was said.
    """
    mine = [one for one in statements if one.purpose is purpose]
    if channel is not None:
        covering = (one for one in mine if one.channel in {None, channel})
        return max(covering, key=_later, default=None)
    general = [one for one in mine if one.channel is None]
    found = [stated(mine, purpose, place) for place in {one.channel for one in mine} - {None}]
    return _strictest([max(general, key=_later, default=None), *found], general=bool(general))


def effective(
    people: Iterable[Iterable[Consent]], purpose: Purpose, channel: Channel | None
) -> Consent | None:
    """Return the statement that counts for a person of several identifiers.

    Args:
        people: The statements of each of her identifiers.
        purpose: Of what use.
        channel: Where; as in `stated`.

    Returns:
        The newest refusal if any identifier refuses, else the newest grant, else None.
    """
    return _strictest([stated(statements, purpose, channel) for statements in people])


def _strictest(found: Iterable[Consent | None], *, general: bool = True) -> Consent | None:
    said = [one for one in found if one is not None]
    refused = [one for one in said if not one.is_granted]
    # What is granted on some channels says nothing of the others.
    return max(refused or (said if general else []), key=_later, default=None)


def _later(one: Consent) -> tuple[float, int, str, tuple[int, int]]:
    return one.time, one.status.code, one.source, one.slot


assert ConsentStatus.GRANTED.code < min(
    ConsentStatus.DENIED.code, ConsentStatus.WITHDRAWN.code
)  # `_later` prefers what refuses.


# --- in one number, for the path of a request ---

_STRIDE: Final = 15
"""Bits for a purpose and what is said to it: one for each channel, with room for more."""

_PACKED_PURPOSES: Final = (Purpose.PERSONALISE, Purpose.TRAINING)

assert len(Channel) < _STRIDE
assert 2 * _STRIDE * len(_PACKED_PURPOSES) < 63  # noqa: PLR2004 - bits of a database's integer


def consent_bits(statements: Iterable[Consent]) -> int:
    """Pack what one identifier says to personalising and training; 0 if nothing.

    Each channel has a bit for "refused" and one for "granted". The bits of a person are
    those of her identifiers, joined by `|`; see `Permission`.
    """
    said = newest_of_each(statements)
    bits = 0
    for purpose, channel in itertools.product(_PACKED_PURPOSES, (None, *Channel)):
        found = stated(said, purpose, channel)
        if found is not None:
            refused, granted = _bits_of(purpose, channel)
            bits |= granted if found.is_granted else refused
    return bits


class Permission(NamedTuple):
    """A question to packed consents.

    Attributes:
        mask: The bits that matter.
        wanted: How they must be.
    """

    mask: int
    wanted: int

    @classmethod
    def to(cls, purpose: Purpose, channel: Channel | None, *, by_default: bool) -> Self:
        """Ask for a use of data.

        Args:
            purpose: PERSONALISE or TRAINING.
            channel: Where; None if that is not known.
            by_default: Whether it is allowed where nothing is said.
        """
        return cls(*_asked(purpose, channel, by_default))

    def given_by(self, bits: int) -> bool:
        """Whether the consents of a person allow it."""
        return bits & self.mask == self.wanted


ALWAYS: Final = Permission(0, 0)
"""The permission that nobody needs: for those who look after data rather than use them."""


@functools.cache
def _asked(purpose: Purpose, channel: Channel | None, by_default: bool) -> tuple[int, int]:  # noqa: FBT001 - a key of the cache
    refused, granted = _bits_of(purpose, channel)
    return (refused, 0) if by_default else (refused | granted, granted)


def _bits_of(purpose: Purpose, channel: Channel | None) -> tuple[int, int]:
    first = 2 * _STRIDE * _PACKED_PURPOSES.index(purpose)
    place = channel.code if channel else CHANNEL_UNKNOWN_CODE
    return 1 << (first + place), 1 << (first + _STRIDE + place)
