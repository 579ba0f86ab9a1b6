"""What the client sends and reads."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from recsys.domain import (
    CHANNEL_BY_CODE,
    Channel,
    Identifier,
    ItemEvent,
    ItemId,
    Reason,
    Recommendation,
    Shortfall,
    StoreId,
)
from recsys.recommend.message_keys import BECAUSE
from recsys.rules import NO_RULES, Rules
from recsys.serving.encode import encode_identifier
from recsys.serving.kinds import (
    FALLBACK_CAUSE_BY_NUMBER,
    REASON_KIND_BY_NUMBER,
    SHORTFALL_CAUSE_BY_NUMBER,
)
from recsys.serving.wire_rules import rules_message
from recsys.v1 import (
    context_pb2,
    event_pb2,
    recommendation_service_pb2,
    result_pb2,
    subject_pb2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's answer.

    Attributes:
        results: Best first.
        shortfall: Set if and only if results are missing.
        attribution_token: To send back with later events about these results.
        model_version: The model that answered.
        unknown: Of given items, those that the model does not know.
        next_page_token: Asks for the next page; empty where there is none.
        explanation: Why it is as it is, as sent; None where that was not asked for.
    """

    results: tuple[Recommendation, ...]
    shortfall: Shortfall | None
    attribution_token: str
    model_version: str
    unknown: tuple[ItemId, ...] = ()
    next_page_token: str = ""
    explanation: recommendation_service_pb2.AnswerExplanation | None = None


class PersonArguments(TypedDict, total=False):
    """What all questions say of who asks, and from where; as in the requests of the proto.

    Attributes:
        user_id: The retailer's account id.
        visitor_id: A device or browser before login.
        identifiers: Further ones.
        placement: The slot of the frontend.
        channel: Where the answer is shown.
        store_id: The shop concerned.
        recent_events: What the caller knows of the session.
        buyer_age: How old the buyer is, in years.
        rules: What is asked of the items.
        explain: Whether the answer says why it is as it is.
    """

    user_id: str
    visitor_id: str
    identifiers: Sequence[Identifier]
    placement: str
    channel: Channel | None
    store_id: StoreId | str
    recent_events: Sequence[ItemEvent]
    buyer_age: int | None
    rules: Rules
    explain: bool


class ListArguments(PersonArguments, total=False):
    """What all questions for a list say besides.

    Attributes:
        result_count: Results wanted; 0 for the server's default.
        excluded: Items to leave out.
    """

    result_count: int
    excluded: Sequence[ItemId | str]


class PagedArguments(ListArguments, total=False):
    """What questions for a list that goes on say besides.

    Attributes:
        page_token: The page's before; empty for the first page.
    """

    page_token: str


_CONTACTS: Final = {key: contact for contact, key in reversed(BECAUSE.items())}
_ALONE: Final = (
    recommendation_service_pb2.RankItemsResponse,
    recommendation_service_pb2.FilledSlot,
)
_LIST_FIELDS: Final = {
    "result_count": "page_size",
    "excluded": "exclude_item_ids",
    "page_token": "page_token",
}


def asked_fields(asked: PersonArguments | ListArguments) -> dict[str, Any]:
    """Return the fields that the requests of all questions share, for those that were given."""
    sent: dict[str, Any] = {
        "subject": subject_message(
            asked.get("user_id", ""), asked.get("visitor_id", ""), asked.get("identifiers", ())
        ),
        "placement": asked.get("placement", ""),
        "context": context_message(
            asked.get("channel"),
            asked.get("store_id", ""),
            asked.get("recent_events", ()),
            asked.get("buyer_age"),
        ),
        "rules": rules_message(asked.get("rules", NO_RULES)),
        "explain": asked.get("explain", False),
    }
    given: Mapping[str, Any] = asked
    return sent | {field: given[name] for name, field in _LIST_FIELDS.items() if name in given}


def subject_message(
    user_id: str, visitor_id: str, identifiers: Sequence[Identifier]
) -> subject_pb2.Subject:
    """Say who asks."""
    return subject_pb2.Subject(
        user_id=user_id,
        visitor_id=visitor_id,
        identifiers=[encode_identifier(one) for one in identifiers],
    )


def context_message(
    channel: Channel | None,
    store_id: str,
    recent_events: Sequence[ItemEvent],
    buyer_age: int | None,
) -> context_pb2.Context:
    """Say where, and what happened in the session."""
    context = context_pb2.Context(
        store_id=store_id, channel=_channel_name(channel), buyer_age=buyer_age
    )
    for line in recent_events:
        event = context.recent_events.add(
            event_type=f"EVENT_TYPE_{line.event_type.name}", channel=_channel_name(line.channel)
        )
        event.event_time.FromNanoseconds(int(line.event_time * 1e9))
        event.lines.append(event_pb2.ItemLine(item_id=line.item_id, quantity=line.quantity))
    return context


def _channel_name(channel: Channel | None) -> str:
    return f"CHANNEL_{channel.name}" if channel else "CHANNEL_UNSPECIFIED"


def read_reply(
    response: recommendation_service_pb2.RecommendResponse
    | recommendation_service_pb2.SimilarItemsResponse
    | recommendation_service_pb2.RankItemsResponse
    | recommendation_service_pb2.RecentlyViewedResponse
    | recommendation_service_pb2.CompleteBasketResponse
    | recommendation_service_pb2.BuyAgainResponse
    | recommendation_service_pb2.TrendingResponse
    | recommendation_service_pb2.FilledSlot,
    *,
    unknown: Sequence[str] = (),
) -> Reply:
    """Say an answer, or a slot of one, in the words of the domain."""
    shortfall = None
    if response.HasField("shortfall"):
        shortfall = Shortfall(
            missing_count=response.shortfall.missing_count,
            parts=tuple(
                (SHORTFALL_CAUSE_BY_NUMBER[part.cause], part.item_count)
                for part in response.shortfall.parts
            ),
        )
    return Reply(
        results=tuple(_recommendation(result) for result in response.results),
        shortfall=shortfall,
        attribution_token=response.attribution_token,
        model_version=response.model_version,
        unknown=tuple(map(ItemId, unknown)),
        next_page_token="" if isinstance(response, _ALONE) else response.next_page_token,
        explanation=response.explanation if response.HasField("explanation") else None,
    )


def _recommendation(result: result_pb2.Result) -> Recommendation:
    return Recommendation(
        item_id=ItemId(result.item_id),
        score=result.score,
        reason=Reason(
            kind=REASON_KIND_BY_NUMBER[result.reason.kind],
            similar_to=ItemId(result.reason.similar_to_item_id) or None,
            store_id=StoreId(result.reason.store_id) or None,
            fallback_cause=FALLBACK_CAUSE_BY_NUMBER[result.reason.fallback_cause],
            channel=CHANNEL_BY_CODE.get(result.reason.channel),
            contact=_CONTACTS.get(result.reason.message_key),
            goes_with=ItemId(result.reason.goes_with_item_id) or None,
            purchase_time=result.reason.purchase_time.ToNanoseconds() / 1e9
            if result.reason.HasField("purchase_time")
            else None,
            usual_days=result.reason.usual_interval.ToTimedelta() / dt.timedelta(days=1)
            if result.reason.HasField("usual_interval")
            else None,
        ),
    )
