"""A small client for commands, notebooks and the demo. Values in, values out.

    with connect("127.0.0.1:50051") as client:
        answer = client.recommend(user_id="u-17", placement="home", result_count=10)
        for result in answer.results:
            print(result.item_id, result.reason.kind)

Services that call often and concurrently use the generated stubs of `recsys.v1`.
"""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final, Unpack

import grpc

from recsys.domain import ItemId, StoreId
from recsys.rules import NO_RULES, Rules
from recsys.serving.client_campaigns import CampaignClient
from recsys.serving.client_catalog import CatalogClient
from recsys.serving.client_errors import translated
from recsys.serving.client_messages import (
    ListArguments,
    PagedArguments,
    Reply,
    asked_fields,
    context_message,
    read_reply,
)
from recsys.serving.client_offers import OfferClient
from recsys.serving.client_triggers import TriggerClient
from recsys.serving.client_widgets import WidgetCalls
from recsys.serving.profile_client import ProfileClient
from recsys.serving.request_id import METADATA_KEY
from recsys.serving.wire_rules import rules_message
from recsys.v1 import (
    model_service_pb2,
    model_service_pb2_grpc,
    recommendation_service_pb2,
    recommendation_service_pb2_grpc,
)

TIMEOUT_SECONDS_DEFAULT: Final = 5.0

# Asking changes nothing, and consenting, linking or erasing twice no more than once. So it is
# safe to do it again: a worker that dies just now costs its callers milliseconds, not an error.
_RETRIES: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [
                    {"service": "recsys.v1.RecommendationService"},
                    {"service": "recsys.v1.ModelService"},
                    {"service": "recsys.v1.ProfileService"},
                ],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
_OPTIONS: Final = (
    ("grpc.service_config", _RETRIES),
    # gRPC waits a second after a refused connection, longer than the retries do.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Client(WidgetCalls):
    """Asks one server. Safe between threads."""

    def __init__(self, channel: grpc.Channel, *, timeout_seconds: float) -> None:
        self._recommendation = recommendation_service_pb2_grpc.RecommendationServiceStub(  # type: ignore[no-untyped-call]  # generated
            channel
        )
        self._model = model_service_pb2_grpc.ModelServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._timeout_seconds = timeout_seconds
        self.catalog = CatalogClient(channel, ask=self._ask)
        self.campaigns = CampaignClient(channel, ask=self._ask)
        self.offers = OfferClient(channel, ask=self._ask)
        self.triggers = TriggerClient(channel, ask=self._ask)
        self.profiles = ProfileClient(channel, ask=self._ask, timeout_seconds=timeout_seconds)

    def recommend(
        self,
        *,
        include_seen: bool = False,
        **asked: Unpack[PagedArguments],
    ) -> Reply:
        """Ask for a person; arguments as in `RecommendRequest`.

        Raises:
            CallRefused: The request is wrong.
            CallFailed: There is no answer.
        """
        request = recommendation_service_pb2.RecommendRequest(
            include_seen=include_seen, **asked_fields(asked)
        )
        response: recommendation_service_pb2.RecommendResponse
        response = self._ask(self._recommendation.Recommend, request)
        return read_reply(response)

    def locate(
        self,
        item_id: ItemId | str,
        *,
        store_id: StoreId | str = "",
        place: tuple[float, float] | None = None,
        placement: str = "",
        store_count: int = 0,
        result_count: int = 0,
        rules: Rules = NO_RULES,
    ) -> recommendation_service_pb2.LocateItemResponse:
        """Ask where an item is; raises as `recommend`.

        Args:
            item_id: The item.
            store_id: The shop asked for; empty for none.
            place: Degrees north and east; None for where the shop is.
            placement: The slot of the frontend.
            store_count: Other shops wanted; 0 for the default.
            result_count: Equivalents wanted; 0 for the default.
            rules: What is asked of equivalents.
        """
        context = context_message(None, store_id, (), None)
        if place is not None:
            context.place.latitude, context.place.longitude = place
        request = recommendation_service_pb2.LocateItemRequest(
            item_id=item_id,
            context=context,
            placement=placement,
            store_count=store_count,
            page_size=result_count,
            rules=rules_message(rules),
        )
        response: recommendation_service_pb2.LocateItemResponse
        response = self._ask(self._recommendation.LocateItem, request)
        return response

    def explain(
        self, item_id: ItemId | str, **asked: Unpack[ListArguments]
    ) -> recommendation_service_pb2.ExplainItemResponse:
        """Ask why an item is where it is in an answer, or not in it; raises as `recommend`."""
        request = recommendation_service_pb2.ExplainItemRequest(
            item_id=item_id,
            request=recommendation_service_pb2.RecommendRequest(**asked_fields(asked)),
        )
        response: recommendation_service_pb2.ExplainItemResponse
        response = self._ask(self._recommendation.ExplainItem, request)
        return response

    def similar(self, item_id: ItemId | str, **asked: Unpack[PagedArguments]) -> Reply:
        """Ask what is similar to an item; raises as `recommend`."""
        request = recommendation_service_pb2.SimilarItemsRequest(
            item_id=item_id, **asked_fields(asked)
        )
        return read_reply(self._ask(self._recommendation.SimilarItems, request))

    def model(self) -> model_service_pb2.Model:
        """Ask which model answers; raises as `recommend`."""
        request = model_service_pb2.GetModelRequest()
        response: model_service_pb2.GetModelResponse = self._ask(self._model.GetModel, request)
        return response.model

    def _ask(self, method: Any, request: Any, *, timeout_seconds: float | None = None) -> Any:
        metadata = ((METADATA_KEY, str(uuid.uuid4())),)
        with translated():
            timeout = timeout_seconds or self._timeout_seconds
            return method(request, timeout=timeout, metadata=metadata)


@contextlib.contextmanager
def connect(target: str, *, timeout_seconds: float = TIMEOUT_SECONDS_DEFAULT) -> Iterator[Client]:
    """Open a client for the length of a block.

    Args:
        target: `host:port`, or any gRPC target.
        timeout_seconds: Deadline of each call.
    """
    with grpc.insecure_channel(target, _OPTIONS) as channel:
        yield Client(channel, timeout_seconds=timeout_seconds)
