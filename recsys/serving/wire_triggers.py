"""Messages of triggers on the wire: checked and said in the words of the domain, and back."""

from typing import Final

from recsys import limits
from recsys.domain import CHANNEL_UNKNOWN_CODE
from recsys.serving import fields
from recsys.serving.encode import encode_identifier, put_moment
from recsys.serving.wire_campaigns import encode_card
from recsys.serving.wire_offer_calls import OFFER_REASONS
from recsys.serving.wire_offers import encode_offer, seconds_of
from recsys.triggers import AckOutcome, HandedOut, MessageState, Occasion, WatchQuery
from recsys.v1 import trigger_service_pb2 as service
from recsys.violations import Violations

_OUTCOMES: Final = {
    service.TRIGGER_ACK_OUTCOME_SENT: AckOutcome.SENT,
    service.TRIGGER_ACK_OUTCOME_REFUSED: AckOutcome.REFUSED,
    service.TRIGGER_ACK_OUTCOME_RELEASED: AckOutcome.RELEASED,
}
_MESSAGE_ID_BYTES: Final = 32


def parse_watch(request: service.WatchTriggersRequest) -> WatchQuery:
    """Check who takes which messages.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    # They are named alike.
    wrong.placement(request.consumer, "consumer")
    channels = []
    if wrong.count_within(request.channels, "channels", count_max=len(fields.CHANNELS)):
        for position, number in enumerate(request.channels):
            path = f"channels[{position}]"
            if number == CHANNEL_UNKNOWN_CODE:
                wrong.add(path, f"is {number}; allowed 1 to {len(fields.CHANNELS) - 1}")
            channels.append(fields.channel(number, wrong, path))
    if wrong.count_within(request.triggers, "triggers", count_max=limits.TRIGGER_LIST_COUNT_MAX):
        for position, name in enumerate(request.triggers):
            wrong.placement(name, f"triggers[{position}]")
    lease_seconds = limits.LEASE_SECONDS_DEFAULT
    if request.HasField("lease_duration"):
        lease_seconds = seconds_of(request.lease_duration)
        if not 0.0 < lease_seconds <= limits.LEASE_SECONDS_MAX:
            allowed = f"allowed above 0 to {limits.LEASE_SECONDS_MAX:.0f}"
            wrong.add("lease_duration", f"is {lease_seconds:g} s; {allowed}")
    wrong.raise_any()
    return WatchQuery(
        consumer=request.consumer,
        channels=tuple(one for one in channels if one is not None),
        triggers=tuple(request.triggers),
        lease_seconds=lease_seconds,
    )


def parse_acks(request: service.AckTriggersRequest) -> list[tuple[str, AckOutcome]]:
    """Check what became of messages; raises as `parse_watch`."""
    wrong = Violations()
    wrong.count_from_one(request.acks, "acks", count_max=limits.ACK_COUNT_MAX)
    wrong.raise_any()
    found = []
    for position, one in enumerate(request.acks):
        path = f"acks[{position}]"
        wrong.text(one.message_id, f"{path}.message_id", bytes_max=_MESSAGE_ID_BYTES)
        outcome = _OUTCOMES.get(one.outcome)
        if outcome is None:
            wrong.add(f"{path}.outcome", f"is {one.outcome}; allowed SENT, REFUSED or RELEASED")
        else:
            found.append((one.message_id, outcome))
    wrong.raise_any()
    return found


def encode_message(one: HandedOut, *, now: float) -> service.TriggerMessage:
    """Say a message that may be sent."""
    message = one.message
    content = message.content
    sent = service.TriggerMessage(
        message_id=message.message_id,
        trigger=message.trigger,
        occasion=f"TRIGGER_OCCASION_{content.occasion.name}",
        channel=f"CHANNEL_{message.channel.name}",
        identifiers=map(encode_identifier, one.identifiers),
        address=None if one.address is None else encode_identifier(one.address),
        message_key=message_key(content.occasion, has_offer=one.offer is not None),
        items=[encode_card(item_id, item, now=now) for item_id, item in one.items],
        store_id=content.store_id or "",
        attribution_token=content.attribution_token,
    )
    if one.offer is not None:
        sent.offer.CopyFrom(encode_offer(one.offer.offer_id, one.offer.offer, is_whole=False))
        sent.offer_reason = OFFER_REASONS[one.offer.basis]
    put_moment(sent.event_time, message.event_time)
    put_moment(sent.decide_time, message.decide_time)
    put_moment(sent.expire_time, message.expire_time)
    put_moment(sent.lease_time, one.lease_time)
    return sent


def message_key(occasion: Occasion, *, has_offer: bool) -> str:
    """Return the key of a message's text."""
    return f"trigger.{occasion.name.lower()}{'_offer' if has_offer else ''}"


def state_name(state: MessageState | None) -> str:
    """Say where a message stands; UNSPECIFIED for one that nobody knows."""
    return f"TRIGGER_MESSAGE_STATE_{'UNSPECIFIED' if state is None else state.name}"
