"""Small sources, and an import of them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl
import pytest

from training.dataset import Dataset
from training.ingest import ImportReport, import_events, read_report

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)

GOOD: Mapping[str, str] = {
    "event_id": "e1",
    "event_type": "purchase-complete",
    "event_time": "2026-11-01T10:00:00Z",
    "channel": "web",
    "user_id": "anna",
    "visitor_id": "",
    "loyalty_card": "",
    "store_id": "",
    "session_id": "",
    "basket_id": "",
    "item_id": "i1",
    "quantity": "2",
    "unit_price": "9.99",
    "currency": "EUR",
}
"""A row that nothing is wrong with, as text."""


class Import(Protocol):
    """Imports a source into `<tmp>/dataset`."""

    def __call__(
        self, source: Path, preset: str = "generic", *, now: dt.datetime = NOW, strict: bool = False
    ) -> tuple[Dataset, ImportReport]:
        """Run it."""
        ...


@pytest.fixture
def run(tmp_path: Path) -> Import:
    """Import into a folder of this test."""

    def run(
        source: Path, preset: str = "generic", *, now: dt.datetime = NOW, strict: bool = False
    ) -> tuple[Dataset, ImportReport]:
        out = tmp_path / "dataset"
        dataset = import_events(source=source, preset=preset, out=out, now=now, strict=strict)
        report = read_report(out)
        assert report is not None
        return dataset, report

    return run


WriteRows = Callable[[Sequence[Mapping[str, str]]], Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Write rows as events.csv of a source folder."""

    def write(rows: Sequence[Mapping[str, str]]) -> Path:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        pl.DataFrame(rows).write_csv(source / "events.csv")
        return source

    return write


def reasons(report: ImportReport) -> dict[str, int]:
    """Count by reason."""
    return {part.reason: part.count for part in report.rejected}
