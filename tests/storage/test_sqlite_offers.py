"""Offers in SQLite: the contract, and what an import carries over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.errors import OfferRefused
from recsys.offers import Commit, Reservation
from recsys.profiles import IdentityRules
from recsys.storage.offers import Offers
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.people import People
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_profiles import SqliteProfiles
from recsys.storage.sqlite_writer import SqliteWriter
from storage.offers_contract import OffersContract
from storage.offers_people_contract import OffersPeopleContract
from support.offers import BEN, EURO, ONCE, offer, reserve
from support.offers_shop import NOW, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Open a store, which the first writing makes."""
    path = tmp_path / "store.sqlite"
    sessions = SqliteSessions(path)
    profiles = SqliteProfiles(path, IdentityRules())
    yield Shop(sessions, People(sessions), profiles)
    sessions.close()
    profiles.close()


class TestSqliteOffers(OffersContract, OffersPeopleContract):
    """The contract holds for SQLite."""

    @pytest.fixture
    def shop(self, shop: Shop) -> Shop:
        """Open a store."""
        return shop


def test_an_import_carries_offers_and_their_ledger_over(tmp_path: Path) -> None:
    """What was used stays used in the new store, and by whom."""
    before = SqliteSessions(tmp_path / "before.sqlite")
    Offers(before).upsert_offers({"ten": offer(caps=ONCE)}, now=NOW)
    OfferLedger(before).settle([reserve("r"), Commit("r"), reserve("held", BEN)])
    before.close()
    with SqliteWriter(tmp_path / "after.sqlite", people=tmp_path / "before.sqlite"):
        pass
    after = SqliteSessions(tmp_path / "after.sqlite")
    ledger = OfferLedger(after)
    assert ledger.standing([], ["ten"]).spends["ten"] == (1, EURO, 1, EURO)
    again, refused = ledger.settle([Commit("r"), reserve("s")])
    assert isinstance(again, Reservation)
    assert isinstance(refused, OfferRefused)
    assert refused.rule == "CAP"
    assert Offers(after).last_seq() > NOW
    after.close()
