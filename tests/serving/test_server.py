"""The services over a real connection: answers, errors, ids, deadlines, swaps."""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from recsys import limits
from recsys.recommend import Recommender, ServingModel
from recsys.recommend.attribution import decode_token
from recsys.serving import call as call_module
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import (
    CHANNEL_WEB,
    EVENT_TYPE_DETAIL_PAGE_VIEW,
    Event,
    ItemLine,
)
from recsys.v1.model_service_pb2 import GetModelRequest
from recsys.v1.recommendation_service_pb2 import RecommendRequest, SimilarItemsRequest
from recsys.v1.result_pb2 import (
    REASON_KIND_POPULAR,
    REASON_KIND_POPULAR_HERE,
    REASON_KIND_SIMILAR,
    SHORTFALL_CAUSE_CATALOG,
)
from recsys.v1.subject_pb2 import Subject
from support.processes import WAIT_SECONDS
from support.serving import ITEM_COUNT, Running, SyncError


def views(*item_ids: str) -> Context:
    """A session of page views."""
    return Context(
        recent_events=[
            Event(event_type=EVENT_TYPE_DETAIL_PAGE_VIEW, lines=[ItemLine(item_id=item_id)])
            for item_id in item_ids
        ]
    )


async def failure(call: grpc.aio.UnaryUnaryCall) -> tuple[grpc.aio.AioRpcError, ErrorInfo]:
    """Wait for a call that must fail; return its error and the one ErrorInfo."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    info = ErrorInfo()
    details = _status(caught.value).details
    assert [detail.Unpack(info) for detail in details].count(True) == 1
    return caught.value, info


def _status(error: grpc.aio.AioRpcError) -> object:
    status = rpc_status.from_call(SyncError(error))
    assert status is not None
    return status


async def test_a_session_of_even_items_is_answered_with_even_items(running: Running) -> None:
    """What a visitor looks at decides what she is shown, and the reason says so."""
    response = await running.recommendation.Recommend(
        RecommendRequest(context=views("item-0", "item-2"), page_size=5)
    )
    assert [result.item_id for result in response.results] == [
        "item-4", "item-6", "item-8", "item-10", "item-12",
    ]  # fmt: skip
    assert {result.reason.kind for result in response.results} == {REASON_KIND_SIMILAR}
    assert response.model_version == "v1"
    assert not response.HasField("shortfall")


async def test_nobody_gets_what_is_popular_in_the_store_then_on_the_channel(
    running: Running,
) -> None:
    """Fallbacks go from near to far and each result is labelled."""
    response = await running.recommendation.Recommend(
        RecommendRequest(context=Context(store_id="s-1", channel=CHANNEL_WEB), page_size=4)
    )
    assert [
        (result.item_id, result.reason.kind, result.reason.store_id) for result in response.results
    ] == [
        ("item-5", REASON_KIND_POPULAR_HERE, "s-1"),
        ("item-6", REASON_KIND_POPULAR_HERE, "s-1"),
        ("item-7", REASON_KIND_POPULAR_HERE, ""),
        ("item-0", REASON_KIND_POPULAR, ""),
    ]


async def test_a_page_larger_than_the_catalogue_is_short_and_says_why(running: Running) -> None:
    """Lists are never padded."""
    response = await running.recommendation.Recommend(RecommendRequest(page_size=1_000))
    assert len(response.results) == ITEM_COUNT
    assert response.shortfall.missing_count == limits.RESULT_COUNT_MAX - ITEM_COUNT
    assert [part.cause for part in response.shortfall.parts] == [SHORTFALL_CAUSE_CATALOG]


async def test_similar_items_come_from_the_same_world_without_the_item(running: Running) -> None:
    """An odd item is answered with the other odd ones."""
    response = await running.recommendation.SimilarItems(
        SimilarItemsRequest(item_id="item-1", page_size=3)
    )
    assert [result.item_id for result in response.results] == ["item-3", "item-5", "item-7"]
    assert {result.reason.similar_to_item_id for result in response.results} == {"item-1"}


async def test_an_unknown_item_is_not_found_with_its_id(running: Running) -> None:
    """Clients branch on the reason and read the id from the metadata."""
    error, info = await failure(
        running.recommendation.SimilarItems(SimilarItemsRequest(item_id="nothing"))
    )
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert (info.reason, info.domain, info.metadata["item_id"]) == (
        "ITEM_NOT_FOUND",
        "recsys",
        "nothing",
    )


async def test_every_wrong_field_is_reported_under_its_path(running: Running) -> None:
    """One answer tells all that is wrong, and the metrics count the fields."""
    context = views("item-1")
    context.recent_events[0].lines[0].quantity = float("nan")
    error, info = await failure(
        running.recommendation.Recommend(
            RecommendRequest(placement="Home!", page_size=-3, context=context)
        )
    )
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info.reason == "INVALID_REQUEST"
    bad = BadRequest()
    assert any(detail.Unpack(bad) for detail in _status(error).details)
    assert [violation.field for violation in bad.field_violations] == [
        "placement",
        "context.recent_events[0].lines[0].quantity",
        "page_size",
    ]
    assert running.counted(
        "recsys_invalid_fields_total", field="context.recent_events[].lines[].quantity"
    )


async def test_the_longest_list_of_violations_still_reaches_the_client(running: Running) -> None:
    """A thousand wrong fields do not exceed what clients accept as metadata."""
    request = RecommendRequest(exclude_item_ids=["ü" * 500 + "\n"] * 1_000)
    error, _ = await failure(running.recommendation.Recommend(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_garbage_is_an_invalid_argument_and_not_an_internal_error(running: Running) -> None:
    """Bytes that are no request at all are the caller's mistake."""
    method = running.channel.unary_unary("/recsys.v1.RecommendationService/Recommend")
    error, info = await failure(method(b"\xff\xff\xff\xff"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info.reason == "INVALID_REQUEST"


async def test_before_the_first_model_calls_are_told_to_come_back(empty_server: Running) -> None:
    """The server is up, not serving, and says when to try again; then it serves."""
    error, info = await failure(empty_server.recommendation.Recommend(RecommendRequest()))
    assert (error.code(), info.reason) == (grpc.StatusCode.UNAVAILABLE, "MODEL_UNAVAILABLE")
    retry = RetryInfo()
    assert any(detail.Unpack(retry) for detail in _status(error).details)
    assert retry.retry_delay.seconds == limits.RETRY_DELAY_SECONDS


async def test_health_follows_the_model(
    empty_server: Running, make_model: Callable[..., ServingModel]
) -> None:
    """Not serving before the first model, serving after it, for each service by name."""
    health = health_pb2_grpc.HealthStub(empty_server.channel)
    names = ("", "recsys.v1.RecommendationService", "recsys.v1.ModelService")

    async def states() -> set[int]:
        return {
            (await health.Check(health_pb2.HealthCheckRequest(service=name))).status
            for name in names
        }

    assert await states() == {health_pb2.HealthCheckResponse.NOT_SERVING}
    await empty_server.server.serve_model(make_model())
    assert await states() == {health_pb2.HealthCheckResponse.SERVING}


async def test_reflection_lists_the_services(running: Running) -> None:
    """Tools such as grpcurl need no proto files."""
    stub = reflection_pb2_grpc.ServerReflectionStub(running.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    responses = [response async for response in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in responses[0].list_services_response.service}
    assert {"recsys.v1.RecommendationService", "recsys.v1.ModelService"} <= names


async def test_get_model_describes_what_answers(running: Running) -> None:
    """Version, size and since when."""
    model = (await running.model.GetModel(GetModelRequest())).model
    assert (model.model_version, model.item_count, model.factor_count) == ("v1", ITEM_COUNT, 2)
    assert model.load_time.seconds > model.publish_time.seconds


async def test_a_sane_request_id_is_kept_and_ends_up_in_the_token(running: Running) -> None:
    """The caller's id comes back as metadata and in the attribution token."""
    sent = uuid.uuid4()
    call = running.recommendation.Recommend(
        RecommendRequest(placement="cart"), metadata=(("x-request-id", str(sent)),)
    )
    attribution = decode_token((await call).attribution_token)
    assert dict(await call.trailing_metadata())["x-request-id"] == str(sent)
    assert attribution.request_id == sent.bytes
    assert (attribution.placement, attribution.model_version) == ("cart", "v1")


async def test_an_insane_request_id_is_replaced(running: Running) -> None:
    """What could break a log line is not taken over."""
    call = running.recommendation.Recommend(
        RecommendRequest(), metadata=(("x-request-id", "a b" * 100),)
    )
    await call
    assert len(dict(await call.trailing_metadata())["x-request-id"]) == 32


async def test_an_unexpected_error_tells_the_caller_nothing_but_its_id(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback under the request id; the answer has neither."""

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("secret path /etc/shadow")

    monkeypatch.setattr(Recommender, "recommend", explode)
    with caplog.at_level(logging.ERROR, logger="recsys"):
        error, info = await failure(running.recommendation.Recommend(RecommendRequest()))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in f"{error.details()} {info}"
    (record,) = [record for record in caplog.records if record.msg == "call_failed"]
    assert record.__dict__["request_id"] == info.metadata["request_id"]
    assert record.exc_info is not None


async def test_a_call_whose_deadline_has_passed_is_not_computed(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the answer, so no work is done for it."""
    computed = threading.Event()

    def recommend(*_: object, **__: object) -> None:
        computed.set()

    def too_late(_: call_module.Call) -> None:
        raise call_module.DeadlinePassed

    monkeypatch.setattr(Recommender, "recommend", recommend)
    monkeypatch.setattr(call_module.Call, "check_deadline", too_late)
    error, info = await failure(running.recommendation.Recommend(RecommendRequest()))
    assert (error.code(), info.reason) == (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
    )
    assert not computed.is_set()
    assert running.counted("recsys_deadlines_missed_total") == 1


async def test_time_spent_in_the_queue_counts_against_the_deadline(
    running: Running, make_model: Callable[..., ServingModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rankings that waited too long for a thread are dropped before they begin."""
    monkeypatch.setattr(limits, "INLINE_SCAN_SIZE_MAX", 0)
    await running.server.serve_model(make_model("large"))
    release = threading.Event()
    computed: list[str] = []
    busy = threading.Barrier(3, timeout=WAIT_SECONDS)  # The pool's two threads and this test.
    original = Recommender.recommend

    def slow(self: Recommender, model: ServingModel, query: object, *, now: float) -> object:
        computed.append("once")
        busy.wait()
        release.wait(5)
        return original(self, model, query, now=now)

    monkeypatch.setattr(Recommender, "recommend", slow)
    stub = running.recommendation
    blockers = [stub.Recommend(RecommendRequest()) for _ in range(2)]
    await asyncio.to_thread(busy.wait)
    hurried = stub.Recommend(RecommendRequest(), timeout=0.1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await hurried
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The server got the call a little later than it was sent, and so ends it a little later.
    await asyncio.sleep(0.5)
    release.set()
    await asyncio.gather(*blockers)
    assert len(computed) == 2


async def test_a_swap_changes_the_next_answer(
    running: Running, make_model: Callable[..., ServingModel]
) -> None:
    """The new model answers, and answers only."""
    await running.server.serve_model(make_model("v2", item_count=10))
    response = await running.recommendation.Recommend(RecommendRequest(page_size=100))
    assert (response.model_version, len(response.results)) == ("v2", 10)


async def test_unknown_placements_share_one_label(running: Running) -> None:
    """Callers cannot grow the metrics without bound."""
    for placement in ("home", "made-up-1", "made-up-2"):
        await running.recommendation.Recommend(RecommendRequest(placement=placement))
    counts = {
        placement: running.counted(
            "recsys_calls_total", method="Recommend", placement=placement, code="OK"
        )
        for placement in ("home", "other", "made-up-1")
    }
    assert counts == {"home": 1, "other": 2, "made-up-1": 0}


async def test_what_an_answer_did_without_is_counted(running: Running) -> None:
    """Unknown stores, items and people are no errors, but operators see them."""
    context = views("item-unknown")
    context.store_id = "s-unknown"
    await running.recommendation.Recommend(
        RecommendRequest(subject=Subject(user_id="nobody"), context=context)
    )
    for note in ("unknown-store", "unknown-item", "unknown-subject"):
        assert running.counted("recsys_notes_total", note=note) == 1
    assert running.counted("recsys_answers_total", kind="fallback") == 1
    assert running.counted("recsys_results_total", reason="popular") == 20
