"""Offers in either database; implements `OfferStore` and `OfferFeed` of `recsys.offers`.

Each offer keeps the number of its last change. Writers hold a lock to the end of their
transaction, so numbers come in the order in which changes become visible. A row stays when
its offer is deleted, so whoever follows learns of it however late.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from recsys import limits
from recsys.errors import FieldViolation, InvalidRequest
from recsys.offers import KeyedOffer, Offer, OfferChanges, OfferPage, stacking_problems
from recsys.storage.change_numbers import number_before
from recsys.storage.offers_rows import offer_row, offer_text, read_offer
from recsys.storage.sessions import Session, Sessions

_WRITERS: Final = "recsys.offers"

_LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM offers"
_LAST_KEY: Final = "SELECT coalesce(max(offer_key), 0) FROM offers"
_COUNT: Final = "SELECT count(*) FROM offers WHERE content IS NOT NULL"
_BEFORE: Final = "SELECT offer_id, offer_key, content FROM offers WHERE offer_id = ANY(?)"
_FIND: Final = """
SELECT offer_id, content FROM offers WHERE offer_id = ANY(?) AND content IS NOT NULL
"""
_PAGE: Final = """
SELECT offer_id, content FROM offers WHERE offer_id > ? AND content IS NOT NULL
ORDER BY offer_id LIMIT ?
"""
_CHANGED: Final = "SELECT seq, offer_key, offer_id, content FROM offers WHERE seq > ? ORDER BY seq"
_WRITE: Final = """
INSERT INTO offers (offer_key, offer_id, seq, content) VALUES (?, ?, ?, ?)
ON CONFLICT (offer_key) DO UPDATE SET seq = excluded.seq, content = excluded.content
"""
_OPEN: Final = """
INSERT INTO offer_spends (offer_key, reserved_count, reserved_cost, committed_count, committed_cost)
VALUES (?, 0, 0, 0, 0) ON CONFLICT (offer_key) DO NOTHING
"""
_DELETE: Final = "UPDATE offers SET content = NULL, seq = ? WHERE offer_key = ?"


class Offers:
    """Offers; see the module. Safe to share by threads."""

    def __init__(self, sessions: Sessions) -> None:
        """Share a storage, which whoever made it closes."""
        self._sessions = sessions

    def last_seq(self) -> int:
        """Return the number of the last change; as `OfferFeed.last_seq`."""
        ((found,),) = self._sessions.rows(_LAST_SEQ)
        return int(found)

    def changes(self, after: int) -> OfferChanges:
        """Return what has changed; as `OfferFeed.changes`."""
        rows = self._sessions.rows(_CHANGED, after)
        found = [offer_row(row[1:]) for row in rows]
        offers = [KeyedOffer(one.offer_id, one.offer) for one in found]
        return OfferChanges(rows[-1][0] if rows else after, offers)

    def find_offers(self, offer_ids: Sequence[str]) -> Mapping[str, Offer]:
        """Return those that exist; as `OfferStore.find_offers`."""
        rows = self._sessions.rows(_FIND, list(offer_ids))
        return {offer_id: read_offer(content) for offer_id, content in rows}

    def list_offers(self, *, after: str | None, count_max: int) -> OfferPage:
        """Return some offers; as `OfferStore.list_offers`."""
        rows = self._sessions.rows(_PAGE, after or "", count_max + 1)
        page = [(offer_id, read_offer(content)) for offer_id, content in rows[:count_max]]
        return OfferPage(page, page[-1][0] if len(rows) > count_max else None)

    def upsert_offers(self, offers: Mapping[str, Offer], *, now: float) -> Sequence[str]:
        """Write offers; as `OfferStore.upsert_offers`."""

        def write(session: Session) -> list[str]:
            session.lock(_WRITERS)
            _check(session, offers)
            rows = session.rows(_BEFORE, list(offers))
            found = {offer_id: (key, text) for offer_id, key, text in rows}
            ((last_key,),) = session.rows(_LAST_KEY)
            seq = _first_seq(session, now=now)
            changed = []
            for offer_id, offer in offers.items():
                key, before = found.get(offer_id, (0, None))
                text = offer_text(offer)
                if text == before:
                    continue
                if not key:
                    last_key = key = last_key + 1
                seq += 1
                changed.append((key, offer_id, seq, text))
            session.change_each(_WRITE, changed)
            session.change_each(_OPEN, [(key,) for key, *_ in changed])
            _check_count(session)
            return [offer_id for _, offer_id, *_ in changed]

        return self._sessions.write(write)

    def delete_offers(self, offer_ids: Sequence[str], *, now: float) -> Sequence[str]:
        """Delete offers; as `OfferStore.delete_offers`."""

        def write(session: Session) -> list[str]:
            session.lock(_WRITERS)
            rows = session.rows(_BEFORE, list(offer_ids))
            living = {offer_id: key for offer_id, key, text in rows if text is not None}
            first = _first_seq(session, now=now) + 1
            numbered = enumerate(living.values(), start=first)
            session.change_each(_DELETE, list(numbered))
            return list(living)

        return self._sessions.write(write)


def _first_seq(session: Session, *, now: float) -> int:
    ((last,),) = session.rows(_LAST_SEQ)
    return number_before(int(last), now=now)


def _check(session: Session, offers: Mapping[str, Offer]) -> None:
    def find(offer_id: str) -> Offer | None:
        rows = session.rows(_FIND, [offer_id])
        return read_offer(rows[0][1]) if rows else None

    problems = list(stacking_problems(offers, find))
    problems += [
        FieldViolation(
            f"offers[{position}]",
            f"has {size} bytes as it is kept; allowed up to {limits.OFFER_KEPT_BYTES_MAX}",
        )
        for position, offer in enumerate(offers.values())
        if (size := len(offer_text(offer).encode())) > limits.OFFER_KEPT_BYTES_MAX
    ]
    if problems:
        raise InvalidRequest(problems[: limits.VIOLATION_COUNT_MAX])


def _check_count(session: Session) -> None:
    ((count,),) = session.rows(_COUNT)
    if count > limits.OFFER_COUNT_MAX:
        problem = f"would make {count} offers; allowed up to {limits.OFFER_COUNT_MAX}"
        raise InvalidRequest([FieldViolation("offers", problem)])
