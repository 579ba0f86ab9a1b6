"""Messages that were set off: what was decided once, and what has become of it since."""

import enum
from typing import NamedTuple

import msgspec

from recsys.campaigns import SuppressionCause
from recsys.domain import Channel, EventType, Identifier, ItemId, StoreId
from recsys.profiles import LoggedEvent
from recsys.triggers.trigger import Occasion


class MessageState(enum.IntEnum):
    """Where a message stands. The numbers are kept in storage."""

    PENDING = 1
    """It waits to be handed out."""
    LEASED = 2
    """It was handed out, and nobody has said yet what became of it."""
    SENT = 3
    """It was sent."""
    WITHDRAWN = 4
    """It must not be sent any more."""
    SUPPRESSED = 5
    """It was decided that there is none."""

    @property
    def counts(self) -> bool:
        """Whether she has had it, or may be getting it just now."""
        return self <= MessageState.SENT


class TriggerCause(enum.StrEnum):
    """Why there is no message; the first that applies, about in this order."""

    LATE = "late"
    """The event arrived when a message was of no use any more. Counted, and not kept."""
    ANONYMOUS = "anonymous"
    """The event names nobody. Counted, and not kept."""
    RETIRED = "retired"
    """The trigger was taken away or switched off after the message was decided."""
    EXPIRED = "expired"
    """Nobody has sent it while it was of use."""
    ERASED = "erased"
    """She was erased. Counted, and not kept."""
    ROBOT = "robot"
    """More was done in a day than a person does."""
    NO_ADDRESS = "no-address"
    """She has no identifier that a message could be sent to."""
    NO_CONSENT = "no-consent"
    """She does not allow messages on this channel, or that what she does is used for them."""
    QUIET_HOURS = "quiet-hours"
    """It is night where she is."""
    MINIMUM_GAP = "minimum-gap"
    """Her last message was not long enough ago."""
    CAPPED = "capped"
    """She has had as many messages as the rules allow."""
    REPEATED = "repeated"
    """She has had one of this trigger not long ago."""
    NO_OFFER = "no-offer"
    """No offer is for her, here and now."""
    NOTHING_TO_SHOW = "nothing-to-show"
    """Nothing that is in her cart may be shown, or she has emptied it."""
    HOLDOUT = "holdout"
    """She is among those who are left alone, to measure what the others' messages do."""
    FAILED = "failed"
    """Whether she gets one could not be computed; that of others could."""
    REFUSED = "refused"
    """Whoever sends says that it cannot be sent."""

    @classmethod
    def of(cls, cause: SuppressionCause | None) -> "TriggerCause | None":
        """Say what campaigns say."""
        return None if cause is None else cls(cause.value)


class MessageContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message is about. It names nobody.

    Attributes:
        occasion: What has set it off.
        attribution_token: To be sent with events that it leads to.
        offer_id: Of the offer that it carries; empty for none.
        item_ids: What is in her cart.
        store_id: The shop of the visit; None for none.
        cart_channel: Where the cart is; None if that is not known.
    """

    occasion: Occasion
    attribution_token: str = ""
    offer_id: str = ""
    item_ids: tuple[ItemId, ...] = ()
    store_id: StoreId | None = None
    cart_channel: Channel | None = None


class Proposal(NamedTuple):
    """A message that is about to be decided.

    Attributes:
        trigger: Its name.
        event_id: Of the event that sets it off: a trigger and an event make one message.
        owner: To whom the event belongs.
        channel: On which she is reached.
        event_time: When it happened, seconds since 1970-01-01 UTC.
        expire_time: Until when the message is of use.
        content: What it says.
        cause: Why there is none, as found so far; None if there is.
    """

    trigger: str
    event_id: str
    owner: Identifier
    channel: Channel
    event_time: float
    expire_time: float
    content: MessageContent
    cause: TriggerCause | None = None


class Message(NamedTuple):
    """What was decided.

    Attributes:
        number: Counts them in the order of decision.
        message_id: 32 hexadecimal digits, the same for the same trigger and event.
        trigger: As in `Proposal`.
        owner: Likewise; None where nothing is known under it any more.
        channel: Likewise.
        state: Where it stands.
        cause: Why there is none, or no longer; None if there is.
        event_time: As in `Proposal`.
        decide_time: When it was decided.
        expire_time: As in `Proposal`.
        content: What it says.
    """

    number: int
    message_id: str
    trigger: str
    owner: Identifier | None
    channel: Channel
    state: MessageState
    cause: TriggerCause | None
    event_time: float
    decide_time: float
    expire_time: float
    content: MessageContent

    def as_shown(self) -> LoggedEvent:
        """Say it as the impression that its sending will be, for whoever counts these.

        The impression has the same attribution token, so both are one message.
        """
        token = self.content.attribution_token
        return LoggedEvent(
            self.decide_time,
            EventType.IMPRESSION.code,
            self.channel.code,
            self.content.store_id,
            "",
            msgspec.json.encode({"attribution_token": token}).decode(),
        )
