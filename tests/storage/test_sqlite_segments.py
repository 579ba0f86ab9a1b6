"""Saved segments in an SQLite store."""

from pathlib import Path

from recsys.campaigns import SavedSegment
from recsys.storage.campaign_segments import SavedSegments
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_writer import SqliteWriter


def test_an_import_carries_segments_over(tmp_path: Path) -> None:
    """They are of the people who save them, and not of the files that are imported."""
    saved = [
        SavedSegment(name="at-risk", filter='lifecycle_stage = "at-risk"', description="Who goes"),
        SavedSegment(name="everybody", filter=""),
    ]
    before = SqliteSessions(tmp_path / "store.sqlite")
    SavedSegments(before).upsert(saved)
    before.close()
    for turn in ("second", "third"):
        with SqliteWriter(tmp_path / turn, people=tmp_path / "store.sqlite"):
            pass
        after = SqliteSessions(tmp_path / turn)
        assert SavedSegments(after).segments() == saved
        after.close()
