"""The exception tree. Errors carry facts; the prose is derived from them.

RecsysError
├── InvalidInput               a caller's or operator's mistake
│   ├── InvalidRequest         a request's fields, each with its bound
│   ├── InvalidConfig          a configuration key
│   └── InvalidData            a file that cannot be imported at all
├── NotFound
│   ├── ItemNotFound
│   ├── OfferNotFound
│   ├── SegmentNotFound        no people are saved under a name
│   └── ReservationNotFound
├── OfferRefused               a rule, a budget or a cap refuses an offer
├── ReservationConflict        another reservation of the same id is kept already
├── ReservationSettled         it was committed, released or has expired
├── CostTooHigh                a use would cost more than was reserved for it
├── PersonErased               all that somebody is known by was erased
├── EventConflict              another event of the same id is kept already
├── BundleError
│   ├── BundleCorrupt          checksum, size, shape or content is wrong
│   ├── BundleIncompatible     a format that this version cannot read
│   └── BundleUnavailable      no bundle (yet), or its source cannot be reached
├── FeedTooSmall               a catalogue that replaces another lacks most of it
├── GateFailed                 a model is not good enough to serve
├── StorageMissing             a server without a database is asked to write
└── StorageUnavailable         the database does not answer
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class RecsysError(Exception):
    """Base of every error that this project raises on purpose."""

    reason: ClassVar[str] = "INTERNAL"
    """What clients branch on; UPPER_SNAKE, never changes."""

    def metadata(self) -> dict[str, str]:
        """Each dynamic value of the message, for machines."""
        return {name: str(value) for name, value in vars(self).items()}


class InvalidInput(RecsysError):
    """Something given to us is wrong; trying again unchanged will fail again."""

    reason = "INVALID_INPUT"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of a request.

    Attributes:
        field: Path as in the proto, such as `context.recent_events[3].event_type`.
        description: What it is and what is allowed, such as `is -3; allowed 0 to 100`.
    """

    field: str
    description: str


class InvalidRequest(InvalidInput):
    """One or more fields of a request are outside their bounds."""

    reason = "INVALID_REQUEST"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field} {v.description}" for v in self.violations))

    def metadata(self) -> dict[str, str]:
        """Map each wrong field to what is wrong with it."""
        return {v.field: v.description for v in self.violations}


class InvalidConfig(InvalidInput):
    """A configuration key is unknown, missing or out of bounds."""

    reason = "INVALID_CONFIG"

    def __init__(self, *, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"{source}: {problem}")


class InvalidData(InvalidInput):
    """A data file cannot be imported; nothing was written."""

    reason = "INVALID_DATA"

    def __init__(self, *, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class NotFound(RecsysError):
    """Something named by the caller does not exist."""

    reason = "NOT_FOUND"


class ItemNotFound(NotFound):
    """Nobody knows the item who should."""

    reason = "ITEM_NOT_FOUND"

    def __init__(self, *, item_id: str, place: str = "the serving model") -> None:
        self.item_id = item_id
        self.place = place
        super().__init__(f"item {item_id!r} is not known to {place}")


class OfferNotFound(NotFound):
    """There is no offer of this id."""

    reason = "OFFER_NOT_FOUND"

    def __init__(self, *, offer_id: str) -> None:
        self.offer_id = offer_id
        super().__init__(f"there is no offer {offer_id!r}")


class ReservationNotFound(NotFound):
    """Nothing was ever reserved under this id, or it came to nothing long ago."""

    reason = "RESERVATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no reservation of this id")


class OfferRefused(RecsysError):
    """An offer is not for this person now; `rule` says why."""

    reason = "OFFER_REFUSED"

    def __init__(self, *, offer_id: str, rule: str, detail: str) -> None:
        self.offer_id = offer_id
        self.rule = rule
        self.detail = detail
        super().__init__(f"offer {offer_id!r} is refused by {rule}: {detail}")


class ReservationConflict(RecsysError):
    """Something else was reserved under the same id; it stays."""

    reason = "RESERVATION_CONFLICT"

    def __init__(self) -> None:
        super().__init__("something else is reserved under this id; the first stays")


class ReservationSettled(RecsysError):
    """A reservation is over, and not in the way that was asked for."""

    reason = "RESERVATION_SETTLED"

    def __init__(self, *, state: str) -> None:
        self.state = state
        super().__init__(f"the reservation is {state.lower()} already")


class CostTooHigh(RecsysError):
    """What a use costs is more than was reserved for it; it stays reserved."""

    reason = "COST_TOO_HIGH"

    def __init__(self, *, cost: str, cost_max: str) -> None:
        self.cost = cost
        self.cost_max = cost_max
        super().__init__(f"the use costs {cost}; reserved are {cost_max}")


class SegmentNotFound(NotFound):
    """There is no saved segment of this name."""

    reason = "SEGMENT_NOT_FOUND"

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"there is no segment {name!r}")


class EventConflict(RecsysError):
    """Another event of the same id was kept before; it stays."""

    reason = "EVENT_CONFLICT"

    def __init__(self, *, event_id: str) -> None:
        self.event_id = event_id
        super().__init__("another event of this id is kept already; the first stays")


class PersonErased(RecsysError):
    """Everything of this person was erased, and nothing of her is written any more."""

    reason = "PERSON_ERASED"

    def __init__(self, *, erase_time: float) -> None:
        self.erase_time = erase_time
        super().__init__("this person was erased; nothing is kept under these identifiers")


class BundleError(RecsysError):
    """A model bundle cannot be used. The one in service keeps serving."""

    reason = "BUNDLE_INVALID"


class BundleCorrupt(BundleError):
    """A bundle's files disagree with its manifest or hold impossible values."""

    reason = "BUNDLE_CORRUPT"

    def __init__(self, *, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"bundle {path}: {problem}")


class BundleIncompatible(BundleError):
    """A bundle's format is newer (or older) than this version can read."""

    reason = "BUNDLE_INCOMPATIBLE"

    def __init__(self, *, path: str, format_version: int, supported: str) -> None:
        self.path = path
        self.format_version = format_version
        self.supported = supported
        super().__init__(
            f"bundle {path} has format version {format_version}; this version reads {supported}"
        )


class BundleUnavailable(BundleError):
    """There is no bundle to serve, or the place it comes from does not answer."""

    reason = "MODEL_UNAVAILABLE"

    def __init__(self, *, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"no model from {source}: {problem}")


class GateFailed(RecsysError):
    """A model was refused promotion because it is not good enough."""

    reason = "GATE_FAILED"

    def __init__(self, *, model_version: str, failures: Sequence[str]) -> None:
        self.model_version = model_version
        self.failures = tuple(failures)
        super().__init__(f"model {model_version} fails the gate: {'; '.join(self.failures)}")


class FeedTooSmall(RecsysError):
    """What should replace the catalogue lacks so many of its items that it must be a mistake."""

    reason = "FEED_TOO_SMALL"

    def __init__(self, *, missing_count: int, missing_count_max: int) -> None:
        self.missing_count = missing_count
        self.missing_count_max = missing_count_max
        super().__init__(
            f"{missing_count} items are not in the feed; allowed up to {missing_count_max}"
            " unless `allow_empty` is set; none was deleted"
        )


class StorageMissing(RecsysError):
    """The server has no storage to write to; its configuration names none."""

    reason = "STORAGE_MISSING"

    def __init__(self) -> None:
        super().__init__("this server has no storage; set `histories` under [storage]")


class StorageUnavailable(RecsysError):
    """The database cannot be read or written now; trying again may help."""

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self, *, storage: str, problem: str) -> None:
        self.storage = storage
        self.problem = problem
        super().__init__(f"storage {storage}: {problem}")
