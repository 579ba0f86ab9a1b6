"""Each kind of storage with triggers on it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from recsys.recommend import ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.storage.open_sessions import open_sessions
from recsys.storage.postgres_schema import migrate
from recsys.storage.trigger_feed import LATE_SECONDS
from support.mall import Mall, make_model
from support.postgres import Server


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """A model that nobody changes."""
    return make_model(tmp_path_factory.mktemp("mall") / "bundle")


_TABLES = """
events, identifiers, consents, links, segments, tombstones, erasures, offers, offer_spends,
reservations, offer_uses, items, catalog_changes, trigger_turns, trigger_waits, trigger_messages,
loyalty_tiers
"""


@pytest.fixture(scope="session")
def triggers_url(postgres: Server) -> str:
    """One database for all, as making one takes most of a second."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS triggers WITH (FORCE)")
        connection.execute("CREATE DATABASE triggers")
    url = postgres.url("triggers")
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def mall(request: pytest.FixtureRequest, tmp_path: Path, model: ServingModel) -> Iterator[Mall]:
    """Each kind of storage, empty."""
    place, late_seconds = str(tmp_path / "store.sqlite"), 0.0
    if request.param == "postgres":
        place, late_seconds = request.getfixturevalue("triggers_url"), LATE_SECONDS
        emptied(place)
    yield from opened(place, model, late_seconds=late_seconds)


@pytest.fixture
def sqlite_mall(tmp_path: Path, model: ServingModel) -> Iterator[Mall]:
    """An SQLite store, empty: for tables of cases that no storage decides."""
    yield from opened(str(tmp_path / "store.sqlite"), model)


def emptied(url: str) -> None:
    """Take everything out of a database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY")


def opened(place: str, model: ServingModel, *, late_seconds: float = 0.0) -> Iterator[Mall]:
    """Open a mall until the block ends."""
    storage = open_storage(StorageConfig(histories=place))
    try:
        with open_sessions(place) as sessions:
            yield Mall(storage, sessions, model, late_seconds)
    finally:
        if storage.profiles is not None:
            storage.profiles.close()
        storage.close()
        if close := getattr(storage.histories, "close", None):
            close()
