"""The methods of recsys.v1: decode, ask the capability, encode."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from recsys import limits
from recsys.recommend import Answer, Recommender, Trends, Widgets
from recsys.recommend.attribution import encode_token
from recsys.recommend.query import Placed
from recsys.serving import reply, wire, wire_widgets
from recsys.serving.call import Call
from recsys.serving.encode import encode_time
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.v1 import model_service_pb2 as model_pb2
from recsys.v1.recommendation_service_pb2 import (
    BuyAgainRequest,
    CompleteBasketRequest,
    ExplainItemRequest,
    LocateItemRequest,
    RankItemsRequest,
    RecentlyViewedRequest,
    RecommendPageRequest,
    RecommendRequest,
    SimilarItemsRequest,
    TrendingRequest,
)

AnswerT = TypeVar("AnswerT", bound=Answer)


class RecommendationServicer:
    """`recsys.v1.RecommendationService`."""

    def __init__(
        self,
        *,
        slot: ModelSlot,
        recommender: Recommender,
        trends: Trends,
        metrics: Metrics,
        pool: Executor,
        reads_quickly: bool,
    ) -> None:
        """Answer from the model in service.

        Args:
            slot: Holds the model.
            recommender: Decides.
            trends: Counts what is asked for just now.
            metrics: Counts answers.
            pool: Threads for what takes time.
            reads_quickly: Whether looking a person up takes microseconds.
        """
        self._reads_quickly = reads_quickly
        self._slot = slot
        self._recommender = recommender
        self._widgets = Widgets(recommender, trends)
        self._metrics = metrics
        self._pool = pool

    async def recommend(self, request: RecommendRequest, call: Call) -> bytes:
        """Rank the catalogue for a person."""
        query = wire.parse_recommend(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._recommender.recommend, query, call)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def similar_items(self, request: SimilarItemsRequest, call: Call) -> bytes:
        """Rank the catalogue by similarity to one item."""
        query = wire.parse_similar(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._recommender.similar, query, call)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def rank_items(self, request: RankItemsRequest, call: Call) -> bytes:
        """Put given items into a person's order."""
        query = wire_widgets.parse_rank(request, now=call.now)
        call.placement = query.placement
        # The reasons of a long list take milliseconds, however small the model is.
        is_short = len(query.item_ids) <= limits.RESULT_COUNT_MAX
        answer = await self._answer(self._widgets.rank, query, call, is_short=is_short)
        return reply.rank_bytes(answer, token=_token(answer, call.placement, call))

    async def recently_viewed(self, request: RecentlyViewedRequest, call: Call) -> bytes:
        """List what a person had contact with, the latest first."""
        query = wire_widgets.parse_recently_viewed(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._widgets.recently_viewed, query, call)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def complete_basket(self, request: CompleteBasketRequest, call: Call) -> bytes:
        """Suggest what completes a basket."""
        query = wire_widgets.parse_basket(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._widgets.complete_basket, query, call)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def buy_again(self, request: BuyAgainRequest, call: Call) -> bytes:
        """List what a person may need again."""
        query = wire_widgets.parse_again(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._widgets.buy_again, query, call)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def trending(self, request: TrendingRequest, call: Call) -> bytes:
        """List what is asked for more than usual. In a thread: the first look takes a while."""
        query = wire_widgets.parse_trending(request, now=call.now)
        call.placement = query.placement
        answer = await self._answer(self._widgets.trending, query, call, is_short=False)
        return reply.answer_bytes(answer, token=_token(answer, call.placement, call))

    async def recommend_page(self, request: RecommendPageRequest, call: Call) -> bytes:
        """Fill the slots of a page. Always in a thread: it is as many rankings as slots."""
        query = wire_widgets.parse_page(request, now=call.now)
        model = self._slot.current().model
        answers = await call.compute(self._pool, self._widgets.page, model, query, now=call.now)
        filled = []
        for slot, answer in zip(query.slots, answers, strict=True):
            self._metrics.answer(answer)
            filled.append(reply.answer_bytes(answer, token=_token(answer, slot.placement, call)))
        return reply.page_bytes(filled)

    async def locate_item(self, request: LocateItemRequest, call: Call) -> bytes:
        """Say where an item is."""
        query = wire.parse_locate(request, now=call.now)
        call.placement = query.placement
        model = self._slot.current().model
        located = await call.compute(
            self._pool, self._recommender.locate, model, query, now=call.now
        )
        token = ""
        if located.equivalents is not None:
            self._metrics.answer(located.equivalents)
            token = _token(located.equivalents, call.placement, call)
        return reply.located_bytes(located, token=token, model_version=model.version)

    async def explain_item(self, request: ExplainItemRequest, call: Call) -> bytes:
        """Say why an item is where it is in an answer, or why it is not in it."""
        query, item_id = wire.parse_explain(request, now=call.now)
        call.placement = query.placement
        model = self._slot.current().model
        explanation = await call.compute(
            self._pool, self._recommender.explain, model, query, item_id, now=call.now
        )
        return reply.explanation_bytes(explanation)

    async def _answer(
        self,
        decide: Callable[..., AnswerT],
        query: Placed,
        call: Call,
        *,
        is_short: bool = True,
    ) -> AnswerT:
        """Decide here if that is quick, else in a thread."""
        model = self._slot.current().model
        if is_short and model.is_quick and self._reads_quickly:
            call.check_deadline()
            answer = decide(model, query, now=call.now)
        else:
            answer = await call.compute(self._pool, decide, model, query, now=call.now)
        self._metrics.answer(answer)
        return answer


class ModelServicer:
    """`recsys.v1.ModelService`."""

    def __init__(self, *, slot: ModelSlot) -> None:
        self._slot = slot

    async def get_model(self, request: model_pb2.GetModelRequest, call: Call) -> bytes:
        """Say which model answers."""
        del request, call
        loaded = self._slot.current()
        manifest = loaded.model.bundle.manifest
        return model_pb2.GetModelResponse(
            model=model_pb2.Model(
                model_version=manifest.model_version,
                model_type=manifest.model_type,
                item_count=manifest.item_count,
                factor_count=manifest.factor_count,
                publish_time=encode_time(manifest.publish_time.timestamp()),
                training_start_time=encode_time(manifest.training_start_time.timestamp()),
                training_end_time=encode_time(manifest.training_end_time.timestamp()),
                data_fingerprint=manifest.data_fingerprint,
                metrics=[
                    model_pb2.Metric(name=name, value=value)
                    for name, value in sorted(manifest.metrics.items())
                ],
                load_time=encode_time(loaded.load_time),
            )
        ).SerializeToString()


def _token(answer: Answer, placement: str, call: Call) -> str:
    return encode_token(
        request_id=call.request_id.token,
        placement=placement,
        model_version=answer.model_version,
    )
