"""A gRPC server in this process: services, health, reflection; start, swap, drain.

Workers run one; tests and notebooks can too.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import Counter

from recsys import limits
from recsys.campaigns import CampaignSettings
from recsys.catalog import categories_of
from recsys.errors import InvalidConfig, StorageUnavailable
from recsys.offers.learned import LearnedPropensity
from recsys.offers.prices import PacedPrices
from recsys.recommend import Recommender, ServingModel, Trends
from recsys.serving.call import Method, Quiet, ServerStreamMethod, StreamMethod, Surroundings
from recsys.serving.campaign_servicer import CampaignServicer
from recsys.serving.catalog_servicer import CatalogServicer
from recsys.serving.config import ServingConfig
from recsys.serving.event_servicer import EventServicer
from recsys.serving.event_writer import EventWriter
from recsys.serving.link_servicer import LinkServicer
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.serving.offer_servicer import OfferJudges, OfferServicer
from recsys.serving.profile_servicer import ProfileServicer
from recsys.serving.rules_file import (
    RulesFile,
    frequency_file,
    placements_file,
    prices_file,
    propensity_file,
)
from recsys.serving.servicers import ModelServicer, RecommendationServicer
from recsys.serving.storage import Storage
from recsys.serving.trigger_parts import TRIGGER_SERVICE, TriggerParts
from recsys.v1 import (
    campaign_service_pb2,
    catalog_service_pb2,
    event_service_pb2,
    model_service_pb2,
    offer_service_pb2,
    profile_service_pb2,
    recommendation_service_pb2,
)

log = logging.getLogger(__name__)

RulesT = TypeVar("RulesT")

RECOMMENDATION_SERVICE: Final = "recsys.v1.RecommendationService"
MODEL_SERVICE: Final = "recsys.v1.ModelService"
EVENT_SERVICE: Final = "recsys.v1.EventService"
PROFILE_SERVICE: Final = "recsys.v1.ProfileService"
CATALOG_SERVICE: Final = "recsys.v1.CatalogService"
CAMPAIGN_SERVICE: Final = "recsys.v1.CampaignService"
OFFER_SERVICE: Final = "recsys.v1.OfferService"
SERVICES: Final = (
    RECOMMENDATION_SERVICE,
    MODEL_SERVICE,
    EVENT_SERVICE,
    PROFILE_SERVICE,
    CATALOG_SERVICE,
    CAMPAIGN_SERVICE,
    OFFER_SERVICE,
    TRIGGER_SERVICE,
)
HEALTH_SERVICE: Final = health.SERVICE_NAME

_FLUSH_SECONDS: Final = 0.25
_RULES_SECONDS: Final = 1.0
_STORAGE_SECONDS: Final = 0.25

# "" stands for the whole server.
_HEALTH_NAMES: Final = ("", *SERVICES)

_OPTIONS: Final = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", limits.MESSAGE_BYTES_MAX),
)


class RecsysServer:
    """Answers calls in this process's event loop."""

    def __init__(self, config: ServingConfig, *, storage: Storage, metrics: Metrics) -> None:
        """Put the services together; nothing listens yet. The storage closes with the server."""
        self._slot = ModelSlot()
        self._quiet = Quiet()
        self._grace_seconds = config.server.grace_seconds
        self._pool = ThreadPoolExecutor(config.server.scoring_threads, thread_name_prefix="scoring")
        self._metrics = metrics
        self._flushing: asyncio.Task[None] | None = None
        self._following: list[asyncio.Task[None]] = []
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # ships no types
        self._server = grpc.aio.server(options=_OPTIONS)
        surroundings = Surroundings(metrics=metrics, log=config.log, quiet=self._quiet)
        self._placements = placements_file(config.rules.placements)
        self._recommender = Recommender(
            histories=storage.histories,
            personalises_by_default=config.consent.personalise == "opt-out",
            catalog=storage.catalog,
            placements=self._placements.read(),
        )
        self._trends = Trends(storage.feed)
        recommendation = RecommendationServicer(
            slot=self._slot,
            recommender=self._recommender,
            trends=self._trends,
            metrics=metrics,
            pool=self._pool,
            reads_quickly=storage.is_quick,
        )
        self._writer = EventWriter(storage, metrics)
        events = EventServicer(writer=self._writer, metrics=metrics)
        model = ModelServicer(slot=self._slot)
        self._register(
            RECOMMENDATION_SERVICE, _recommendation_handlers(recommendation, surroundings)
        )
        self._register(
            MODEL_SERVICE,
            {
                "GetModel": Method(
                    "GetModel", model_service_pb2.GetModelRequest, model.get_model, surroundings
                ).handler()
            },
        )
        self._register(EVENT_SERVICE, _event_handlers(events, surroundings))
        profiles = ProfileServicer(
            people=storage.people,
            items=storage.items,
            time_zone=config.profiles.zone(),
            pool=self._pool,
        )
        self._links = LinkServicer(storage=storage, rules=config.identity, metrics=metrics)
        self._register(PROFILE_SERVICE, _profile_handlers(profiles, self._links, surroundings))
        self._catalog = CatalogServicer(storage=storage, metrics=metrics, pool=self._pool)
        self._register(CATALOG_SERVICE, _catalog_handlers(self._catalog, surroundings))
        self._prices_file = prices_file(config.offers.prices)
        self._prices = PacedPrices(self._prices_file.read())
        self._propensity_file = propensity_file(config.offers.propensity)
        self._propensity = LearnedPropensity(self._recommender, self._propensity_file.read())
        self._offers = OfferServicer(
            storage=storage,
            slot=self._slot,
            judges=OfferJudges(self._recommender, self._propensity, self._prices),
            metrics=metrics,
            time_zone=config.profiles.zone(),
            pool=self._pool,
        )
        self._register(OFFER_SERVICE, _offer_handlers(self._offers, surroundings))
        self._frequency_file = frequency_file(config.campaigns.frequency)
        self._frequency = self._frequency_file.read()
        self._batches = ThreadPoolExecutor(config.campaigns.threads, thread_name_prefix="campaigns")
        campaigns = CampaignServicer(
            storage=storage,
            slot=self._slot,
            recommender=self._recommender,
            settings=CampaignSettings(
                time_zone=config.profiles.zone(),
                messages_by_default=config.consent.marketing == "opt-out",
                frequency=lambda: self._frequency,
                categories_of=functools.partial(categories_of, storage.items),
                offers=self._offers.recommender,
            ),
            metrics=metrics,
            pool=self._batches,
            threads=config.campaigns.threads,
        )
        self._register(CAMPAIGN_SERVICE, _campaign_handlers(campaigns, surroundings))
        self._triggers = TriggerParts(
            config,
            storage=storage,
            slot=self._slot,
            recommender=self._recommender,
            offers=self._offers.recommender,
            frequency=lambda: self._frequency,
            writer=self._writer,
            metrics=metrics,
        )
        self._register(TRIGGER_SERVICE, self._triggers.handlers(surroundings))
        health_pb2_grpc.add_HealthServicer_to_server(  # type: ignore[no-untyped-call]  # as above
            self._health, self._server
        )
        reflection.enable_server_reflection(  # type: ignore[no-untyped-call]  # as above
            (*SERVICES, HEALTH_SERVICE, reflection.SERVICE_NAME),
            self._server,
        )

    def _register(
        self, service: str, handlers: "dict[str, grpc.RpcMethodHandler[Any, Any]]"
    ) -> None:
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, handlers),)
        )
        self._server.add_registered_method_handlers(service, handlers)

    async def start(self, address: str) -> int:
        """Listen.

        Args:
            address: `host:port`; port 0 picks one.

        Returns:
            The port.

        Raises:
            RuntimeError: The address cannot be had.
        """
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        port = self._server.add_insecure_port(address)
        await self._server.start()
        self._flushing = asyncio.create_task(self._flush_metrics())
        self._following = [
            asyncio.create_task(self._follow_rules()),
            asyncio.create_task(self._follow_storage()),
        ]
        self._writer.start()
        self._triggers.start()
        return port

    async def serve_model(self, model: ServingModel) -> None:
        """Answer the next calls with this model; calls under way finish with theirs."""
        try:
            await asyncio.to_thread(self._recommender.prepare, model, now=time.time())
        except StorageUnavailable as error:
            log.warning("catalog_unread", extra={"problem": str(error)})
        self._slot.swap(model, now=time.time())
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Refuse new calls and wait for those under way, at most the grace period."""
        for task in self._following:
            task.cancel()
        await self._health.enter_graceful_shutdown()
        await self._triggers.stop()
        await self._quiet.find()
        stopping = asyncio.create_task(self._server.stop(self._grace_seconds))
        await asyncio.sleep(0)  # From here on, callers know that they must go elsewhere.
        self._quiet.release()
        await stopping
        await self._links.close()
        await self._catalog.close()
        await self._offers.close()
        await self._triggers.close()
        await self._writer.close()
        # A ranking cannot be interrupted; it takes milliseconds.
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._batches.shutdown)
        if self._flushing is not None:
            self._flushing.cancel()
        self._metrics.flush()

    async def _flush_metrics(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._metrics.flush()

    async def _follow_storage(self) -> None:
        # So that no answer has to wait for what many changes and events take.
        while True:
            await asyncio.sleep(_STORAGE_SECONDS)
            with contextlib.suppress(StorageUnavailable):
                await asyncio.to_thread(self._recommender.permissions.follow, now=time.time())
            if self._trends.is_followed:
                with contextlib.suppress(StorageUnavailable):
                    await asyncio.to_thread(self._trends.refresh, now=time.time())

    async def _follow_rules(self) -> None:
        while True:
            await asyncio.sleep(_RULES_SECONDS)
            placements = await _changed(
                self._placements, "placements", self._metrics.placements_refused
            )
            if placements is not None:
                self._recommender.permissions.placements = placements
                log.info("placements_read", extra={"placements": sorted(placements.rules)})
            frequency = await _changed(
                self._frequency_file, "frequency", self._metrics.frequency_refused
            )
            if frequency is not None:
                self._frequency = frequency
                log.info("frequency_read", extra={"channels": sorted(frequency.tables)})
            prices = await _changed(self._prices_file, "prices", self._metrics.prices_refused)
            if prices is not None:
                self._prices.found = prices
                log.info("offer_prices_read", extra={"offers": len(prices)})
            learned = await _changed(
                self._propensity_file, "propensity", self._metrics.propensity_refused
            )
            if learned is not None:
                self._propensity.found = learned
                log.info(
                    "offer_propensity_read", extra={"model_version": learned.file.model_version}
                )
            triggers = await _changed(
                self._triggers.file, "triggers", self._metrics.triggers_refused
            )
            if triggers is not None:
                self._triggers.current = triggers
                log.info("triggers_read", extra={"triggers": sorted(triggers.by_name)})

    async def _set_health(self, state: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in _HEALTH_NAMES:
            await self._health.set(name, state)


async def _changed(file: RulesFile[RulesT], name: str, refused: Counter) -> RulesT | None:
    """Return what a file of rules says now, if it has changed to something that can be used."""
    try:
        return await asyncio.to_thread(file.changed)
    except InvalidConfig as error:
        refused.inc()
        log.error("rules_refused", extra={"file": name, "problem": str(error)})  # noqa: TRY400 - expected
        return None


def _recommendation_handlers(
    recommendation: RecommendationServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    pb2 = recommendation_service_pb2
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("Recommend", pb2.RecommendRequest, recommendation.recommend),
        ("SimilarItems", pb2.SimilarItemsRequest, recommendation.similar_items),
        ("LocateItem", pb2.LocateItemRequest, recommendation.locate_item),
        ("ExplainItem", pb2.ExplainItemRequest, recommendation.explain_item),
        ("RankItems", pb2.RankItemsRequest, recommendation.rank_items),
        ("RecentlyViewed", pb2.RecentlyViewedRequest, recommendation.recently_viewed),
        ("CompleteBasket", pb2.CompleteBasketRequest, recommendation.complete_basket),
        ("BuyAgain", pb2.BuyAgainRequest, recommendation.buy_again),
        ("Trending", pb2.TrendingRequest, recommendation.trending),
        ("RecommendPage", pb2.RecommendPageRequest, recommendation.recommend_page),
    )
    return _handlers(Method, unary, surroundings)


def _event_handlers(
    events: EventServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("WriteEvent", event_service_pb2.WriteEventRequest, events.write_event),
        ("WriteEvents", event_service_pb2.WriteEventsRequest, events.write_events),
        ("PurgeEvents", event_service_pb2.PurgeEventsRequest, events.purge_events),
    )
    handlers = _handlers(Method, unary, surroundings)
    handlers["ImportEvents"] = StreamMethod(
        "ImportEvents", event_service_pb2.ImportEventsRequest, events.import_events, surroundings
    ).handler()
    return handlers


def _profile_handlers(
    profiles: ProfileServicer, links: LinkServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("GetProfile", profile_service_pb2.GetProfileRequest, profiles.get_profile),
        ("SetConsent", profile_service_pb2.SetConsentRequest, profiles.set_consent),
        (
            "SetLoyaltyTiers",
            profile_service_pb2.SetLoyaltyTiersRequest,
            profiles.set_loyalty_tiers,
        ),
        ("EraseProfile", profile_service_pb2.EraseProfileRequest, profiles.erase_profile),
        ("LinkIdentifiers", profile_service_pb2.LinkIdentifiersRequest, links.link_identifiers),
        (
            "UnlinkIdentifiers",
            profile_service_pb2.UnlinkIdentifiersRequest,
            links.unlink_identifiers,
        ),
        ("ListLinks", profile_service_pb2.ListLinksRequest, links.list_links),
    )
    handlers = _handlers(Method, unary, surroundings)
    handlers["ExportProfile"] = ServerStreamMethod(
        "ExportProfile",
        profile_service_pb2.ExportProfileRequest,
        profiles.export_profile,
        surroundings,
    ).handler()
    return handlers


def _catalog_handlers(
    catalog: CatalogServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    pb2 = catalog_service_pb2
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("UpsertItems", pb2.UpsertItemsRequest, catalog.upsert_items),
        ("GetItem", pb2.GetItemRequest, catalog.get_item),
        ("ListItems", pb2.ListItemsRequest, catalog.list_items),
        ("DeleteItems", pb2.DeleteItemsRequest, catalog.delete_items),
        ("UpsertStores", pb2.UpsertStoresRequest, catalog.upsert_stores),
        ("ListStores", pb2.ListStoresRequest, catalog.list_stores),
        ("SetInventory", pb2.SetInventoryRequest, catalog.set_inventory),
        ("AdjustInventory", pb2.AdjustInventoryRequest, catalog.adjust_inventory),
        ("GetInventory", pb2.GetInventoryRequest, catalog.get_inventory),
    )
    streams: tuple[tuple[str, Any, Any], ...] = (
        ("ImportItems", pb2.ImportItemsRequest, catalog.import_items),
        ("ImportInventory", pb2.ImportInventoryRequest, catalog.import_inventory),
    )
    return {
        **_handlers(Method, unary, surroundings),
        **_handlers(StreamMethod, streams, surroundings),
    }


def _campaign_handlers(
    campaigns: CampaignServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    pb2 = campaign_service_pb2
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("RecheckBatch", pb2.RecheckBatchRequest, campaigns.recheck_batch),
        ("UpsertSegments", pb2.UpsertSegmentsRequest, campaigns.upsert_segments),
        ("GetSegment", pb2.GetSegmentRequest, campaigns.get_segment),
        ("ListSegments", pb2.ListSegmentsRequest, campaigns.list_segments),
        ("DeleteSegments", pb2.DeleteSegmentsRequest, campaigns.delete_segments),
        ("EstimateSegment", pb2.EstimateSegmentRequest, campaigns.estimate_segment),
    )
    handlers = _handlers(Method, unary, surroundings)
    handlers["RecommendBatch"] = StreamMethod(
        "RecommendBatch", pb2.RecommendBatchRequest, campaigns.recommend_batch, surroundings
    ).handler()
    handlers["AudienceForItem"] = ServerStreamMethod(
        "AudienceForItem", pb2.AudienceForItemRequest, campaigns.audience_for_item, surroundings
    ).handler()
    return handlers


def _offer_handlers(
    offers: OfferServicer, surroundings: Surroundings
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    pb2 = offer_service_pb2
    unary: tuple[tuple[str, Any, Any], ...] = (
        ("UpsertOffers", pb2.UpsertOffersRequest, offers.upsert_offers),
        ("GetOffer", pb2.GetOfferRequest, offers.get_offer),
        ("ListOffers", pb2.ListOffersRequest, offers.list_offers),
        ("DeleteOffers", pb2.DeleteOffersRequest, offers.delete_offers),
        ("RecommendOffers", pb2.RecommendOffersRequest, offers.recommend_offers),
        ("ReserveOffer", pb2.ReserveOfferRequest, offers.reserve_offer),
        ("CommitOffer", pb2.CommitOfferRequest, offers.commit_offer),
        ("ReleaseOffer", pb2.ReleaseOfferRequest, offers.release_offer),
    )
    return _handlers(Method, unary, surroundings)


def _handlers(
    kind: "type[Method[Any] | StreamMethod[Any]]",
    methods: Sequence[tuple[str, Any, Any]],
    surroundings: Surroundings,
) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    return {
        name: kind(name, request_type, answer, surroundings).handler()
        for name, request_type, answer in methods
    }
