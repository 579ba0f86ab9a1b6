"""The shops: where they are, what each of them carries, and how much is on the shelf."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from training import columns
from training.simulate.catalog import item_ids
from training.simulate.config import ITEM_COUNT_MAX, WorldConfig
from training.simulate.draw import F64, I64, Flags, scramble, stream
from training.simulate.vocabulary import CITIES, STREETS

_STREAM: Final = 2
_BUSY_ZIPF_EXPONENT: Final = -0.5
_CARRIED_SHARE: Final = 0.7
_OUT_OF_STOCK_SHARE: Final = 0.06
_QUANTITY_MAX: Final = 40
_HASH_RANGE: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Stores:
    """Shops as arrays.

    Attributes:
        weights: How busy each is, shape (stores,).
        theme_factors: How much more (or less) each town cares for each theme,
            shape (stores, themes); why the popular items differ between shops.
        salt: What decides about the assortment.
    """

    weights: F64
    theme_factors: F64
    salt: int

    def carries(self, *, stores: I64, items: I64) -> Flags:
        """Say which of these items these shops carry at all."""
        cells = stores * ITEM_COUNT_MAX + items
        share = scramble(cells, salt=self.salt) % np.uint64(_HASH_RANGE)
        return share < np.uint64(int(_CARRIED_SHARE * _HASH_RANGE))


def build_stores(config: WorldConfig) -> tuple[Stores, pl.DataFrame]:
    """Make up the shops.

    Returns:
        The arrays, and a table of store_id, name, city, latitude, longitude.
    """
    rng = stream(config.seed, _STREAM)
    count = config.store_count
    places = [CITIES[store % len(CITIES)] for store in range(count)]
    streets = [STREETS[store // len(CITIES) % len(STREETS)] for store in range(count)]
    table = pl.DataFrame(
        {
            columns.STORE_ID: store_ids(pl.Series(np.arange(count))),
            "name": [f"{place[0]} {street}" for place, street in zip(places, streets, strict=True)],
            "city": [place[0] for place in places],
            "latitude": np.round([place[1] for place in places] + rng.normal(0, 0.03, count), 5),
            "longitude": np.round([place[2] for place in places] + rng.normal(0, 0.03, count), 5),
        }
    )
    stores = Stores(
        weights=np.arange(1, count + 1, dtype=np.float64) ** _BUSY_ZIPF_EXPONENT,
        theme_factors=np.exp(rng.normal(0.0, 0.6, (count, config.theme_count))),
        salt=config.seed + _STREAM,
    )
    return stores, table


def stock_tables(config: WorldConfig, stores: Stores) -> Iterator[pl.DataFrame]:
    """Yield each shop's stock: store_id, item_id, quantity (0 when sold out)."""
    items = np.arange(config.item_count)
    for store in range(config.store_count):
        rng = stream(config.seed, _STREAM, 1 + store)
        carried = items[stores.carries(stores=np.full_like(items, store), items=items)]
        quantities = rng.integers(1, _QUANTITY_MAX + 1, len(carried))
        quantities[rng.random(len(carried)) < _OUT_OF_STOCK_SHARE] = 0
        yield pl.DataFrame(
            {
                columns.STORE_ID: store_ids(pl.Series(np.full(len(carried), store))),
                columns.ITEM_ID: item_ids(pl.Series(carried)),
                columns.QUANTITY: quantities,
            }
        )


def store_ids(rows: pl.Series) -> pl.Series:
    """Name shops by row; null stays null."""
    return "s" + rows.cast(pl.String).str.zfill(3)
