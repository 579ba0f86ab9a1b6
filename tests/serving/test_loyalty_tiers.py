"""Loyalty tiers over a real connection, on every kind of storage, and as people type them."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import typer
from click.testing import Result
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from recsys.commands import profile
from recsys.v1 import profile_service_pb2 as profiles
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import CHANNEL_STORE
from recsys.v1.offer_pb2 import OfferEligibility
from recsys.v1.profile_pb2 import CONSENT_STATUS_DENIED, PURPOSE_PERSONALISE, Consent
from recsys.v1.subject_pb2 import Identifier
from serving.test_events import refused
from serving.test_offers import ANNA, CARD, ask, offer, reserving, rule, upsert
from support.serving import Running

ACCOUNT = Identifier(namespace="account", value="anna")
MEMBER = CARD.identifiers[0]
TILL = {"context": Context(channel=CHANNEL_STORE, store_id="s-1")}
Outcome = profiles.LoyaltyTierOutcome

app = typer.Typer(rich_markup_mode="rich")
profile.register(app)


async def state(running: Running, *tiers: tuple[Identifier, str, int | None]) -> list[str]:
    """Say tiers; return what became of them."""
    sent = [
        profiles.LoyaltyTier(
            identifier=who,
            name=name,
            tier_time=None if seconds is None else Timestamp(seconds=seconds),
        )
        for who, name, seconds in tiers
    ]
    request = profiles.SetLoyaltyTiersRequest(loyalty_tiers=sent)
    response = await running.profiles.SetLoyaltyTiers(request)
    prefix = "LOYALTY_TIER_OUTCOME_"
    return [Outcome.Name(one).removeprefix(prefix) for one in response.outcomes]


async def test_the_tier_of_her_account_is_known_at_the_till(
    remembering: tuple[Running, Running],
) -> None:
    """Nobody has to say it: on any channel, by any of her identifiers, in the next answer."""
    one, other = remembering
    await upsert(
        one,
        offer("gold", eligibility=OfferEligibility(loyalty_tiers=["gold"])),
        offer("filter", eligibility=OfferEligibility(person_filter='loyalty_tier = "gold"')),
    )
    unknown = {"gold": "LOYALTY_TIER", "filter": "PERSON"}
    assert await ask(other, CARD, **TILL) == unknown
    assert await state(one, (ACCOUNT, "gold", None)) == ["WRITTEN"]
    assert await ask(other, CARD, **TILL) == unknown
    link = profiles.LinkIdentifiersRequest(identifiers=[ACCOUNT, MEMBER], source="till")
    await one.profiles.LinkIdentifiers(link)
    for subject in (CARD, ANNA):
        found = await ask(other, subject, **TILL)
        assert [name for name, what in found.items() if not isinstance(what, str)] == list(found)
    shown = await other.profiles.GetProfile(profiles.GetProfileRequest(subject=CARD))
    assert shown.profile.loyalty_tier == "gold"
    held = await other.offers.ReserveOffer(reserving("r-1", "gold", subject=CARD, **TILL))
    assert held.reservation.offer_id == "gold"
    # What the till says itself counts for this request.
    assert (await ask(other, CARD, loyalty_tier="silver", **TILL))["gold"] == "LOYALTY_TIER"
    denied = Consent(purpose=PURPOSE_PERSONALISE, status=CONSENT_STATUS_DENIED)
    await one.profiles.SetConsent(profiles.SetConsentRequest(subject=ANNA, consents=[denied]))
    assert (await ask(other, CARD, **TILL))["gold"] == "CONSENT"
    assert await rule(other, reserving("r-2", "gold", subject=CARD, **TILL)) == "CONSENT"
    assert not isinstance((await ask(other, CARD, loyalty_tier="gold", **TILL))["gold"], str)


async def test_each_statement_is_answered_for(remembering: tuple[Running, Running]) -> None:
    """In their order; late, repeated, of a device."""
    running, other = remembering
    now = int(time.time())
    phone = Identifier(namespace="visitor", value="v-1")
    said = [(MEMBER, "gold", now), (MEMBER, "silver", now - 9), (MEMBER, "gold", now)]
    outcomes = await state(running, *said, (phone, "gold", now))
    assert outcomes == ["WRITTEN", "STALE", "UNCHANGED", "DEVICE"]
    assert await state(other, said[0], (MEMBER, "", None)) == ["UNCHANGED", "WRITTEN"]


async def test_a_wrong_statement_is_named_and_nothing_is_kept(remembering_sqlite: Running) -> None:
    """With the field and its bounds."""
    running = remembering_sqlite
    later = Timestamp(seconds=int(time.time()) + 4_000)
    wrong = [
        profiles.LoyaltyTier(identifier=MEMBER, name="fine"),
        profiles.LoyaltyTier(name="gold"),
        profiles.LoyaltyTier(identifier=MEMBER, name="x" * 129, tier_time=later),
    ]
    request = profiles.SetLoyaltyTiersRequest(loyalty_tiers=wrong)
    error = await refused(running.profiles.SetLoyaltyTiers(request))
    fields = {one.field: one.description for one in error[2].field_violations}
    assert fields.keys() == {
        "loyalty_tiers[1].identifier.namespace",
        "loyalty_tiers[1].identifier.value",
        "loyalty_tiers[2].name",
        "loyalty_tiers[2].tier_time",
    }
    assert fields["loyalty_tiers[2].name"] == "has 129 bytes; allowed 1 to 128"
    error = await refused(running.profiles.SetLoyaltyTiers(profiles.SetLoyaltyTiersRequest()))
    assert error[2].field_violations[0].description == "has 0 entries; allowed 1 to 1000"
    shown = await running.profiles.GetProfile(profiles.GetProfileRequest(subject=CARD))
    assert shown.profile.loyalty_tier == ""


async def run(running: Running, *words: str | Path) -> Result:
    """Run a command against the server in this process."""
    arguments = ["profile", *map(str, words), "--target", f"127.0.0.1:{running.port}"]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_tiers_come_from_files_and_from_the_keyboard(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """Rows that cannot be read are named, the others are written; again changes nothing."""
    path = tmp_path / "members.csv"
    path.write_text(
        "card,status,tier_time,user_id\n"
        "26001,gold,2026-01-01,\n"
        ",silver,,anna\n"
        ",gold,,\n"
        "26002,gold,soon,\n"
    )
    words = ["tiers", path, "--map", "card=loyalty_card", "--map", "status=tier", "--json"]
    result = await run(remembering_sqlite, *words)
    assert result.exit_code == 1
    found: dict[str, Any] = json.loads(result.stdout)
    assert (found["written"], found["wrong"]) == (2, 2)
    assert "row 3: identifies nobody" in found["problems"][0]
    assert "row 4: tier_time is 'soon'" in found["problems"][1]
    again = json.loads((await run(remembering_sqlite, *words)).stdout)
    assert (again["written"], again["unchanged"]) == (0, 2)
    shown = await run(remembering_sqlite, "show", "loyalty_card=26001")
    assert "loyalty tier" in shown.stdout
    assert "gold" in shown.stdout
    ended = await run(remembering_sqlite, "tier", "loyalty_card=26001", "")
    assert (ended.exit_code, ended.stdout.strip()) == (0, "1 written")
    device = await run(remembering_sqlite, "tier", "visitor=v-1", "gold")
    assert (device.exit_code, device.stdout.strip()) == (1, "1 device")
