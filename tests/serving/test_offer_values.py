"""From live offers to an allocation to an export, each by its command, against a real server."""

import asyncio
import json
import tomllib
from pathlib import Path

import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import export, offers
from recsys.commands.value_files import MixedCurrencies, NothingToAllocate
from recsys.serving.client_errors import CallFailed
from recsys.v1 import offer_service_pb2 as service
from recsys.v1 import profile_service_pb2
from recsys.v1.event_pb2 import CHANNEL_EMAIL
from recsys.v1.subject_pb2 import Subject
from serving.test_campaigns import allow, arrive, mailed, user
from support.serving import Running
from training.commands import allocate

app = typer.Typer(rich_markup_mode="rich")
offers.register(app)
export.register(app)
allocate.register(app)
NAMES = [f"u{number:02}" for number in range(16)]


def euros(units: int) -> dict[str, object]:
    """An amount."""
    return {"currency_code": "EUR", "units": units}


async def run(*words: str | Path) -> Result:
    """Run a command."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(map(str, words)))


@pytest.fixture
async def shop(remembering_sqlite: Running) -> Running:
    """Sixteen people who want e-mail, one who does not, one without an account; four offers."""
    shop = remembering_sqlite
    await arrive(shop, map(mailed, [*NAMES, "silent"]))
    await allow(shop, *NAMES)
    items = [f"item-{row}" for row in range(0, 40, 2)]
    said = {"percent_off": {"percent": 10.0}, "currency_code": "EUR"}
    await shop.offers.UpsertOffers(
        service.UpsertOffersRequest(
            offers=[
                {**said, "offer_id": "mug", "scope": {"item_ids": items}, "value": euros(9),
                 "cost": euros(1), "unit_count": 5},
                {**said, "offer_id": "basket", "value": euros(3), "cost": euros(1),
                 "budget": euros(9)},
                {**said, "offer_id": "free", "value": euros(1), "cost": euros(1)},
                {**said, "offer_id": "till", "value": euros(9), "cost": euros(1), "eligibility": {"channels": [3]}},
            ]
        )
    )  # fmt: skip
    for name in ("u00", "u01"):
        await shop.offers.ReserveOffer(
            service.ReserveOfferRequest(
                reservation_id=name, offer_id="mug", subject=Subject(user_id=name)
            )
        )
    return shop


async def test_live_offers_are_allocated_within_what_is_left_of_them(
    shop: Running, tmp_path: Path
) -> None:
    """Each value is what a single answer says; no more is promised than there is."""
    at = ("--target", f"127.0.0.1:{shop.port}")
    found = await run("offers", "values", "--out", tmp_path / "values", "--json", *at)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == {
        "considered": 17, "people": 16, "pairs": 32, "offers": 2, "without_account": 0,
    }  # fmt: skip
    values = pl.read_parquet(tmp_path / "values" / "values.parquet")
    worth = {(row["user_id"], row["offer_id"]): row for row in values.to_dicts()}
    assert {offer_id for _, offer_id in worth} == {"mug", "basket"}
    for name in ("u02", "u07"):
        alone = await shop.offers.RecommendOffers(
            service.RecommendOffersRequest(
                subject=user(name), explain=True, context={"channel": CHANNEL_EMAIL}
            )
        )
        for one in alone.results:
            if one.offer.offer_id != "free":
                row = worth[name, one.offer.offer_id]
                assert row["value"] == pytest.approx(one.expected_value)
                cost = {"mug": 1.0, "basket": 1.0}[one.offer.offer_id]
                assert row["cost"] == pytest.approx(one.propensity * cost)
    limits = tomllib.loads((tmp_path / "values" / "limits.toml").read_text("utf-8"))
    assert limits == {
        "slots": 1,
        "limits": [
            {"name": "mug: units", "offers": ["mug"], "units": 3},
            {"name": "basket: budget", "offers": ["basket"], "budget": 9.0},
        ],
    }
    paths = [tmp_path / "values" / name for name in ("values.parquet", "limits.toml")]
    done = await run("allocate", paths[0], "--limits", paths[1], "--out", tmp_path / "march")
    assert done.exit_code == 0, done.output
    sent = await run(
        "export", "--out", tmp_path / "out", "--count", "1",
        "--offers", tmp_path / "march" / "assigned.parquet", *at,
    )  # fmt: skip
    assert sent.exit_code == 0, sent.output
    lines = (tmp_path / "out" / "part-00000.jsonl").read_text("utf-8").splitlines()
    codes = [json.loads(line)["offer_code"] for line in lines]
    assert len(codes) == 16
    assert codes.count("mug") == 3
    # A basket's offer is used for sure, as far as is known, so a budget of nine is nine uses.
    assert codes.count("basket") == 9
    request = profile_service_pb2.EraseProfileRequest(subject=user("u02"))
    files = (await shop.profiles.EraseProfile(request)).erasure.exports
    # Whoever is erased is told which folders name her.
    assert [Path(one.place).name for one in files] == ["values", "out"]


async def test_what_cannot_be_compared_or_is_worth_nothing_is_said(
    shop: Running, tmp_path: Path
) -> None:
    """And no file is left that looks whole."""
    at = ("--target", f"127.0.0.1:{shop.port}")
    wrong = await run("offers", "values", "--out", tmp_path / "none", "--channel", "sms", *at)
    assert isinstance(wrong.exception, NothingToAllocate)
    pound = {"currency_code": "GBP", "units": 5}
    said = {"percent_off": {"percent": 10.0}, "currency_code": "GBP", "value": pound}
    await shop.offers.UpsertOffers(
        service.UpsertOffersRequest(offers=[{**said, "offer_id": "tea"}])
    )
    mixed = await run("offers", "values", "--out", tmp_path / "mixed", *at)
    assert isinstance(mixed.exception, MixedCurrencies)
    assert "EUR, GBP" in str(mixed.exception)
    assert not [*(tmp_path / "mixed").iterdir()]


async def test_nothing_is_left_of_values_whose_stream_fails(shop: Running, tmp_path: Path) -> None:
    """Neither in a new folder nor beside what was there before, which stays."""
    at = ("--target", f"127.0.0.1:{shop.port}")
    failed = await run("offers", "values", "--out", tmp_path / "new", "--segment", "not-saved", *at)
    assert isinstance(failed.exception, CallFailed)
    assert not [*(tmp_path / "new").iterdir()]
    assert (await run("offers", "values", "--out", tmp_path / "old", *at)).exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    await run("offers", "values", "--out", tmp_path / "old", "--segment", "not-saved", *at)
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before
