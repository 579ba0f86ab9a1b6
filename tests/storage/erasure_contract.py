"""An erasure seen from outside: a walk through every cell of every table, in every storage.

The storage is filled by all that write to it, so that no table is empty; a table that a later
version adds fails these tests until somebody says here what of it is hers. An adapter's test
module subclasses `ErasureContract` and gives the fixture `home`.
"""

import json
from collections import defaultdict
from collections.abc import Iterator

import msgspec
import pytest

from recsys.campaigns import SavedSegment
from recsys.catalog import Item, StockCell, Store
from recsys.consent import ConsentStatus
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.events import Outcome
from recsys.offers import Commit
from recsys.profiles import Export, ExportKind, LinkKind, Tier, TierStatement
from recsys.storage import exports
from recsys.storage.campaign_segments import SavedSegments
from recsys.storage.catalog import Catalog
from recsys.storage.offers import Offers
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.triggers import TriggerMessages
from recsys.triggers import MessageContent, Occasion, Proposal, Round, Wait
from storage.event_log_contract import NOW, event
from storage.people_contract import Household, exported, said
from support.identity import account, card, link, visitor
from support.offers import offer, reserve

ANNA, BEN, CAROL, EVE = (account(f"account-of-{name}") for name in ("anna", "ben", "carol", "eve"))
CARD, PHONE, TABLET = card("card-of-anna"), visitor("phone-of-anna"), visitor("tablet-of-both")
HERS = [ANNA, CARD, PHONE]
BENS = [event("ben-1", who=[BEN, TABLET], time=NOW - 50.0), event("ben-2", who=[BEN])]

# Where she is found before she is erased, what of her, and whether by her name or her words.
_EVERYWHERE = {
    "identifiers", "events", "consents", "links", "segments", "exports", "offer_uses",
    "trigger_messages", "trigger_waits",
    "loyalty_tiers",
}  # fmt: skip
_TABLES_OF_NOBODY = {
    "facts", "tombstones", "erasures", "items", "stores", "stock", "stock_adjustments",
    "catalog_changes", "saved_segments", "offers", "offer_spends", "trigger_turns",
    # What they cost stays counted; who used them is told by `offer_uses` alone.
    "reservations",
    # The databases' own.
    "sqlite_sequence", "alembic_version",
}  # fmt: skip
_SECRETS = (
    "annas-query",
    "annas-page",
    "annas-visit",
    "annas-token",
    "annas-letter",
    "annas-file",
    "annas-tier",
)


class Traces:
    """Finds somebody in a cell, whatever form it holds her in."""

    def __init__(self, home: Household) -> None:
        key_of = home.sessions.read(lambda session: session.keys).identifier
        self.numbers = {key_of(one) for one in HERS}
        self._texts = {
            *(one.value for one in HERS),
            *_SECRETS,
            *map(str, self.numbers),
            *(f"{key:016x}" for key in self.numbers),
        }
        self._bytes = {text.encode() for text in self._texts} | {
            key.to_bytes(8, order) for key in self.numbers for order in ("big", "little")
        }

    def are_in(self, cell: object) -> bool:
        """Whether a cell names her or holds something that only she has said."""
        if isinstance(cell, int):
            return cell in self.numbers
        if isinstance(cell, bytes):
            return any(one in cell for one in self._bytes)
        return any(one in str(cell) for one in self._texts)


def tables(home: Household) -> dict[str, list[dict[str, object]]]:
    """Every row of every table by column."""
    in_sqlite = home.sessions.read(lambda session: session.packs)
    if in_sqlite:
        names = home.sessions.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    else:
        names = home.sessions.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name: list(_rows(home, name, in_sqlite=in_sqlite)) for (name,) in names}


def _rows(home: Household, table: str, *, in_sqlite: bool) -> Iterator[dict[str, object]]:
    if in_sqlite:
        columns = home.sessions.rows(f"SELECT name FROM pragma_table_info('{table}')")
    else:
        columns = home.sessions.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name = ? ORDER BY ordinal_position",
            table,
        )
    names = [name for (name,) in columns]
    for row in home.sessions.rows(f"SELECT {', '.join(names)} FROM {table}"):
        yield dict(zip(names, row, strict=True))


def found(home: Household) -> dict[str, set[str]]:
    """The columns by table that hold her."""
    traces = Traces(home)
    where: dict[str, set[str]] = defaultdict(set)
    for table, rows in tables(home).items():
        for row in rows:
            where[table] |= {column for column, cell in row.items() if traces.are_in(cell)}
    return {table: columns for table, columns in where.items() if columns}


def _happen(home: Household) -> None:
    """Let her and others do all that can be done, and leave no table empty."""
    catalog = Catalog(home.sessions)
    catalog.upsert_items({ItemId("i1"): Item(title="Mug")}, now=NOW)
    catalog.upsert_stores([Store(store_id=StoreId("ulm"))], now=NOW)
    mug = StockCell(item_id=ItemId("i1"), store_id=StoreId("ulm"), quantity=3.0, stock_time=NOW)
    catalog.set_stock([mug], now=NOW)
    sale = msgspec.structs.replace(mug, stock_time=NOW + 1.0, adjustment_id="sale-1")
    catalog.adjust_stock([sale], now=NOW)
    SavedSegments(home.sessions).upsert([SavedSegment(name="all", filter="")])
    Offers(home.sessions).upsert_offers({"ten": offer()}, now=NOW)
    home.log.append(
        [
            event("anna-1", search_query="annas-query", who=[ANNA]),
            event("anna-2", referrer="annas-page", who=[CARD], channel=Channel.STORE),
            event("anna-3", session_id="annas-visit", who=[PHONE], time=NOW - 30.0),
            event("anna-4", who=[ANNA, PHONE], time=NOW - 29.0),
            event("anna-5", attribution_token="annas-token", who=[ANNA],
                  event_type=EventType.IMPRESSION),
            event("anna-6", offer_id="ten", who=[ANNA], event_type=EventType.OFFER_REDEEM),
            event("anna-7", search_query="annas-query", who=[TABLET], time=NOW - 99.0),
            event("anna-8", who=[ANNA, TABLET], time=NOW - 98.0),
        ]
    )  # fmt: skip
    home.profiles.link(
        [
            link(ANNA, CARD, NOW, kind=LinkKind.EXPLICIT, source="crm"),
            link(ANNA, CAROL, NOW, kind=LinkKind.EXPLICIT, source="guess", confidence=0.1),
        ]
    )
    home.people.record_consents(
        [ANNA], [said(ConsentStatus.GRANTED, source="annas-letter")], now=NOW
    )
    home.people.record_tiers(
        [TierStatement(CARD, Tier("annas-tier", NOW)), TierStatement(BEN, Tier("gold", NOW))]
    )
    mine = Export(kind=ExportKind.PROFILE, place="desk:/annas-file", time=NOW)
    list(home.people.export([CARD], to=mine))
    # From now on, the tablet is no longer hers alone.
    home.log.append(BENS)
    ours = Export(kind=ExportKind.CAMPAIGN, place="desk:/spring", time=NOW)
    home.sessions.write(lambda session: exports.add_log(session, ours, last_seq=10**6))
    ledger = OfferLedger(home.sessions, clock=lambda _: NOW)
    for number, who in enumerate((ANNA, CARD, PHONE, BEN)):
        ledger.settle([reserve(f"use-{number} of {who.value}", who)])
    ledger.settle([Commit(f"use-0 of {ANNA.value}")])
    _set_off(home)
    home.people.erase([EVE], now=NOW)
    home.pack([*HERS, BEN, TABLET])


def _set_off(home: Household) -> None:
    """Let messages be decided for her and others, and carts be waited for."""
    store = TriggerMessages(home.sessions, clock=lambda _: NOW)
    store.take_turn("worker", seconds=1.0)
    content = MessageContent(occasion=Occasion.CART_LEFT, item_ids=(ItemId("i1"),))
    people = (ANNA, CARD, PHONE, BEN)
    proposals = [
        Proposal("cart", f"{number}", who, Channel.PUSH, NOW - 20.0, NOW + 9.0, content)
        for number, who in enumerate(people)
    ]
    waits = [Wait("cart", who, NOW) for who in people]
    what = Round(proposals=proposals, waits=waits)
    store.decide(what, lambda _, __: None, holder="worker", now=NOW)


class ErasureContract:
    """The laws; see the module."""

    @pytest.fixture
    def home(self) -> Household:
        """Make an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_an_erasure_leaves_nothing_of_her_in_any_cell_of_any_table(
        self, home: Household
    ) -> None:
        """But the keyed hashes that keep her out; and of somebody else everything."""
        _happen(home)
        there = tables(home)
        assert not (empty := [name for name, rows in there.items() if not rows]), empty
        packed = {"history"} & there.keys()
        assert found(home).keys() == _EVERYWHERE | packed
        assert there.keys() == _EVERYWHERE | packed | _TABLES_OF_NOBODY & there.keys()
        bens = exported(home.people, BEN)
        report = home.people.erase([CARD], now=NOW + 1.0)
        assert found(home) == {"tombstones": {"identifier_key"}}
        assert (report.identifier_count, report.event_count) == (3, 8)
        assert exported(home.people, BEN) == bens
        home.pack([*HERS, BEN, TABLET])
        assert found(home) == {"tombstones": {"identifier_key"}}

    def test_an_export_holds_nothing_of_others_on_a_shared_device(self, home: Household) -> None:
        """Neither what they did in their turns, nor who they are, nor where their exports lie."""
        _happen(home)
        traces = Traces(home)
        for line in exported(home.people, BEN):
            assert not traces.are_in(json.dumps(line)), line
            assert "anna" not in json.dumps(line), line
        hers = [line for line in exported(home.people, ANNA) if "ben" in json.dumps(line)]
        assert hers == []

    def test_what_is_left_of_her_uses_tells_nobody_whose_they_were(self, home: Household) -> None:
        """They cost what they cost; whoever knows an id of theirs learns no more."""
        _happen(home)
        before = {row["reservation_key"]: row for row in tables(home)["reservations"]}
        home.people.erase([ANNA], now=NOW + 1.0)
        after = {row["reservation_key"]: row for row in tables(home)["reservations"]}
        assert before.keys() == after.keys()
        changed = {key for key in before if before[key] != after[key]}
        assert len(changed) == 3
        for key in changed:
            assert after[key] == before[key] | {"digest": 0}

    def test_whatever_the_storage_holds_of_her_is_in_her_export(self, home: Household) -> None:
        """Every word of hers that is in any cell, and every identifier."""
        _happen(home)
        told = "".join(json.dumps(line) for line in exported(home.people, PHONE))
        cells = [
            str(cell) for rows in tables(home).values() for row in rows for cell in row.values()
        ]
        words = {*_SECRETS, *(one.value for one in HERS), *(f"anna-{n}" for n in range(1, 9))}
        for word in words:
            assert any(word in cell for cell in cells)
            assert word in told
        records = {line["record"] for line in exported(home.people, PHONE)}
        packed = {"packed-history"} & records
        assert records == packed | {
            "identifier", "consent", "loyalty-tier", "link", "export", "redemption", "trigger",
            "event",
        }  # fmt: skip

    @pytest.mark.parametrize("value", ["card-of-anna", 'a "%_!\\ ä'], ids=["plain", "strange"])
    def test_events_of_others_lose_her_name(self, home: Household, value: str) -> None:
        """As later ones would; they are theirs otherwise, and a second sending is a duplicate."""
        hers, bens_cards = card(value), [card(str(number)) for number in range(4)]
        links = [(ANNA, hers), *((BEN, one) for one in bens_cards)]
        home.profiles.link(
            [link(*sorted(pair), kind=LinkKind.EXPLICIT, source="crm") for pair in links]
        )
        sent = [event("mine", who=[BEN, hers, bens_cards[0]], search_query=value),
                event("other", who=[BEN, bens_cards[1]])]  # fmt: skip
        home.log.append([*sent, event("hers", who=[hers])])
        # One card more than he may have: they stay two, and the link is kept as evidence.
        assert _ids(home, BEN) == {"mine", "other"}
        assert home.people.erase([ANNA], now=NOW).event_count == 1
        contents = {line["event_id"]: line["content"] for line in exported(home.people, BEN)
                    if line["record"] == "event"}  # fmt: skip
        assert {name: len(one["identifiers"]) for name, one in contents.items()} == {
            "mine": 2, "other": 2,
        }  # fmt: skip
        assert contents["mine"]["search_query"] == value
        assert value not in {line["value"] for line in exported(home.people, BEN)
                             if line["record"] in {"identifier", "link"}}  # fmt: skip
        assert home.log.append(sent) == [Outcome.DUPLICATE] * 2

    def test_what_she_did_on_a_shared_device_goes_and_only_that(self, home: Household) -> None:
        """In her turns nothing comes back; in theirs others go on, and log in anew."""
        logins = [[], [ANNA], [], [BEN], [], [ANNA], []]
        home.log.append(
            [event(f"e{n}", who=[TABLET, *who], time=NOW - 90.0 + 10 * n)
             for n, who in enumerate(logins)]
        )  # fmt: skip
        assert home.people.erase([ANNA], now=NOW - 20.0).event_count == 5
        assert _ids(home, BEN) == {"e2", "e3"}
        late = [event(f"late-{n}", who=[TABLET], time=NOW - 85.0 + 10 * n) for n in (0, 1, 5)]
        assert home.log.append(late) == [Outcome.ERASED, Outcome.WRITTEN, Outcome.ERASED]
        again = [event("again", who=[TABLET, BEN], time=NOW - 10.0),
                 event("then", who=[TABLET], time=NOW - 5.0)]  # fmt: skip
        assert home.log.append(again) == [Outcome.WRITTEN] * 2
        assert _ids(home, BEN) == {"e2", "e3", "late-1", "again", "then"}
        assert _ids(home, TABLET) == _ids(home, BEN)


def _ids(home: Household, who: Identifier) -> set[object]:
    return {line["event_id"] for line in exported(home.people, who) if line["record"] == "event"}
