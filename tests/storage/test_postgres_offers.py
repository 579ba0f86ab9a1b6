"""Offers in PostgreSQL: the contract."""

from collections.abc import Iterator

import psycopg
import pytest

from recsys.storage.people import People
from recsys.storage.postgres_pool import PostgresPool
from recsys.storage.postgres_profiles import PostgresProfiles
from recsys.storage.postgres_sessions import PostgresSessions
from storage.offers_contract import OffersContract
from storage.offers_people_contract import OffersPeopleContract
from support.offers_shop import Shop
from support.postgres import Server

_EMPTY = """
TRUNCATE offers, offer_spends, reservations, offer_uses, identifiers, links, segments, tombstones,
  erasures
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
