"""What items have in common: attributes from tables, and links between items that share them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from support.interactions import dense_of, from_dense
from training.attributes import attributes_of
from training.benchmark import measure
from training.config import parse_config
from training.models import BlendConfig, ContentConfig, CooccurrenceConfig, create_trainer
from training.published import read_split

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "title": ["Red shoe", "red HAT!", None],
        "brand": ["red", "", "blue"],
        "tags": [[1, 2], [2], []],
        "price": [1.0, 2.0, 3.0],
        "image_url": ["x", "x", "x"],
    }
)
FOUR = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
"""Four items: 0 and 1 share two attributes, 2 shares the common one, 3 shares nothing."""


def test_texts_and_lists_become_attributes() -> None:
    """Titles by word, lists by element, other texts whole; prices and pictures say nothing."""
    found = attributes_of(ITEMS, ["b", "unknown", "a"])
    # brand=red, tags=1, tags=2, title=hat, title=red, title=shoe
    expected = [[0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 1]]
    np.testing.assert_array_equal(dense_of(found, 6), expected)


def test_a_table_that_says_nothing_has_no_attributes() -> None:
    """A row for every item, and nothing in it."""
    found = attributes_of(ITEMS.select("item_id", "price"), ["a", "b"])
    assert found.indptr.tolist() == [0, 0, 0]


def links(config: ContentConfig, item_attributes: np.ndarray) -> np.ndarray:
    """Fit on two people and some attributes; return the item-item weights."""
    people = np.array([[1, 0, 1, 0], [0, 0, 1, 1]], dtype=np.float32)
    data = replace(from_dense(people), attributes=lambda: from_dense(item_attributes).weights)
    parts = create_trainer(config).fit(data, seed=0)
    assert parts.item_item is not None
    return dense_of(parts.item_item, len(item_attributes))


def test_links_are_the_weighted_cosine_of_attributes() -> None:
    """n_a = 3, 2, 1: with exponent 1, items 0 and 1 are the same, and 2 is like them by a third."""
    found = links(ContentConfig(attribute_exponent=1.0, popularity_exponent=0.0), FOUR)
    length, other = 1 / 3 + 1 / 2, 1 / 3
    like = (1 / 3) / np.sqrt(length * other)
    expected = [[0, 1, like, 0], [1, 0, like, 0], [like, like, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_wanted_candidates_weigh_more_and_common_attributes_can_be_left_out() -> None:
    """Item 2 has two people, item 1 none; the attribute of three items is dropped."""
    plain = links(ContentConfig(popularity_exponent=0.0), FOUR)
    found = links(ContentConfig(popularity_exponent=1.0), FOUR)
    np.testing.assert_allclose(found, plain * [2.0, 1.0, 3.0, 2.0], rtol=1e-6)
    rare = links(ContentConfig(attribute_items_max=2, popularity_exponent=0.0), FOUR)
    np.testing.assert_allclose(rare, [[0, 1, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4], rtol=1e-6)


def test_without_attributes_the_model_says_so() -> None:
    """As a model, and as a part of a blend."""
    data = from_dense(FOUR)
    blend = BlendConfig(parts=(CooccurrenceConfig(), ContentConfig()), weights=(1.0, 1.0))
    for config in (ContentConfig(), blend):
        with pytest.raises(ValueError, match="needs attributes"):
            create_trainer(config).fit(data, seed=0)


def test_items_nobody_had_are_reached_by_what_they_are(tmp_path: Path) -> None:
    """The new one of the same brand is first, through files and the blend's own weights."""
    train = pl.DataFrame(
        [(f"u{user}", item) for user in range(6) for item in ("a", "b", "c")]
        + [("asked", "d"), ("other", "new"), ("third", "noise")],
        schema=["user_id", "item_id"], orient="row",
    )  # fmt: skip
    brands = {"a": "x", "b": "x", "c": "x", "d": "y", "new": "y", "noise": "z"}
    items = pl.DataFrame({"item_id": list(brands), "brand": list(brands.values())})
    test = pl.DataFrame({"user_id": ["asked"], "item_id": ["new"]})
    for name, frame in {"train": train, "items": items, "test": test}.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    split = read_split(
        train=[tmp_path / "train.csv"], test=[tmp_path / "test.csv"],
        items=[tmp_path / "items.csv"], names={}, history_event_count_max=10,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    config = parse_config(
        "[model]\ntype = 'blend'\nweights = [1.0, 0.5]\n"
        "[[model.parts]]\ntype = 'cooccurrence'\n[[model.parts]]\ntype = 'content'\n"
    )
    found = measure(split, config, k=(1,), excluded_types=None, seed=0)
    assert found.metrics["hit_rate_at_1"] == 1.0
