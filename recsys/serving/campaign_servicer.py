"""`recsys.v1.CampaignService`: decode, let a thread work for some people, encode, wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Final, TypeVar

import msgspec

from recsys import limits
from recsys.campaigns import (
    NO_EVENTS,
    Audience,
    Batch,
    BatchQuery,
    CampaignSettings,
    PeopleSource,
    SegmentStore,
    estimate,
    may_be_messaged,
    needs_of,
    people_filter,
    withdrawn,
)
from recsys.errors import FieldViolation, InvalidRequest, StorageMissing
from recsys.recommend import Recommender
from recsys.serving import fields, wire_campaigns
from recsys.serving.call import Call
from recsys.serving.campaign_stream import BatchStream
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.serving.storage import Storage
from recsys.v1 import campaign_pb2
from recsys.v1 import campaign_service_pb2 as service
from recsys.violations import Violations

ResultT = TypeVar("ResultT")

_PEOPLE_PER_MESSAGE: Final = 1_000


class CampaignServicer:
    """Answers people in batches."""

    def __init__(
        self,
        *,
        storage: Storage,
        slot: ModelSlot,
        recommender: Recommender,
        settings: CampaignSettings,
        metrics: Metrics,
        pool: Executor,
        threads: int,
    ) -> None:
        """Answer from a storage and the model in service.

        Args:
            storage: Knows people and segments.
            slot: Holds the model.
            recommender: Decides.
            settings: What holds for all campaigns.
            metrics: Counts answers.
            pool: Threads of its own, so that no single answer waits for a batch.
            threads: How many of a batch's people are ranked at the same time.
        """
        self._storage = storage
        self._slot = slot
        self._recommender = recommender
        self._settings = settings
        self._metrics = metrics
        self._pool = pool
        self._threads = threads

    async def recommend_batch(
        self, requests: AsyncIterator[service.RecommendBatchRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Answer people, some in each message; at most one part is made ahead of its reader."""
        first = await anext(requests, None)
        if first is None or not first.HasField("batch"):
            raise InvalidRequest([FieldViolation("batch", "is missing in the first message")])
        under_way = await self._in_thread(self._begin, first, call.now)
        call.placement = under_way.query.question.placement
        parts = (
            self._listed(under_way, first, requests)
            if under_way.is_listed
            else self._walked(under_way)
        )
        # The next part is made while this one is on its way.
        coming = asyncio.ensure_future(anext(parts, None))
        try:
            while (messages := await coming) is not None:
                call.check_deadline()
                coming = asyncio.ensure_future(anext(parts, None))
                for message in messages:
                    yield message
        finally:
            coming.cancel()

    async def recheck_batch(self, request: service.RecheckBatchRequest, call: Call) -> bytes:
        """Say what must be withdrawn."""
        asked = wire_campaigns.parse_recheck(request)
        model = self._slot.current().model

        def check() -> bytes:
            wrong = Violations()
            query = wire_campaigns.parse_batch(
                request.batch, wrong, "batch.", filter_="", now=call.now
            )
            wrong.raise_any()
            checked = self._batch_of(query).checked(asked.sent, made_time=asked.made_time)
            gone = withdrawn(self._recommender, model, query, asked.items, now=call.now)
            return service.RecheckBatchResponse(
                results=[
                    service.RecheckResult(
                        suppression_cause=wire_campaigns.CAUSES[one.cause],
                        withdrawn_item_ids=items,
                        withdrawn_offers=[
                            service.WithdrawnOffer(offer_id=offer_id, rule=refusal.rule)
                            for offer_id, refusal in one.refused.items()
                        ],
                    )
                    for one, items in zip(checked, gone, strict=True)
                ]
            ).SerializeToString()

        return await self._in_thread(check)

    async def audience_for_item(
        self, request: service.AudienceForItemRequest, call: Call
    ) -> AsyncIterator[bytes]:
        """Find the people who would like an item most."""
        model = self._slot.current().model

        def begin() -> tuple[Audience, Batch]:
            filter_ = self._filter(request.batch)
            query = wire_campaigns.parse_audience(request, filter_=filter_, now=call.now)
            return Audience(model, query, self._recommender), self._batch_of(query.batch)

        audience, batch = await self._in_thread(begin)
        position = await self._in_thread(self.people().begin)
        while True:
            call.check_deadline()
            there = await self._in_thread(audience.walk, batch, position)
            yield service.AudienceForItemResponse(
                considered_count=audience.considered_count,
                done_share=1.0 if there is None else there.share,
                model_version=model.version,
            ).SerializeToString()
            if there is None:
                break
            position = there
        best = audience.best()
        for at in range(0, len(best), _PEOPLE_PER_MESSAGE):
            yield service.AudienceForItemResponse(
                considered_count=audience.considered_count,
                done_share=1.0,
                people=map(wire_campaigns.encode_fan, best[at : at + _PEOPLE_PER_MESSAGE]),
                model_version=model.version,
            ).SerializeToString()

    async def upsert_segments(self, request: service.UpsertSegmentsRequest, call: Call) -> bytes:
        """Write segments."""
        segments = wire_campaigns.parse_segments(request, now=call.now)
        await self._in_thread(self._segments().upsert, segments)
        return service.UpsertSegmentsResponse().SerializeToString()

    async def get_segment(self, request: service.GetSegmentRequest, call: Call) -> bytes:
        """Return a segment."""
        del call
        found = await self._in_thread(self._segments().segment, request.name)
        return service.GetSegmentResponse(
            segment=wire_campaigns.encode_segment(found)
        ).SerializeToString()

    async def list_segments(self, request: service.ListSegmentsRequest, call: Call) -> bytes:
        """Return all segments."""
        del request, call
        found = await self._in_thread(self._segments().segments)
        return service.ListSegmentsResponse(
            segments=map(wire_campaigns.encode_segment, found)
        ).SerializeToString()

    async def delete_segments(self, request: service.DeleteSegmentsRequest, call: Call) -> bytes:
        """Delete segments."""
        del call
        wrong = Violations()
        wrong.count_from_one(request.names, "names", count_max=limits.SEGMENT_COUNT_MAX)
        wrong.raise_any()
        count = await self._in_thread(self._segments().delete, list(request.names))
        return service.DeleteSegmentsResponse(deleted_count=count).SerializeToString()

    async def estimate_segment(self, request: service.EstimateSegmentRequest, call: Call) -> bytes:
        """Say how many people are in a segment."""
        wrong = Violations()
        channel = fields.channel(request.channel, wrong, "channel")
        if request.sample_size < 0:
            allowed = f"0 to {limits.ESTIMATE_COUNT_MAX}"
            wrong.add("sample_size", f"is {request.sample_size}; allowed {allowed}")
        wire_campaigns.check_filter(request.filter, wrong, "filter")
        wrong.raise_any()
        count = min(request.sample_size or limits.ESTIMATE_COUNT_DEFAULT, limits.ESTIMATE_COUNT_MAX)

        def guess() -> bytes:
            filter_ = request.filter
            if request.WhichOneof("people") == "segment":
                filter_ = self._segments().segment(request.segment).filter
            query = BatchQuery(question=wire_campaigns.NO_QUESTION, filter=filter_, as_of=call.now)
            batch = self._batch_of(query)
            needs = needs_of(people_filter(filter_)) if filter_ else NO_EVENTS
            sample = self.people().sample(count=count, seed=0, needs=needs)
            is_in = batch.are_in(sample.people)
            if channel is not None:
                default = self._settings.messages_by_default
                is_in = [
                    yes and may_be_messaged(one.person, channel, by_default=default)
                    for yes, one in zip(is_in, sample.people, strict=True)
                ]
            found = estimate(sample, is_in)
            return wire_campaigns.encode_estimate(found).SerializeToString()

        return await self._in_thread(guess)

    def people(self) -> PeopleSource:
        """Return the people of the storage."""
        if self._storage.campaign_people is None:
            raise StorageMissing
        return self._storage.campaign_people

    async def _in_thread(self, work: Callable[..., ResultT], *args: object) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    def _segments(self) -> SegmentStore:
        if self._storage.segments is None:
            raise StorageMissing
        return self._storage.segments

    def _filter(self, sent: campaign_pb2.Batch) -> str:
        if sent.WhichOneof("people") == "segment":
            return self._segments().segment(sent.segment).filter
        return sent.filter

    def _batch_of(self, query: BatchQuery) -> Batch:
        """Return a batch for looking at people; nothing is said of when they answer messages."""
        return Batch(
            msgspec.structs.replace(query, with_habits=False),
            people=self.people(),
            recommender=self._recommender,
            settings=self._settings,
        )

    def _begin(self, first: service.RecommendBatchRequest, now: float) -> BatchStream:
        return BatchStream(
            first,
            filter_=self._filter(first.batch),
            people=self.people(),
            recommender=self._recommender,
            settings=self._settings,
            metrics=self._metrics,
            threads=self._threads,
            now=now,
        )

    async def _walked(self, under_way: BatchStream) -> AsyncIterator[list[bytes]]:
        while not under_way.is_over:
            yield await self._in_thread(under_way.walk, self._slot.current().model)

    async def _listed(
        self,
        under_way: BatchStream,
        first: service.RecommendBatchRequest,
        requests: AsyncIterator[service.RecommendBatchRequest],
    ) -> AsyncIterator[list[bytes]]:
        request: service.RecommendBatchRequest | None = first
        while request is not None:
            people = under_way.read(request)
            for at in range(0, len(people), limits.WALK_COUNT):
                some = people[at : at + limits.WALK_COUNT]
                model = self._slot.current().model
                if messages := await self._in_thread(under_way.answer, model, some):
                    yield messages
            request = await anext(requests, None)
