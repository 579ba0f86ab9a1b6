"""Erasing somebody while real processes write of her: nothing of her is left in any of them."""

from pathlib import Path
from typing import Any

from recsys.v1 import (
    event_service_pb2,
    event_service_pb2_grpc,
    profile_service_pb2_grpc,
    recommendation_service_pb2_grpc,
)
from recsys.v1 import profile_service_pb2 as service
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.result_pb2 import REASON_KIND_POPULAR
from recsys.v1.subject_pb2 import Subject
from serving.test_event_processes import channel, view
from support.processes import WAIT_SECONDS, serving

ERASED = event_service_pb2.WRITE_OUTCOME_ERASED
ANNA = Subject(visitor_id="anna")


def test_no_worker_brings_back_who_was_erased(
    folder: Path,
    storage: dict[str, Any],
) -> None:
    """Streams to both workers are under way while she is erased; each sees it half-way."""
    with serving(folder, storage=storage, server={"workers": 2}) as server:
        channels = [channel(server) for _ in range(6)]
        events = [event_service_pb2_grpc.EventServiceStub(one) for one in channels]
        profiles = [profile_service_pb2_grpc.ProfileServiceStub(one) for one in channels]
        request = service.EraseProfileRequest(subject=ANNA)

        def write(worker: int, number: int) -> Any:
            batch = [view(f"{worker}-{number}-{n}", "anna") for n in range(200)]
            sent = event_service_pb2.WriteEventsRequest(events=batch)
            return events[worker].WriteEvents.future(sent, timeout=WAIT_SECONDS)

        events[0].WriteEvents(
            event_service_pb2.WriteEventsRequest(events=[view("first", "anna")]),
            timeout=WAIT_SECONDS,
        )
        before = [write(worker, number) for number in range(4) for worker in range(6)]
        erasing = profiles[5].EraseProfile.future(request, timeout=WAIT_SECONDS)
        after = [write(worker, number) for number in range(4, 8) for worker in range(6)]
        report = erasing.result().erasure
        outcomes = [
            {result.outcome for result in writing.result().results} for writing in before + after
        ]
        late = [write(worker, 8).result().results for worker in range(6)]
        assert report.event_count >= 1
        assert any(ERASED in found for found in outcomes)
        assert {result.outcome for results in late for result in results} == {ERASED}
        for stub in profiles:
            found = stub.GetProfile(
                service.GetProfileRequest(subject=ANNA), timeout=WAIT_SECONDS
            ).profile
            assert (found.event_count, len(found.identifiers)) == (0, 0)
            assert found.erase_time == report.erase_time
        for one in channels:
            stub = recommendation_service_pb2_grpc.RecommendationServiceStub(one)
            answer = stub.Recommend(
                RecommendRequest(subject=ANNA, page_size=3), timeout=WAIT_SECONDS
            )
            assert {result.reason.kind for result in answer.results} == {REASON_KIND_POPULAR}
            one.close()
