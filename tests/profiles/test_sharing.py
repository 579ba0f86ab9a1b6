"""Shared devices: for whom counts what was done without a login."""

import math

import pytest

from recsys.domain import Identifier
from recsys.profiles import IdentityRules, LinkKind, merged, resolve
from support.identity import DAY, account, link, visitor

RULES = IdentityRules(login_window_days=10.0)
TABLET = visitor("tablet")
ANNA, BEN = account("anna"), account("ben")


def owner_at(
    moment: float, *logins: tuple[Identifier, float], kind: LinkKind = LinkKind.EVENT
) -> str:
    """Name who an event on the tablet counts for; empty for nobody."""
    links = merged(link(who, TABLET, time, kind=kind) for who, time in logins)
    owners = [
        one.owner.value
        for one in resolve(links, RULES).segments
        if one.identifier == TABLET and one.from_time < moment <= one.until_time
    ]
    assert len(owners) <= 1
    return owners[0] if owners else ""


@pytest.mark.parametrize(
    ("day", "owner"),
    [(19, ""), (20.5, "anna"), (30, "anna"), (31, "anna"), (44, "anna"), (45.5, "ben"),
     (55, "ben"), (500, "ben")],
    ids=["long before", "before login", "login", "after", "still hers", "before the next login",
         "the next login", "ever after"],
)  # fmt: skip
def test_events_go_to_the_next_login_within_the_window_else_to_the_last(
    day: float, owner: str
) -> None:
    """Anna on day 30, Ben on day 55, and a window of ten days."""
    assert owner_at(day * DAY, (ANNA, 30 * DAY), (BEN, 55 * DAY)) == owner


@pytest.mark.parametrize(
    ("second", "owner"),
    [(9, "anna"), (10, "anna"), (15, "ben"), (25, "anna"), (35, "ben"), (99, "ben")],
)
def test_people_who_take_turns_get_their_own(second: int, owner: str) -> None:
    """Every login is a turn, however soon the next one comes."""
    turns = [(ANNA, 10.0), (BEN, 20.0), (ANNA, 30.0), (BEN, 40.0)]
    assert owner_at(float(second), *turns) == owner
    assert owner_at(float(second), *reversed(turns)) == owner


def test_the_window_never_reaches_behind_another_login() -> None:
    """What Anna did before her own login stays hers, though Ben logs in a minute later."""
    assert owner_at(99.0, (ANNA, 100.0), (BEN, 160.0)) == "anna"
    assert owner_at(100.0, (ANNA, 100.0), (BEN, 160.0)) == "anna"
    assert owner_at(101.0, (ANNA, 100.0), (BEN, 160.0)) == "ben"


def test_a_stated_device_is_hers_without_a_window() -> None:
    """Somebody knows whose it is; only another login ends it."""
    stated = [link(ANNA, TABLET, 400 * DAY, kind=LinkKind.EXPLICIT, source="crm")]
    (alone,) = [one for one in resolve(stated, RULES).segments if one.identifier == TABLET]
    assert (alone.owner, alone.from_time, alone.until_time) == (ANNA, -math.inf, math.inf)
    both = [*stated, link(BEN, TABLET, 500 * DAY)]
    found = sorted(one for one in resolve(both, RULES).segments if one.identifier == TABLET)
    assert [(one.owner, one.until_time) for one in found] == [(ANNA, 490 * DAY), (BEN, math.inf)]


def test_devices_that_are_one_share_their_logins() -> None:
    """The app and the browser of one phone: who logs in on one is known on the other."""
    app = visitor("app")
    links = [link(TABLET, app, kind=LinkKind.EXPLICIT), link(ANNA, app, 50.0)]
    owned = {one.identifier for one in resolve(links, RULES).segments if one.owner == ANNA}
    assert owned == {ANNA, TABLET, app}


def test_joining_two_accounts_moves_no_device() -> None:
    """Devices count for the account that logged in; so parting the accounts is exact."""
    logins = [link(ANNA, TABLET, 10.0), link(BEN, visitor("pc"), 20.0)]
    apart = resolve(logins, RULES)
    joined = resolve([*logins, link(ANNA, BEN, kind=LinkKind.EXPLICIT)], RULES)
    assert joined.segments == apart.segments
    assert joined.heads[BEN] == joined.heads[ANNA] == ANNA
