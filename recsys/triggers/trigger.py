"""What sets a message off, from a file that a marketing engineer writes.

[welcome]                        # she enters a shop
on = "store-visit"
channel = "push"
stores = ["s-1", "s-2"]          # empty for all
offers = ["ten-mugs"]            # the best of these; empty for any
expires_minutes = 30
again_hours = 72

[cart]                           # a cart is left behind
on = "cart-left"
after_minutes = 45
channel = "email"
offer = "if-any"
expires_minutes = 1440
holdout_share = 0.1
"""

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from recsys import limits
from recsys.domain import Channel, EventType
from recsys.toml_tables import read_toml_tables
from recsys.violations import is_namespace

AFTER_MINUTES_DEFAULT: Final = 30.0
_SECONDS_PER_MINUTE: Final = 60.0
_SECONDS_PER_HOUR: Final = 3_600.0
_NAME: Final = re.compile(rf"[a-z][a-z0-9-]{{0,{limits.PLACEMENT_CHARS_MAX - 1}}}")
_NAMED: Final = "allowed lower case letters, digits and hyphens, starting with a letter"
_ADDRESSES: Final = {Channel.EMAIL: ("email_sha256",), Channel.SMS: ("phone_sha256",)}


class Occasion(enum.StrEnum):
    """What sets a message off."""

    STORE_VISIT = "store-visit"
    """She enters a shop."""
    CART_LEFT = "cart-left"
    """She has left a cart behind."""

    @property
    def event_type(self) -> EventType:
        """The events that begin it."""
        is_visit = self is Occasion.STORE_VISIT
        return EventType.STORE_VISIT if is_visit else EventType.ADD_TO_CART


class OfferNeed(enum.StrEnum):
    """Whether a message carries an offer."""

    REQUIRED = "required"
    """Without an offer for her there is no message."""
    IF_ANY = "if-any"
    """It carries one if there is one for her."""
    NEVER = "never"
    """It carries none."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way in which a message is set off.

    Attributes:
        on: By what.
        channel: On which she is reached; her consent to marketing there is needed.
        after_minutes: How long a cart has to lie; None for 30. Carts only.
        expires_minutes: How long after that the message is of use, above 0.
        again_hours: How long after its last message to her there is no other one.
        stores: Visits of these shops only; empty for all.
        offers: Ids of the offers that it may carry; empty for all.
        offer: Whether it carries one.
        offer_channel: Where the offer is used; None for the shop of a visit, and for where the
            cart is.
        placement: Whose rules hold for items, and by what name messages count in caps; empty
            for the trigger's own name.
        address_namespaces: She needs an identifier of one of these; None for `email_sha256` on
            email, `phone_sha256` on sms, and else none.
        holdout_share: Who gets none, to measure what the others' do, 0 to 1 of all.
        holdout_name: Of the experiment; empty for the trigger's own name.
        enabled: Whether it does anything.
    """

    on: Occasion
    channel: Channel
    after_minutes: float | None = None
    expires_minutes: float = 60.0
    again_hours: float = 24.0
    stores: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    offer: OfferNeed = OfferNeed.REQUIRED
    offer_channel: Channel | None = None
    placement: str = ""
    address_namespaces: tuple[str, ...] | None = None
    holdout_share: float = 0.0
    holdout_name: str = ""
    enabled: bool = True

    @property
    def after_seconds(self) -> float:
        """How long after the event a message is due."""
        if self.on is not Occasion.CART_LEFT:
            return 0.0
        minutes = AFTER_MINUTES_DEFAULT if self.after_minutes is None else self.after_minutes
        return minutes * _SECONDS_PER_MINUTE

    @property
    def again_seconds(self) -> float:
        """How long after its last message to her there is no other one."""
        return self.again_hours * _SECONDS_PER_HOUR

    @property
    def addresses(self) -> tuple[str, ...]:
        """Namespaces of which she needs an identifier; empty for none."""
        if self.address_namespaces is None:
            return _ADDRESSES.get(self.channel, ())
        return self.address_namespaces

    def expire_time(self, event_time: float) -> float:
        """Return until when a message about an event is of use."""
        return event_time + self.after_seconds + self.expires_minutes * _SECONDS_PER_MINUTE

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield each key that is out of its bounds, and what is allowed."""
        yield from self._problems_of_times()
        if not 0.0 <= self.holdout_share <= 1.0:
            yield "holdout_share", f"is {self.holdout_share:g}; allowed 0 to 1"
        if self.on is Occasion.CART_LEFT and self.stores:
            yield "stores", "is for visits; a cart is left nowhere in particular"
        if self.on is Occasion.STORE_VISIT and self.offer is not OfferNeed.REQUIRED:
            yield "offer", f'is "{self.offer}"; a message about a visit is an offer, or empty'
        if self.offer is OfferNeed.NEVER and self.offers:
            yield "offers", 'names offers, but offer is "never"'
        yield from self._problems_of_lists()
        for key, name in (("placement", self.placement), ("holdout_name", self.holdout_name)):
            if name and _NAME.fullmatch(name) is None:
                yield key, f"is {name!r}; {_NAMED}"

    def _problems_of_lists(self) -> Iterator[tuple[str, str]]:
        namespaces = self.address_namespaces or ()
        for key, some, count_max in (
            ("stores", self.stores, limits.TRIGGER_LIST_COUNT_MAX),
            ("offers", self.offers, limits.TRIGGER_LIST_COUNT_MAX),
            ("address_namespaces", namespaces, limits.ADDRESS_NAMESPACE_COUNT_MAX),
        ):
            if len(some) > count_max:
                yield key, f"has {len(some)} entries; allowed up to {count_max}"
            if "" in some:
                yield key, "has an empty entry; leave the key out for all"
        for name in namespaces:
            if name and not is_namespace(name):
                yield "address_namespaces", f"has {name!r}, which is no name of a namespace"

    def _problems_of_times(self) -> Iterator[tuple[str, str]]:
        if self.after_minutes is not None and self.on is not Occasion.CART_LEFT:
            yield "after_minutes", "is for carts; a visit counts at once"
        minutes_max = limits.TRIGGER_DAYS_MAX * 24.0 * 60.0
        after = self.after_seconds / _SECONDS_PER_MINUTE
        if not 0.0 <= after <= minutes_max:
            yield "after_minutes", f"is {after:g}; allowed 0 to {minutes_max:g}"
        if not 0.0 < self.expires_minutes <= minutes_max:
            yield (
                "expires_minutes",
                f"is {self.expires_minutes:g}; allowed above 0 to {minutes_max:g}",
            )
        hours_max = limits.TRIGGER_KEPT_DAYS * 24.0
        if not 0.0 <= self.again_hours <= hours_max:
            yield "again_hours", f"is {self.again_hours:g}; allowed 0 to {hours_max:g}"


@dataclass(frozen=True, slots=True)
class Triggers:
    """All that there are, by name."""

    by_name: Mapping[str, Trigger] = field(default_factory=dict)

    def enabled(self, name: str) -> Trigger | None:
        """Return a trigger; None if there is none any more, or it is switched off."""
        found = self.by_name.get(name)
        return found if found is not None and found.enabled else None

    def on(self, occasion: Occasion) -> list[tuple[str, Trigger]]:
        """Return those that are set off by something, by name."""
        return [
            (name, one)
            for name, one in sorted(self.by_name.items())
            if one.enabled and one.on is occasion
        ]

    @property
    def event_types(self) -> frozenset[EventType]:
        """Events that set something off."""
        return frozenset(one.on.event_type for one in self.by_name.values() if one.enabled)


def read_triggers(text: str, *, source: str) -> Triggers:
    """Read and check all triggers.

    Args:
        text: TOML, a table for each trigger.
        source: What to call it in errors.

    Raises:
        InvalidConfig: With the trigger, the key and what is allowed.
    """
    return Triggers(
        read_toml_tables(
            text, Trigger, source=source, refused_name=_refused_name, problems=Trigger.problems
        )
    )


def _refused_name(name: str) -> str:
    return "" if _NAME.fullmatch(name) else f"is no name of a trigger; {_NAMED}"
