"""Whether an offer may be used once more: by its time, by what is used of it, and by whom.

Asked twice: when offers are chosen, and by the ledger at the moment of the use. What only a
question knows, such as where somebody is, is in `recsys.offers.eligibility`.
"""

from collections.abc import Collection, Iterator, Sequence

from recsys.offers.holdout import is_held_out
from recsys.offers.ledger import BASE_SECONDS, Spend, Use, is_used_up
from recsys.offers.money import amount_of_micros
from recsys.offers.offer import Offer
from recsys.offers.rule import OfferRefusal, Rule

Refusals = Iterator[OfferRefusal]


def refused_time(offer: Offer, *, now: float) -> Refusals:
    """Find what refuses an offer before it begins and after it has ended."""
    if offer.from_time is not None and now < offer.from_time:
        yield OfferRefusal(Rule.NOT_STARTED, f"begins in {offer.from_time - now:.0f} s")
    if offer.until_time is not None and now >= offer.until_time:
        yield OfferRefusal(Rule.ENDED, f"ended {now - offer.until_time:.0f} s ago")


def refused_use(
    offer_id: str,
    offer: Offer,
    *,
    spend: Spend,
    cost_micros: int,
    person_key: int | None,
    uses: Sequence[Use],
    now: float,
) -> Refusals:
    """Find what refuses one more use of an offer.

    Args:
        offer_id: Its id.
        offer: The offer.
        spend: What is used of it.
        cost_micros: What the use costs.
        person_key: Tells whoever uses it from others; None for nobody in particular.
        uses: Hers of this offer.
        now: The ledger's clock, seconds since 1970-01-01 UTC.
    """
    if person_key is not None:
        yield from refused_holdout(offer_id, offer.holdout_share, person_key)
    yield from refused_sums(offer, spend, cost_micros=cost_micros)
    for cap in offer.caps:
        if is_used_up(uses, cap, now=now):
            period = "" if cap.days is None else f" in {cap.days:g} days"
            yield OfferRefusal(Rule.CAP, f"allowed {cap.count} times{period}")


def refused_holdout(offer_id: str, share: float, person_key: int) -> Refusals:
    """Find whether somebody is held out; as `refused_use`."""
    if share and is_held_out(offer_id=offer_id, person_key=person_key, share=share):
        yield OfferRefusal(Rule.HOLDOUT, f"she is among the {share:.1%} who never get it")


def refused_sums(offer: Offer, spend: Spend, *, cost_micros: int) -> Refusals:
    """Find what refuses an offer to everybody, for it is used up; as `refused_use`."""
    if offer.unit_count is not None and spend.use_count >= offer.unit_count:
        yield OfferRefusal(Rule.UNITS, f"all {offer.unit_count} are used or reserved")
    budget = offer.budget_micros
    if budget is not None and spend.use_micros + cost_micros > budget:
        left, cost = map(amount_of_micros, (max(0, budget - spend.use_micros), cost_micros))
        yield OfferRefusal(Rule.BUDGET, f"{left} of the budget are left; a use costs {cost}")


def shown_cost_micros(offer: Offer) -> int:
    """Return what must be left of a budget for an offer to be shown.

    What a use costs is said in the end only, so of a budget that is used up nothing is shown.
    """
    return max(1, offer.cost_micros)


def refused_stacking(
    offer: Offer, *, base_uses: Sequence[Use], held_of_group: Collection[str], now: float
) -> Refusals:
    """Find what refuses an offer for what else she uses.

    Args:
        offer: The offer.
        base_uses: Hers of the offer that this one goes on top of.
        held_of_group: Other offers of its stacking group that she has reserved.
        now: The ledger's clock, seconds since 1970-01-01 UTC.
    """
    if offer.stacks_on and not bear(base_uses, now=now):
        yield OfferRefusal(Rule.STACKING, f"goes on top of {offer.stacks_on!r} only")
    if held_of_group:
        detail = f"{min(held_of_group)!r} of its group is reserved"
        yield OfferRefusal(Rule.STACKING, detail)


def bear(uses: Sequence[Use], *, now: float) -> bool:
    """Whether uses of an offer bear others on top of it: held, or of the last day."""
    since = now - BASE_SECONDS
    return any(one.is_held or one.reserve_time > since for one in uses)
