"""The contract, the generated code and the limits say the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from recsys import limits
from recsys.consent import ConsentStatus, Purpose
from recsys.domain import Channel, EventType, FallbackCause, ReasonKind, ShortfallCause
from recsys.offers import ReservationState
from recsys.offers.query import PropensityBasis
from recsys.profiles import LifecycleStage, RfmSegment
from recsys.triggers import AckOutcome, MessageState, Occasion
from recsys.v1 import (
    event_pb2,
    offer_pb2,
    offer_service_pb2,
    profile_pb2,
    result_pb2,
    trigger_service_pb2,
)


def test_generated_code_is_current(repo_root: Path, tmp_path: Path) -> None:
    """Regenerating gives the committed files, byte for byte."""
    protos = sorted(str(path) for path in (repo_root / "proto/recsys/v1").glob("*.proto"))
    services = [name for name in protos if name.endswith("_service.proto")]
    for outputs, names in (
        ([f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"], protos),
        ([f"--grpc_python_out={tmp_path}"], services),
    ):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"-I{repo_root / 'proto'}",
                *outputs,
                *names,
            ],
            check=True,
        )
    fresh = {path.name: path.read_bytes() for path in (tmp_path / "recsys/v1").iterdir()}
    committed = {path.name: path.read_bytes() for path in (repo_root / "recsys/v1").glob("*_pb2*")}
    assert fresh == committed, "run `make proto`"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("recommendation_service", f"[1, {limits.RESULT_COUNT_MAX}]"),
        ("recommendation_service", f"0 or absent means {limits.RESULT_COUNT_DEFAULT}"),
        ("recommendation_service", f"at most {limits.EXCLUDE_COUNT_MAX} "),
        ("recommendation_service", f"1 to {limits.PLACEMENT_CHARS_MAX} lower case letters"),
        ("recommendation_service", f"at most {limits.ATTRIBUTION_TOKEN_BYTES_MAX} bytes"),
        ("recommendation_service", f"The items, 1 to {limits.RANK_COUNT_MAX} in any order"),
        ("recommendation_service", f"or CLICK, at most {limits.EVENT_TYPE_COUNT_MAX};"),
        ("recommendation_service", f"What to fill, 1 to {limits.SLOT_COUNT_MAX} slots"),
        ("recommendation_service", f"page before, at most {limits.PAGE_TOKEN_BYTES_MAX} bytes"),
        ("recommendation_service", f"would have more than {limits.PAGED_COUNT_MAX} items"),
        ("result", f"her newest {limits.HISTORY_EVENT_COUNT_MAX} lines"),
        ("subject", f"1 to {limits.IDENTIFIER_BYTES_MAX} bytes"),
        ("subject", f"at most {limits.IDENTIFIER_COUNT_MAX}:"),
        ("subject", f"1 to {limits.NAMESPACE_CHARS_MAX} characters"),
        ("event", f"1 to {limits.ITEM_ID_BYTES_MAX} bytes"),
        ("event", f"(0, {limits.QUANTITY_MAX:.0f}]"),
        ("event", f"at most {limits.EVENT_LINE_COUNT_MAX} lines"),
        ("event", f"More than {limits.CLOCK_SKEW_SECONDS_MAX // 60} minutes ahead"),
        ("event", f"at most {limits.SESSION_ID_BYTES_MAX} bytes"),
        ("event", f"at most {limits.EVENT_ID_BYTES_MAX} bytes: the same event"),
        (
            "event",
            f"token of the answer that led here, at most {limits.ATTRIBUTION_TOKEN_BYTES_MAX}",
        ),
        ("event", f"offer seen or used, at most {limits.OFFER_ID_BYTES_MAX} bytes"),
        ("event", f"searched for, at most {limits.SEARCH_QUERY_BYTES_MAX} bytes"),
        ("event", f"page before, at most {limits.REFERRER_BYTES_MAX} bytes"),
        ("event", f"Whole units of the amount, in [0, {limits.MONEY_UNITS_MAX}]"),
        ("event_service", f"1 to {limits.WRITE_EVENT_COUNT_MAX} events"),
        ("event_service", f"Any of these, at most {limits.PURGE_VALUE_COUNT_MAX}."),
        ("event_service", f"wrong fields, at most {limits.VIOLATION_COUNT_MAX},"),
        ("catalog", f"1 to {limits.ITEM_ID_BYTES_MAX} bytes of UTF-8"),
        ("catalog", f"For people, at most {limits.TITLE_BYTES_MAX} bytes."),
        ("catalog", f"at most {limits.CATEGORY_PATH_COUNT_MAX} paths"),
        ("catalog", f"1 to {limits.PATH_LEVEL_COUNT_MAX} levels"),
        ("catalog", f"at most {limits.CATEGORY_PATH_BYTES_MAX} bytes in all"),
        ("catalog", f"Who makes it, at most {limits.BRAND_BYTES_MAX} bytes"),
        ("catalog", f"At most {limits.PRICE_COUNT_MAX} prices"),
        ("catalog", f"How it looks, at most {limits.URL_BYTES_MAX} bytes"),
        ("catalog", f"Whatever else is known, at most {limits.ATTRIBUTE_COUNT_MAX}."),
        ("catalog", f"1 to {limits.ATTRIBUTE_NAME_CHARS_MAX} letters"),
        (
            "catalog",
            f"At most {limits.ATTRIBUTE_VALUE_COUNT_MAX}, of 1 to {limits.ATTRIBUTE_VALUE_BYTES_MAX} ",
        ),
        ("catalog", f"in [0, {limits.AGE_MAX}]"),
        ("catalog", f"[-{limits.MONEY_UNITS_MAX}, {limits.MONEY_UNITS_MAX}]"),
        ("catalog", f"in [0, {limits.STOCK_QUANTITY_MAX}]"),
        ("catalog", f"1 to {limits.ADJUSTMENT_ID_BYTES_MAX} bytes, such as the receipt"),
        ("catalog", f"more than {limits.CLOCK_SKEW_SECONDS_MAX // 60} minutes ahead"),
        ("catalog_service", f"1 to {limits.CATALOG_WRITE_COUNT_MAX} items, each id once"),
        ("catalog_service", f"1 to {limits.CATALOG_WRITE_COUNT_MAX} counts"),
        ("catalog_service", f"in [1, {limits.CATALOG_PAGE_SIZE_MAX}]"),
        ("catalog_service", f"0 or absent means {limits.CATALOG_PAGE_SIZE_DEFAULT};"),
        ("catalog_service", f"`attributes.color`; at most {limits.MASK_PATH_COUNT_MAX}."),
        ("catalog_service", f"more than {limits.ITEM_KEPT_BYTES_MAX} bytes"),
        ("profile", f"newest {limits.PROFILE_EVENT_COUNT_MAX} events"),
        ("profile", f"at most {limits.CONSENT_SOURCE_BYTES_MAX} bytes"),
        ("profile_service", f"1 to {limits.CONSENT_COUNT_MAX} statements"),
        ("profile_service", f"1 to {limits.LOYALTY_TIER_COUNT_MAX} statements"),
        ("profile_service", f"at most {limits.OFFER_NAME_BYTES_MAX} bytes"),
        ("offer", f"id, 1 to {limits.OFFER_ID_BYTES_MAX} bytes"),
        ("offer", f"time; at most {limits.OFFER_NAME_BYTES_MAX} bytes. Empty for none"),
        ("offer", f"At most {limits.OFFER_STACK_DEPTH_MAX} on top of each other"),
        ("offer", f"in [-{limits.OFFER_PRIORITY_MAX}, {limits.OFFER_PRIORITY_MAX}]"),
        ("offer", f"in [1, {limits.OFFER_UNIT_COUNT_MAX}]"),
        ("offer", f"at most {limits.OFFER_CAP_COUNT_MAX}, each of another period"),
        ("offer", f"So often, in [1, {limits.OFFER_CAP_USE_COUNT_MAX}]"),
        ("offer", f"up to {limits.OFFER_CAP_DAYS_MAX} days"),
        ("offer", f"within that; at most {limits.OFFER_HOURS_COUNT_MAX}."),
        ("offer", f"These; at most {limits.OFFER_LIST_COUNT_MAX}."),
        ("offer", f"Around points; at most {limits.OFFER_AREA_COUNT_MAX}."),
        ("offer", f"3 to {limits.OFFER_CORNER_COUNT_MAX}, in their order"),
        ("offer", f"Along the ground, in (0, {limits.OFFER_RADIUS_KM_MAX:.0f}]"),
        ("offer", f"paid for, in [1, {limits.OFFER_PIECE_COUNT_MAX}]"),
        ("offer", f"In [1, {limits.OFFER_POINT_COUNT_MAX}]."),
        ("offer_service", f"There may be {limits.OFFER_COUNT_MAX} offers"),
        ("offer_service", f"1 to {limits.OFFER_WRITE_COUNT_MAX} offers, each id once"),
        ("offer_service", f"1 to {limits.RESERVATION_ID_BYTES_MAX} bytes of UTF-8"),
        ("offer_service", f"up to {limits.HOLD_SECONDS_MAX / 86_400:.0f} days"),
        ("offer_service", f"Absent means {limits.HOLD_SECONDS_DEFAULT / 60:.0f} minutes"),
        ("trigger_service", f"1 to {limits.CONSUMER_CHARS_MAX} lower case letters"),
        ("trigger_service", f"these triggers, at most {limits.TRIGGER_LIST_COUNT_MAX}."),
        ("trigger_service", f"up to {limits.LEASE_SECONDS_MAX:.0f} s"),
        ("trigger_service", f"Absent means {limits.LEASE_SECONDS_DEFAULT:.0f} s"),
        ("trigger_service", f"decided, 1 to {limits.HAND_OUT_COUNT_MAX}."),
        ("trigger_service", f"each, 1 to {limits.ACK_COUNT_MAX} messages"),
        ("context", f"at most {limits.RECENT_EVENT_COUNT_MAX} events"),
        ("context", f"at most {limits.RECENT_LINE_COUNT_MAX} lines in all"),
        ("recommendation_service", f"at most {limits.VIOLATION_COUNT_MAX} field violations"),
    ],
)
def test_the_contract_states_the_limits(repo_root: Path, file: str, sentence: str) -> None:
    """Each bound in limits.py stands in the proto comments."""
    text = (repo_root / f"proto/recsys/v1/{file}.proto").read_text()
    flat = re.sub(r"\s*\n\s*//\s*", " ", text)
    assert sentence in flat


@pytest.mark.parametrize(
    ("members", "enum", "prefix"),
    [
        (EventType, event_pb2.EventType, "EVENT_TYPE_"),
        (Channel, event_pb2.Channel, "CHANNEL_"),
        (ReasonKind, result_pb2.ReasonKind, "REASON_KIND_"),
        (ShortfallCause, result_pb2.ShortfallCause, "SHORTFALL_CAUSE_"),
        (Purpose, profile_pb2.Purpose, "PURPOSE_"),
        (ConsentStatus, profile_pb2.ConsentStatus, "CONSENT_STATUS_"),
        (RfmSegment, profile_pb2.RfmSegment, "RFM_SEGMENT_"),
        (LifecycleStage, profile_pb2.LifecycleStage, "LIFECYCLE_STAGE_"),
        (FallbackCause, result_pb2.FallbackCause, "FALLBACK_CAUSE_"),
        (PropensityBasis, offer_service_pb2.OfferReason, "OFFER_REASON_"),
        (ReservationState, offer_pb2.ReservationState, "RESERVATION_STATE_"),
        (MessageState, trigger_service_pb2.TriggerMessageState, "TRIGGER_MESSAGE_STATE_"),
        (Occasion, trigger_service_pb2.TriggerOccasion, "TRIGGER_OCCASION_"),
        (AckOutcome, trigger_service_pb2.TriggerAckOutcome, "TRIGGER_ACK_OUTCOME_"),
    ],
    ids=[
        "event types",
        "channels",
        "reasons",
        "shortfall causes",
        "purposes",
        "statuses",
        "segments",
        "stages",
        "fallback causes",
        "reasons of offers",
        "states of reservations",
        "states of messages",
        "occasions of triggers",
        "acknowledgements",
    ],
)
def test_domain_and_contract_have_the_same_members(members, enum, prefix) -> None:  # noqa: ANN001 - enum classes of two worlds
    """Every domain value has its proto value with the same number, and none is missing."""
    expected = {
        prefix + member.name: getattr(member, "code", position)
        for position, member in enumerate(members, start=1)
    }
    actual = {name: number for name, number in enum.items() if number}
    assert actual == expected
