"""What is known of items: category, price, title, picture, and whether they are sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training import columns
from training.tables import read_tables, require_columns

SELLABLE = "sellable"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalog:
    """Facts about the n items of `Events.item_ids`, in that order.

    Attributes:
        facts: `title`, `category`, `price` and `image_url`; null where unknown.
        categories: Number of the category, -1 for unknown, int32, shape (n,).
        price_ranks: Where the price lies among those of its category (all items
            without one together): 0 cheapest, 1 dearest, NaN unknown, shape (n,).
        sellable: Which items may be recommended, shape (n,).
    """

    facts: pl.DataFrame
    categories: NDArray[np.int32]
    price_ranks: NDArray[np.float64]
    sellable: NDArray[np.bool_]

    @classmethod
    def of_frame(cls, frame: pl.DataFrame, *, item_ids: Sequence[str]) -> Self:
        """Arrange a table of items.

        Args:
            frame: `item_id` and any of `columns.ITEMS` and `sellable`. If it says what is
                sold, items that it lacks are not sold; else every item is.
            item_ids: The items wanted, in their order.
        """
        known = {
            columns.TITLE: pl.String(),
            columns.CATEGORY: pl.String(),
            columns.IMAGE_URL: pl.String(),
            columns.PRICE: pl.Float64(),
            SELLABLE: pl.Boolean(),
        }
        chosen = frame.select(
            pl.col(columns.ITEM_ID).cast(pl.String),
            *(
                (pl.col(name) if _is_plain(frame, name) else pl.lit(None))
                .cast(dtype, strict=False)
                .alias(name)
                for name, dtype in known.items()
            ),
        )
        chosen = chosen.with_columns(pl.col(SELLABLE).fill_null(value=True))
        facts = (
            pl.DataFrame({columns.ITEM_ID: pl.Series(item_ids, dtype=pl.String)})
            .join(
                chosen.unique(columns.ITEM_ID, keep="first", maintain_order=True),
                on=columns.ITEM_ID,
                how="left",
                maintain_order="left",
            )
            .with_columns(pl.col(SELLABLE).fill_null(SELLABLE not in frame.columns))
        )
        codes = facts[columns.CATEGORY].rank("dense").cast(pl.Int32) - 1
        return cls(
            facts=facts.drop(SELLABLE),
            categories=codes.fill_null(-1).to_numpy(),
            price_ranks=_price_ranks(facts),
            sellable=facts[SELLABLE].to_numpy(),
        )

    @property
    def not_all_sellable(self) -> NDArray[np.bool_] | None:
        """Which items may be recommended; None if all may."""
        return None if self.sellable.all() else self.sellable


def _is_plain(frame: pl.DataFrame, name: str) -> bool:
    """Say whether a table has one value per item; lists of categories do not count."""
    return name in frame.columns and not frame.schema[name].is_nested()


def _price_ranks(facts: pl.DataFrame) -> NDArray[np.float64]:
    price = pl.when(pl.col(columns.PRICE) > 0).then(pl.col(columns.PRICE))
    rank = (price.rank("average") - 1.0) / (price.count() - 1.0)
    return (
        facts.select(
            pl.when(price.count().over(columns.CATEGORY) > 1)
            .then(rank.over(columns.CATEGORY))
            .cast(pl.Float64)
        )
        .to_series()
        .fill_null(np.nan)
        .to_numpy()
    )


def read_items(paths: Sequence[Path], names: Mapping[str, str]) -> pl.DataFrame:
    """Read items from files.

    Args:
        paths: Parquet, CSV or JSON lines with `item_id` and any of `title`, `category`,
            `price`, `image_url` and `sellable` (true or false).
        names: Canonical column name by the files' own.

    Raises:
        InvalidData: A file cannot be read or has no `item_id`.
    """
    frame = read_tables(paths, names)
    require_columns(frame, (columns.ITEM_ID,), paths)
    return frame
