"""Enums of the wire in words."""

import enum
from typing import Any

import pytest

from recsys.campaigns import SuppressionCause
from recsys.consent import ConsentStatus, Purpose
from recsys.domain import Channel, EventType, ReasonKind
from recsys.profiles import LifecycleStage, RfmSegment
from recsys.serving.enum_words import channel_word, enum_word
from recsys.v1 import campaign_pb2, event_pb2, profile_pb2, result_pb2


@pytest.mark.parametrize(
    ("wire", "domain"),
    [
        (campaign_pb2.SuppressionCause, SuppressionCause),
        (event_pb2.EventType, EventType),
        (profile_pb2.ConsentStatus, ConsentStatus),
        (profile_pb2.LifecycleStage, LifecycleStage),
        (profile_pb2.Purpose, Purpose),
        (profile_pb2.RfmSegment, RfmSegment),
        (result_pb2.ReasonKind, ReasonKind),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else "",
)
def test_words_of_the_wire_are_those_of_the_domain(wire: Any, domain: type[enum.StrEnum]) -> None:
    """So files, filters and terminals say the same."""
    words = {enum_word(wire, number) for number in wire.values()}
    assert words == {"", *(one.value for one in domain)}


def test_channels_are_called_as_everywhere() -> None:
    """Also those of several words."""
    words = {channel_word(number) for number in event_pb2.Channel.values()}
    assert words == {"", *(one.value for one in Channel)}


def test_what_only_a_newer_server_knows_is_a_number() -> None:
    """An older client says what it can."""
    assert enum_word(event_pb2.EventType, 999) == "999"
    assert channel_word(999) == "999"
