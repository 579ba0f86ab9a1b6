"""The identifiers of a person: one function for all who ask."""

from collections.abc import Iterable
from typing import Final

from recsys.domain import Identifier
from recsys.storage.sessions import Session

_FIND: Final = """
SELECT identifier_key, namespace, value, profile_key FROM identifiers
WHERE identifier_key = ANY(?)
"""
_OWNERS: Final = """
SELECT DISTINCT o.profile_key FROM segments AS t
JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE t.identifier_key = ANY(?) AND t.until_time > 1e300
"""
_OF_PROFILES: Final = """
SELECT identifier_key, namespace, value FROM identifiers WHERE profile_key = ANY(?)
"""
_USED_BY: Final = """
SELECT i.identifier_key, i.namespace, i.value FROM identifiers AS i
WHERE i.identifier_key IN (SELECT identifier_key FROM segments WHERE owner_key = ANY(?))
"""
_COUNTS_FOR_OTHERS: Final = """EXISTS (
  SELECT 1 FROM segments AS s WHERE s.identifier_key = events.identifier_key
    AND s.from_time < events.event_time AND s.until_time >= events.event_time
    AND NOT s.owner_key = ANY(?)
)"""
HERS: Final = f"identifier_key = ANY(?) AND NOT {_COUNTS_FOR_OTHERS}"
"""Condition of a person's events: those of her identifiers, less what others did on a
device. Its two lists of values are both the keys of `members`."""
_TURNS_OF_OTHERS: Final = """
SELECT identifier_key, from_time, until_time FROM segments
WHERE identifier_key = ANY(?) AND NOT owner_key = ANY(?)
"""
_OF_HER_PROFILE: Final = """identifiers AS n
JOIN segments AS t ON t.identifier_key = n.identifier_key AND t.until_time > 1e300
JOIN identifiers AS o ON o.identifier_key = t.owner_key
JOIN identifiers AS i ON i.profile_key = o.profile_key"""
LED: Final = f"""
SELECT n.identifier_key, i.identifier_key FROM {_OF_HER_PROFILE}
WHERE n.identifier_key = ANY(?) AND n.profile_key IS NOT NULL
UNION ALL
SELECT n.identifier_key, s.identifier_key FROM {_OF_HER_PROFILE}
JOIN segments AS s ON s.owner_key = i.identifier_key
WHERE n.identifier_key = ANY(?) AND n.profile_key IS NOT NULL
"""  # noqa: S608 - our own words
"""Finds of each of many identifiers the others of the person behind it, as `members` does for one
person: pairs of keys, some of them twice. Its two values are both the list of keys."""
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
            joins these. Devices that others use, too, are among them.
    """
    asked = {session.keys.identifier(one): one for one in identifiers}
    found: dict[int, Identifier] = {}
    linked: list[int] = []
    for key, namespace, value, profile in session.rows(_FIND, list(asked)):
        one = Identifier(namespace, value)
        if asked[key] == one:
            found[key] = one
            linked += [] if profile is None else [key]
    if linked:
        profiles = [profile for (profile,) in session.rows(_OWNERS, linked)]
        for key, namespace, value in session.rows(_OF_PROFILES, profiles):
            found[key] = Identifier(namespace, value)
        for key, namespace, value in session.rows(_USED_BY, list(found)):
            found[key] = Identifier(namespace, value)
    return dict(sorted(found.items()))


def most_trusted_first(session: Session, found: dict[int, Identifier]) -> dict[int, Identifier]:
    """Put the identifiers of a person into the order in which people want to read them."""
    if len(found) < 2:  # noqa: PLR2004 - one is in order
        return found
    strength = session.rules().strength
    return dict(sorted(found.items(), key=lambda pair: strength(pair[1])))


def turns_of_others(session: Session, keys: Iterable[int]) -> dict[int, list[tuple[float, float]]]:
    """Return when devices of a person counted for others.

    Args:
        session: Reads or writes.
        keys: All that lead to her.

    Returns:
        For each device that others have used, too: after and until which moments.
    """
    hers = list(keys)
    found: dict[int, list[tuple[float, float]]] = {}
    for key, from_time, until_time in session.rows(_TURNS_OF_OTHERS, hers, hers):
        found.setdefault(key, []).append((from_time, until_time))
    return found


def add(session: Session, identifiers: dict[int, Identifier]) -> None:
    """Keep identifiers that are new; keys ascend, so that no two writers wait for each other."""
    session.change_each(
        _ADD, [(key, one.namespace, one.value) for key, one in sorted(identifiers.items())]
    )
