"""What the ledger itself refuses: that of which it alone knows how it stands at this moment."""

from collections.abc import Collection, Sequence

from recsys.errors import OfferRefused
from recsys.offers import Offer, Rule, Spend, Use, amount_of_micros, is_held_out
from recsys.offers.ledger import BASE_SECONDS, is_used_up


def refuse_offer(
    offer_id: str, offer: Offer, spend: Spend, cost_micros: int, *, now: float
) -> None:
    """Refuse an offer whoever asks.

    Args:
        offer_id: Its id,
        offer: what it says,
        spend: and what is used of it.
        cost_micros: What one more use costs.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        OfferRefused: It is not its time, or it is used up.
    """
    if offer.from_time is not None and now < offer.from_time:
        raise _refused(offer_id, Rule.NOT_STARTED, "begins later")
    if offer.until_time is not None and now >= offer.until_time:
        raise _refused(offer_id, Rule.ENDED, "has ended")
    if offer.unit_count is not None and spend.use_count >= offer.unit_count:
        raise _refused(offer_id, Rule.UNITS, f"all {offer.unit_count} are used or reserved")
    budget = offer.budget_micros
    if budget is not None and spend.use_micros + cost_micros > budget:
        left, cost = map(amount_of_micros, (max(0, budget - spend.use_micros), cost_micros))
        raise _refused(offer_id, Rule.BUDGET, f"{left} of the budget are left; a use costs {cost}")


def refuse_person(
    offer_id: str,
    offer: Offer,
    person_key: int,
    *,
    uses: Sequence[Use],
    base_uses: Sequence[Use],
    held_of_group: Collection[str],
    now: float,
) -> None:
    """Refuse an offer to a person.

    Args:
        offer_id: Its id.
        offer: What it says.
        person_key: Of her profile.
        uses: Hers of this offer.
        base_uses: Hers of the offer that this one goes on top of.
        held_of_group: Other offers of its stacking group that she has reserved.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        OfferRefused: She is held out, has used it as often as she may, or others stand against it.
    """
    share = offer.holdout_share
    if share and is_held_out(offer_id=offer_id, person_key=person_key, share=share):
        raise _refused(offer_id, Rule.HOLDOUT, "this person is held out")
    for cap in offer.caps:
        if is_used_up(uses, cap, now=now):
            detail = f"used {cap.count} times already, as often as allowed"
            raise _refused(offer_id, Rule.CAP, detail)
    since = now - BASE_SECONDS
    if offer.stacks_on and not any(one.is_held or one.reserve_time > since for one in base_uses):
        raise _refused(offer_id, Rule.STACKING, f"goes on top of {offer.stacks_on!r} only")
    if held_of_group:
        detail = f"{min(held_of_group)!r} of its group is reserved"
        raise _refused(offer_id, Rule.STACKING, detail)


def _refused(offer_id: str, rule: Rule, detail: str) -> OfferRefused:
    return OfferRefused(offer_id=offer_id, rule=rule.value, detail=detail)
