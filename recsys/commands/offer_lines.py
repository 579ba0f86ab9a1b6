"""How offers and their uses look on a terminal."""

from google.protobuf.timestamp_pb2 import Timestamp

from recsys.serving.enum_words import enum_word
from recsys.serving.money import amount_of
from recsys.v1 import event_pb2, offer_pb2
from recsys.v1.offer_service_pb2 import OfferReason, OfferResult, RefusedOffer
from recsys.violations import Violations


def offer_line(offer: offer_pb2.Offer) -> str:
    """Say an offer in one line."""
    return f"{offer.offer_id}  {offer.WhichOneof('benefit')}  {offer.title}".rstrip()


def result_line(one: OfferResult, *, explain: bool) -> str:
    """Say an offer for a person in one line, and what it earns where that is wanted."""
    reason = enum_word(OfferReason, one.reason)
    earns = f"  {one.expected_value:.2f} {one.offer.currency_code}" if explain else ""
    return f"{one.offer.offer_id}  {one.offer.title}  ({reason}){earns}"


def refused_line(refused: RefusedOffer) -> str:
    """Say in one line which rule refuses an offer."""
    return f"- {refused.offer_id}  {refused.rule}: {refused.detail}"


def reservation_line(one: offer_pb2.Reservation) -> str:
    """Say in one line how a use of an offer stands: since when, or until when it is held."""
    state = enum_word(offer_pb2.ReservationState, one.state)
    is_held = one.state == offer_pb2.RESERVATION_STATE_RESERVED
    until = f"until {_moment(one.expire_time)}" if is_held else f"on {_moment(one.settle_time)}"
    cost = _money(one.cost) if one.HasField("cost") else ""
    return "  ".join(
        part for part in (one.reservation_id, one.offer_id, state, cost, until) if part
    )


def _money(money: event_pb2.Money) -> str:
    return f"{amount_of(money, Violations(), '')} {money.currency_code}"


def _moment(moment: Timestamp) -> str:
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M:%S UTC")
