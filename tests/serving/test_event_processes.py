"""Events and real processes: whatever is killed, what was acknowledged is there."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from recsys.v1 import event_service_pb2 as service
from recsys.v1 import (
    event_service_pb2_grpc,
    profile_service_pb2_grpc,
    recommendation_service_pb2_grpc,
)
from recsys.v1.event_pb2 import EVENT_TYPE_DETAIL_PAGE_VIEW, Event, ItemLine
from recsys.v1.profile_service_pb2 import GetProfileRequest
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.result_pb2 import REASON_KIND_PERSONAL
from recsys.v1.subject_pb2 import Identifier, Subject
from storage.test_migrations import (
    POSTGRES_VERSIONS,
    SQLITE_VERSIONS,
    old_postgres,
    old_sqlite,
)
from support.processes import WAIT_SECONDS, WatchedServer, serving, wait_until


def view(event_id: str, visitor: str) -> Event:
    """Somebody looks at an item."""
    return Event(
        event_id=event_id,
        event_type=EVENT_TYPE_DETAIL_PAGE_VIEW,
        subject=Subject(visitor_id=visitor),
        lines=[ItemLine(item_id="item-1")],
    )


def channel(server: WatchedServer) -> grpc.Channel:
    """Open a connection of its own: the kernel spreads connections over workers."""
    return grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])


class Writers:
    """Threads that write without pause and keep what was acknowledged."""

    def __init__(self, server: WatchedServer, name: str) -> None:
        self.acknowledged: list[str] = []
        self.failures: list[grpc.StatusCode] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(f"{name}-{number}",)) for number in range(3)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, name: str) -> None:
        with channel(self._server) as connection:
            stub = event_service_pb2_grpc.EventServiceStub(connection)
            number = 0
            while not self._stop.is_set():
                ids = [f"{name}-{number + one}" for one in range(5)]
                number += 5
                request = service.WriteEventsRequest(events=[view(one, name) for one in ids])
                try:
                    response = stub.WriteEvents(request, timeout=WAIT_SECONDS)
                except grpc.RpcError as error:
                    self.failures.append(error.code())
                    return
                assert {one.outcome for one in response.results} == {service.WRITE_OUTCOME_WRITTEN}
                self.acknowledged += ids

    def end(self) -> list[str]:
        """Stop; return the ids that were acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.acknowledged


def outcomes_again(server: WatchedServer, ids: list[str]) -> Iterator[int]:
    """Send acknowledged events once more."""
    with channel(server) as connection:
        stub = event_service_pb2_grpc.EventServiceStub(connection)
        for first in range(0, len(ids), 1_000):
            events = [view(one, one.rpartition("-")[0]) for one in ids[first : first + 1_000]]
            response = stub.WriteEvents(
                service.WriteEventsRequest(events=events), timeout=WAIT_SECONDS
            )
            yield from (result.outcome for result in response.results)


def test_killed_workers_and_killed_servers_lose_no_acknowledged_event(
    folder: Path, storage: dict[str, Any]
) -> None:
    """SIGKILL to a worker, then to everything, under load; nothing acknowledged is missing."""
    with serving(folder, storage=storage) as server:
        writers = Writers(server, "one")
        wait_until(lambda: len(writers.acknowledged) > 100, "events written")
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: bool(server.events("child_died")), "worker noticed")
        acknowledged = writers.end()
        writers = Writers(server, "two")
        wait_until(lambda: len(writers.acknowledged) > 100, "events written")
        for pid in [*server.worker_pids(), server.process.pid]:
            os.kill(pid, signal.SIGKILL)
        acknowledged += writers.end()
        server.process.wait(timeout=WAIT_SECONDS)
    with serving(folder, storage=storage) as server:
        assert set(outcomes_again(server, acknowledged)) == {service.WRITE_OUTCOME_DUPLICATE}


def test_every_worker_knows_an_event_at_once(folder: Path, storage: dict[str, Any]) -> None:
    """Connections to several processes, each asked right after another one was told."""
    with serving(folder, storage=storage, server={"workers": 3}) as server:
        channels = [channel(server) for _ in range(12)]
        writers = [event_service_pb2_grpc.EventServiceStub(one) for one in channels]
        readers = [recommendation_service_pb2_grpc.RecommendationServiceStub(c) for c in channels]
        for number in range(60):
            visitor = f"v-{number}"
            writers[number % 12].WriteEvent(
                service.WriteEventRequest(event=view(f"e-{number}", visitor)), timeout=WAIT_SECONDS
            )
            answer = readers[number * 7 % 12].Recommend(
                RecommendRequest(subject=Subject(visitor_id=visitor), page_size=3),
                timeout=WAIT_SECONDS,
            )
            assert {one.reason.kind for one in answer.results} == {REASON_KIND_PERSONAL}
        for one in channels:
            one.close()
        assert server.metric('recsys_events_total{outcome="written"}') == 60


def test_two_servers_on_an_old_storage_bring_it_forward_once(
    folder: Path, storage: dict[str, Any]
) -> None:
    """Both get their first calls at once; both see what was there and lose nothing."""
    place = storage["histories"]
    if place.startswith("postgresql://"):
        old_postgres(place, POSTGRES_VERSIONS[0])
    else:
        old_sqlite(Path(place), SQLITE_VERSIONS[0])
    homes = [folder / name for name in ("one", "two")]
    for home in homes:
        home.mkdir()
    settings = {"storage": storage, "server": {"workers": 1}}
    bundles = {"folder": str(folder / "bundles")}
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(serving(home, bundles=bundles, **settings)) for home in homes
        ]
        channels = [stack.enter_context(channel(servers[number % 2])) for number in range(10)]
        people = [profile_service_pb2_grpc.ProfileServiceStub(one) for one in channels]
        events = [event_service_pb2_grpc.EventServiceStub(one) for one in channels]
        card = Subject(identifiers=[Identifier(namespace="loyalty_card", value="26001")])
        asked = [
            one.GetProfile.future(GetProfileRequest(subject=card), timeout=WAIT_SECONDS)
            for one in people
        ]
        sent = [
            one.WriteEvent.future(
                service.WriteEventRequest(event=view(f"new-{number}", f"v-{number}")),
                timeout=WAIT_SECONDS,
            )
            for number, one in enumerate(events)
        ]
        assert {one.result().outcome for one in sent} == {service.WRITE_OUTCOME_WRITTEN}
        profiles = [one.result().profile for one in asked]
        assert {one.event_count for one in profiles} == {2}
        assert {len(one.identifiers) for one in profiles} == {2}
