"""Saved segments, in either database; implements `recsys.campaigns.SegmentStore`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from recsys.campaigns import SavedSegment
from recsys.errors import SegmentNotFound
from recsys.storage.sessions import Session, Sessions

_UPSERT: Final = """
INSERT INTO saved_segments (name, content) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET content = excluded.content
"""
_READ: Final = "SELECT content FROM saved_segments WHERE name = ?"
_ALL: Final = "SELECT content FROM saved_segments ORDER BY name"
_DELETE: Final = "DELETE FROM saved_segments WHERE name = ANY(?)"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(SavedSegment).decode


class SavedSegments:
    """Keeps segments. Safe to share by threads."""

    def __init__(self, sessions: Sessions) -> None:
        """Share a storage, which whoever made it closes."""
        self._sessions = sessions

    def upsert(self, segments: Sequence[SavedSegment]) -> None:
        """Write segments; as `SegmentStore.upsert`."""

        def write(session: Session) -> None:
            session.change_each(
                _UPSERT,
                [
                    (one.name, _encode(one).decode())
                    for one in sorted(segments, key=lambda one: one.name)
                ],
            )

        self._sessions.write(write)

    def segment(self, name: str) -> SavedSegment:
        """Return one; as `SegmentStore.segment`."""
        for (content,) in self._sessions.rows(_READ, name):
            return _decode(content)
        raise SegmentNotFound(name=name)

    def segments(self) -> list[SavedSegment]:
        """Return all, by name."""
        return [_decode(content) for (content,) in self._sessions.rows(_ALL)]

    def delete(self, names: Sequence[str]) -> int:
        """Delete some; returns how many there were."""
        return self._sessions.write(lambda session: session.change(_DELETE, list(names)))
