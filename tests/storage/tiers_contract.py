"""What every storage must do for loyalty tiers; one suite for all adapters.

An adapter's test module subclasses `TiersContract` and gives the fixture `home`.
"""

import pytest

from recsys.campaigns import NO_EVENTS
from recsys.domain import Identifier
from recsys.profiles import Tier, TierOutcome, TierStatement
from recsys.storage.campaign_people import CampaignPeople
from storage.event_log_contract import NOW, event
from storage.history_contract import ANNA, ANNAS_CARD, BEN
from storage.people_contract import ANNAS_PHONE, Household, exported

WRITTEN, UNCHANGED, STALE, ERASED, DEVICE = TierOutcome


class TiersContract:
    """The laws; see the module."""

    @pytest.fixture
    def home(self) -> Household:
        """Make an empty storage; every adapter gives its own."""
        raise NotImplementedError

    def test_of_a_person_the_latest_tier_of_her_identifiers_counts(self, home: Household) -> None:
        """Joined she has one; parted each has again what was said of it."""
        said = [
            TierStatement(ANNAS_CARD, Tier("gold", NOW)),
            TierStatement(ANNA, Tier("silver", NOW - 9.0)),
            TierStatement(BEN, Tier("", NOW)),
        ]
        assert home.people.record_tiers(said) == [WRITTEN, WRITTEN, UNCHANGED]
        alone = {one: tier(home, one) for one in (ANNA, ANNAS_CARD, BEN)}
        assert alone == {ANNA: "silver", ANNAS_CARD: "gold", BEN: ""}
        home.link([ANNA, ANNAS_CARD])
        assert tier(home, ANNA) == tier(home, ANNAS_CARD) == "gold"
        home.people.record_tiers([TierStatement(ANNA, Tier("bronze", NOW + 1.0))])
        assert tier(home, ANNA) == tier(home, ANNAS_CARD) == "bronze"
        home.profiles.unlink([ANNA, ANNAS_CARD], source=None)
        assert (tier(home, ANNA), tier(home, ANNAS_CARD)) == ("bronze", "gold")

    def test_what_is_said_late_or_twice_changes_nothing(self, home: Household) -> None:
        """In one request or in several; and a tier can end."""
        gold, early = Tier("gold", NOW), Tier("silver", NOW - 1.0)
        said = [TierStatement(ANNA, one) for one in (gold, early, gold)]
        assert home.people.record_tiers(said) == [WRITTEN, STALE, UNCHANGED]
        assert home.people.record_tiers(said) == [UNCHANGED, STALE, UNCHANGED]
        assert tier(home, ANNA) == "gold"
        later = TierStatement(ANNA, Tier("gold", NOW + 5.0))
        assert home.people.record_tiers([later]) == [UNCHANGED]
        between = TierStatement(ANNA, Tier("silver", NOW + 4.0))
        assert home.people.record_tiers([between]) == [STALE]
        over = TierStatement(ANNA, Tier("", NOW + 6.0))
        assert home.people.record_tiers([over]) == [WRITTEN]
        assert tier(home, ANNA) == ""

    def test_devices_and_the_erased_have_no_tier(self, home: Household) -> None:
        """Nothing is kept of them; the others of the request are written."""
        home.log.append([event("ben", who=[BEN])])
        home.people.record_tiers([TierStatement(BEN, Tier("gold", NOW))])
        assert {"record": "loyalty-tier", "tier": "gold"}.items() <= exported(home.people, BEN)[
            1
        ].items()
        home.people.erase([BEN], now=NOW)
        said = [TierStatement(one, Tier("gold", NOW)) for one in (BEN, ANNAS_PHONE, ANNA)]
        assert home.people.record_tiers(said) == [ERASED, DEVICE, WRITTEN]
        assert tier(home, BEN) == ""
        assert [one for one in exported(home.people, BEN) if one["record"] != "erased"] == []


def tier(home: Household, *who: Identifier) -> str:
    """The tier of a person; a campaign sees the same."""
    alone = home.people.person(who, event_count_max=0).loyalty_tier
    (found,) = CampaignPeople(home.sessions).find([who], needs=NO_EVENTS)
    assert found.person.loyalty_tier == alone
    return alone
