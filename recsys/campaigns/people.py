"""People, some at a time: who they are, what they allow, what they did; and the port to them."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from recsys.domain import EventType, Identifier
from recsys.profiles import Export, Person


class WalkPosition(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a walk over all people is. It outlives processes and connections.

    Attributes:
        after: Number of the last identifier that was looked at.
        last: That of the last one of all; later ones are not walked.
        in_devices: Whether those of people are done, and it is the devices' turn.
    """

    after: int
    last: int
    in_devices: bool = False

    @property
    def share(self) -> float:
        """How much of the way is done, about, from 0 to 1."""
        done = self.after + (self.last if self.in_devices else 0)
        return min(1.0, done / (2 * self.last)) if self.last else 1.0


class EventNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of each person somebody wants to see.

    Attributes:
        types: Of these types; None for all.
        since: After this moment, seconds since 1970-01-01 UTC.
    """

    types: frozenset[EventType] | None = frozenset()
    since: float = -1e300

    def joined(self, other: "EventNeeds") -> "EventNeeds":
        """Return what both want to see; it may be more than that."""
        if self == NO_EVENTS:
            return other
        if other == NO_EVENTS:
            return self
        types = None if self.types is None or other.types is None else self.types | other.types
        return EventNeeds(types=types, since=min(self.since, other.since))


NO_EVENTS: Final = EventNeeds()
ALL_EVENTS: Final = EventNeeds(types=None)


class FoundPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody.

    Attributes:
        person: What is stored of her: her identifiers, the strongest first, what she said,
            and the events that were wanted, in any order. Nobody known has no identifiers.
        keys: Numbers of her identifiers, by which the same person is known again.
    """

    person: Person
    keys: tuple[int, ...] = ()

    def erased(self, erase_time: float) -> "FoundPerson":
        """Return her with the time when an identifier that was asked for was erased."""
        person = msgspec.structs.replace(self.person, erase_time=erase_time)
        return msgspec.structs.replace(self, person=person)


class WalkPart(NamedTuple):
    """The next people of a walk.

    Attributes:
        people: Any number of them, none at times.
        next: Where it goes on; None if that was all.
    """

    people: list[FoundPerson]
    next: WalkPosition | None


class PeopleSample(NamedTuple):
    """A random part of all people.

    Attributes:
        people: Those who were met.
        identifier_count: Among how many identifiers.
        identifier_total: Of how many there are.
    """

    people: list[FoundPerson]
    identifier_count: int
    identifier_total: int


class Versions(NamedTuple):
    """How far a storage is: numbers that only grow.

    Attributes:
        consents: The last statement of consent.
        events: The last event.
        catalog: The last change of the catalogue.
    """

    consents: int
    events: int
    catalog: int


class PeopleSource(Protocol):
    """Finds people. Safe to share by threads; raises StorageUnavailable."""

    def begin(self) -> WalkPosition:
        """Return where a walk over all people begins who are there now."""
        ...

    def walk(self, position: WalkPosition, *, count: int, needs: EventNeeds) -> WalkPart:
        """Return the next people of a walk, as they are now.

        Whoever was there at its beginning is met once, whatever is joined on the way: at the
        first of her identifiers, in the order in which they came. Of people who are parted on
        the way, each is met whose own first identifier is still ahead.

        Args:
            position: Where it is.
            count: How many identifiers to look at, at most.
            needs: Which events of each to bring.
        """
        ...

    def find(
        self, asked: Sequence[Sequence[Identifier]], *, needs: EventNeeds
    ) -> list[FoundPerson]:
        """Return who is meant by each of some lists of identifiers, in their order."""
        ...

    def sample(self, *, count: int, seed: int, needs: EventNeeds) -> PeopleSample:
        """Return a random part of all people: those met first at so many identifiers.

        Args:
            count: How many identifiers to look at.
            seed: Chooses the part, if it is not all.
            needs: Which events of each to bring.
        """
        ...

    def versions(self) -> Versions:
        """Say how far consents, events and the catalogue are."""
        ...

    def note_export(self, export: Export) -> None:
        """Note that a file holds people, for the report of a later erasure; before it does."""
        ...
