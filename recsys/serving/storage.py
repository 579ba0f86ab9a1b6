"""What a worker knows of people, and where it writes what they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recsys.campaigns import PeopleSource, SegmentStore
from recsys.catalog import CatalogFeed, CatalogStore, ItemReader
from recsys.errors import InvalidConfig
from recsys.events import EventFeed, EventLog, HistoryReader, NoEvents, NoHistories
from recsys.offers import Ledger, OfferFeed, OfferStore
from recsys.profiles import IdentityRules, PeopleStore, ProfileStore, Refusal
from recsys.serving.config import StorageConfig
from recsys.triggers import TriggerFeed, TriggerStore

if TYPE_CHECKING:
    from recsys.storage.sessions import Sessions

_POSTGRES: Final = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferStorage:
    """Where offers are.

    Attributes:
        store: They are written here,
        feed: followed here,
        ledger: and used here.
    """

    store: OfferStore
    feed: OfferFeed
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerStorage:
    """Where triggers are.

    Attributes:
        feed: The end of the log, for the one who decides.
        store: What was decided.
    """

    feed: TriggerFeed
    store: TriggerStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """An open storage.

    Attributes:
        histories: What people did.
        log: Where events go; None for a server without a storage.
        people: Everything about people; None likewise.
        feed: The end of the log, for one who follows it; empty likewise.
        profiles: Who is who; None likewise.
        items: What is known of items; None for a server without a storage.
        catalog: Items, stores and stock, to be followed; None likewise.
        catalog_store: The same, to be written; None likewise.
        campaign_people: People some at a time, for campaigns; None likewise.
        segments: Saved segments; None likewise.
        offers: Offers and what is used of them; None likewise.
        triggers: What events set off; None likewise.
        is_quick: Whether reading takes microseconds, so that it need not leave the event loop.
        unpacked: Keys of identifiers that readers want packed; may grow at any moment.
        link_outcomes: What became of links that events have brought; grows with each append.
        pack: Packs some of them; None where nothing is packed.
        close: Lets go of it.
    """

    histories: HistoryReader = field(default_factory=NoHistories)
    log: EventLog | None = None
    feed: EventFeed = field(default_factory=NoEvents)
    people: PeopleStore | None = None
    profiles: ProfileStore | None = None
    items: ItemReader | None = None
    catalog: CatalogFeed | None = None
    catalog_store: CatalogStore | None = None
    campaign_people: PeopleSource | None = None
    segments: SegmentStore | None = None
    offers: OfferStorage | None = None
    triggers: TriggerStorage | None = None
    is_quick: bool = True
    unpacked: set[int] = field(default_factory=set)
    link_outcomes: list[Refusal | None] = field(default_factory=list)
    pack: Callable[[Sequence[int]], None] | None = None
    close: Callable[[], None] = lambda: None


def open_storage(config: StorageConfig, rules: IdentityRules | None = None) -> Storage:
    """Open the storage that the configuration names, or know nobody.

    The database itself is looked for by the first call and may come later.

    Args:
        config: Names it.
        rules: By which profiles are made; None for those that the storage has.

    Raises:
        InvalidConfig: A library is missing.
    """
    if not config.histories:
        return Storage()
    if config.histories.startswith(_POSTGRES):
        return _open_postgres(config, rules)
    return _open_sqlite(Path(config.histories), rules)


def _offers(sessions: "Sessions") -> OfferStorage:
    from recsys.storage.offers import Offers  # noqa: PLC0415 - only where it is used
    from recsys.storage.offers_ledger import OfferLedger  # noqa: PLC0415 - as above

    offers = Offers(sessions)
    return OfferStorage(store=offers, feed=offers, ledger=OfferLedger(sessions))


def _triggers(sessions: "Sessions", *, late_seconds: float) -> TriggerStorage:
    from recsys.storage.trigger_feed import LogTriggerFeed  # noqa: PLC0415 - as above
    from recsys.storage.triggers import TriggerMessages  # noqa: PLC0415 - as above

    feed = LogTriggerFeed(sessions, late_seconds=late_seconds)
    return TriggerStorage(feed=feed, store=TriggerMessages(sessions))


def _open_sqlite(path: Path, rules: IdentityRules | None) -> Storage:
    from recsys.storage.campaign_people import CampaignPeople  # noqa: PLC0415 - only where it is used
    from recsys.storage.campaign_segments import SavedSegments  # noqa: PLC0415 - as above
    from recsys.storage.catalog import Catalog  # noqa: PLC0415 - as above
    from recsys.storage.event_feed import LogFeed  # noqa: PLC0415 - as above
    from recsys.storage.people import People  # noqa: PLC0415 - as above
    from recsys.storage.sessions import SqliteSessions  # noqa: PLC0415 - as above
    from recsys.storage.sqlite import SqliteHistory  # noqa: PLC0415 - as above
    from recsys.storage.sqlite_events import SqliteEventLog  # noqa: PLC0415 - as above
    from recsys.storage.sqlite_profiles import SqliteProfiles  # noqa: PLC0415 - as above

    unpacked: set[int] = set()
    link_outcomes: list[Refusal | None] = []
    log = SqliteEventLog(path, rules, on_links=link_outcomes.extend)
    sessions = SqliteSessions(path, rules)
    catalog = Catalog(sessions)

    def close() -> None:
        log.close()
        sessions.close()

    return Storage(
        histories=SqliteHistory(path, rules, on_unpacked=unpacked.add),
        log=log,
        feed=LogFeed(sessions),
        people=People(sessions),
        profiles=SqliteProfiles(path, rules),
        items=catalog,
        catalog=catalog,
        catalog_store=catalog,
        campaign_people=CampaignPeople(sessions, rules),
        segments=SavedSegments(sessions),
        offers=_offers(sessions),
        # One writes at a time, so places come in their order.
        triggers=_triggers(sessions, late_seconds=0.0),
        unpacked=unpacked,
        link_outcomes=link_outcomes,
        pack=log.pack,
        close=close,
    )


def _open_postgres(config: StorageConfig, rules: IdentityRules | None) -> Storage:
    try:
        from recsys.storage.campaign_people import (  # noqa: PLC0415 - only where it is used
            CampaignPeople,
        )
        from recsys.storage.campaign_segments import SavedSegments  # noqa: PLC0415 - as above
        from recsys.storage.catalog import Catalog  # noqa: PLC0415 - as above
        from recsys.storage.event_feed import LogFeed  # noqa: PLC0415 - as above
        from recsys.storage.people import People  # noqa: PLC0415 - as above
        from recsys.storage.postgres import PostgresHistory  # noqa: PLC0415 - as above
        from recsys.storage.postgres_events import PostgresEventLog  # noqa: PLC0415 - as above
        from recsys.storage.postgres_pool import PostgresPool  # noqa: PLC0415 - as above
        from recsys.storage.postgres_profiles import PostgresProfiles  # noqa: PLC0415 - as above
        from recsys.storage.postgres_sessions import PostgresSessions  # noqa: PLC0415 - as above
        from recsys.storage.trigger_feed import LATE_SECONDS  # noqa: PLC0415 - as above
    except ImportError as error:
        raise InvalidConfig(
            source="storage.histories",
            problem=f"PostgreSQL needs `pip install 'recsys[postgres]'` ({error})",
        ) from error
    link_outcomes: list[Refusal | None] = []
    pool = PostgresPool(config.histories, rules=rules, connection_count_max=config.connections)
    sessions = PostgresSessions(pool)
    catalog = Catalog(sessions)
    return Storage(
        histories=PostgresHistory(pool),
        log=PostgresEventLog(pool, on_links=link_outcomes.extend),
        feed=LogFeed(sessions),
        people=People(sessions),
        profiles=PostgresProfiles(pool),
        items=catalog,
        catalog=catalog,
        catalog_store=catalog,
        campaign_people=CampaignPeople(sessions, rules),
        segments=SavedSegments(sessions),
        offers=_offers(sessions),
        triggers=_triggers(sessions, late_seconds=LATE_SECONDS),
        link_outcomes=link_outcomes,
        is_quick=False,
        close=pool.close,
    )
