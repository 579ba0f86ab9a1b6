"""Messages about what somebody has just done: a visit of a shop, a cart left behind."""

from recsys.triggers.candidate import Candidate
from recsys.triggers.cart import CART_TYPES, Cart, CartEvent, cart_of
from recsys.triggers.decide import Decider, TriggerSettings
from recsys.triggers.follow import TriggerFollower
from recsys.triggers.hand_out import HandedOut, HandOut, WatchQuery
from recsys.triggers.message import (
    Message,
    MessageContent,
    MessageState,
    Proposal,
    TriggerCause,
)
from recsys.triggers.ports import (
    AckOutcome,
    Decision,
    Judge,
    News,
    Round,
    TriggerEvent,
    TriggerFeed,
    TriggerStore,
    Turn,
    Wait,
)
from recsys.triggers.trigger import Occasion, OfferNeed, Trigger, Triggers, read_triggers

__all__ = [
    "CART_TYPES",
    "AckOutcome",
    "Candidate",
    "Cart",
    "CartEvent",
    "Decider",
    "Decision",
    "HandOut",
    "HandedOut",
    "Judge",
    "Message",
    "MessageContent",
    "MessageState",
    "News",
    "Occasion",
    "OfferNeed",
    "Proposal",
    "Round",
    "Trigger",
    "TriggerCause",
    "TriggerEvent",
    "TriggerFeed",
    "TriggerFollower",
    "TriggerSettings",
    "TriggerStore",
    "Triggers",
    "Turn",
    "Wait",
    "WatchQuery",
    "cart_of",
    "read_triggers",
]
