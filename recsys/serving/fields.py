"""Fields that several requests share: checked, and said in the words of the domain."""

from collections.abc import Sequence
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from recsys import limits
from recsys.catalog import Place
from recsys.domain import (
    NAMESPACE_ACCOUNT,
    NAMESPACE_VISITOR,
    Channel,
    EventType,
    Identifier,
    ItemId,
    normal_text,
)
from recsys.v1 import catalog_pb2
from recsys.v1.event_pb2 import Event, ItemLine
from recsys.v1.subject_pb2 import Identifier as SentIdentifier
from recsys.v1.subject_pb2 import Subject
from recsys.violations import Violations, is_plain

MemberT = TypeVar("MemberT")

# Proto numbers equal the codes of the domain (a test holds the two together),
# so looking an enum up is indexing.
CHANNELS: Final[tuple[Channel | None, ...]] = (None, *Channel)
EVENT_TYPES: Final[tuple[EventType, ...]] = tuple(EventType)

# What google.protobuf.Timestamp can hold: years 1 to 9999.
_SECONDS_MIN: Final = -62_135_596_800
_SECONDS_MAX: Final = 253_402_300_799
_NANOS_PER_SECOND: Final = 1_000_000_000

_EVENT_TEXTS: Final = (
    ("event_id", limits.EVENT_ID_BYTES_MAX),
    ("store_id", limits.STORE_ID_BYTES_MAX),
    ("session_id", limits.SESSION_ID_BYTES_MAX),
)


def identifiers(subject: Subject, wrong: Violations, path: str) -> tuple[Identifier, ...]:
    """Return who is meant, each identifier once; `path` is that of the subject."""
    bytes_max = limits.IDENTIFIER_BYTES_MAX
    found: list[Identifier] = []
    if user_id := subject.user_id:
        wrong.text(user_id, f"{path}.user_id", bytes_max=bytes_max)
        found.append(Identifier(NAMESPACE_ACCOUNT, normal_text(user_id)))
    if visitor_id := subject.visitor_id:
        wrong.text(visitor_id, f"{path}.visitor_id", bytes_max=bytes_max)
        found.append(Identifier(NAMESPACE_VISITOR, normal_text(visitor_id)))
    further = subject.identifiers
    if further and wrong.count_within(
        further, f"{path}.identifiers", count_max=limits.IDENTIFIER_COUNT_MAX
    ):
        for position, one in enumerate(further):
            found.append(identifier(one, wrong, f"{path}.identifiers[{position}]"))
    # Keeps the order and drops duplicates.
    return tuple(dict.fromkeys(found)) if found[1:] else tuple(found)


def identifier(sent: SentIdentifier, wrong: Violations, path: str) -> Identifier:
    """Return one identifier."""
    wrong.namespace(sent.namespace, f"{path}.namespace")
    wrong.text(sent.value, f"{path}.value", bytes_max=limits.IDENTIFIER_BYTES_MAX)
    return Identifier(sent.namespace, normal_text(sent.value))


def channel(number: int, wrong: Violations, field: str) -> Channel | None:
    """Return a channel, or None where it is not said or wrong."""
    if 0 <= number < len(CHANNELS):
        return CHANNELS[number]
    wrong.add(field, f"is {number}; allowed 0 to {len(CHANNELS) - 1}")
    return None


def event_type(number: int, wrong: Violations, field: str) -> EventType | None:
    """Return a type of event, or None where it is wrong."""
    if 1 <= number <= len(EVENT_TYPES):
        return EVENT_TYPES[number - 1]
    wrong.add(field, f"is {number}; allowed 1 to {len(EVENT_TYPES)}")
    return None


def moment(sent: Timestamp, wrong: Violations, field: str) -> float | None:
    """Return seconds since 1970-01-01 UTC, or None where they are wrong."""
    seconds, nanos = sent.seconds, sent.nanos
    if _SECONDS_MIN <= seconds <= _SECONDS_MAX and 0 <= nanos < _NANOS_PER_SECOND:
        return seconds + nanos / _NANOS_PER_SECOND
    wrong.add(field, f"is {seconds} s and {nanos} ns; allowed years 1 to 9999")
    return None


def event_time(event: Event, wrong: Violations, path: str, *, now: float) -> float | None:
    """Return when an event happened as it was sent, or None where that is absent or wrong."""
    if not event.HasField("event_time"):
        return None
    return moment_not_ahead(event.event_time, wrong, f"{path}event_time", now=now)


def moment_not_ahead(sent: Timestamp, wrong: Violations, field: str, *, now: float) -> float | None:
    """Return seconds since 1970-01-01 UTC, or None where they are wrong or too far ahead."""
    found = moment(sent, wrong, field)
    if found is not None and found - now > limits.CLOCK_SKEW_SECONDS_MAX:
        wrong.add(
            field,
            f"is {found - now:.0f} s ahead of the server's clock;"
            f" allowed up to {limits.CLOCK_SKEW_SECONDS_MAX}",
        )
        return None
    return found


def texts(event: Event, wrong: Violations, path: str) -> None:
    """Check the ids of an event, of which each may be empty."""
    for name, bytes_max in _EVENT_TEXTS:
        text: str = getattr(event, name)
        if text:
            wrong.text(text, f"{path}{name}", bytes_max=bytes_max)


def lines(sent: Sequence[ItemLine], wrong: Violations, path: str) -> list[tuple[ItemId, float]]:
    """Return the items of an event with their quantities, less the wrong ones."""
    field = f"{path}lines"
    if not wrong.count_within(sent, field, count_max=limits.EVENT_LINE_COUNT_MAX):
        return []
    checked: list[tuple[ItemId, float]] = []
    for position, line in enumerate(sent):
        item_id = line.item_id
        if not is_plain(item_id, bytes_max=limits.ITEM_ID_BYTES_MAX):
            wrong.text(item_id, f"{field}[{position}].item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
        quantity = line.quantity if line.HasField("quantity") else 1.0
        if 0.0 < quantity <= limits.QUANTITY_MAX:  # False for NaN too.
            checked.append((ItemId(item_id), quantity))
        else:
            wrong.add(
                f"{field}[{position}].quantity",
                f"is {quantity:g}; allowed above 0 to {limits.QUANTITY_MAX:.0f}",
            )
    return checked


def place(sent: catalog_pb2.Place, wrong: Violations, field: str) -> Place:
    """Check a place; of no use if it is none."""
    wrong.place(latitude=sent.latitude, longitude=sent.longitude, field=field)
    return Place(sent.latitude, sent.longitude)
