"""How often and when somebody may be messaged: caps, gaps and quiet hours."""

import datetime as dt
import zoneinfo

import pytest

from recsys.campaigns import SuppressionCause, read_frequency
from recsys.campaigns.habits import time_zone_of
from recsys.consent import Purpose
from recsys.domain import Channel, EventType
from recsys.errors import InvalidConfig
from recsys.profiles import LoggedEvent
from recsys.recommend.attribution import encode_token

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC).timestamp()
DAY = 86_400.0
HOUR = 3_600.0
CAPPED, GAP, QUIET = (
    SuppressionCause.CAPPED, SuppressionCause.MINIMUM_GAP, SuppressionCause.QUIET_HOURS,
)  # fmt: skip


def shown(
    age: float, channel: Channel = Channel.EMAIL, *, placement: str = "", answer: int = 0
) -> LoggedEvent:
    """An impression so many seconds ago, of an answer if a placement is named."""
    content = ""
    if placement:
        token = encode_token(
            request_id=answer.to_bytes(16, "big"), placement=placement, model_version="v1"
        )
        content = f'{{"event_type":"impression","attribution_token":"{token}"}}'
    return LoggedEvent(
        NOON - age, EventType.IMPRESSION.code, channel.code, None, "i", content or None
    )


TWO_A_WEEK = "[email]\ncaps = [{ count_max = 2, days = 7 }]"
CASES = {
    "no rules": ("", [shown(1.0)] * 9, None),
    "below the cap": (TWO_A_WEEK, [shown(DAY)], None),
    "at the cap": (TWO_A_WEEK, [shown(DAY), shown(2 * DAY)], CAPPED),
    "long ago": (TWO_A_WEEK, [shown(DAY), shown(7 * DAY)], None),
    "other channels do not count": (TWO_A_WEEK, [shown(DAY), shown(DAY, Channel.SMS)], None),
    "all channels together": (
        "[all]\ncaps = [{ count_max = 2, days = 7 }]",
        [shown(DAY), shown(DAY, Channel.SMS)],
        CAPPED,
    ),
    "pages are no messages": (
        "[all]\ncaps = [{ count_max = 1, days = 7 }]", [shown(DAY, Channel.WEB)], None,
    ),
    "unless they are named": (
        '[all]\ncaps = [{ count_max = 1, days = 7, channels = ["web"] }]',
        [shown(DAY, Channel.WEB)],
        CAPPED,
    ),
    "one message, two impressions": (
        TWO_A_WEEK, [shown(DAY, placement="weekly"), shown(DAY - 9, placement="weekly")], None,
    ),
    "of two answers": (
        TWO_A_WEEK,
        [shown(DAY, placement="weekly"), shown(DAY, placement="weekly", answer=1)],
        CAPPED,
    ),
    "of one placement": (
        '[email]\ncaps = [{ count_max = 1, days = 7, placements = ["survey"] }]',
        [shown(DAY, placement="weekly"), shown(DAY)],
        None,
    ),
    "of that placement": (
        '[email]\ncaps = [{ count_max = 1, days = 7, placements = ["survey"] }]',
        [shown(DAY, placement="survey")],
        CAPPED,
    ),
    "none at all": ("[email]\ncaps = [{ count_max = 0, days = 1 }]", [], CAPPED),
    "gap": ("[all]\ngap_hours = 12", [shown(11 * HOUR, Channel.PUSH)], GAP),
    "gap is over": ("[all]\ngap_hours = 12", [shown(12 * HOUR, Channel.PUSH)], None),
    "quiet at noon": ('[email]\nquiet_hours = "11:30-12:30"', [], QUIET),
    "quiet at night": ('[email]\nquiet_hours = "21:00-08:00"', [], None),
    "quiet until noon": ('[email]\nquiet_hours = "21:00-12:00"', [], None),
    "quiet for sms": ('[sms]\nquiet_hours = "11:30-12:30"', [], None),
    "services": ('[email]\npurposes = ["personalise"]\ngap_hours = 9', [shown(9.0)], None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "events", "expected"), CASES.values(), ids=CASES)
def test_a_message_is_refused_for_the_first_rule_that_forbids_it(
    text: str, events: list[LoggedEvent], expected: SuppressionCause | None
) -> None:
    """A marketing e-mail at noon UTC."""
    rules = read_frequency(text, source="test")
    found = rules.refuses(
        events, channel=Channel.EMAIL, purpose=Purpose.MARKETING, time_zone=dt.UTC, now=NOON
    )
    assert found == expected


def test_rules_ask_for_no_more_events_than_they_look_at() -> None:
    """Nothing without rules; the longest period of any; stores for quiet hours."""
    asked = {"channel": Channel.EMAIL, "purpose": Purpose.MARKETING, "now": NOON}
    assert read_frequency("", source="t").needs(**asked).types == frozenset()
    caps = read_frequency(f"{TWO_A_WEEK}\n[all]\ngap_hours = 240", source="t").needs(**asked)
    assert (caps.types, caps.since) == (frozenset({EventType.IMPRESSION}), NOON - 10 * DAY)
    quiet = read_frequency('[all]\nquiet_hours = "21:00-08:00"', source="t").needs(**asked)
    assert quiet.types == frozenset({EventType.PURCHASE_COMPLETE, EventType.STORE_VISIT})


def test_her_time_zone_is_that_of_the_store_she_was_in_last() -> None:
    """Else the retailer's: nine in the evening there may be noon here."""
    tokyo = zoneinfo.ZoneInfo("Asia/Tokyo")
    visit = LoggedEvent(NOON, EventType.STORE_VISIT.code, 3, "ginza", "", None)
    older = LoggedEvent(NOON - 9.0, EventType.STORE_VISIT.code, 3, "mitte", "", None)
    zones = {"ginza": tokyo, "mitte": dt.UTC}
    assert time_zone_of([older, visit], zones, dt.UTC) is tokyo
    assert time_zone_of([], zones, dt.UTC) is dt.UTC
    # What she was shown of another shop says nothing of where she is.
    shown = LoggedEvent(NOON + 9.0, EventType.IMPRESSION.code, 5, "mitte", "", None)
    assert time_zone_of([older, visit, shown], zones, dt.UTC) is tokyo
    rules = read_frequency('[email]\nquiet_hours = "21:00-08:00"', source="t")
    asked = {"channel": Channel.EMAIL, "purpose": Purpose.MARKETING, "now": NOON}
    assert rules.refuses([], time_zone=tokyo, **asked) is QUIET
    assert rules.refuses([], time_zone=dt.UTC, **asked) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[fax]", r"\[fax\] is no channel; allowed all, web,"),
        ("[email]\ncap = 1", "unknown field `cap`"),
        ("[email]\ngap_hours = -1", "gap_hours is -1; allowed 0 to"),
        ('[email]\nquiet_hours = "9-5"', "quiet_hours is '9-5'; allowed two times"),
        ('[email]\nquiet_hours = "09:00-09:00"', "allowed two times"),
        ("[all]\ncaps = [{ count_max = -1, days = 7 }]", r"caps\[0\].count_max is -1"),
        ("[all]\ncaps = [{ count_max = 1, days = 0 }]", r"caps\[0\].days is 0; allowed above 0"),
        ("[all", "test: "),
    ],
)
def test_what_is_wrong_in_the_rules_is_named(text: str, problem: str) -> None:
    """With the channel, the key and what is allowed."""
    with pytest.raises(InvalidConfig, match=problem):
        read_frequency(text, source="test")
