"""Prices of an allocation, live: budgets go to whom they are worth most with."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry

from recsys.recommend import ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.v1 import offer_pb2
from serving.conftest import server_on
from serving.test_offers import ask, euros, offer, reserving, upsert
from serving.test_outages import until
from support.processes import WAIT_SECONDS
from support.serving import Running


async def test_prices_order_and_withhold_offers(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> None:
    """A changed file counts within moments, a broken one changes nothing, and pace counts always."""
    path = tmp_path / "prices.json"
    path.write_text('{"offers": {}}', "utf-8")
    storage = open_storage(StorageConfig(histories=str(tmp_path / "store.sqlite")))
    registry = CollectorRegistry()
    text = f"[offers]\nprices = {json.dumps(str(path))}"
    async with server_on(storage, registry, text) as running:
        await running.server.serve_model(make_model())
        hours = offer_pb2.OfferValidity(
            start_time=Timestamp(seconds=int(time.time()) - 10),
            end_time=Timestamp(seconds=int(time.time()) + 1_000_000),
        )
        paced = offer("paced", budget=euros(4), validity=hours)
        await upsert(running, offer("rich", value=euros(9)), offer("plain"), paced)
        found = await ask(running)
        assert list(found) == ["rich", "paced", "plain"]
        worth = found["paced"].expected_value
        await running.offers.ReserveOffer(reserving("r-1", "paced", cost=euros(1)))
        assert (await ask(running))["paced"].expected_value < worth

        prices = {"rich": {"unit_price": 8.0}, "plain": {"cost_price": 1.0}}
        path.write_text(json.dumps({"offers": prices}), "utf-8")
        await answered(running, "rich", "PRICE")
        path.write_text("{", "utf-8")
        prices["plain"]["cost_price"] = 9.0
        await until(lambda: bool(registry.get_sample_value("recsys_offer_prices_refused_total")))
        assert (await ask(running))["rich"] == "PRICE"
        path.write_text(json.dumps({"offers": prices}), "utf-8")
        await answered(running, "plain", "PRICE")


async def answered(running: Running, offer_id: str, rule: str) -> None:
    """Wait until a rule refuses an offer."""
    async with asyncio.timeout(WAIT_SECONDS):
        for _ in itertools.count():
            if (await ask(running))[offer_id] == rule:
                return
            await asyncio.sleep(0.05)
