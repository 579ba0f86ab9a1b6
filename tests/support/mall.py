"""A shop whose triggers are followed by several workers, on a clock that is put on by hand."""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys.campaigns import FrequencyRules, ItemCards, read_frequency
from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import Event, EventContent, EventLine, Outcome
from recsys.offers.live import LiveOffers
from recsys.offers.recommender import OfferRecommender, OfferSources
from recsys.profiles import LinkKind
from recsys.recommend import Recommender, ServingModel
from recsys.serving.storage import Storage
from recsys.storage.sessions import Session, Sessions
from recsys.storage.trigger_feed import LogTriggerFeed
from recsys.storage.trigger_rows import MESSAGES, message_of
from recsys.storage.triggers import TriggerMessages
from recsys.triggers import (
    AckOutcome,
    Decider,
    HandedOut,
    HandOut,
    Message,
    TriggerCause,
    TriggerFollower,
    Triggers,
    TriggerSettings,
    TriggerStore,
    WatchQuery,
    read_triggers,
)
from support.bundles import make_bundle, two_worlds
from support.identity import account, link, visitor
from support.offers import offer

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
ANNA, BEN, PHONE = account("anna"), account("ben"), visitor("phone")
ITEM_COUNT = 8


def make_model(folder: Path) -> ServingModel:
    """A model in which even and odd items are two worlds."""
    ids = [f"item-{row}" for row in range(ITEM_COUNT)]
    return ServingModel.from_bundle(make_bundle(folder, ids, factors=two_worlds(ITEM_COUNT)))


@dataclass
class Mall:
    """One storage and whoever decides on it.

    Attributes:
        storage: As servers open it.
        sessions: Transactions of the same one.
        model: Judges.
        late_seconds: Of the feed.
        now: The time, on every clock.
    """

    storage: Storage
    sessions: Sessions
    model: ServingModel
    late_seconds: float = 0.0
    now: float = NOON
    triggers: Triggers = field(default_factory=Triggers)
    frequency: FrequencyRules = field(default_factory=FrequencyRules)
    said: list[tuple[str, TriggerCause | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        storage = self.storage
        assert storage.offers is not None
        assert storage.people is not None
        assert storage.items is not None
        assert storage.campaign_people is not None
        assert storage.catalog is not None
        self.store: TriggerStore = TriggerMessages(self.sessions, clock=self._clock)
        self._names = itertools.count()
        recommender = Recommender(histories=storage.histories, catalog=storage.catalog)
        sources = OfferSources(
            offers=LiveOffers(storage.offers.feed),
            ledger=storage.offers.ledger,
            people=storage.people,
            items=storage.items,
            time_zone=dt.UTC,
        )
        self.decider = Decider(
            people=storage.campaign_people,
            store=self.store,
            recommender=recommender,
            offers=OfferRecommender(recommender, sources),
            settings=TriggerSettings(
                time_zone=dt.UTC,
                messages_by_default=False,
                personalises_by_default=True,
                frequency=lambda: self.frequency,
            ),
        )
        self.hand_out = HandOut(
            store=self.store,
            decider=self.decider,
            cards=ItemCards(storage.catalog),
            triggers=lambda: self.triggers,
            on_handed_out=lambda name, cause: self.said.append((name, cause)),
        )

    def _clock(self, session: Session) -> float:
        del session
        return self.now

    def follower(self, name: str = "one", *, store: TriggerStore | None = None) -> TriggerFollower:
        """Start a worker."""
        return TriggerFollower(
            holder=name,
            feed=LogTriggerFeed(self.sessions, late_seconds=self.late_seconds),
            store=store or self.store,
            decider=self.decider,
            on_decided=lambda name, cause: self.said.append((name, cause)),
            clock=lambda: self.now,
        )

    def write_rules(self, triggers: str, frequency: str = "") -> None:
        """Say what sets messages off, and how often they are sent."""
        self.triggers = read_triggers(triggers, source="test")
        self.frequency = read_frequency(frequency, source="test")

    def offer(self, *offer_ids: str, **said: Any) -> None:
        """Write offers."""
        assert self.storage.offers is not None
        self.storage.offers.store.upsert_offers(
            {name: offer(**said) for name in offer_ids}, now=self.now
        )

    def happen(
        self,
        kind: EventType,
        *item_ids: str,
        who: Sequence[Identifier] = (ANNA,),
        age: float = 0.0,
        name: str = "",
        store_id: str | None = None,
        channel: Channel = Channel.MOBILE_APP,
    ) -> Outcome:
        """Let somebody do something."""
        assert self.storage.log is not None
        content = EventContent(
            event_type=kind,
            event_time=self.now - age,
            channel=channel,
            identifiers=tuple(who),
            lines=tuple(EventLine(ItemId(one)) for one in item_ids),
            store_id=None if store_id is None else StoreId(store_id),
        )
        event_id = name or f"event-{next(self._names)}"
        (outcome,) = self.storage.log.append([Event.of(content, event_id=event_id, now=self.now)])
        return outcome

    def visit(self, store_id: str = "s-1", **said: Any) -> Outcome:
        """Let somebody enter a shop."""
        return self.happen(EventType.STORE_VISIT, store_id=store_id, **said)

    def allow(
        self,
        who: Identifier = ANNA,
        *,
        status: ConsentStatus = ConsentStatus.GRANTED,
        purpose: Purpose = Purpose.MARKETING,
        channel: Channel | None = Channel.PUSH,
    ) -> None:
        """Let somebody say what she allows."""
        assert self.storage.people is not None
        said = Consent(purpose=purpose, status=status, time=self.now, channel=channel)
        self.storage.people.record_consents([who], [said], now=self.now)

    def join(self, one: Identifier, other: Identifier) -> None:
        """Say that two identifiers are one person's."""
        assert self.storage.profiles is not None
        pair = sorted((one, other))
        self.storage.profiles.link([link(pair[0], pair[1], self.now - DAY, kind=LinkKind.EXPLICIT)])

    def look(self, follower: TriggerFollower) -> list[TriggerCause | None]:
        """Decide on all that there is; return what came of it."""
        before = len(self.said)
        while follower.look(self.model, self.triggers, now=self.now):
            pass
        return [cause for _, cause in self.said[before:]]

    def take(self, consumer: str = "gateway", *, is_resuming: bool = False) -> list[HandedOut]:
        """Take the messages that may be sent."""
        query = WatchQuery(consumer=consumer)
        return self.hand_out.take(self.model, query, is_resuming=is_resuming, now=self.now)

    def send(self) -> list[HandedOut]:
        """Take the messages that may be sent, and send them."""
        given = self.take()
        self.store.acknowledge([(one.message.message_id, AckOutcome.SENT) for one in given])
        return given

    def messages(self) -> list[Message]:
        """Return all that was decided."""
        rows = self.sessions.rows(f"{MESSAGES} ORDER BY m.message_key")
        return list(map(message_of, rows))
