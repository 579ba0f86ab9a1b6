"""Items that nobody has had are in the model if asked for, and `content` recommends them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.bundle import open_bundle, write_bundle
from recsys.domain import EventType, ItemEvent, ItemId
from recsys.events import History
from recsys.recommend import ServingModel
from support.bundles import details
from support.interactions import interactions
from support.shops import START, line, write_dataset
from training import columns
from training.config import TrainConfig, parse_config
from training.dataset import Dataset
from training.fit import fit_model, prepare
from training.interactions import read_events
from training.models import (
    AlsConfig,
    Bm25Config,
    BprConfig,
    CooccurrenceConfig,
    CosineConfig,
    EaseConfig,
    IalsConfig,
    LmfConfig,
    ModelConfig,
    OrderedConfig,
    PopularityConfig,
    TfidfConfig,
    create_trainer,
)
from training.publish import bundle_contents

EVERY = "[model]\ntype = 'content'\n[filter]\nitem_users_min = 0\n"


@pytest.fixture
def shop(tmp_path: Path) -> Dataset:
    """Pens and inks; the newest of each has no event yet."""
    lines = [
        line(f"u{user}", f"{kind}{user % 2}", "purchase-complete", day=user)
        for user in range(6)
        for kind in ("pen", "ink")
    ]
    dataset = write_dataset(tmp_path / "shop", lines)
    ids = ["pen0", "pen1", "pen-new", "ink0", "ink1", "ink-new"]
    items = {columns.ITEM_ID: ids, columns.CATEGORY: [name[:3] for name in ids]}
    pl.DataFrame(items, schema_overrides=columns.ITEMS).write_parquet(
        dataset.folder / "items.parquet"
    )
    return dataset


def _served(dataset: Dataset, config: TrainConfig, folder: Path) -> ServingModel:
    whole = config.filter.item_users_min == 0
    events = read_events(dataset, whole_catalogue=whole)
    now = float(events.times.max())
    model = fit_model(
        prepare(events, config=config, features=config.features, now=now),
        config=config,
        seed=0,
    )
    contents = bundle_contents(model, item_ids=events.item_ids)
    contents.details.update(details())
    write_bundle(folder, contents)
    return ServingModel.from_bundle(open_bundle(folder))


def test_a_new_item_is_served_to_those_who_like_its_kind(shop: Dataset, tmp_path: Path) -> None:
    """By what it has in common with what they bought."""
    model = _served(shop, parse_config(EVERY), tmp_path / "bundle")
    bought = ItemEvent(
        item_id=ItemId("pen0"),
        event_type=EventType.PURCHASE_COMPLETE,
        channel=None,
        event_time=START.timestamp(),
    )
    weights = model.item_weights(History.from_events([bought]), now=START.timestamp() + 60.0)
    ranking = model.rank(weights, result_count=6, without_seen=True)
    ids = model.items.ids(ranking.rows)
    assert set(ids[:2]) == {"pen1", "pen-new"}
    assert len(ids) == 5


def test_without_being_asked_for_they_stay_out(shop: Dataset, tmp_path: Path) -> None:
    """As before."""
    config = parse_config("[model]\ntype = 'content'\n")
    model = _served(shop, config, tmp_path / "bundle")
    assert len(model.items) == 4
    assert model.items.row(ItemId("pen-new")) is None


def test_lines_get_the_same_users_with_the_whole_catalogue(shop: Dataset) -> None:
    """Only items are numbered anew."""
    some, every = read_events(shop), read_events(shop, whole_catalogue=True)
    assert set(every.item_ids) - set(some.item_ids) == {"pen-new", "ink-new"}
    assert every.item_ids == sorted(every.item_ids)
    np.testing.assert_array_equal(some.users, every.users)
    theirs = [some.item_ids[item] for item in some.items]
    assert theirs == [every.item_ids[item] for item in every.items]


@pytest.mark.parametrize(
    "config",
    [
        AlsConfig(factors=3),
        IalsConfig(factors=3),
        BprConfig(factors=3),
        LmfConfig(factors=3),
        CooccurrenceConfig(self_weight=1.0),
        CooccurrenceConfig(measure="llr"),
        OrderedConfig(),
        EaseConfig(),
        CosineConfig(),
        TfidfConfig(),
        Bm25Config(),
        PopularityConfig(),
    ],
    ids=lambda config: type(config).__name__,
)
def test_every_trainer_takes_items_without_people(config: ModelConfig) -> None:
    """Parts are finite and have a row for each, also where most items have nobody."""
    lines = [(user, item, float(user + item)) for user in range(5) for item in (1, 3)]
    parts = create_trainer(config).fit(interactions(lines, item_count=9), seed=0)
    for part in (parts.item_factors, parts.prior):
        assert part is None or (len(part) == 9 and np.isfinite(part).all())
    if parts.item_item is not None:
        assert parts.item_item.row_count == 9
        assert parts.item_item.problem(column_count=9) is None
