"""Offers in PostgreSQL: the contract."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from recsys.errors import OfferRefused, ReservationConflict, StorageUnavailable
from recsys.offers import Commit, Spend
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.people import People
from recsys.storage.postgres_pool import PostgresPool
from recsys.storage.postgres_profiles import PostgresProfiles
from recsys.storage.postgres_sessions import PostgresSessions
from recsys.storage.sessions import Session
from storage.offers_contract import OffersContract
from storage.offers_people_contract import OffersPeopleContract
from support.offers import BEN, EURO, ONCE, offer, reserve
from support.offers_shop import COMMITTED, RESERVED, Shop, kinds
from support.postgres import Server

_EMPTY = """
TRUNCATE offers, offer_spends, reservations, offer_uses, identifiers, links, segments, tombstones,
  erasures
"""


_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def pool(postgres: Server) -> Iterator[PostgresPool]:
    """One database for all, as making one takes most of a second."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS offers WITH (FORCE)")
        connection.execute("CREATE DATABASE offers")
    pool = PostgresPool(postgres.url("offers"), connection_count_max=6)
    yield pool
    pool.close()


class TestPostgresOffers(OffersContract, OffersPeopleContract):
    """The contract holds for PostgreSQL."""

    @pytest.fixture
    def shop(self, pool: PostgresPool) -> Shop:
        """Empty the database."""
        pool.run(lambda connection, _: connection.execute(_EMPTY))
        sessions = PostgresSessions(pool)
        return Shop(sessions, People(sessions), PostgresProfiles(pool))

    def test_an_offer_that_is_written_meanwhile_counts_as_it_is_then(self, shop: Shop) -> None:
        """Between the first look at it and the second, a cap comes and a budget goes."""
        shop.write(ten=offer())
        shop.take(reserve("a"))
        changes = iter([offer(caps=ONCE), offer(budget_micros=EURO)])

        def clock(session: Session) -> float:
            for change in itertools.islice(changes, 1):
                shop.write(ten=change)
            return shop.clock(session)

        late = OfferLedger(shop.sessions, clock=clock)
        (capped,) = late.settle([reserve("b")])
        assert isinstance(capped, OfferRefused)
        # It was looked at anew, and the second change came in between.
        assert capped.rule == "BUDGET"

    def test_offers_that_never_stand_still_are_not_given(self, shop: Shop) -> None:
        """Nobody knows what they say; asking again is safe."""
        shop.write(ten=offer())
        titles = (str(number) for number in itertools.count())

        def clock(session: Session) -> float:
            shop.write(ten=offer(title=next(titles)))
            return shop.clock(session)

        with pytest.raises(StorageUnavailable):
            OfferLedger(shop.sessions, clock=clock).settle([reserve("a")])
        assert shop.spend() == Spend()

    def test_a_connection_that_breaks_while_offers_are_held_is_made_anew(
        self, shop: Shop, postgres: Server
    ) -> None:
        """What was under way is undone, and done once."""
        shop.write(ten=offer(unit_count=2))
        breaks = iter([_END_OTHERS])

        def clock(session: Session) -> float:
            for statement in breaks:
                with psycopg.connect(postgres.url("offers"), autocommit=True) as connection:
                    connection.execute(statement)
            return shop.clock(session)

        late = OfferLedger(shop.sessions, clock=clock)
        assert kinds(late.settle([reserve("a"), Commit("a"), reserve("b", BEN)])) == [
            RESERVED, COMMITTED, RESERVED,
        ]  # fmt: skip
        assert shop.spend() == (1, EURO, 1, EURO)

    def test_one_id_for_two_offers_at_the_same_moment_is_a_conflict(self, shop: Shop) -> None:
        """Different offers do not wait for each other; the id is of who was first."""
        shop.write(ten=offer(), five=offer())
        faster = iter([reserve("r", BEN, offer_id="five")])

        def clock(session: Session) -> float:
            for one in faster:
                shop.take(one)
            return shop.clock(session)

        late = OfferLedger(shop.sessions, clock=clock).settle([reserve("r"), reserve("s")])
        assert kinds(late) == [ReservationConflict, RESERVED]
        assert shop.spend("five") == shop.spend("ten") == (1, EURO, 0, 0)
