"""Triggers and real processes: whoever is killed, each visit sets off one message."""

import os
import signal
import threading
from pathlib import Path

import grpc

from recsys.domain import Channel
from recsys.serving.client import connect
from recsys.serving.client_errors import CallFailed
from recsys.v1 import event_service_pb2 as events
from recsys.v1 import event_service_pb2_grpc, profile_service_pb2, trigger_service_pb2
from recsys.v1.event_pb2 import CHANNEL_PUSH
from recsys.v1.profile_pb2 import CONSENT_STATUS_GRANTED, PURPOSE_MARKETING, Consent
from recsys.v1.profile_service_pb2_grpc import ProfileServiceStub
from recsys.v1.subject_pb2 import Subject
from serving.test_triggers import visit
from support.offers import offer
from support.processes import WAIT_SECONDS, serving, wait_until

RULES = '[welcome]\non = "store-visit"\nchannel = "push"\n'
COUNT = 6


class Gateway(threading.Thread):
    """Sends what it is given, whatever happens to its connection; goes on until it is told."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.people: set[str] = set()
        self._address = address
        self._is_over = threading.Event()

    def run(self) -> None:
        """Take messages and send each once, by its id."""
        while not self._is_over.is_set():
            try:
                with connect(self._address, timeout_seconds=WAIT_SECONDS) as client:
                    for one in client.triggers.watch("gateway", channels=[Channel.PUSH]):
                        if one.message_id not in self.sent:
                            self.sent.append(one.message_id)
                            self.people.add(one.identifiers[0].value)
                        client.triggers.acknowledge(
                            [one.message_id], trigger_service_pb2.TRIGGER_ACK_OUTCOME_SENT
                        )
                        if self._is_over.is_set():
                            return
            except CallFailed:
                continue

    def end(self) -> None:
        """Take no more after the next message, or once the server ends."""
        self._is_over.set()


def test_each_visit_sets_off_one_message_though_workers_are_killed(folder: Path) -> None:
    """The one who decides and the one who hands out among them, between any two steps."""
    (folder / "triggers.toml").write_text(RULES)
    storage = {"histories": str(folder / "store.sqlite")}
    triggers = {"rules": str(folder / "triggers.toml"), "poll_seconds": 0.02}
    gateway: Gateway | None = None
    try:
        with serving(folder, storage=storage, triggers=triggers, server={"workers": 2}) as server:
            with connect(server.address, timeout_seconds=WAIT_SECONDS) as client:
                client.offers.upsert({"ten": offer()})
            gateway = Gateway(server.address)
            gateway.start()
            for number in range(COUNT):
                arrive(server.address, f"user-{number}")
                if number in {1, 4}:
                    # The other one has its turn by then.
                    wait_until(lambda: len(server.worker_pids()) == 2, "the worker is back")
                    os.kill(server.worker_pids()[number // 4], signal.SIGKILL)
            there = gateway
            wait_until(lambda: len(there.people) == COUNT, "everybody has a message")
            gateway.end()
    finally:
        if gateway is not None:
            gateway.end()
            gateway.join(WAIT_SECONDS)
    assert len(gateway.sent) == COUNT
    assert gateway.people == {f"user-{number}" for number in range(COUNT)}


def arrive(address: str, name: str) -> None:
    """Let somebody allow messages and enter a shop, however often it takes to hear of it."""
    said = Consent(purpose=PURPOSE_MARKETING, channel=CHANNEL_PUSH, status=CONSENT_STATUS_GRANTED)
    who = Subject(user_id=name)
    while True:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            try:
                ProfileServiceStub(channel).SetConsent(
                    profile_service_pb2.SetConsentRequest(subject=who, consents=[said]),
                    timeout=WAIT_SECONDS,
                )
                event_service_pb2_grpc.EventServiceStub(channel).WriteEvent(
                    events.WriteEventRequest(event=visit(f"visit-of-{name}", subject=who)),
                    timeout=WAIT_SECONDS,
                )
            except grpc.RpcError:
                continue
            return
