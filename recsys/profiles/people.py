"""A person as the storage has her, and the port to what is stored of people."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from recsys.consent import Consent, Purpose, effective, stated
from recsys.domain import Channel, Identifier, ItemId
from recsys.events import ID_SEPARATOR
from recsys.profiles.exports import Export
from recsys.profiles.tier import TierOutcome, TierStatement


class LoggedEvent(NamedTuple):
    """What traits need of an event. A tuple, because a person can have thousands.

    Attributes:
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        channel: `Channel.code`, 0 for unknown.
        store_id: The shop, or None.
        item_ids: Joined by `ID_SEPARATOR`; empty without lines.
        content: JSON of `EventContent` for purchases and returns, where campaigns ask
            also for impressions; else None.
    """

    event_time: float
    event_type: int
    channel: int
    store_id: str | None
    item_ids: str
    content: str | None

    def ids(self) -> list[ItemId]:
        """Return the items concerned."""
        return [ItemId(part) for part in self.item_ids.split(ID_SEPARATOR)] if self.item_ids else []


class DecidedConsent(NamedTuple):
    """What counts for a purpose on a channel.

    Attributes:
        purpose: Of what use.
        channel: Where; None for every channel of which nothing else is said.
        statement: Says it; may be one about every channel.
        identifier: Under which it is kept.
    """

    purpose: Purpose
    channel: Channel | None
    statement: Consent
    identifier: Identifier


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a person.

    Attributes:
        consents: By each of her identifiers, the most trusted first, the statements that
            count.
        events: Her newest events, in any order.
        event_count: How many she has.
        erase_time: When an identifier asked for was erased, seconds since 1970-01-01
            UTC; None if none was.
        loyalty_tier: What `tier_of` makes of her identifiers; empty for none.
    """

    consents: dict[Identifier, tuple[Consent, ...]]
    events: tuple[LoggedEvent, ...] = ()
    event_count: int = 0
    erase_time: float | None = None
    loyalty_tier: str = ""

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """How she is known, the most trusted first."""
        return tuple(self.consents)

    def decided_consents(self) -> list[DecidedConsent]:
        """Return what counts for every purpose and channel that something was said about."""
        slots = {
            one.slot: (one.purpose, one.channel) for said in self.consents.values() for one in said
        }
        decided = []
        for _, (purpose, channel) in sorted(slots.items()):
            by = {one: stated(said, purpose, channel) for one, said in self.consents.items()}
            counting = effective(self.consents.values(), purpose, channel)
            decided += [
                DecidedConsent(purpose, channel, statement, identifier)
                for identifier, statement in by.items()
                if statement is not None and statement == counting
            ][:1]
        return decided


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted of a person; says nothing of who she was.

    Attributes:
        erasure_id: Its name in the storage's record of erasures.
        erase_time: When, seconds since 1970-01-01 UTC.
        identifier_count: Identifiers that nothing is written under any more.
        event_count: Events deleted.
        consent_count: Statements of consent deleted.
        link_count: Links deleted.
        exports: Files outside of the storage that hold her.
    """

    erasure_id: str
    erase_time: float
    identifier_count: int
    event_count: int
    consent_count: int
    link_count: int
    exports: tuple[Export, ...] = ()


class PeopleStore(Protocol):
    """Keeps, shows and forgets people. Safe to share by threads and processes.

    A person is whoever all given identifiers lead to, at least one. Every method
    raises StorageUnavailable if the storage does not answer; nothing has happened then.
    """

    def person(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> Person:
        """Return what is stored of a person, of one moment.

        Args:
            identifiers: Any, known or not.
            event_count_max: Upper bound of events returned, newest kept; 0 for none.
        """
        ...

    def record_consents(
        self, identifiers: Sequence[Identifier], statements: Sequence[Consent], *, now: float
    ) -> Person:
        """Keep what she says under these identifiers; seen by the next answer of anybody.

        Args:
            identifiers: Those that she is known by where she says it.
            statements: In the order in which she says it. One dated `now` or later is
                the last word, whatever clock earlier ones were dated by.
            now: Seconds since 1970-01-01 UTC.

        Returns:
            The person with it, without events.

        Raises:
            PersonErased: All these identifiers were erased.
        """
        ...

    def record_tiers(self, statements: Sequence[TierStatement]) -> list[TierOutcome]:
        """Keep loyalty tiers, of each identifier the latest, in one step.

        Returns:
            What became of each statement.
        """
        ...

    def export(
        self, identifiers: Sequence[Identifier], *, to: Export | None = None
    ) -> Iterator[list[bytes]]:
        """Return everything held about her as JSON lines without their ends, in parts.

        Args:
            identifiers: Any, known or not.
            to: Where the lines are kept, for the report of a later erasure; None if nowhere.
        """
        ...

    def erase(self, identifiers: Sequence[Identifier], *, now: float) -> Erasure:
        """Delete everything of her and keep it from coming back.

        Args:
            identifiers: Any; unknown ones are kept out from now on, too.
            now: Seconds since 1970-01-01 UTC.
        """
        ...
