"""A storage with offers, a ledger whose clock stands, and people who may be joined."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from recsys.domain import Identifier
from recsys.errors import OfferRefused
from recsys.offers import Offer, Reservation, ReservationState, Settled, Spend
from recsys.profiles import LinkKind, PeopleStore, ProfileStore
from recsys.storage.offers import Offers
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.sessions import Session, Sessions
from support.identity import card, link, visitor

NOW = 1_790_000_000.0
CARD, PHONE = card("26001"), visitor("phone")
RESERVED, COMMITTED, RELEASED, EXPIRED, RETURNED = ReservationState


@dataclass
class Clock:
    """Stands until it is put on."""

    now: float = NOW

    def __call__(self, session: Session) -> float:
        """Tell the time."""
        del session
        return self.now


@dataclass
class Shop:
    """A storage.

    Attributes:
        sessions: Its transactions.
        people: Who may be erased.
        profiles: Who is who.
        clock: Of the ledger.
    """

    sessions: Sessions
    people: PeopleStore
    profiles: ProfileStore
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.offers = Offers(self.sessions)
        self.ledger = OfferLedger(self.sessions, clock=self.clock)

    def write(self, **offers: Offer) -> None:
        """Write offers."""
        self.offers.upsert_offers(offers, now=NOW)

    def ask(self, *asked: object) -> list[Settled]:
        """Ask several things in one step."""
        return self.ledger.settle(asked)  # type: ignore[arg-type] # what tests ask for

    def take(self, asked: object) -> Reservation:
        """Ask for something that must be given."""
        (settled,) = self.ask(asked)
        assert isinstance(settled, Reservation), settled
        return settled

    def rule(self, asked: object) -> str:
        """Ask for something that must be refused; return the rule."""
        (settled,) = self.ask(asked)
        assert isinstance(settled, OfferRefused), settled
        return settled.rule

    def spend(self, offer_id: str = "ten") -> Spend:
        """What is used of an offer."""
        return self.ledger.standing([], [offer_id]).spends.get(offer_id, Spend())

    def join(self, *who: Identifier) -> None:
        """Say that identifiers are one person's."""
        pairs = pairwise(who)
        self.profiles.link([link(*sorted(pair), kind=LinkKind.EXPLICIT) for pair in pairs])  # type: ignore[arg-type] # two each

    def exported(self, who: Identifier) -> list[dict[str, object]]:
        """The redemptions that a person is told of."""
        lines = [line for part in self.people.export([who]) for line in part]
        found = [msgspec.json.decode(line) for line in lines]
        return [one for one in found if one["record"] == "redemption"]


def kinds(settled: Sequence[Settled]) -> list[object]:
    """States of reservations and types of errors."""
    return [one.state if isinstance(one, Reservation) else type(one) for one in settled]
