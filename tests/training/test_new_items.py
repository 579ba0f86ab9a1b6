"""What a model learns of items that it does not know: vectors and priors from attributes."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from recsys.bundle import open_bundle, verify_bundle
from recsys.bundle.writer import _write_array
from recsys.catalog import Attribute, Item, Price, feature_rows
from recsys.domain import ItemId
from recsys.errors import BundleCorrupt, InvalidConfig
from support.interactions import from_dense
from support.trained import Trained
from training import columns
from training.config import NewItemsConfig, parse_config
from training.models import IalsConfig, PopularityConfig, create_trainer
from training.new_items import fit_map, items_with_features, learn_new_items

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "bundle-v7"
NOW = 1_700_000_000.0
KINDS = ("tea", "pen", "lamp", "shoe")
PER_KIND = 60


def shelf() -> tuple[list[str], pl.DataFrame]:
    """Items of four kinds, each with its own brand and words."""
    ids = [f"{kind}-{number}" for kind in KINDS for number in range(PER_KIND)]
    kinds = [name.split("-")[0] for name in ids]
    frame = pl.DataFrame(
        {
            columns.ITEM_ID: ids,
            columns.TITLE: [f"Fine {kind} No {number}" for number, kind in enumerate(kinds)],
            columns.CATEGORY: [f"Shop > {kind}" for kind in kinds],
            columns.BRAND: [f"{kind} & co" for kind in kinds],
        }
    )
    return ids, frame


def test_features_of_serving_and_training_are_the_same() -> None:
    """A row of a table and the record of the catalogue say the same of an item."""
    frame = pl.DataFrame(
        {
            columns.ITEM_ID: ["tea-1"],
            columns.TITLE: ["Grüner Tee, 100 g"],
            columns.CATEGORY: ["Drinks > Tea"],
            columns.BRAND: ["Sencha"],
            columns.PRICE: [4.5],
            columns.CURRENCY: ["EUR"],
            "attributes.colour": ["green"],
        }
    )
    said = Item(
        title="Grüner Tee, 100 g",
        category_paths=("Drinks > Tea",),
        brand="Sencha",
        prices=(Price(amount="4.5", currency="EUR"),),
        attributes={"colour": Attribute(texts=("green",))},
    )
    trained = items_with_features(frame, ["tea-1", "unknown"], now=NOW)
    served = feature_rows([(ItemId("tea-1"), said), (ItemId("unknown"), Item())], now=NOW)
    for one, other in zip(trained, served, strict=True):
        np.testing.assert_array_equal(one, other)
    # Two levels, four words, and one of each of the others; of the unknown item its id.
    assert np.diff(served.indptr).tolist() == [2 + 4 + 1 + 1 + 1 + 1, 1]


def test_each_kind_of_feature_has_length_one() -> None:
    """A long title does not drown the brand."""
    item = Item(title=" ".join(f"word{n}" for n in range(50)), brand="b")
    rows = feature_rows([(ItemId("i"), item)], now=NOW)
    squares = np.square(rows.values.astype(np.float64))
    assert len(squares) == 1 + 32 + 1
    np.testing.assert_allclose([squares[1:33].sum(), squares[33]], 1.0, rtol=1e-6)


def test_what_says_nothing_adds_nothing() -> None:
    """A title without a word and an attribute without a value, as a feed may have them."""
    item = Item(title="***", brand="b", attributes={"colour": Attribute()})
    rows = feature_rows([(ItemId("i"), item)], now=NOW)
    # The item's id and its brand.
    assert rows.values.tolist() == [1.0, 1.0]


def test_a_map_finds_what_features_add() -> None:
    """Vectors that are sums of features are found again; unknown features add nothing."""
    ids, frame = shelf()
    truth = {kind: np.eye(len(KINDS), dtype=np.float32)[at] for at, kind in enumerate(KINDS)}
    targets = np.stack([np.append(truth[name.split("-")[0]], 0.25) for name in ids])
    found = fit_map(
        items_with_features(frame, ids, now=NOW),
        targets.astype(np.float32),
        item_users=np.full(len(ids), 100),
        regularization=0.01,
    )
    new = Item(title="Fine pen No 1999", category_paths=("Shop > Pen",), brand="Pen & Co")
    vectors, priors = found.vectors(*feature_rows([(ItemId("new"), new)], now=NOW))
    np.testing.assert_allclose(vectors[0], truth["pen"], atol=0.05)
    np.testing.assert_allclose(priors, 0.25, atol=0.05)


def test_a_vector_does_not_depend_on_its_company() -> None:
    """One at a time or all at once: the same bits."""
    ids, frame = shelf()
    rng = np.random.default_rng(1)
    rows = items_with_features(frame, ids, now=NOW)
    found = fit_map(
        rows,
        rng.standard_normal((len(ids), 5)).astype(np.float32),
        item_users=rng.integers(1, 9, len(ids)),
        regularization=1.0,
    )
    together, _ = found.vectors(*rows)
    for at in (0, 77, 239):
        start, stop = rows.indptr[at : at + 2]
        alone, _ = found.vectors(
            np.array([0, stop - start]), rows.hashes[start:stop], rows.values[start:stop]
        )
        np.testing.assert_array_equal(alone[0], together[at])


def test_hidden_items_are_found_by_what_they_are_like() -> None:
    """Who likes tea gets new teas: far better than chance and than what is popular."""
    ids, frame = shelf()
    rng = np.random.default_rng(2)
    dense = np.zeros((200, len(ids)), dtype=np.float32)
    for user in range(len(dense)):
        own = rng.integers(len(KINDS)) * PER_KIND
        dense[user, own + rng.choice(PER_KIND, 15, replace=False)] = 1.0
    interactions = from_dense(dense)
    parts = create_trainer(IalsConfig(factors=8)).fit(interactions, seed=3)
    arguments = {"item_users": interactions.item_users, "config": NewItemsConfig(), "seed": 4}
    features = items_with_features(frame, ids, now=NOW)
    learned = learn_new_items(parts, features, interactions.weights, **arguments)
    assert learned is not None
    facts = learned.facts
    # 48 of the 240 items are hidden: 12 of her kind, all of which fit into a list of 20.
    assert facts["recall_at_20_low"] > 0.9
    assert facts["random/recall_at_20"] == pytest.approx(20 / 48)
    assert facts["popularity/recall_at_20_high"] < facts["recall_at_20_low"]
    assert facts["catalogue/rank"] < 0.3
    again = learn_new_items(parts, features, interactions.weights, **arguments)
    assert again is not None
    np.testing.assert_array_equal(again.map.weights, learned.map.weights)


def test_models_without_vectors_learn_no_map() -> None:
    """There is nothing that attributes could lead to."""
    ids, frame = shelf()
    interactions = from_dense(np.ones((3, len(ids)), dtype=np.float32))
    parts = create_trainer(PopularityConfig()).fit(interactions, seed=0)
    learned = learn_new_items(
        parts,
        items_with_features(frame, ids, now=NOW),
        interactions.weights,
        item_users=interactions.item_users,
        config=NewItemsConfig(),
        seed=0,
    )
    assert learned is None


def test_a_training_run_publishes_a_map(trained: Trained) -> None:
    """It is in the bundle, as long as the model's vectors, and survives every check."""
    bundle = verify_bundle(trained.result.folder)
    assert bundle.new_items is not None
    assert bundle.new_items.factor_count == bundle.manifest.factor_count
    assert bundle.manifest.format_version >= 7


def test_a_map_that_is_broken_is_refused(tmp_path: Path) -> None:
    """Also where checksums are right: the order of features is checked."""
    folder = tmp_path / "bundle"
    shutil.copytree(GOLDEN, folder)
    bundle = open_bundle(folder)
    assert bundle.new_items is not None
    wrong = np.ascontiguousarray(bundle.new_items.features[::-1])
    entry = _write_array(folder, "new_item_features", wrong)
    entries = bundle.manifest.arrays | {"new_item_features": entry}
    manifest = msgspec.structs.replace(bundle.manifest, arrays=entries)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BundleCorrupt, match="features are not in order"):
        verify_bundle(folder)


def test_wrong_settings_are_refused_by_name() -> None:
    """As of every other section."""
    with pytest.raises(InvalidConfig, match="regularizations"):
        parse_config("[new_items]\nregularizations = []\n")
