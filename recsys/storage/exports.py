"""The register of exported files: which of them hold whom.

A row says that a file holds an identifier (a profile that was exported), or everybody with
an event up to a place in the log.
"""

from collections.abc import Sequence
from typing import Final

from recsys.profiles import Export, ExportKind
from recsys.storage.open_sessions import open_sessions
from recsys.storage.people_members import HERS
from recsys.storage.sessions import Session

ADD_EXPORT: Final = """
INSERT INTO exports (identifier_key, kind, place, export_time, last_seq) VALUES (?, ?, ?, ?, ?)
"""
_FIRST: Final = f"SELECT min(seq) FROM events WHERE {HERS}"  # noqa: S608 - our own words
_HOLDING: Final = """
SELECT DISTINCT kind, place, export_time FROM exports
WHERE identifier_key = ANY(?) OR identifier_key IS NULL AND last_seq >= ?
ORDER BY export_time, place, kind
"""
_FORGET: Final = "DELETE FROM exports WHERE identifier_key = ANY(?)"

ALL: Final = 2**62
"""Stands for the end of a log whose places are those of another storage."""


def add_profile(session: Session, keys: Sequence[int], export: Export) -> None:
    """Note that a file holds a person; keys are those that lead to nobody else."""
    session.change_each(
        ADD_EXPORT, [(key, export.kind, export.place, export.time, None) for key in keys]
    )


def add_log(session: Session, export: Export, *, last_seq: int) -> None:
    """Note that a file holds everybody in the log up to an event."""
    session.change_each(ADD_EXPORT, [(None, export.kind, export.place, export.time, last_seq)])


def exports_of(session: Session, keys: list[int], *, own: list[int]) -> tuple[Export, ...]:
    """Return the files that hold a person by what is known of her now, the oldest first.

    Args:
        session: Reads or writes.
        keys: All that lead to her.
        own: Those of them that lead to nobody else.
    """
    ((first,),) = session.rows(_FIRST, keys, keys)
    found = session.rows(_HOLDING, own, ALL + 1 if first is None else first)
    return tuple(
        Export(kind=ExportKind(kind), place=place, time=time) for kind, place, time in found
    )


def forget(session: Session, keys: list[int]) -> None:
    """Forget which files hold a person; names of files may name her."""
    session.change(_FORGET, keys)


def register_log(storage: str, export: Export, *, last_seq: int) -> None:
    """Note in a storage that a file holds its log; as `add_log`.

    Args:
        storage: `postgresql://user@host/database`, an SQLite file, or `sqlite:///file`.
        export: The file.
        last_seq: The last event in it.

    Raises:
        StorageUnavailable: It cannot be written.
    """
    with open_sessions(storage) as sessions:
        sessions.write(lambda session: add_log(session, export, last_seq=last_seq))
