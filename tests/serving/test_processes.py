"""Real processes under faults: nothing is dropped, the dead are replaced, bad bundles refused."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import grpc
import pytest

from recsys.bundle import BundleStore, write_bundle
from recsys.errors import InvalidConfig
from recsys.serving.client import connect
from recsys.serving.client_errors import CallFailed
from recsys.serving.sockets import reserve
from recsys.v1 import recommendation_service_pb2_grpc
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from support.bundles import contents, two_worlds
from support.processes import WAIT_SECONDS, WatchedServer, serving, wait_until


def publish(folder: Path, version: str, *, current: bool = True) -> Path:
    """Publish a model whose popular list begins with an item named after it."""
    store = BundleStore(folder / "bundles")
    ids = [f"{version}-{row}" for row in range(30)]
    write_bundle(store.path(version), contents(ids, factors=two_worlds(30), model_version=version))
    if current:
        store.set_current(version)
    return store.path(version)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one published bundle."""
    publish(tmp_path, "v1")
    return tmp_path


class Load:
    """Threads that call without pause and keep every answer and every error."""

    def __init__(self, address: str, *, threads: int = 4) -> None:
        self._address = address
        self._stop = threading.Event()
        self.versions: set[str] = set()
        self.errors: list[grpc.RpcError] = []
        self.call_count = 0
        self.mixed: list[str] = []
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.call_count > 0 or bool(self.errors), "load running")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        # A channel of its own per thread: the kernel spreads connections over workers.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._address, options) as channel:
            stub = recommendation_service_pb2_grpc.RecommendationServiceStub(channel)
            while not self._stop.is_set():
                try:
                    response = stub.Recommend(RecommendRequest(page_size=30), timeout=WAIT_SECONDS)
                except grpc.RpcError as error:
                    self.errors.append(error)
                    return
                self.call_count += 1
                self.versions.add(response.model_version)
                if any(
                    not result.item_id.startswith(f"{response.model_version}-")
                    for result in response.results
                ):
                    self.mixed.append(response.model_version)


def model_version(server: WatchedServer) -> str:
    """Version that answers."""
    with connect(server.address) as client:
        return client.model().model_version


def test_a_swap_under_load_drops_no_call_and_mixes_no_answer(folder: Path) -> None:
    """Each answer comes from exactly one of the two models; then only from the new one."""
    with serving(folder) as server, Load(server.address) as load:
        publish(folder, "v2")
        wait_until(lambda: server.metric('recsys_bundle_workers{model_version="v2"}') == 2, "swap")
        count = load.call_count
        wait_until(lambda: load.call_count > count + 20 or bool(load.errors), "calls after swap")
        assert server.metric("recsys_bundle_age_seconds") > 0
    assert (load.errors, load.mixed) == ([], [])
    assert load.versions == {"v1", "v2"}


def test_sigterm_loses_no_call_in_flight(folder: Path) -> None:
    """Calls under way are answered; later ones are refused, not lost half-way."""
    with serving(folder) as server:
        with Load(server.address) as load:
            server.signal(signal.SIGTERM)
            wait_until(lambda: len(load.errors) == 4, "calls refused")
        assert server.process.wait(timeout=WAIT_SECONDS) == 0
        refused = {error.code() for error in load.errors}
        # gRPC cancels what has arrived, but nobody has begun (github.com/grpc/grpc/issues/41785).
        assert refused <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert not (folder / "ready.json").exists()
        assert not server.events("killing")


def test_a_killed_worker_is_replaced_while_the_other_answers(folder: Path) -> None:
    """SIGKILL takes one process; there are two again soon, and what it had counted stays."""
    calls = 'recsys_calls_total{code="OK",method="Recommend",placement="home"}'
    with serving(folder) as server:
        first, second = server.worker_pids()
        ask(server, times=10)
        wait_until(lambda: server.metric(calls) == 10, "what was counted")
        os.kill(first, signal.SIGKILL)
        ask(server, times=10)
        wait_until(lambda: server.metric('recsys_bundle_workers{model_version="v1"}') == 2, "two")
        pids = server.worker_pids()
        assert second in pids
        assert first not in pids
        assert len(pids) == 2
        restarts = [
            server.metric(f'recsys_worker_restarts_total{{worker="worker-{number}"}}')
            for number in (0, 1)
        ]
        assert sorted(restarts) == [0, 1]
        # A killed worker may have counted one more.
        wait_until(lambda: server.metric(calls) >= 20, "what both have counted")


def ask(server: WatchedServer, *, times: int) -> None:
    """Call over connections of their own, so that the kernel spreads them over workers."""
    for _ in range(times):
        with connect(server.address) as client:
            client.recommend(placement="home")


def damage_checksum(bundle: Path) -> None:
    """Change one factor."""
    path = bundle / "item_factors.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncate(bundle: Path) -> None:
    """Cut an array short."""
    path = bundle / "item_factors.npy"
    path.write_bytes(path.read_bytes()[:-8])


def from_the_future(bundle: Path) -> None:
    """Raise the format version."""
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))


def test_bad_bundles_are_refused_once_each_and_the_old_one_keeps_serving(folder: Path) -> None:
    """A pointer set by hand to a bad bundle changes nothing for callers."""
    cases: dict[str, tuple[Callable[[Path], object], str]] = {
        "checksum": (damage_checksum, "BUNDLE_CORRUPT"),
        "truncated": (truncate, "BUNDLE_CORRUPT"),
        "newer-format": (from_the_future, "BUNDLE_INCOMPATIBLE"),
        "missing": (shutil.rmtree, "MODEL_UNAVAILABLE"),
    }
    with serving(folder, server={"workers": 1}) as server:
        for number, (name, (damage, reason)) in enumerate(cases.items(), start=1):
            damage(publish(folder, name, current=False))
            (folder / "bundles" / "CURRENT").write_text(f"{name}\n")
            wait_until(lambda: len(server.events("bundle_refused")) >= number, f"{name} refused")  # noqa: B023 - waited for here
            assert server.events("bundle_refused")[-1]["reason"] == reason
            assert model_version(server) == "v1"
        time.sleep(0.3)  # Three more looks at the pointer.
        assert len(server.events("bundle_refused")) == len(cases)
        assert server.metric('recsys_bundle_swap_failures_total{reason="BUNDLE_CORRUPT"}') == 2


def test_a_restart_with_a_bad_current_serves_the_last_good_bundle(folder: Path) -> None:
    """What was admitted last is remembered in the store."""
    with serving(folder, server={"workers": 1}) as server:
        assert model_version(server) == "v1"
    damage_checksum(publish(folder, "v2"))
    with serving(folder, server={"workers": 1}) as server:
        assert model_version(server) == "v1"
        assert server.events("bundle_refused")


def test_a_repaired_bundle_is_admitted_after_sighup(folder: Path) -> None:
    """SIGHUP looks at once and gives refused bundles another chance."""
    with serving(folder, server={"workers": 1}, bundles={"poll_seconds": 60.0}) as server:
        bundle = publish(folder, "v2")
        damage_checksum(bundle)
        server.signal(signal.SIGHUP)
        wait_until(lambda: bool(server.events("bundle_refused")), "refused")
        damage_checksum(bundle)  # Flips the same bit back.
        server.signal(signal.SIGHUP)
        wait_until(lambda: model_version(server) == "v2", "admitted")


def test_a_server_without_a_bundle_waits_for_the_first(tmp_path: Path) -> None:
    """It is up, says that it has no model, and answers as soon as one appears."""
    with serving(tmp_path, server={"workers": 1}) as server:
        with connect(server.address) as client, pytest.raises(CallFailed) as caught:
            client.recommend()
        assert caught.value.server_reason == "MODEL_UNAVAILABLE"
        assert caught.value.retry_seconds == 1.0
        publish(tmp_path, "v1")
        wait_until(lambda: server.metric('recsys_bundle_workers{model_version="v1"}') == 1, "v1")
        with connect(server.address) as client:
            assert client.recommend().model_version == "v1"


def test_an_unreachable_registry_leaves_the_last_good_bundle_in_service(folder: Path) -> None:
    """At the start and later: answers go on, the failure is counted and logged once."""
    pytest.importorskip("mlflow", reason="the registry's client comes with the training extra")
    registry = {"tracking_uri": "http://127.0.0.1:9", "poll_seconds": 0.5}
    line = 'recsys_fetch_failures_total{reason="MODEL_UNAVAILABLE"}'
    with serving(folder, server={"workers": 1}, registry=registry) as server:
        assert model_version(server) == "v1"
        wait_until(lambda: server.metric(line) >= 2, "two looks")
        assert len(server.events("fetch_failed")) == 1
        assert model_version(server) == "v1"


def test_a_killed_supervisor_leaves_no_worker_behind(folder: Path) -> None:
    """While it lives its port is taken for others; afterwards nobody keeps it."""
    with serving(folder) as server:
        port = int(server.address.rsplit(":", 1)[1])
        with pytest.raises(InvalidConfig, match=str(port)):
            reserve(host="127.0.0.1", port=port)
        pids = server.worker_pids()
        server.process.kill()
        wait_until(
            lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids), "workers gone"
        )
        reserve(host="127.0.0.1", port=port).close()
