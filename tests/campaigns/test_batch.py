"""Batches over a storage, without a server: what is read, and what is said of each."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from recsys.campaigns import (
    Batch,
    BatchQuery,
    CampaignSettings,
    FrequencyRules,
    Sent,
    SuppressionCause,
    read_frequency,
)
from recsys.consent import Purpose
from recsys.domain import Channel, Identifier, ItemId
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.serving.storage import Storage
from storage.event_log_contract import NOW, event
from support.bundles import make_bundle, two_worlds

ANNA = Identifier("account", "anna")


def no_categories(item_ids: Collection[ItemId], /, *, now: float) -> Mapping[ItemId, str]:
    """As `CategoriesOf`."""
    del item_ids, now
    return {}


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """Six items."""
    ids = [f"i{row}" for row in range(6)]
    return ServingModel.from_bundle(make_bundle(tmp_path / "v1", ids, factors=two_worlds(6)))


@pytest.fixture
def store(tmp_path: Path, open_one: Callable[[str], Storage]) -> Storage:
    """One person."""
    found = open_one(str(tmp_path / "store.sqlite"))
    assert found.log is not None
    found.log.append([event("e", who=[ANNA], items=["i1"])])
    return found


def batch(
    store: Storage, frequency: Callable[[], FrequencyRules] = FrequencyRules, **more: bool
) -> Batch:
    """A batch for a page that is made in advance."""
    assert store.campaign_people is not None
    return Batch(
        BatchQuery(
            question=RecommendQuery(channel=Channel.EMAIL, result_count=2),
            purpose=Purpose.PERSONALISE, as_of=NOW, send_time=NOW, **more,
        ),
        people=store.campaign_people,
        recommender=Recommender(histories=store.histories),
        settings=CampaignSettings(
            time_zone=dt.UTC, messages_by_default=False, frequency=frequency,
            categories_of=no_categories,
        ),
    )  # fmt: skip


def test_one_part_goes_by_the_same_frequency_rules(store: Storage, model: ServingModel) -> None:
    """Those that change meanwhile hold from the next part on."""
    none = FrequencyRules()
    never = read_frequency(
        '[email]\nquiet_hours = "00:00-23:59"\npurposes = ["personalise"]', source="test"
    )
    turns = iter([none, never])
    under_way = batch(store, lambda: next(turns, never))
    first = under_way.subjects(model, [(ANNA,)])
    assert [one.suppression for one in first.people] == [None]
    (refused,) = batch(store, lambda: never).checked([Sent((ANNA,))])
    assert refused == (SuppressionCause.QUIET_HOURS, {})
    turns = iter([none, never])
    checked = [under_way.checked([Sent((ANNA,))])[0].cause for _ in range(2)]
    assert checked == [None, SuppressionCause.QUIET_HOURS]


def test_habits_are_said_where_they_are_asked_for(store: Storage, model: ServingModel) -> None:
    """Else nothing of hers was read that could tell them."""
    (plain,) = batch(store).subjects(model, [(ANNA,)]).people
    assert (plain.channel, plain.hour, plain.time_zone) == (None, None, "")
    (said,) = batch(store, with_habits=True).subjects(model, [(ANNA,)]).people
    assert said.time_zone == "UTC"
