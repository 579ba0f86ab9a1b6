"""A model that knows teas and pens, and a map that knows what makes an item either."""

from pathlib import Path
from typing import Any

import numpy as np

from recsys.bundle import NewItemMap
from recsys.catalog import Item, feature_rows
from recsys.domain import ItemId
from recsys.recommend import ServingModel
from support.bundles import make_bundle

KINDS = ("tea", "pen")
KNOWN = [f"{kind}-{number}" for kind in KINDS for number in range(10)]
NOW = 1_800_000_000.0


def item_of(name: str) -> Item:
    """What the catalogue says of an item of a kind."""
    return Item(
        title=name, category_paths=(name.split("-", maxsplit=1)[0],), brand=f"maker of {name}"
    )


def map_of(weight_of: dict[str, list[float]]) -> NewItemMap:
    """Make a map: what each category adds to vectors of two factors and to the prior."""
    rows = {
        int(feature_rows([(ItemId("x"), Item(category_paths=(kind,)))], now=NOW).hashes[1]): added
        for kind, added in weight_of.items()
    }
    names = sorted(rows)
    weights = [[0.0, 0.0, 0.0], *(rows[name] for name in names)]
    return NewItemMap(
        features=np.array(names, dtype=np.uint64), weights=np.array(weights, dtype=np.float32)
    )


def shop_model(folder: Path, *, strength: float = 1.0, **parts: Any) -> ServingModel:
    """Teas point one way, pens the other; new ones likewise, `strength` times as far."""
    rng = np.random.default_rng(7)
    factors = rng.uniform(0.0, 0.1, (len(KNOWN), 2))
    factors[: len(KNOWN) // 2, 0] += 1.0
    factors[len(KNOWN) // 2 :, 1] += 1.0
    added = {"tea": [strength, 0.0, 0.0], "pen": [0.0, strength, 0.0]}
    bundle = make_bundle(folder, KNOWN, factors=factors, new_items=map_of(added), **parts)
    return ServingModel.from_bundle(bundle)
