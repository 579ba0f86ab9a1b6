"""The part of the client that asks for batches; see `recsys.serving.client`."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from recsys import limits
from recsys.domain import Identifier
from recsys.serving.client_errors import CallFailed, translated
from recsys.serving.profile_client import subject_of
from recsys.v1 import campaign_pb2, campaign_service_pb2_grpc
from recsys.v1 import campaign_service_pb2 as service

LONG_SECONDS: Final = 600.0
_WAIT_SECONDS: Final = (0.1, 0.5, 1.0, 2.0)
_TRANSIENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

Listed = Callable[[], Iterable[Sequence[Identifier]]]
"""Gives the people of a list, from the first on, each time it is called."""


class CampaignClient:
    """Asks for batches, audiences and segments. Safe between threads; errors as of `Client`."""

    def __init__(self, channel: grpc.Channel, *, ask: Callable[..., Any]) -> None:
        self._stub = campaign_service_pb2_grpc.CampaignServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._ask = ask

    def batch(
        self,
        batch: campaign_pb2.Batch,
        *,
        listed: Listed | None = None,
        resume_token: str = "",
        patience_seconds: float = 60.0,
    ) -> Iterator[service.RecommendBatchResponse]:
        """Ask for all people of a batch, whatever happens to the connection.

        Each response is complete: after it, its `resume_token` goes on, and it is empty in the
        last one of a walk.

        Args:
            batch: What is asked.
            listed: The people of a list; None for a walk.
            resume_token: Where to go on; empty for the beginning.
            patience_seconds: How long to try without getting anywhere.

        Raises:
            CallRefused: The batch is wrong.
            CallFailed: The server is away for longer than that.
        """
        since = time.monotonic()
        tries = 0
        while True:
            call = self._stub.RecommendBatch(_requests(batch, listed, resume_token))
            try:
                for response in _whole(call):
                    resume_token = response.resume_token
                    since, tries = time.monotonic(), 0
                    yield response
                    if listed is None and not resume_token:
                        return
            except grpc.RpcError as error:
                is_over = time.monotonic() - since > patience_seconds
                if error.code() not in _TRANSIENT or is_over:
                    raise CallFailed.from_rpc(error) from error
                time.sleep(_WAIT_SECONDS[min(tries, len(_WAIT_SECONDS) - 1)])
                tries += 1
            else:
                return
            finally:
                call.cancel()

    def recheck(
        self,
        batch: campaign_pb2.Batch,
        entries: Sequence[service.RecheckEntry],
        *,
        made_time: Timestamp | None = None,
    ) -> list[service.RecheckResult]:
        """Ask what must be withdrawn, of any number of people.

        Args:
            batch: As it was asked.
            entries: What people are about to get.
            made_time: When that was decided: offers that were used since are withdrawn.
        """
        results: list[service.RecheckResult] = []
        for at in range(0, len(entries), limits.BATCH_SUBJECT_COUNT_MAX):
            request = service.RecheckBatchRequest(
                batch=batch,
                entries=entries[at : at + limits.BATCH_SUBJECT_COUNT_MAX],
                made_time=made_time,
            )
            response: service.RecheckBatchResponse = self._ask(
                self._stub.RecheckBatch, request, timeout_seconds=LONG_SECONDS
            )
            results += response.results
        return results

    def audience(
        self,
        item_id: str,
        batch: campaign_pb2.Batch,
        *,
        count: int = 0,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> list[service.AudiencePerson]:
        """Ask for the people who would like an item most, the best first."""
        request = service.AudienceForItemRequest(item_id=item_id, batch=batch, person_count=count)
        people: list[service.AudiencePerson] = []
        with translated():
            for response in self._stub.AudienceForItem(request):
                on_progress(response.done_share)
                people += response.people
        return people

    def upsert_segments(self, segments: Sequence[campaign_pb2.SavedSegment]) -> None:
        """Write segments."""
        request = service.UpsertSegmentsRequest(segments=segments)
        self._ask(self._stub.UpsertSegments, request)

    def segments(self) -> list[campaign_pb2.SavedSegment]:
        """Ask for all segments."""
        response: service.ListSegmentsResponse = self._ask(
            self._stub.ListSegments, service.ListSegmentsRequest()
        )
        return list(response.segments)

    def delete_segments(self, names: Sequence[str]) -> int:
        """Delete segments; returns how many there were."""
        response: service.DeleteSegmentsResponse = self._ask(
            self._stub.DeleteSegments, service.DeleteSegmentsRequest(names=names)
        )
        return response.deleted_count

    def estimate(
        self, *, segment: str = "", filter_: str = "", sample_size: int = 0
    ) -> service.EstimateSegmentResponse:
        """Ask how many people are in a segment, or pass a filter."""
        request = service.EstimateSegmentRequest(sample_size=sample_size)
        if segment:
            request.segment = segment
        else:
            request.filter = filter_
        response: service.EstimateSegmentResponse = self._ask(
            self._stub.EstimateSegment, request, timeout_seconds=LONG_SECONDS
        )
        return response


def _requests(
    batch: campaign_pb2.Batch, listed: Listed | None, resume_token: str
) -> Iterator[service.RecommendBatchRequest]:
    yield service.RecommendBatchRequest(batch=batch, resume_token=resume_token)
    waiting = iter(() if listed is None else listed())
    while some := list(itertools.islice(waiting, limits.BATCH_SUBJECT_COUNT_MAX)):
        yield service.RecommendBatchRequest(subjects=map(subject_of, some))


def _whole(
    responses: Iterable[service.RecommendBatchResponse],
) -> Iterator[service.RecommendBatchResponse]:
    """Join messages that belong together: those before one that can be gone on from."""
    waiting: service.RecommendBatchResponse | None = None
    for response in responses:
        if waiting is not None:
            waiting.MergeFrom(response)
            response = waiting  # noqa: PLW2901 - the whole takes the place of its last part
        if response.resume_token or response.model_version:
            waiting = None
            yield response
        else:
            waiting = response
