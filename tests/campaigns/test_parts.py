"""The small parts of campaigns: habits, holdouts, estimates, sets of keys, tokens."""

import datetime as dt
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.campaigns import (
    PeopleSample,
    Resume,
    WalkPosition,
    decode_resume,
    encode_resume,
    estimate,
    fingerprint,
)
from recsys.campaigns.habits import Habits, preferred_channel, preferred_hour
from recsys.campaigns.key_set import KeySet
from recsys.campaigns.suppression import address_of, is_held_out
from recsys.domain import Channel, EventType, Identifier
from recsys.errors import InvalidRequest
from recsys.profiles import LoggedEvent, Person

MIDNIGHT = dt.datetime(2026, 11, 22, tzinfo=dt.UTC).timestamp()
BOTH = (Channel.EMAIL, Channel.SMS)


def happened(kind: EventType, hour: int, channel: Channel = Channel.EMAIL) -> LoggedEvent:
    """Something at an hour of a day."""
    return LoggedEvent(MIDNIGHT + hour * 3_600.0, kind.code, channel.code, None, "", None)


def habits(*events: LoggedEvent) -> Habits:
    """What these events show."""
    found = Habits()
    found.add(events, dt.UTC, now=MIDNIGHT + 86_400.0)
    return found


def test_who_has_said_nothing_is_as_everybody() -> None:
    """And who has clicked often is as she is; of a few clicks both have a part."""
    everybody = habits(
        *[happened(EventType.CLICK, 9)] * 80,
        *[happened(EventType.IMPRESSION, 9)] * 200,
        *[happened(EventType.CLICK, 20, Channel.SMS)] * 10,
        *[happened(EventType.IMPRESSION, 20, Channel.SMS)] * 200,
    )
    nobody = Habits()
    assert preferred_channel(nobody, everybody, BOTH) is Channel.EMAIL
    assert preferred_hour(nobody, everybody, Channel.EMAIL) == 9
    once = habits(happened(EventType.CLICK, 20, Channel.SMS))
    assert preferred_channel(once, everybody, BOTH) is Channel.EMAIL
    often = habits(*[happened(EventType.CLICK, 20, Channel.SMS)] * 40)
    assert preferred_channel(often, everybody, BOTH) is Channel.SMS
    late = habits(*[happened(EventType.CLICK, 23)] * 12)
    assert preferred_hour(late, everybody, Channel.EMAIL) == 23
    assert preferred_hour(habits(happened(EventType.CLICK, 23)), everybody, Channel.EMAIL) == 9


def test_where_nothing_is_known_nothing_is_said() -> None:
    """Nor of a channel that she does not allow."""
    assert preferred_channel(Habits(), Habits(), BOTH) is None
    assert preferred_hour(Habits(), Habits(), None) is None
    clicked = habits(happened(EventType.CLICK, 9))
    assert preferred_channel(clicked, Habits(), [Channel.SMS]) is None
    assert preferred_hour(clicked, Habits(), None) == 9


def person(name: str) -> Person:
    """Somebody with an account and two addresses."""
    return Person(
        consents={
            Identifier("account", name): (),
            Identifier("email_sha256", f"a{name}"): (),
            Identifier("email_sha256", f"b{name}"): (),
        }
    )


def test_the_same_people_are_left_alone_for_the_same_name() -> None:
    """As many as were asked for, and others for another name."""
    people = [person(str(number)) for number in range(2_000)]
    held = [is_held_out(one, "spring", 0.1) for one in people]
    assert 150 <= sum(held) <= 250
    assert held == [is_held_out(one, "spring", 0.1) for one in people]
    assert held != [is_held_out(one, "autumn", 0.1) for one in people]
    assert not any(is_held_out(one, "spring", 0.0) for one in people)
    assert all(is_held_out(one, "spring", 1.0) for one in people)


def test_an_address_is_of_the_first_namespace_that_she_has_one_of() -> None:
    """The first of several; none where she has none."""
    anna = person("anna")
    assert address_of(anna, ("phone_sha256", "email_sha256")) == Identifier("email_sha256", "aanna")
    assert address_of(anna, ("phone_sha256",)) is None


def test_an_estimate_holds_what_is_true_as_often_as_it_says() -> None:
    """Drawn again and again, about 95 of 100 intervals have the true number."""
    rng = np.random.default_rng(11)
    total, looked, share = 100_000, 400, 0.03
    hits = 0
    for _ in range(500):
        matched = int(rng.hypergeometric(int(total * share), int(total * (1 - share)), looked))
        sample = PeopleSample([], looked, total)
        found = estimate(sample, [True] * matched)
        hits += found.low <= total * share <= found.high
        assert found.low <= found.count <= found.high
    assert 460 <= hits <= 490


def test_who_looks_at_everybody_counts() -> None:
    """Exactly."""
    found = estimate(PeopleSample([], 7, 7), [True, False, True])
    assert (found.count, found.low, found.high, found.is_exact) == (2, 2, 2, True)
    assert estimate(PeopleSample([], 0, 0), []).count == 0


@given(st.lists(st.lists(st.integers(0, 60), max_size=3), max_size=60))
def test_a_set_of_keys_is_a_set(groups: list[list[int]]) -> None:
    """Whenever it sorts its keys in."""
    ours, theirs = KeySet(), set[int]()
    for group in groups:
        assert ours.add_all(group) is not bool(theirs & set(group))
        theirs |= set(group)
    assert all((key in ours) is (key in theirs) for key in range(61))


def test_a_large_set_keeps_its_keys() -> None:
    """Also those that were sorted in long ago."""
    keys = random.Random(3).sample(range(2**62), 150_000)
    ours = KeySet()
    assert all(ours.add_all([key]) for key in keys)
    assert not any(ours.add_all([key]) for key in keys[::1_000])


def test_a_resume_token_is_of_one_question() -> None:
    """It comes back as it was; another question's, or anything else, is refused."""
    where = Resume(
        fingerprint=fingerprint(b"asked"), as_of=1.5, send_time=2.5,
        position=WalkPosition(after=7, last=9, in_devices=True), considered_count=3,
    )  # fmt: skip
    token = encode_resume(where)
    assert decode_resume(token, asked=b"asked") == where
    for wrong, asked in (
        (token, b"other"),
        ("nonsense", b"asked"),
        (token[:-4], b"asked"),
        ("é", b""),
    ):
        with pytest.raises(InvalidRequest):
            decode_resume(wrong, asked=asked)
