"""Reading what people type: `view:item-17`, `loyalty_card=42`, `marketing:email`."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

import typer

from recsys.consent import Consent, ConsentStatus, Purpose
from recsys.domain import (
    NAMESPACE_ACCOUNT,
    NAMESPACE_VISITOR,
    Channel,
    EventType,
    Identifier,
    ItemEvent,
    ItemId,
    StoreId,
    normal_text,
)
from recsys.events import EventFilter

_SHORT_NAMES: Final = {
    "view": EventType.DETAIL_PAGE_VIEW,
    "cart": EventType.ADD_TO_CART,
    "wish": EventType.ADD_TO_WISHLIST,
    "buy": EventType.PURCHASE_COMPLETE,
    "click": EventType.CLICK,
    "return": EventType.RETURN,
}
_AGE: Final = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNIT_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_YEAR_1: Final = dt.datetime.min.replace(tzinfo=dt.UTC).timestamp()
_YEAR_10000: Final = dt.datetime.max.replace(tzinfo=dt.UTC).timestamp()
_EVENT_TYPES: Final = {**{kind.value: kind for kind in EventType}, **_SHORT_NAMES}


def read_place(text: str) -> tuple[float, float] | None:
    """Read `NORTH,EAST` in degrees; None for nothing.

    Raises:
        typer.BadParameter: The text is not of that form.
    """
    if not text:
        return None
    north, _, east = text.partition(",")
    try:
        return float(north), float(east)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not NORTH,EAST in degrees") from None


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
        identifiers.append(Identifier(namespace, normal_text(value)))
    return tuple(identifiers)


def read_event_filter(
    *,
    user: str,
    visitor: str,
    identifier: str,
    kinds: Sequence[EventType],
    channels: Sequence[Channel],
    stores: Sequence[str],
    since: str,
    until: str,
    now: float,
) -> EventFilter:
    """Read which events are meant.

    Raises:
        typer.BadParameter: A text is not of its form, or names several identifiers.
    """
    named = [Identifier(NAMESPACE_ACCOUNT, normal_text(user))] if user else []
    named += [Identifier(NAMESPACE_VISITOR, normal_text(visitor))] if visitor else []
    named += read_identifiers([identifier] if identifier else ())
    if len(named) > 1:
        raise typer.BadParameter("give one of --user, --visitor and --identifier")
    return EventFilter(
        identifier=named[0] if named else None,
        event_types=tuple(kinds),
        channels=tuple(channels),
        store_ids=tuple(map(StoreId, stores)),
        start_time=read_moment(since, "--since", now=now) if since else None,
        end_time=read_moment(until, "--until", now=now) if until else None,
    )


def read_moment(text: str, option: str, *, now: float) -> float:
    """Read a moment: ISO 8601 (UTC where it says no zone), or an age such as `2h` or `30d`.

    Args:
        text: What was typed.
        option: Of which option.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        typer.BadParameter: The text is neither, or beyond the years that can be said.
    """
    if age := _AGE.fullmatch(text):
        found = now - int(age[1]) * _UNIT_SECONDS[age[2]]
    else:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            known = "2026-11-01, 2026-11-01T10:00Z, or an age such as 2h"
            problem = f"{text!r} is no time such as {known}"
            raise typer.BadParameter(problem, param_hint=option) from error
        found = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    if not _YEAR_1 <= found < _YEAR_10000:
        raise typer.BadParameter(f"{text!r} is not in the years 1 to 9999", param_hint=option)
    return found
