"""The part of the client that writes, recommends and uses offers; see `recsys.serving.client`."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc

from recsys import limits
from recsys.offers import Offer
from recsys.serving.wire_offers import encode_micros, encode_offer
from recsys.v1 import context_pb2, offer_pb2, offer_service_pb2_grpc, subject_pb2
from recsys.v1 import offer_service_pb2 as service


class OfferClient:
    """Writes, recommends and uses offers. Safe between threads; errors as of `Client`."""

    def __init__(self, channel: grpc.Channel, *, ask: Callable[..., Any]) -> None:
        self._stub = offer_service_pb2_grpc.OfferServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._ask = ask

    def upsert(self, offers: Mapping[str, Offer]) -> int:
        """Write offers, 100 at a time, each part whole or not at all; returns how many changed."""
        count = 0
        waiting = iter(offers.items())
        while some := list(itertools.islice(waiting, limits.OFFER_WRITE_COUNT_MAX)):
            sent = [encode_offer(offer_id, offer, is_whole=True) for offer_id, offer in some]
            request = service.UpsertOffersRequest(offers=sent)
            response: service.UpsertOffersResponse = self._ask(self._stub.UpsertOffers, request)
            count += response.written_count
        return count

    def get(self, offer_id: str) -> service.GetOfferResponse:
        """Ask for an offer and what is used of it."""
        request = service.GetOfferRequest(offer_id=offer_id)
        response: service.GetOfferResponse = self._ask(self._stub.GetOffer, request)
        return response

    def all(self) -> Iterator[offer_pb2.Offer]:
        """Ask for all offers, page by page."""
        request = service.ListOffersRequest(page_size=limits.RESULT_COUNT_MAX)
        while True:
            response: service.ListOffersResponse = self._ask(self._stub.ListOffers, request)
            yield from response.offers
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def delete(self, offer_ids: Sequence[str]) -> int:
        """Delete offers; returns how many there were."""
        request = service.DeleteOffersRequest(offer_ids=offer_ids)
        response: service.DeleteOffersResponse = self._ask(self._stub.DeleteOffers, request)
        return response.deleted_count

    def recommend(
        self,
        subject: subject_pb2.Subject,
        *,
        context: context_pb2.Context | None = None,
        basket: service.Basket | None = None,
        loyalty_tier: str = "",
        result_count: int = 0,
        explain: bool = False,
    ) -> service.RecommendOffersResponse:
        """Ask for the offers of a person; arguments as in `RecommendOffersRequest`."""
        request = service.RecommendOffersRequest(
            subject=subject,
            context=context,
            basket=basket,
            loyalty_tier=loyalty_tier,
            page_size=result_count,
            explain=explain,
        )
        response: service.RecommendOffersResponse = self._ask(self._stub.RecommendOffers, request)
        return response

    def reserve(
        self,
        reservation_id: str,
        offer_id: str,
        subject: subject_pb2.Subject,
        *,
        context: context_pb2.Context | None = None,
        basket: service.Basket | None = None,
        loyalty_tier: str = "",
        hold_seconds: float | None = None,
        cost_micros: int | None = None,
        currency: str = "",
    ) -> offer_pb2.Reservation:
        """Hold an offer; asking the same again is safe. Arguments as in `ReserveOfferRequest`."""
        request = service.ReserveOfferRequest(
            reservation_id=reservation_id,
            offer_id=offer_id,
            subject=subject,
            context=context,
            basket=basket,
            loyalty_tier=loyalty_tier,
            cost=None if cost_micros is None else encode_micros(cost_micros, currency),
        )
        if hold_seconds is not None:
            request.hold_duration.FromMicroseconds(round(hold_seconds * 1e6))
        response: service.ReserveOfferResponse = self._ask(self._stub.ReserveOffer, request)
        return response.reservation

    def commit(
        self, reservation_id: str, *, cost_micros: int | None = None, currency: str = ""
    ) -> offer_pb2.Reservation:
        """Say that an offer was used; asking the same again is safe."""
        request = service.CommitOfferRequest(
            reservation_id=reservation_id,
            cost=None if cost_micros is None else encode_micros(cost_micros, currency),
        )
        response: service.CommitOfferResponse = self._ask(self._stub.CommitOffer, request)
        return response.reservation

    def release(self, reservation_id: str, *, returned: bool = False) -> offer_pb2.Reservation:
        """Give a reservation back; asking the same again is safe.

        Args:
            reservation_id: Of the reservation.
            returned: Whether what was bought has come back: then also of one that was committed.
        """
        request = service.ReleaseOfferRequest(reservation_id=reservation_id, returned=returned)
        response: service.ReleaseOfferResponse = self._ask(self._stub.ReleaseOffer, request)
        return response.reservation


def basket_of(lines: Iterable[tuple[str, float]]) -> service.Basket:
    """Build a basket of items and quantities, at the prices of the catalogue."""
    basket = service.Basket()
    for item_id, quantity in lines:
        basket.lines.add(item_id=item_id, quantity=quantity)
    return basket
