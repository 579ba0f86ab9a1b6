"""Which offers go on top of which: chains that end, never circles."""

from collections.abc import Callable, Iterator, Mapping

from recsys import limits
from recsys.errors import FieldViolation
from recsys.offers.offer import Offer

FindBase = Callable[[str], Offer | None]
"""Finds an offer by its id; None where there is none."""


def stacking_problems(offers: Mapping[str, Offer], find: FindBase) -> Iterator[FieldViolation]:
    """Find what is wrong with the chains that offers are part of.

    Args:
        offers: Those to be written.
        find: Finds those that are there already and stay.
    """
    for position, (offer_id, offer) in enumerate(offers.items()):
        problem = _problem(offer_id, offer, offers, find)
        if problem:
            yield FieldViolation(f"offers[{position}].stacks_on", problem)


def _problem(offer_id: str, offer: Offer, offers: Mapping[str, Offer], find: FindBase) -> str:
    base_id, depth = offer.stacks_on, 0
    while base_id:
        if base_id == offer_id:
            return "leads back to the offer itself; allowed are chains that end"
        depth += 1
        if depth > limits.OFFER_STACK_DEPTH_MAX:
            return f"has more than {limits.OFFER_STACK_DEPTH_MAX} offers below it"
        base = offers.get(base_id) or find(base_id)
        if base is None:
            # What lies further down was deleted after it was written; nobody gets it.
            return "names an offer that does not exist" if depth == 1 else ""
        base_id = base.stacks_on
    return ""
