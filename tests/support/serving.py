"""A server under test and ways to reach it."""

from dataclasses import dataclass

import grpc.aio
from prometheus_client import CollectorRegistry

from recsys.serving.metrics import Metrics
from recsys.serving.server import RecsysServer
from recsys.v1 import (
    campaign_service_pb2_grpc,
    catalog_service_pb2_grpc,
    event_service_pb2_grpc,
    model_service_pb2_grpc,
    offer_service_pb2_grpc,
    profile_service_pb2_grpc,
    recommendation_service_pb2_grpc,
    trigger_service_pb2_grpc,
)

ITEM_COUNT = 40
"""Items of the model under test."""


@dataclass
class Running:
    """A gRPC server in this process."""

    server: RecsysServer
    port: int
    channel: grpc.aio.Channel
    registry: CollectorRegistry
    metrics: Metrics

    @property
    def recommendation(self) -> recommendation_service_pb2_grpc.RecommendationServiceStub:
        """Stub of the recommendation service."""
        return recommendation_service_pb2_grpc.RecommendationServiceStub(self.channel)

    @property
    def model(self) -> model_service_pb2_grpc.ModelServiceStub:
        """Stub of the model service."""
        return model_service_pb2_grpc.ModelServiceStub(self.channel)

    @property
    def events(self) -> event_service_pb2_grpc.EventServiceStub:
        """Stub of the event service."""
        return event_service_pb2_grpc.EventServiceStub(self.channel)

    @property
    def profiles(self) -> profile_service_pb2_grpc.ProfileServiceStub:
        """Stub of the profile service."""
        return profile_service_pb2_grpc.ProfileServiceStub(self.channel)

    @property
    def catalog(self) -> catalog_service_pb2_grpc.CatalogServiceStub:
        """Stub of the catalogue service."""
        return catalog_service_pb2_grpc.CatalogServiceStub(self.channel)

    @property
    def campaigns(self) -> campaign_service_pb2_grpc.CampaignServiceStub:
        """Stub of the campaign service."""
        return campaign_service_pb2_grpc.CampaignServiceStub(self.channel)

    @property
    def offers(self) -> offer_service_pb2_grpc.OfferServiceStub:
        """Stub of the offer service."""
        return offer_service_pb2_grpc.OfferServiceStub(self.channel)

    @property
    def triggers(self) -> trigger_service_pb2_grpc.TriggerServiceStub:
        """Stub of the trigger service."""
        return trigger_service_pb2_grpc.TriggerServiceStub(self.channel)

    def counted(self, name: str, **labels: str) -> float:
        """Value of a metric, with all that has been counted by now."""
        self.metrics.flush()
        return self.registry.get_sample_value(name, labels) or 0.0


class SyncError:
    """An error of an asynchronous call, as grpc_status expects calls."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code
        self.details = error.details
        self.trailing_metadata = error.trailing_metadata
