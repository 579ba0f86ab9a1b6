"""The story of the till, by real processes on each kind of storage."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from recsys.v1 import offer_service_pb2 as service
from recsys.v1 import offer_service_pb2_grpc
from recsys.v1 import profile_service_pb2 as profiles
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import CHANNEL_STORE, CHANNEL_WEB
from recsys.v1.offer_pb2 import OfferCap, OfferScope, Reservation
from recsys.v1.subject_pb2 import Identifier, Subject
from serving.test_offers import COMMITTED, basket, offer
from serving.test_stories import ODD, Channels
from support.processes import WAIT_SECONDS, serving

ACCOUNT = Subject(user_id="anna")
CARD = Identifier(namespace="loyalty_card", value="26001")
AT_THE_TILL = Subject(identifiers=[CARD])
SHOP = Context(channel=CHANNEL_STORE, store_id="s-1")


def stub(channels: Channels) -> offer_service_pb2_grpc.OfferServiceStub:
    """Offers, on the next connection."""
    return offer_service_pb2_grpc.OfferServiceStub(channels.next())


def reserve(channels: Channels, name: str, subject: Subject, context: Context) -> Reservation | str:
    """Hold the discount; return the reservation, or the rule that refuses it."""
    request = service.ReserveOfferRequest(
        reservation_id=name,
        offer_id="odd",
        subject=subject,
        context=context,
        basket=basket("item-5"),
    )
    try:
        return stub(channels).ReserveOffer(request, timeout=WAIT_SECONDS).reservation
    except grpc.RpcError as error:
        info = ErrorInfo()
        status = rpc_status.from_call(error)
        assert status is not None
        assert status.details[0].Unpack(info)
        return info.metadata["rule"]


def test_a_web_customer_gets_her_discount_at_the_till_and_only_once(
    folder: Path, storage: dict[str, Any]
) -> None:
    """Her card finds it for what she did on the web; used there, it is gone on every channel."""
    odd = offer(
        "odd",
        scope=OfferScope(item_ids=[f"item-{n}" for n in range(1, 30, 2)]),
        caps=[OfferCap(count=1)],
    )
    even = offer("even", scope=OfferScope(item_ids=[f"item-{n}" for n in range(0, 30, 2)]))
    with serving(folder, storage=storage, server={"workers": 2}) as server:
        channels = Channels(server)
        try:
            stub(channels).UpsertOffers(
                service.UpsertOffersRequest(offers=[even, odd]), timeout=WAIT_SECONDS
            )
            channels.browse(ACCOUNT, ODD)
            together = [Identifier(namespace="account", value="anna"), CARD]
            channels.people.LinkIdentifiers(
                profiles.LinkIdentifiersRequest(identifiers=together, source="till"),
                timeout=WAIT_SECONDS,
            )
            question = service.RecommendOffersRequest(
                subject=AT_THE_TILL, context=SHOP, basket=basket("item-5")
            )
            for _ in range(4):
                best = stub(channels).RecommendOffers(question, timeout=WAIT_SECONDS).results[0]
                assert best.offer.offer_id == "odd"
                assert best.applicable
                assert best.reason == service.OFFER_REASON_AFFINITY
            # The till, the web and the app ask at the same moment.
            asked = [
                ("till", AT_THE_TILL, SHOP),
                ("web", ACCOUNT, Context(channel=CHANNEL_WEB)),
                ("app", Subject(user_id="anna", visitor_id="phone"), Context()),
            ]
            with ThreadPoolExecutor(3) as pool:
                found = list(pool.map(lambda one: reserve(channels, *one), asked))
            (held,) = (one for one in found if isinstance(one, Reservation))
            assert [one for one in found if isinstance(one, str)] == ["CAP"] * 2
            commit = service.CommitOfferRequest(reservation_id=held.reservation_id)
            # The answer was lost, so the till says it again.
            for _ in range(4):
                done = stub(channels).CommitOffer(commit, timeout=WAIT_SECONDS).reservation
                assert done.state == COMMITTED
            for number, (_, subject, context) in enumerate(asked * 2):
                assert reserve(channels, f"again-{number}", subject, context) == "CAP"
            left = stub(channels).RecommendOffers(question, timeout=WAIT_SECONDS).results
            assert [one.offer.offer_id for one in left] == ["even"]
            spend = stub(channels).GetOffer(service.GetOfferRequest(offer_id="odd")).spend
            assert (spend.reserved_count, spend.committed_count) == (0, 1)
        finally:
            channels.close()
