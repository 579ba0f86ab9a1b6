"""How answers look on a terminal."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from recsys.catalog import ItemSummary
from recsys.domain import (
    FallbackCause,
    ItemId,
    Reason,
    ReasonKind,
    Recommendation,
    ShortfallCause,
)
from recsys.recommend.message_keys import message_key

if TYPE_CHECKING:
    from recsys.serving.client_messages import Reply
    from recsys.v1.recommendation_service_pb2 import (
        AnswerExplanation,
        ExplainItemResponse,
        LocateItemResponse,
    )

_CAUSES: Final = {
    ShortfallCause.EXCLUDED: "excluded by the request",
    ShortfallCause.SEEN: "already seen by the person",
    ShortfallCause.CATALOG: "not in the model's catalogue",
    ShortfallCause.NOT_OFFERED: "not offered now",
    ShortfallCause.OUT_OF_STOCK: "out of stock there",
    ShortfallCause.FILTERED: "not let through by the filters",
    ShortfallCause.AGE: "not for buyers of this age",
    ShortfallCause.PRICE: "not in the price band",
    ShortfallCause.HISTORY: "more than is known of the person",
    ShortfallCause.SHOWN: "shown already",
    ShortfallCause.VARIANT: "variants of what is shown",
    ShortfallCause.CAPPED: "above the cap of their kind",
}
_WITHOUT: Final = {
    None: "",
    FallbackCause.NO_CONSENT: " (no consent to more)",
    FallbackCause.STORAGE_UNAVAILABLE: " (the storage does not answer)",
}


def show(console: Console, reply: "Reply", titles: Mapping[ItemId, ItemSummary]) -> None:
    """Print an answer as a table, with what is missing and who answered below it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right", style="dim")
    table.add_column("item")
    if titles:
        table.add_column("title")
    table.add_column("score", justify="right")
    table.add_column("why")
    for position, result in enumerate(reply.results, start=1):
        title = [_title(titles.get(result.item_id))] if titles else []
        table.add_row(
            str(position),
            result.item_id,
            *title,
            _score(result),
            in_words(result.reason, titles),
        )
    console.print(table if reply.results else "no results")
    if reply.shortfall is not None:
        causes = ", ".join(f"{count} {_CAUSES[cause]}" for cause, count in reply.shortfall.parts)
        console.print(f"[yellow]{reply.shortfall.missing_count} fewer than asked for[/]: {causes}")
    if reply.explanation is not None:
        _show_reasons(console, reply.explanation)
    if reply.unknown:
        console.print(f"unknown to the model: {', '.join(reply.unknown)}", markup=False)
    console.print(f"[dim]model {reply.model_version}[/]")


def _show_reasons(console: Console, explanation: "AnswerExplanation") -> None:
    from recsys.serving.kinds import SHORTFALL_CAUSE_BY_NUMBER  # noqa: PLC0415 - keeps --help quick

    for result in explanation.results:
        parts = ", ".join(f"{one.value:+.4f} {one.name}" for one in result.score_parts if one.value)
        thanks = ", ".join(f"{one.value:+.4f} {one.item_id}" for one in result.influences)
        if parts:
            console.print(f"{result.item_id}: {parts}; thanks to {thanks or 'none'}", markup=False)
    for one in explanation.filtered:
        cause = _CAUSES[SHORTFALL_CAUSE_BY_NUMBER[one.cause]]
        rule = f" ({one.rule})" if one.rule else ""
        console.print(f"left out: {one.item_count} {cause}{rule}", markup=False)
    for pin in explanation.pins_left_out:
        why = "; ".join(
            _CAUSES[SHORTFALL_CAUSE_BY_NUMBER[one.cause]] + (f" ({one.detail})" * bool(one.detail))
            for one in pin.refusals
        )
        words = f"pin left out: {pin.item_id} in place {pin.position}: {why}"
        console.print(words, markup=False)


def _score(result: Recommendation) -> str:
    if result.reason.kind is not ReasonKind.RECENTLY_VIEWED:
        return f"{result.score:.4f}"
    contact = dt.datetime.fromtimestamp(result.score, tz=dt.UTC)
    return f"{contact:%Y-%m-%d %H:%M:%S}Z"


def in_words(reason: Reason, titles: Mapping[ItemId, ItemSummary]) -> str:
    """Say a reason as a person would."""
    return f"{_why(reason, titles)}{_WITHOUT[reason.fallback_cause]}"


def _why(reason: Reason, titles: Mapping[ItemId, ItemSummary]) -> str:
    if reason.kind is ReasonKind.SIMILAR and reason.similar_to is not None:
        return f"because of {_title(titles.get(reason.similar_to)) or reason.similar_to}"
    if reason.kind is ReasonKind.COMPLEMENT and reason.goes_with is not None:
        return f"goes with {_title(titles.get(reason.goes_with)) or reason.goes_with}"
    if reason.kind is ReasonKind.BUY_AGAIN and reason.purchase_time is not None:
        last = dt.datetime.fromtimestamp(reason.purchase_time, tz=dt.UTC)
        usual = "" if reason.usual_days is None else f", usually every {reason.usual_days:.0f} days"
        return f"bought on {last:%Y-%m-%d}{usual}"
    if reason.kind is ReasonKind.TRENDING:
        place = f"in store {reason.store_id}" if reason.store_id else ""
        place = f"on the channel {reason.channel}" if reason.channel else place
        return f"on the rise {place or 'everywhere'}"
    if reason.kind is ReasonKind.POPULAR_HERE:
        return (
            f"popular in store {reason.store_id}" if reason.store_id else "popular on the channel"
        )
    return {
        ReasonKind.PERSONAL: "fits the history",
        ReasonKind.SIMILAR: "fits the session",
        ReasonKind.POPULAR: "popular",
        ReasonKind.EDITORIAL: "placed by the retailer",
        ReasonKind.NEW: "new",
        ReasonKind.RECENTLY_VIEWED: "contact with it not long ago",
        ReasonKind.COMPLEMENT: "goes with the basket",
        ReasonKind.BUY_AGAIN: "bought before",
    }[reason.kind]


def as_json(reply: "Reply", titles: Mapping[ItemId, ItemSummary]) -> dict[str, object]:
    """Say an answer for programs."""
    shortfall = reply.shortfall
    return {
        "model_version": reply.model_version,
        "attribution_token": reply.attribution_token,
        "results": [
            {
                "item_id": result.item_id,
                **({"title": _title(titles.get(result.item_id))} if titles else {}),
                "score": result.score,
                "reason": result.reason.kind.value,
                "message_key": message_key(result.reason),
                "similar_to": result.reason.similar_to,
                "store_id": result.reason.store_id,
                "fallback_cause": result.reason.fallback_cause,
                **_facts(result.reason),
            }
            for result in reply.results
        ],
        "shortfall": None
        if shortfall is None
        else {
            "missing_count": shortfall.missing_count,
            "parts": {cause.value: count for cause, count in shortfall.parts},
        },
        **({} if reply.explanation is None else {"explanation": _as_dict(reply.explanation)}),
        **({"unknown": list(reply.unknown)} if reply.unknown else {}),
        **({"next_page_token": reply.next_page_token} if reply.next_page_token else {}),
    }


def _as_dict(message: "AnswerExplanation") -> dict[str, object]:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    return MessageToDict(message, preserving_proto_field_name=True)


def _facts(reason: Reason) -> dict[str, object]:
    """Return what only some kinds of reasons have."""
    facts = {
        "goes_with": reason.goes_with,
        "purchase_time": reason.purchase_time,
        "usual_days": reason.usual_days,
        "channel": reason.channel,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _title(item: ItemSummary | None) -> str:
    return "" if item is None else item.title


def show_explanation(console: Console, item_id: str, found: "ExplainItemResponse") -> None:
    """Print what became of one item."""
    from recsys.serving.kinds import SHORTFALL_CAUSE_BY_NUMBER  # noqa: PLC0415 - keeps --help quick

    if not found.is_known:
        console.print(f"The model {found.model_version} does not know {item_id}.", markup=False)
        if found.HasField("pinned_position"):
            console.print(f"  It is pinned to place {found.pinned_position}, and left out there.")
        return
    place = f"place {found.position}" if found.HasField("position") else "not in the answer"
    console.print(f"{item_id}: {place}", markup=False)
    if found.HasField("pinned_position"):
        left_out = ", and left out there" if found.refusals else ""
        console.print(f"  pinned to place {found.pinned_position}{left_out}")
    for one in found.refusals:
        cause = _CAUSES[SHORTFALL_CAUSE_BY_NUMBER[one.cause]]
        console.print(f"  {cause}: {one.detail}", markup=False)
    if found.HasField("score"):
        console.print(f"  score {found.score:.4f}, of which")
        for part in found.score_parts:
            if part.value:
                console.print(f"    {part.value:+.4f}  {part.name}", markup=False)
        for influence in found.influences:
            words = f"    {influence.value:+.4f}  thanks to {influence.item_id}"
            console.print(words, markup=False)
    else:
        console.print("  nothing is known of her: what is popular is shown")


def show_located(
    console: Console, item_id: str, store_id: str, found: "LocateItemResponse"
) -> None:
    """Print where an item is, and what a shop has in its place."""
    if store_id:
        words = f"{found.here.quantity:g} of it" if found.HasField("here") else "never had it"
        console.print(f"{item_id} at {store_id}: {words}", markup=False)
    for one in found.stores:
        far = (
            f"{one.distance_km:.1f} km away" if one.HasField("distance_km") else "distance unknown"
        )
        console.print(f"  {one.quantity:g} at {one.store_id}, {far}", markup=False)
    if not found.stores:
        console.print("  no other shop has it")
    for result in found.equivalents:
        console.print(f"  in its place: {result.item_id}", markup=False)
