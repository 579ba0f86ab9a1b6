"""Who was erased stays out of every later import, and what people allow goes on counting."""

from pathlib import Path

import polars as pl
import pytest

from ingest.conftest import GOOD, NOW, WriteRows
from recsys.consent import Consent, ConsentStatus, Permission, Purpose
from recsys.domain import Identifier
from recsys.profiles import ExportKind
from recsys.storage.people import People
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite import SqliteHistory
from training.dataset import Dataset
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME

ANNA, BEN = Identifier("account", "anna"), Identifier("account", "ben")
CARD, PHONE = Identifier("loyalty_card", "4711"), Identifier("visitor", "phone")
MAY = Permission.to(Purpose.PERSONALISE, None, by_default=True)
ROWS = [
    {**GOOD, "event_id": "e-0", "loyalty_card": "4711"},
    {
        **GOOD,
        "event_id": "e-1",
        "user_id": "",
        "loyalty_card": "4711",
        "event_time": "2026-01-02T00:00:00Z",
    },
    {**GOOD, "event_id": "e-2", "user_id": "ben", "visitor_id": "phone", "item_id": "i2"},
    {**GOOD, "event_id": "e-3", "user_id": "", "visitor_id": "phone", "item_id": "i3"},
    {**GOOD, "event_id": "e-4", "user_id": "", "visitor_id": "other", "item_id": "i4"},
]


@pytest.fixture
def source(write_rows: WriteRows) -> Path:
    """Anna with a card, Ben with a phone, and somebody else."""
    return write_rows(ROWS)


def history(store: Path, *who: Identifier) -> list[str] | None:
    """Items of somebody; None if she does not permit to look."""
    reader = SqliteHistory(store)
    found = reader.history(who, event_count_max=99, permission=MAY)
    reader.close()
    return None if found is None else sorted(found.item_ids)


def test_accents_in_any_form_name_one_person(write_rows: WriteRows, tmp_path: Path) -> None:
    """Of files as of requests: whoever asks by composed letters finds who was sent by others."""
    live = tmp_path / "live.sqlite"
    names = [("Zoe\u0308", "s\u0307\u0323"), ("Zo\u00eb", ""), ("", "\u1e69")]
    source = write_rows(
        [
            {
                **GOOD,
                "event_id": f"e-{n}",
                "user_id": user,
                "loyalty_card": card,
                "item_id": f"i{n}",
            }
            for n, (user, card) in enumerate(names)
        ]
    )
    dataset = import_events(
        source=source, preset="generic", out=tmp_path / "a", now=NOW, history_path=live
    )
    for who in (Identifier("account", "Zo\u00eb"), Identifier("loyalty_card", "\u1e69")):
        assert history(live, who) == ["i0", "i1", "i2"]
    assert dataset.events().collect()["profile_id"].n_unique() == 1


def test_the_erased_stay_out_of_a_new_store_and_of_its_dataset(
    source: Path, tmp_path: Path
) -> None:
    """By the store that a server goes on with; consents come along."""
    live = tmp_path / "live.sqlite"
    import_events(source=source, preset="generic", out=tmp_path / "a", now=NOW, history_path=live)
    assert history(live, CARD) == ["i1", "i1"]
    people = People(SqliteSessions(live))
    report = people.erase([ANNA, PHONE], now=NOW.timestamp())
    assert (report.identifier_count, report.event_count) == (4, 4)
    (dataset,) = report.exports
    assert (dataset.kind, dataset.time) == (ExportKind.DATASET, NOW.timestamp())
    assert dataset.place.endswith(f":{(tmp_path / 'a').resolve()}")
    said = Consent(purpose=Purpose.PERSONALISE, status=ConsentStatus.DENIED, time=0.0)
    stranger = Identifier("visitor", "other")
    people.record_consents([stranger], [said], now=NOW.timestamp())
    for name in ("b", "b"):  # The second finds the first as it should be.
        dataset = import_events(
            source=source, preset="generic", out=tmp_path / name, now=NOW, people=live
        )
    store = tmp_path / "b" / HISTORY_NAME
    assert [history(store, who) for who in (ANNA, CARD, BEN, PHONE)] == [[], [], [], []]
    assert history(store, stranger) is None
    events = dataset.events().collect()
    assert events["item_id"].to_list() == ["i4"]
    assert not {"anna", "4711", "ben", "phone"} & set(dataset.links().collect()["value"])
    again = People(SqliteSessions(store))
    assert again.person([ANNA], event_count_max=9).erase_time == NOW.timestamp()
    assert b"anna" not in store.read_bytes()


def test_an_import_over_a_store_takes_its_tombstones_over(
    source: Path, write_rows: WriteRows, tmp_path: Path
) -> None:
    """A file that no server writes to may be replaced, and forgets nobody's erasure."""
    first = tmp_path / "first.sqlite"
    import_events(source=source, preset="generic", out=tmp_path / "a", now=NOW, history_path=first)
    People(SqliteSessions(first)).erase([PHONE], now=NOW.timestamp())
    out = tmp_path / "b"
    import_events(source=source, preset="generic", out=out, now=NOW, people=first)
    assert history(out / HISTORY_NAME, BEN) == []
    more = write_rows([*ROWS, {**GOOD, "event_id": "e-9", "user_id": "carla", "item_id": "i9"}])
    import_events(source=more, preset="generic", out=out, now=NOW)
    assert history(out / HISTORY_NAME, Identifier("account", "carla")) == ["i9"]
    assert history(out / HISTORY_NAME, ANNA, PHONE) == ["i1", "i1"]
    values = Dataset.open(out).events().select(pl.col("visitor_id").drop_nulls()).collect()
    assert "phone" not in values["visitor_id"].to_list()
