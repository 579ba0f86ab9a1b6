"""Each kind of storage with people in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of storage, empty."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_one() -> Iterator[Callable[[str], Storage]]:
    """Open storages that are closed in the end."""
    opened: list[Storage] = []

    def open_place(place: str) -> Storage:
        opened.append(open_storage(StorageConfig(histories=place)))
        return opened[-1]

    yield open_place
    for storage in opened:
        if storage.profiles is not None:
            storage.profiles.close()
        storage.close()
        if close := getattr(storage.histories, "close", None):
            close()


@pytest.fixture
def store(place: str, open_one: Callable[[str], Storage]) -> Storage:
    """An empty storage of each kind."""
    return open_one(place)
