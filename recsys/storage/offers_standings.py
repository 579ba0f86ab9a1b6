"""How offers and many people stand, read together: as many queries for hundreds as for one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from recsys import limits
from recsys.domain import Identifier
from recsys.offers import ReservationState, Use
from recsys.storage.offers_people import Holder, named_of, uses_of
from recsys.storage.sessions import Session

_FIND: Final = """
SELECT identifier_key, namespace, value, profile_key FROM identifiers
WHERE identifier_key = ANY(?)
"""
_HEADS: Final = """
SELECT t.identifier_key, o.profile_key FROM segments AS t
JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE t.identifier_key = ANY(?) AND t.until_time > 1e300
"""
_OF_PROFILES: Final = """
SELECT profile_key, identifier_key FROM identifiers WHERE profile_key = ANY(?)
"""
_USED_BY: Final = """
SELECT DISTINCT owner_key, identifier_key FROM segments WHERE owner_key = ANY(?)
"""
# Of a device it depends on the moment whose the use is: `segments` says that.
_USES: Final = f"""
SELECT u.identifier_key, s.owner_key, r.reservation_key, r.offer_key, r.reserve_time, r.state
FROM offer_uses AS u JOIN reservations AS r ON r.reservation_key = u.reservation_key
LEFT JOIN segments AS s ON s.identifier_key = u.identifier_key
  AND s.from_time < u.use_time AND s.until_time >= u.use_time
WHERE u.identifier_key = ANY(?) AND u.offer_key = ANY(?)
  AND (r.state = {ReservationState.COMMITTED}
    OR r.state = {ReservationState.RESERVED} AND r.expire_time > ?) LIMIT ?
"""  # noqa: S608 - our own numbers

UsesByOffer = dict[int, list[Use]]


def holders_of(session: Session, people: Sequence[Sequence[Identifier]]) -> list[Holder | None]:
    """Look up whom many lists of identifiers lead to; each as `offers_people.holder_of`.

    Args:
        session: Reads.
        people: The identifiers of each; nobody in particular has none.
    """
    rules = session.rules()
    named = [named_of(who, rules) for who in people]
    keys = {one: session.keys.identifier(one) for who in named for one in who}
    by_key = {key: one for one, key in keys.items()}
    if not by_key:
        return [None] * len(people)
    found: dict[int, int | None] = {
        key: profile
        for key, namespace, value, profile in session.rows(_FIND, sorted(by_key))
        if by_key[key] == Identifier(namespace, value)
    }
    heads: dict[int, int] = dict(session.rows(_HEADS, sorted(by_key)))
    wanted = sorted({heads[key] for key, profile in found.items() if profile and key in heads})
    of_profile: dict[int, list[int]] = defaultdict(list)
    for profile, key in session.rows(_OF_PROFILES, wanted) if wanted else ():
        of_profile[profile].append(key)
    owners = {*(key for some in of_profile.values() for key in some), *found} if wanted else set()
    used_by: dict[int, list[int]] = defaultdict(list)
    for owner, key in session.rows(_USED_BY, sorted(owners)) if owners else ():
        used_by[owner].append(key)
    holders: list[Holder | None] = []
    for who in named:
        own = [keys[one] for one in who]
        there = {key for key in own if key in found}
        linked = {key for key in there if found[key] is not None}
        for key in linked & heads.keys():
            there.update(of_profile[heads[key]])
        if linked:
            there.update([key for owner in list(there) for key in used_by[owner]])
        holder = Holder(own, sorted({*there, *own}), heads.get(own[0], own[0])) if own else None
        holders.append(holder)
    return holders


def uses_of_many(
    session: Session,
    holders: Sequence[Holder | None],
    offer_keys: Collection[int],
    *,
    now: float,
) -> list[Mapping[int, list[Use]]]:
    """Return what each uses of some offers by their keys; each as `offers_people.uses_of`."""
    whose: dict[int, list[int]] = defaultdict(list)
    for at, holder in enumerate(holders):
        for key in () if holder is None else holder.keys:
            whose[key].append(at)
    if not (whose and offer_keys):
        return [{} for _ in holders]
    bound = limits.WALK_EVENT_COUNT_MAX
    rows = session.rows(_USES, sorted(whose), sorted(offer_keys), now, bound)
    if len(rows) == bound:
        # Somebody among them has very many, of which the newest are enough.
        return [
            {} if one is None else uses_of(session, one, offer_keys, now=now) for one in holders
        ]
    owners: dict[tuple[int, int], set[int]] = defaultdict(set)
    for key, owner, reservation, *_ in rows:
        owners[key, reservation].update(() if owner is None else (owner,))
    all_keys = [set() if one is None else set(one.keys) for one in holders]
    found: list[dict[int, tuple[int, Use]]] = [{} for _ in holders]
    for key, _, reservation, offer_key, reserve_time, state in rows:
        use = Use(reserve_time, is_held=state == ReservationState.RESERVED)
        for at in whose[key]:
            if owners[key, reservation] <= all_keys[at]:
                found[at][reservation] = offer_key, use
    return [_by_offer(one) for one in found]


def _by_offer(uses: Mapping[int, tuple[int, Use]]) -> UsesByOffer:
    newest = sorted(uses.values(), key=lambda one: -one[1].reserve_time)
    by_offer: UsesByOffer = {}
    for offer_key, use in newest[: limits.OFFER_USE_COUNT_MAX]:
        by_offer.setdefault(offer_key, []).append(use)
    return by_offer
