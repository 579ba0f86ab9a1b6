"""The identifiers of a person: one function for all who ask."""

from collections.abc import Iterable
from typing import Final

from recsys.domain import Identifier
from recsys.storage.sessions import Session

_FIND: Final = """
SELECT identifier_key, namespace, value, profile_key FROM identifiers
WHERE identifier_key = ANY(?)
"""
_OF_PROFILES: Final = """
SELECT identifier_key, namespace, value FROM identifiers WHERE profile_key = ANY(?)
"""
# Two of one key fail the statement: better an error in an age than two people in one.
_ADD: Final = """
INSERT INTO identifiers (identifier_key, namespace, value) VALUES (?, ?, ?)
ON CONFLICT (identifier_key) DO UPDATE SET namespace = NULL
WHERE identifiers.namespace <> excluded.namespace OR identifiers.value <> excluded.value
"""


def members(session: Session, identifiers: Iterable[Identifier]) -> dict[int, Identifier]:
    """Return the known identifiers of the person behind these, by key.

    Args:
        session: Reads or writes.
        identifiers: Any, known or not. If they lead to several profiles, the answer
            joins these.
    """
    asked = {session.keys.identifier(one): one for one in identifiers}
    found: dict[int, Identifier] = {}
    profiles: set[int] = set()
    for key, namespace, value, profile in session.rows(_FIND, list(asked)):
        one = Identifier(namespace, value)
        if asked[key] == one:
            found[key] = one
            profiles |= {profile} - {None}
    if profiles:
        for key, namespace, value in session.rows(_OF_PROFILES, sorted(profiles)):
            found[key] = Identifier(namespace, value)
    return dict(sorted(found.items()))


def add(session: Session, identifiers: dict[int, Identifier]) -> None:
    """Keep identifiers that are new; keys ascend, so that no two writers wait for each other."""
    session.change_each(
        _ADD, [(key, one.namespace, one.value) for key, one in sorted(identifiers.items())]
    )
