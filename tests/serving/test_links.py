"""Links over a real connection: whatever is sent, who is who stays right."""

import itertools
from typing import Any

import grpc
import pytest

from recsys import limits
from recsys.v1 import profile_service_pb2 as service
from recsys.v1.profile_service_pb2 import LINK_REFUSAL_PUBLIC_DEVICE
from recsys.v1.subject_pb2 import Identifier
from serving.test_events import NOW, WRITTEN, recommended, refused, view, write
from support.serving import Running

YEAR = 365 * 86_400
ANNA = Identifier(namespace="account", value="anna")
CARD = Identifier(namespace="loyalty_card", value="26001")
PHONE = Identifier(namespace="visitor", value="v-1")


def linking(*identifiers: Identifier, **more: Any) -> service.LinkIdentifiersRequest:
    """Say that identifiers are of one person."""
    return service.LinkIdentifiersRequest(identifiers=identifiers, **more)


async def linked(running: Running, *identifiers: Identifier, **more: Any) -> list[int]:
    """Link; return why links were refused."""
    response = await running.profiles.LinkIdentifiers(linking(*identifiers, **more))
    return [one.refusal for one in response.refused_links]


async def listed(running: Running, who: Identifier) -> service.ListLinksResponse:
    """Ask who somebody is."""
    return await running.profiles.ListLinks(service.ListLinksRequest(identifier=who))


def card(value: str) -> Identifier:
    """Build a card, rightly or wrongly."""
    return Identifier(namespace="loyalty_card", value=value)


@pytest.mark.parametrize(
    ("identifiers", "field"),
    [
        ([ANNA, card("x" * 10_000)], "identifiers[1].value"),
        ([ANNA, card("")], "identifiers[1].value"),
        ([ANNA, card("nul\x00")], "identifiers[1].value"),
        ([ANNA, Identifier(namespace="Card!", value="1")], "identifiers[1].namespace"),
        ([ANNA, Identifier(value="1")], "identifiers[1].namespace"),
        ([card(str(n)) for n in range(1_000)], "identifiers"),
        ([ANNA], "identifiers"),
        ([], "identifiers"),
        ([ANNA, ANNA], "identifiers"),
        ([card("Zo\u00eb"), card("Zoe\u0308")], "identifiers"),
    ],
    ids=[
        "10 kB value", "no value", "NUL", "namespace", "no namespace", "1000 identifiers", "one",
        "none", "twice the same", "the same in two forms",
    ],
)  # fmt: skip
async def test_identifiers_that_cannot_be_linked_are_refused_under_their_path(
    remembering_sqlite: Running, identifiers: list[Identifier], field: str
) -> None:
    """By linking and unlinking alike, and nothing is kept."""
    profiles = remembering_sqlite.profiles
    calls = [
        profiles.LinkIdentifiers(linking(*identifiers)),
        profiles.UnlinkIdentifiers(service.UnlinkIdentifiersRequest(identifiers=identifiers)),
    ]
    if field.startswith("identifiers[1]"):
        calls.append(profiles.ListLinks(service.ListLinksRequest(identifier=identifiers[1])))
    for call, path in zip(calls, [field, field, field.replace("s[1]", "")], strict=False):
        code, info, bad = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert [violation.field for violation in bad.field_violations] == [path]
    assert remembering_sqlite.counted("recsys_links_total", outcome="joined") == 0
    assert not (await listed(remembering_sqlite, ANNA)).links


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"source": "Über"}, "source"),
        ({"source": "s" * (limits.LINK_SOURCE_CHARS_MAX + 1)}, "source"),
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"link_time": {"seconds": NOW["seconds"] + 10 * YEAR}}, "link_time"),
        ({"link_time": {"seconds": 2**60}}, "link_time"),
    ],
    ids=["source", "long source", "unsure", "too sure", "NaN", "in ten years", "no such year"],
)
async def test_what_is_said_of_a_link_is_checked(
    remembering_sqlite: Running, more: dict[str, Any], field: str
) -> None:
    """A clock that is years ahead included."""
    code, _, bad = await refused(
        remembering_sqlite.profiles.LinkIdentifiers(linking(ANNA, CARD, **more))
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in bad.field_violations] == [field]


async def test_accents_in_any_form_link_one_person(remembering: tuple[Running, Running]) -> None:
    """Composed and decomposed letters are one identifier, in links as in events."""
    one, other = remembering
    composed, decomposed = card("Zo\u00eb \u1e69"), card("Zoe\u0308 s\u0307\u0323")
    assert await linked(one, PHONE, decomposed) == []
    assert await linked(other, ANNA, composed) == []
    await write(one, view("e", "item-1"))
    answer = await recommended(other, user_id="anna")
    assert answer == await recommended(one, identifiers=[decomposed])
    (found,) = {(await listed(one, who)).profile_id for who in (composed, decomposed, ANNA)}
    assert found
    removed = await other.profiles.UnlinkIdentifiers(
        service.UnlinkIdentifiersRequest(identifiers=[ANNA, decomposed])
    )
    assert removed.removed_count == 1


async def test_a_ring_of_links_is_one_person_and_opens_where_it_is_cut(
    remembering: tuple[Running, Running],
) -> None:
    """A, B, C and A again; one cut leaves one person, the second parts her."""
    one, other = remembering
    ring = [
        ANNA, Identifier(namespace="email_sha256", value="ab"), CARD,
        Identifier(namespace="phone_sha256", value="cd"),
    ]  # fmt: skip
    for pair in [*itertools.pairwise(ring), (ring[-1], ring[0]), (ring[2], ring[0])]:
        assert await linked(one, *pair) == []

    async def people() -> int:
        return len({(await listed(other, who)).profile_id for who in ring})

    counts = [await people()]
    for pair in ((0, 1), (2, 0), (3, 0), (1, 2)):
        cut = [ring[end] for end in pair]
        await one.profiles.UnlinkIdentifiers(service.UnlinkIdentifiersRequest(identifiers=cut))
        counts.append(await people())
    assert counts == [1, 1, 1, 2, 3]


async def test_clocks_that_are_years_late_do_no_harm(remembering: tuple[Running, Running]) -> None:
    """A till in the year 1 and a phone in 1970 are believed, and hers all the same."""
    one, other = remembering
    assert await linked(one, ANNA, CARD, link_time={"seconds": -62_135_596_800}) == []
    login = view("login", "item-3", event_time={"seconds": 0})
    login.subject.user_id = "anna"
    late = view("late", "item-1", event_time={"seconds": 86_400, "nanos": 5})
    assert await write(one, late, login) == [WRITTEN, WRITTEN]
    items, _ = await recommended(other, identifiers=[CARD])
    assert items
    assert not set(items) & {"item-1", "item-3"}
    assert all(int(item.removeprefix("item-")) % 2 for item in items)


async def test_a_device_that_everybody_uses_joins_nobody_and_says_so(
    remembering: tuple[Running, Running],
) -> None:
    """By links, and by logins in events."""
    one, other = remembering
    people = [Identifier(namespace="account", value=f"a{n}") for n in range(7)]
    found = [await linked(one, who, PHONE) for who in people]
    assert found == [[]] * 5 + [[LINK_REFUSAL_PUBLIC_DEVICE]] * 2
    assert len({(await listed(other, who)).profile_id for who in [*people, PHONE]}) == 8
    logins = [view(f"e{n}", "item-1") for n in range(300)]
    for number, login in enumerate(logins):
        login.subject.user_id = f"b{number}"
    assert set(await write(other, *logins)) == {WRITTEN}
    assert not (await listed(one, PHONE)).device_uses
    assert one.counted("recsys_links_total", outcome="joined") == 5
    assert one.counted("recsys_links_total", outcome="public-device") == 2
    assert other.counted("recsys_links_total", outcome="public-device") == 300
    assert other.counted("recsys_links_total", outcome="joined") == 0
    await write(other, *logins, view("own", visitor="v-2"))
    again = view("once-more", "item-3", visitor="v-3")
    again.subject.user_id = "b0"
    await write(other, again)
    assert other.counted("recsys_links_total", outcome="joined") == 1
    assert other.counted("recsys_links_total", outcome="public-device") == 300
