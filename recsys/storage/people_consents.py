"""Statements of consent, kept under each identifier."""

import math
from collections.abc import Sequence
from typing import Final

from recsys import limits
from recsys.consent import Consent, ConsentStatus, Purpose, consent_bits, newest_of_each
from recsys.domain import CHANNEL_BY_CODE, CHANNEL_UNKNOWN_CODE, Channel
from recsys.storage.sessions import Row, Session

_READ: Final = """
SELECT seq, identifier_key, purpose, channel, status, consent_time, source, record_time
FROM consents WHERE identifier_key = ANY(?) ORDER BY seq
"""
ADD_CONSENT: Final = """
INSERT INTO consents
(identifier_key, purpose, channel, status, consent_time, record_time, source)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_FORGET: Final = "DELETE FROM consents WHERE seq = ANY(?)"
_SUM_UP: Final = "UPDATE identifiers SET consent_bits = ? WHERE identifier_key = ?"

_PURPOSES: Final = {one.code: one for one in Purpose}
_STATUSES: Final = {one.code: one for one in ConsentStatus}
_CHANNELS: Final[dict[int, Channel | None]] = {CHANNEL_UNKNOWN_CODE: None, **CHANNEL_BY_CODE}


def read(session: Session, keys: Sequence[int]) -> dict[int, list[tuple[Consent, float]]]:
    """Return every statement of each identifier, oldest record first, with its record time."""
    found: dict[int, list[tuple[Consent, float]]] = {key: [] for key in keys}
    for row in session.rows(_READ, list(keys)):
        found[row[1]].append((_consent(row), row[7]))
    return found


def record(
    session: Session, keys: Sequence[int], statements: Sequence[Consent], *, now: float
) -> None:
    """Keep statements under identifiers that are there.

    Args:
        session: Writes.
        keys: Of the identifiers, ascending.
        statements: In the order in which they were said.
        now: Seconds since 1970-01-01 UTC. What is said now is the last word, whatever
            clock an earlier statement was dated by.
    """
    for key in keys:
        kept = session.rows(_READ, [key])
        said = [_consent(row) for row in kept]
        added: list[Consent] = []
        for statement in statements:
            dated = _dated(statement, [*said, *added], now=now)
            if dated not in said:
                added.append(dated)
        session.change_each(
            ADD_CONSENT,
            [(key, *one.slot, one.status.code, one.time, now, one.source) for one in added],
        )
        session.change(_SUM_UP, consent_bits([*said, *added]), key)
        _forget_replaced(session, kept, [*said, *added])


def _dated(statement: Consent, said: Sequence[Consent], *, now: float) -> Consent:
    latest = max((one.time for one in said), default=-math.inf)
    if statement.time < now or latest < now:
        return statement
    return Consent(
        purpose=statement.purpose,
        status=statement.status,
        time=math.nextafter(latest, math.inf),
        channel=statement.channel,
        source=statement.source,
    )


def _forget_replaced(session: Session, kept: Sequence[Row], all_said: Sequence[Consent]) -> None:
    """Bound what is kept of somebody who cannot decide; never a statement that counts."""
    excess = len(all_said) - limits.CONSENT_KEPT_COUNT_MAX
    if excess <= 0:
        return
    counting = set(newest_of_each(all_said))
    replaced = [row[0] for row in kept if _consent(row) not in counting]
    session.change(_FORGET, replaced[:excess])


def _consent(row: Row) -> Consent:
    _, _, purpose, channel, status, time, source, _ = row
    return Consent(
        purpose=_PURPOSES[purpose],
        channel=_CHANNELS[channel],
        status=_STATUSES[status],
        time=time,
        source=source,
    )
