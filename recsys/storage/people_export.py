"""Everything held about a person, as JSON lines."""

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from recsys.domain import Identifier
from recsys.offers import amount_of_micros
from recsys.profiles import Export, Link
from recsys.storage import exports, offers_people, people_consents, people_tiers, trigger_rows
from recsys.storage.packed import unpack_lines
from recsys.storage.people_members import HERS, members, most_trusted_first, turns_of_others
from recsys.storage.sessions import Session, Sessions
from recsys.storage.tombstones import tombstones_of

_EVENTS_PER_PART: Final = 500

_EVENTS: Final = f"""
SELECT seq, event_id, event_time, content FROM events
WHERE identifier_key = ? AND seq > ? AND {HERS} ORDER BY seq LIMIT ?
"""  # noqa: S608 - our own words
_PACKED: Final = """
SELECT identifier_key, item_ids, codes, event_times FROM history WHERE identifier_key = ANY(?)
"""


def exported(
    sessions: Sessions, identifiers: Sequence[Identifier], *, to: Export | None
) -> Iterator[list[bytes]]:
    """Return the lines in parts; each part is of one moment.

    A line is an object whose `record` says what it is: `identifier`, `consent`, `link`,
    `packed-history`, `loyalty-tier`, `export`, `redemption`, `trigger`, `event` or `erased`.
    """
    found = sessions.read(
        lambda session: most_trusted_first(session, members(session, identifiers))
    )
    if found and to is not None:
        # First, so that no file is left that nobody knows of.
        sessions.write(lambda session: _note(session, found, to))
    yield sessions.read(lambda session: _about_her(session, found, identifiers))
    for key, one in found.items():
        after: int | None = 0
        while after is not None:
            lines, after = sessions.read(
                functools.partial(_events, key=key, one=one, after=after, keys=list(found))
            )
            if lines:
                yield lines


def _note(session: Session, found: Iterable[int], to: Export) -> None:
    shared = turns_of_others(session, found)
    exports.add_profile(session, [key for key in found if key not in shared], to)


def _events(
    session: Session, *, key: int, one: Identifier, after: int, keys: list[int]
) -> tuple[list[bytes], int | None]:
    """Return some events of an identifier, and after which one to go on; None for the end."""
    rows = session.rows(_EVENTS, key, after, keys, keys, _EVENTS_PER_PART)
    return [_event(row, one) for row in rows], rows[-1][0] if rows else None


def _about_her(
    session: Session, found: dict[int, Identifier], identifiers: Sequence[Identifier]
) -> list[bytes]:
    turns = turns_of_others(session, found)
    own = [key for key in found if key not in turns]
    lines = [_line("identifier", one) for one in found.values()]
    for key, said in people_consents.read(session, list(found)).items():
        lines += [
            _line(
                "consent",
                found[key],
                purpose=one.purpose,
                channel=one.channel,
                status=one.status,
                consent_time=_moment(one.time),
                record_time=_moment(record_time),
                source=one.source,
            )
            for one, record_time in said
        ]
    lines += [
        _line("loyalty-tier", found[key], tier=one.name, tier_time=_moment(one.time))
        for key, one in people_tiers.read(session, found).items()
    ]
    lines += [
        _line(
            "link",
            link.one,
            with_namespace=link.other.namespace,
            with_value=link.other.value,
            kind=link.kind.name.lower(),
            source=link.source,
            confidence=link.confidence,
            first_time=_moment(link.first_time),
            last_time=_moment(link.last_time),
            times=[_moment(time) for time in link.times],
        )
        for link in _links(session, found, own)
    ]
    if session.packs:
        lines += _packed(session, found, turns)
    lines += [
        msgspec.json.encode(
            {"record": "export", "kind": one.kind, "place": one.place, "time": _moment(one.time)}
        )
        for one in exports.exports_of(session, list(found), own=own)
    ]
    lines += [
        msgspec.json.encode(
            {
                "record": "redemption",
                "offer_id": one.offer_id,
                "state": one.state.name.lower(),
                "cost": amount_of_micros(one.cost_micros),
                "channel": one.channel,
                "store_id": one.store_id,
                "reserve_time": _moment(one.reserve_time),
                "settle_time": None if one.settle_time is None else _moment(one.settle_time),
            }
        )
        for one in offers_people.redemptions(session, list(found))
    ]
    lines += [
        msgspec.json.encode(
            {
                "record": "trigger",
                "trigger": one.trigger,
                "channel": one.channel,
                "state": one.state.name.lower(),
                "cause": one.cause,
                "event_time": _moment(one.event_time),
                "decide_time": _moment(one.decide_time),
                "content": one.content,
            }
        )
        for one in trigger_rows.hers(session, list(found))
    ]
    asked = {session.keys.identifier(one): one for one in identifiers}
    lines += [
        _line("erased", asked[one.identifier_key], erase_time=_moment(one.erase_time))
        for one in tombstones_of(session, asked)
    ]
    return lines


def _links(session: Session, found: dict[int, Identifier], own: Sequence[int]) -> list[Link]:
    """Return what is said of her: who else logs in on her devices is theirs."""
    hers, people = set(found.values()), {found[key] for key in own}
    return [
        link
        for link in session.links(list(found.values()))
        if not people.isdisjoint(link.ends) or hers.issuperset(link.ends)
    ]


def _packed(
    session: Session,
    found: dict[int, Identifier],
    turns: Mapping[int, Sequence[tuple[float, float]]],
) -> Iterator[bytes]:
    """Return what is packed of her events, without what others did on her devices."""
    for key, *packed in session.rows(_PACKED, list(found)):
        history = unpack_lines((packed[0], packed[1], packed[2]), line_count_max=2**31)
        times = history.event_times
        is_hers = np.ones(len(times), dtype=np.bool_)
        for from_time, until_time in turns.get(key, ()):
            is_hers &= (times <= from_time) | (times > until_time)
        if not is_hers.any():
            continue
        history = history.taken(np.flatnonzero(is_hers))
        yield _line(
            "packed-history",
            found[key],
            item_ids=history.item_ids,
            event_types=history.type_codes.tolist(),
            channels=history.channel_codes.tolist(),
            event_times=[_moment(time) for time in history.event_times.tolist()],
        )


def _event(row: Sequence[Any], belongs_to: Identifier) -> bytes:
    _, event_id, event_time, content = row
    return _line(
        "event",
        belongs_to,
        event_id=event_id,
        event_time=_moment(event_time),
        content=msgspec.Raw(content.encode()),
    )


def _line(record: str, one: Identifier, **facts: object) -> bytes:
    return msgspec.json.encode(
        {"record": record, "namespace": one.namespace, "value": one.value, **facts}
    )


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
