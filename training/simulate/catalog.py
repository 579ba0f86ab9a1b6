"""The catalogue of the simulated shop, and the themes hidden in it."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from training import columns
from training.simulate.config import WorldConfig
from training.simulate.draw import F64, I64, stream, weighted
from training.simulate.vocabulary import BRANDS, KINDS, STYLES, VARIANTS

CURRENCY: Final = "EUR"
ITEM_ID_DIGITS: Final = 6
_STREAM: Final = 1
_ZIPF_EXPONENT: Final = 0.85
_THEME_ZIPF_EXPONENT: Final = 0.4
_BRANDS_PER_THEME: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Items as arrays; `theme` is what tastes are planted on.

    Attributes:
        theme: Theme of each item, shape (items,).
        price: Euros, shape (items,).
        by_theme: Item rows grouped by theme, shape (items,).
        bounds: Ascending; the items of theme t hold the interval [t, t + 1) by
            their popularity within it, in the order of `by_theme`, shape (items,).
        theme_weights: How many people care for each theme, shape (themes,).
        theme_kinds: Position in `KINDS` of each theme, shape (themes,).
    """

    theme: I64
    price: F64
    by_theme: I64
    bounds: F64
    theme_weights: F64
    theme_kinds: I64

    def choose(self, rng: np.random.Generator, themes: I64) -> I64:
        """Draw one item of each theme by popularity; shape as `themes`."""
        positions = np.searchsorted(self.bounds, themes + rng.random(len(themes)), side="right")
        return self.by_theme[positions]

    def choose_any(self, rng: np.random.Generator, count: int) -> I64:
        """Draw items by popularity alone."""
        return self.choose(rng, weighted(rng, self.theme_weights, count))


def build_catalog(config: WorldConfig) -> tuple[Catalog, pl.DataFrame]:
    """Make up the items.

    Returns:
        The arrays, and the table of columns.ITEMS without `image_url`.
    """
    rng = stream(config.seed, _STREAM)
    ranks = np.arange(1, config.theme_count + 1, dtype=np.float64)
    theme_weights: F64 = ranks**-_THEME_ZIPF_EXPONENT
    # Every theme has an item, so that every taste can be served.
    theme = np.concatenate(
        [
            np.arange(config.theme_count),
            rng.integers(0, config.theme_count, config.item_count - config.theme_count),
        ]
    )
    rng.shuffle(theme)
    by_theme = np.lexsort((rng.random(config.item_count), theme))
    theme_kinds = np.arange(config.theme_count) % len(KINDS)
    typical = np.array([kind.price for kind in KINDS])[theme_kinds[theme]]
    price = np.round(typical * np.exp(rng.normal(0.0, 0.45, config.item_count)), 1) - 0.01
    price = np.maximum(price, 0.49)
    catalog = Catalog(
        theme=theme,
        price=price,
        by_theme=by_theme,
        bounds=_popularity_bounds(theme[by_theme], config.theme_count),
        theme_weights=theme_weights,
        theme_kinds=theme_kinds,
    )
    return catalog, _item_table(config, rng, theme, price)


def _popularity_bounds(sorted_theme: I64, theme_count: int) -> F64:
    """Give each item its part of its theme's unit interval, Zipf-distributed."""
    bounds = np.empty(len(sorted_theme), dtype=np.float64)
    firsts = np.searchsorted(sorted_theme, np.arange(theme_count + 1))
    for theme in range(theme_count):
        first, last = firsts[theme], firsts[theme + 1]
        shares = np.cumsum(np.arange(1, last - first + 1) ** -_ZIPF_EXPONENT)
        bounds[first:last] = theme + shares / shares[-1]
    return bounds


def _item_table(
    config: WorldConfig, rng: np.random.Generator, theme: I64, price: F64
) -> pl.DataFrame:
    count = config.item_count
    brands = (theme * 5 + rng.integers(0, _BRANDS_PER_THEME, count)) % len(BRANDS)
    nouns = rng.integers(0, math.lcm(*(len(kind.nouns) for kind in KINDS)), count)
    variants = rng.integers(0, len(VARIANTS), count)
    titles = []
    categories = []
    for item in range(count):
        kind = KINDS[theme[item] % len(KINDS)]
        # A style tells themes of the same kind apart, as lines of a brand do.
        style = STYLES[theme[item] // len(KINDS) % len(STYLES)]
        noun = kind.nouns[nouns[item] % len(kind.nouns)]
        titles.append(f"{BRANDS[brands[item]]} {style} {noun}, {VARIANTS[variants[item]]}")
        categories.append(kind.category)
    return pl.DataFrame(
        {
            columns.ITEM_ID: item_ids(pl.Series(np.arange(count))),
            columns.TITLE: titles,
            columns.CATEGORY: categories,
            columns.BRAND: [BRANDS[brand] for brand in brands],
            columns.PRICE: price,
            columns.CURRENCY: [CURRENCY] * count,
        }
    )


def item_ids(rows: pl.Series) -> pl.Series:
    """Name items by row; null stays null."""
    return "i" + rows.cast(pl.String).str.zfill(ITEM_ID_DIGITS)
