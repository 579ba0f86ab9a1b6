"""How an event of the log looks on a terminal, and to programs."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.markup import escape

if TYPE_CHECKING:
    from recsys.storage.log_tail import TailEvent

_TYPE_CHARS: Final = 17
_CHANNEL_CHARS: Final = 11
_WHO_CHARS: Final = 26
_ITEMS_SHOWN: Final = 4


def as_line(event: "TailEvent") -> str:
    """Say an event in one line: when, what, where, who, which items."""
    content = event.content
    moment = dt.datetime.fromtimestamp(event.event_time, dt.UTC)
    who = ", ".join(f"{one.namespace}={one.value}" for one in content.identifiers) or "nobody"
    items = [
        line.item_id if line.quantity == 1.0 else f"{line.quantity:g} x {line.item_id}"
        for line in content.lines[:_ITEMS_SHOWN]
    ]
    if len(content.lines) > _ITEMS_SHOWN:
        items.append(f"and {len(content.lines) - _ITEMS_SHOWN} more")
    what = ", ".join(items) or content.search_query
    where = f"  [dim]in {escape(content.store_id)}[/]" if content.store_id else ""
    return (
        f"[dim]{moment:%Y-%m-%d %H:%M:%S}[/]  {content.event_type.value:<{_TYPE_CHARS}} "
        f"{content.channel.value if content.channel else '-':<{_CHANNEL_CHARS}} "
        f"{escape(who):<{_WHO_CHARS}} {escape(what)}{where}"
    )


def as_object(event: "TailEvent") -> dict[str, Any]:
    """Say an event for programs; times are ISO 8601."""
    said: dict[str, Any] = msgspec.to_builtins(event.content)
    moment = dt.datetime.fromtimestamp(event.event_time, dt.UTC)
    return {
        "seq": event.seq,
        "event_id": event.event_id,
        **said,
        "event_time": moment.isoformat(),
    }
