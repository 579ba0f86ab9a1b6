"""Learned propensity, live: it ranks, is read again when it changes, and falls back on affinity."""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from recsys.errors import InvalidConfig
from recsys.recommend import ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from recsys.v1 import offer_service_pb2 as service
from recsys.v1.campaign_pb2 import Batch, BatchPerson
from recsys.v1.event_pb2 import CHANNEL_EMAIL
from serving.conftest import server_on
from serving.test_campaigns import allow, arrive, batch, mailed, people_of
from serving.test_offers import ANNA, ask, euros, offer, reserving, upsert
from serving.test_outages import until
from support.processes import WAIT_SECONDS
from support.propensities import propensity_text
from support.serving import Running

LEARNED, AFFINITY = service.OFFER_REASON_LEARNED, service.OFFER_REASON_AFFINITY
RATES = {"rare": (1_000, 1), "often": (1_000, 900)}


async def test_what_was_learned_ranks_offers_and_follows_its_file(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> None:
    """In single answers and in batches; a broken change changes nothing and is counted."""
    path = tmp_path / "propensity.json"
    path.write_text(propensity_text(rate=1.0, offers=RATES), "utf-8")
    storage = open_storage(StorageConfig(histories=str(tmp_path / "store.sqlite")))
    registry = CollectorRegistry()
    async with server_on(storage, registry, _config(path)) as running:
        await running.server.serve_model(make_model())
        await upsert(running, *map(offer, ("often", "rare", "new")))
        await arrive(running, [mailed("anna")])
        await allow(running, "anna")
        found = await ask(running)
        assert list(found) == ["often", "new", "rare"]
        assert {one.reason for one in found.values()} == {LEARNED}
        # 900 of 1,000, and the prior of one tenth counts as ten more.
        assert found["often"].propensity == pytest.approx(901 / 1_010)
        assert found["new"].propensity == pytest.approx(0.1)
        assert found["often"].expected_value == pytest.approx(4 * 901 / 1_010)
        assert (await _batch(running)).offers[0].propensity == pytest.approx(901 / 1_010)

        # How often she has used an offer counts at once.
        path.write_text(propensity_text(intercept=-2.0, offers_used=1.0), "utf-8")
        await _until_first(running, 1 / (1 + 2.718281828459045**2))
        await running.offers.ReserveOffer(reserving("r-1", "rare"))
        await running.offers.CommitOffer(service.CommitOfferRequest(reservation_id="r-1"))
        used = (await ask(running))["often"].propensity
        assert used == pytest.approx(2 / (2 + 2.718281828459045**2))
        assert (await _batch(running)).offers[0].propensity == pytest.approx(used)

        path.write_text("{", "utf-8")
        name = "recsys_offer_propensity_refused_total"
        await until(lambda: bool(registry.get_sample_value(name)))
        assert (await ask(running))["often"].propensity == pytest.approx(used)


async def test_no_discount_where_she_would_buy_anyway(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> None:
    """What is wasted earns nothing; what is refused for it keeps no other of its group out."""
    path = tmp_path / "propensity.json"
    shares = {"wasted": 0.1, "partly": 0.6, "gift": 0.0}
    path.write_text(propensity_text(shares=shares), "utf-8")
    storage = open_storage(StorageConfig(histories=str(tmp_path / "store.sqlite")))
    async with server_on(storage, CollectorRegistry(), _config(path)) as running:
        await running.server.serve_model(make_model())
        await upsert(
            running,
            offer("wasted", value=euros(9), stacking_group="ten", priority=1),
            offer("partly", stacking_group="ten"),
            offer("plain"),
            # The retailer gives it though it earns nothing, whoever gets it.
            offer("gift", value=euros(0)),
        )
        found = await ask(running)
        assert found["wasted"] == "UPLIFT"
        assert found["plain"].expected_value == pytest.approx(0.5 * (5 - 1))
        assert found["partly"].expected_value == pytest.approx(0.5 * (0.6 * 5 - 1))
        assert found["gift"].expected_value == pytest.approx(0.5 * -1)
        assert list(found) == ["plain", "partly", "gift", "wasted"]
        # One alone, as an allocation sees it, is refused as well.
        await arrive(running, [mailed("anna")])
        await allow(running, "anna")
        asked = Batch(channel=CHANNEL_EMAIL, page_size=1, offers={"alone": True})
        (person,) = people_of(await batch(running, asked))
        assert {one.offer_id for one in person.offers} == {"plain", "partly", "gift"}


async def test_nothing_learned_means_affinity(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> None:
    """And the reason says so."""
    storage = open_storage(StorageConfig(histories=str(tmp_path / "store.sqlite")))
    async with server_on(storage, CollectorRegistry()) as running:
        await running.server.serve_model(make_model())
        await upsert(running, offer("ten"))
        await arrive(running, [mailed("anna")])
        assert (await ask(running))["ten"].reason == AFFINITY


async def test_a_broken_file_keeps_a_server_from_starting(tmp_path: Path) -> None:
    """Better a failed deployment than another order of offers than was meant."""
    path = tmp_path / "propensity.json"
    path.write_text(propensity_text().replace('"affinity"', '"taste"'), "utf-8")
    with pytest.raises(InvalidConfig, match="recsys offers learn"):
        async with server_on(Storage(), CollectorRegistry(), _config(path)):
            pass


def _config(path: Path) -> str:
    return f"[offers]\npropensity = {json.dumps(str(path))}"


async def _batch(running: Running) -> BatchPerson:
    asked = Batch(channel=CHANNEL_EMAIL, page_size=1, offers={"page_size": 3})
    (person,) = people_of(await batch(running, asked))
    return person


async def _until_first(running: Running, wanted: float) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        for _ in itertools.count():
            found = await ask(running, ANNA)
            if found["often"].propensity == pytest.approx(wanted):
                return
            await asyncio.sleep(0.05)
