"""`recsys.v1.OfferService`: decode, ask the capability in a thread, encode."""

import asyncio
import datetime as dt
from collections.abc import Sized
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from recsys import limits
from recsys.errors import OfferNotFound, StorageMissing
from recsys.offers import Asked, Offer, OfferStore, Release, Spend
from recsys.offers.live import LiveOffers
from recsys.offers.propensity import OfferPrices, PropensityModel
from recsys.offers.recommender import OfferRecommender, OfferSources
from recsys.recommend import Recommender
from recsys.recommend.attribution import encode_token
from recsys.serving import wire_offer_calls, wire_offers
from recsys.serving.call import Call
from recsys.serving.ledger_writer import LedgerWriter
from recsys.serving.list_pages import page_token, parse_page
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.serving.storage import Storage
from recsys.v1 import offer_service_pb2 as service
from recsys.violations import Violations

ResultT = TypeVar("ResultT")

_COUNT_MAX = limits.OFFER_WRITE_COUNT_MAX
_PAGE_BYTES = limits.MESSAGE_BYTES_MAX // 2


class OfferJudges(NamedTuple):
    """What says what offers are worth with whom.

    Attributes:
        recommender: Ranks items.
        propensity: Judges who uses what.
        prices: What uses of budgets take from others.
    """

    recommender: Recommender
    propensity: PropensityModel
    prices: OfferPrices


class _Parts(NamedTuple):
    """What answers; there is all of it or nothing."""

    store: OfferStore
    sources: OfferSources
    recommender: OfferRecommender
    writer: LedgerWriter


class OfferServicer:
    """Keeps offers, recommends them, and counts their uses."""

    def __init__(
        self,
        *,
        storage: Storage,
        slot: ModelSlot,
        judges: OfferJudges,
        metrics: Metrics,
        time_zone: dt.tzinfo,
        pool: Executor,
    ) -> None:
        """Answer from a storage and the model in service.

        Args:
            storage: May have no offers.
            slot: Holds the model.
            judges: Say what offers are worth with whom.
            metrics: Counts what happens.
            time_zone: Whose days and hours traits are said in.
            pool: Threads for reading and judging.
        """
        self._slot = slot
        self._metrics = metrics
        self._pool = pool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="offers")
        self._or_none = _parts(storage, judges, metrics, time_zone)

    @property
    def recommender(self) -> OfferRecommender | None:
        """Decides which offers are for whom; None without a storage."""
        return None if self._or_none is None else self._or_none.recommender

    async def upsert_offers(self, request: service.UpsertOffersRequest, call: Call) -> bytes:
        """Write offers."""
        store = self._parts().store
        _check_count(request.offers, "offers")
        wrong = Violations()
        offers: dict[str, Offer] = {}
        for position, sent in enumerate(request.offers):
            offer_id, offer = wire_offers.parse_offer(sent, wrong, f"offers[{position}].")
            if offer_id in offers:
                wrong.add(f"offers[{position}].offer_id", "was said before; allowed once")
            offers[offer_id] = offer
        wrong.raise_any()
        changed = await call.compute(self._thread, store.upsert_offers, offers, now=call.now)
        return service.UpsertOffersResponse(
            written_count=len(changed), unchanged_count=len(offers) - len(changed)
        ).SerializeToString()

    async def get_offer(self, request: service.GetOfferRequest, call: Call) -> bytes:
        """Return an offer."""
        parts = self._parts()
        wrong = Violations()
        wrong.text(request.offer_id, "offer_id", bytes_max=limits.OFFER_ID_BYTES_MAX)
        wrong.raise_any()
        offer_id = request.offer_id

        def read() -> bytes:
            offer = parts.store.find_offers([offer_id]).get(offer_id)
            if offer is None:
                raise OfferNotFound(offer_id=offer_id)
            standing = parts.sources.ledger.standing((), [offer_id])
            spend = standing.spends.get(offer_id, Spend())
            return service.GetOfferResponse(
                offer=wire_offers.encode_offer(offer_id, offer, is_whole=True),
                spend=wire_offer_calls.encode_spend(spend, offer.currency),
            ).SerializeToString()

        return await call.compute(self._pool, read)

    async def list_offers(self, request: service.ListOffersRequest, call: Call) -> bytes:
        """Return a page of offers."""
        store = self._parts().store
        page_size, after = parse_page(
            request, default=limits.RESULT_COUNT_DEFAULT, most=limits.RESULT_COUNT_MAX
        )

        def read() -> bytes:
            page = store.list_offers(after=after or None, count_max=page_size)
            response = service.ListOffersResponse()
            next_id, size = page.next_id, 0
            for offer_id, offer in page.offers:
                sent = wire_offers.encode_offer(offer_id, offer, is_whole=True)
                size += sent.ByteSize()
                if response.offers and size > _PAGE_BYTES:
                    next_id = response.offers[-1].offer_id
                    break
                response.offers.append(sent)
            response.next_page_token = page_token(next_id or "")
            return response.SerializeToString()

        return await call.compute(self._pool, read)

    async def delete_offers(self, request: service.DeleteOffersRequest, call: Call) -> bytes:
        """Delete offers."""
        store = self._parts().store
        _check_count(request.offer_ids, "offer_ids")
        wrong = Violations()
        for position, offer_id in enumerate(request.offer_ids):
            wrong.text(offer_id, f"offer_ids[{position}]", bytes_max=limits.OFFER_ID_BYTES_MAX)
        wrong.raise_any()
        deleted = await call.compute(
            self._thread, store.delete_offers, list(request.offer_ids), now=call.now
        )
        return service.DeleteOffersResponse(deleted_count=len(deleted)).SerializeToString()

    async def recommend_offers(self, request: service.RecommendOffersRequest, call: Call) -> bytes:
        """Return the offers for a person."""
        parts = self._parts()
        query = wire_offer_calls.parse_recommend_offers(request, now=call.now)
        call.placement = query.placement
        model = self._slot.current().model
        answer = await call.compute(
            self._pool, parts.recommender.recommend, model, query, now=call.now
        )
        self._metrics.offers(answer.offers, answer.notes)
        token = encode_token(
            request_id=call.request_id.token,
            placement=query.placement,
            model_version=answer.model_version,
        )
        return wire_offer_calls.encode_answer(
            answer, token=token, explains=query.explains
        ).SerializeToString()

    async def reserve_offer(self, request: service.ReserveOfferRequest, call: Call) -> bytes:
        """Hold an offer for a person."""
        parts = self._parts()

        def judge() -> Asked:
            offer = parts.sources.offers.current().get(request.offer_id)
            asked, query = wire_offer_calls.parse_reserve(request, offer, now=call.now)
            refusal = parts.recommender.refusal(asked.offer_id, query, now=call.now)
            return asked._replace(refusal=refusal)

        asked = await call.compute(self._pool, judge)
        reservation = await parts.writer.settle(asked)
        return service.ReserveOfferResponse(
            reservation=wire_offer_calls.encode_reservation(reservation)
        ).SerializeToString()

    async def commit_offer(self, request: service.CommitOfferRequest, call: Call) -> bytes:
        """Say that an offer was used."""
        parts = self._parts()
        asked = wire_offer_calls.parse_commit(request)
        call.check_deadline()
        reservation = await parts.writer.settle(asked)
        return service.CommitOfferResponse(
            reservation=wire_offer_calls.encode_reservation(reservation)
        ).SerializeToString()

    async def release_offer(self, request: service.ReleaseOfferRequest, call: Call) -> bytes:
        """Give a reservation back."""
        parts = self._parts()
        name = wire_offer_calls.parse_reservation_id(request.reservation_id)
        asked = Release(name, is_return=request.returned)
        call.check_deadline()
        reservation = await parts.writer.settle(asked)
        return service.ReleaseOfferResponse(
            reservation=wire_offer_calls.encode_reservation(reservation)
        ).SerializeToString()

    async def close(self) -> None:
        """Finish what is under way."""
        if self._or_none is not None:
            await self._or_none.writer.close()
        await asyncio.to_thread(self._thread.shutdown)

    def _parts(self) -> _Parts:
        if self._or_none is None:
            raise StorageMissing
        return self._or_none


def _parts(
    storage: Storage,
    judges: OfferJudges,
    metrics: Metrics,
    time_zone: dt.tzinfo,
) -> _Parts | None:
    if storage.offers is None or storage.people is None or storage.items is None:
        return None
    sources = OfferSources(
        offers=LiveOffers(storage.offers.feed),
        ledger=storage.offers.ledger,
        people=storage.people,
        items=storage.items,
        time_zone=time_zone,
    )
    return _Parts(
        store=storage.offers.store,
        sources=sources,
        recommender=OfferRecommender(
            judges.recommender, sources, propensity=judges.propensity, prices=judges.prices
        ),
        writer=LedgerWriter(storage.offers.ledger, metrics),
    )


def _check_count(entries: Sized, field: str) -> None:
    wrong = Violations()
    wrong.count_from_one(entries, field, count_max=_COUNT_MAX)
    wrong.raise_any()
