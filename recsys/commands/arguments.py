"""Reading what people type: `view:item-17`, `loyalty_card=42`, `marketing:email`."""

from collections.abc import Sequence
from typing import Final

import typer

from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId

_SHORT_NAMES: Final = {
    "view": EventType.DETAIL_PAGE_VIEW,
    "cart": EventType.ADD_TO_CART,
    "wish": EventType.ADD_TO_WISHLIST,
    "buy": EventType.PURCHASE_COMPLETE,
    "click": EventType.CLICK,
    "return": EventType.RETURN,
}
_EVENT_TYPES: Final = {**{kind.value: kind for kind in EventType}, **_SHORT_NAMES}


def read_events(
    texts: Sequence[str], *, channel: Channel | None, now: float
) -> tuple[ItemEvent, ...]:
    """Read `TYPE:ITEM` texts; the last one happens now, each earlier one a second before.

    Raises:
        typer.BadParameter: A text is not of that form.
    """
    events = []
    for position, text in enumerate(texts):
        name, separator, item_id = text.partition(":")
        event_type = _EVENT_TYPES.get(name)
        if event_type is None or not separator or not item_id:
            known = ", ".join(_SHORT_NAMES)
            raise typer.BadParameter(f"{text!r} is not TYPE:ITEM; types: {known}, ...")
        events.append(
            ItemEvent(
                item_id=ItemId(item_id),
                event_type=event_type,
                channel=channel,
                event_time=now - (len(texts) - 1 - position),
            )
        )
    return tuple(events)


def read_consents(
    texts: Sequence[str], status: ConsentStatus, *, source: str, now: float
) -> list[Consent]:
    """Read `PURPOSE` or `PURPOSE:CHANNEL` texts.

    Raises:
        typer.BadParameter: A text is not of that form.
    """
    found = []
    for text in texts:
        purpose, _, channel = text.partition(":")
        if purpose not in set(Purpose) or channel not in {"", *Channel}:
            purposes, channels = ", ".join(Purpose), ", ".join(Channel)
            raise typer.BadParameter(
                f"{text!r} is not PURPOSE or PURPOSE:CHANNEL; purposes: {purposes};"
                f" channels: {channels}"
            )
        found.append(
            Consent(
                purpose=Purpose(purpose),
                status=status,
                time=now,
                channel=Channel(channel) if channel else None,
                source=source,
            )
        )
    return found


def read_identifiers(texts: Sequence[str]) -> tuple[Identifier, ...]:
    """Read `NAMESPACE=VALUE` texts.

    Raises:
        typer.BadParameter: A text is not of that form.
    """
    identifiers = []
    for text in texts:
        namespace, separator, value = text.partition("=")
        if not separator or not namespace or not value:
            raise typer.BadParameter(f"{text!r} is not NAMESPACE=VALUE, such as loyalty_card=42")
        identifiers.append(Identifier(namespace, value))
    return tuple(identifiers)
