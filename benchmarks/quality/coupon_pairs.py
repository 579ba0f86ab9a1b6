"""Coupons sent to households and what was known of both when the campaign began.

A pair is a household of a campaign and a coupon of it. Nothing that happened on or after
the first day of the campaign is in a feature of the pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys.sparse import CsrMatrix
from training.models import CooccurrenceConfig, Interactions, create_trainer

PLAIN = (
    "own products",
    "own product types",
    "popularity of products",
    "popularity of types",
    "products of the coupon",
    "coupons of the campaign",
    "baskets of the household",
    "lines of the household",
    "redeemed by the household",
    "campaigns of the household",
    "redemptions of the coupon",
    "campaign type A",
    "campaign type C",
)
"""Features that look at one household or at one coupon, and at their past together."""

CF = ("co-occurrence, best product", "co-occurrence, all products", "co-occurrence of types")
"""Features that learn from other households."""

ITEMS = CooccurrenceConfig(
    neighbours=500, user_exponent=0.5, history_exponent=0.5, target_exponent=0.0
)
TYPES = CooccurrenceConfig(
    neighbours=2_000, user_exponent=0.5, history_exponent=0.5, target_exponent=0.25
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of one or more campaigns; arrays have one entry a pair, shape (m,).

    Attributes:
        campaigns: Campaign ids, int64.
        households: Household ids, int64.
        redeemed: Whether the household redeemed the coupon in the campaign.
        features: Logarithms of counts and sums, float64, shape (m, PLAIN + CF).
    """

    campaigns: NDArray[np.int64]
    households: NDArray[np.int64]
    redeemed: NDArray[np.bool_]
    features: NDArray[np.float64]

    def where(self, mask: NDArray[np.bool_]) -> "Pairs":
        """Return some pairs."""
        return Pairs(
            campaigns=self.campaigns[mask],
            households=self.households[mask],
            redeemed=self.redeemed[mask],
            features=self.features[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """Complete Journey's tables, ids as numbers from 0.

    Attributes:
        lines: `household`, `product`, `basket`, `date` of each purchase.
        coupons: Distinct `campaign`, `coupon`, `product`.
        redemptions: Distinct `household`, `campaign`, `coupon` with the first `date`.
        sent: `campaign`, `household`.
        campaigns: `campaign`, `kind`, `start`, `end`, by start.
        type_of_product: Product type by product, int32.
    """

    lines: pl.DataFrame
    coupons: pl.DataFrame
    redemptions: pl.DataFrame
    sent: pl.DataFrame
    campaigns: pl.DataFrame
    type_of_product: NDArray[np.int32]


def read_tables(folder: Path) -> Tables:
    """Read the tables; products nobody ever bought or promoted are left out."""
    names = {"household_id": "household", "product_id": "product", "coupon_upc": "coupon"}
    names |= {"campaign_id": "campaign", "basket_id": "basket", "redemption_date": "date"}

    def table(name: str) -> pl.DataFrame:
        frame = pl.read_parquet(folder / f"{name}.parquet")
        return frame.rename({old: new for old, new in names.items() if old in frame.columns})

    lines, coupons = table("transactions_sample"), table("coupons").unique()
    products = pl.concat([lines["product"], coupons["product"]]).unique().sort()
    types = (
        products.to_frame()
        .join(table("products"), on="product", how="left", maintain_order="left")
        .select(pl.col("product_type").fill_null("").rank("dense") - 1)
        .to_series()
    )
    coupon_ids = coupons["coupon"].unique().sort()
    return Tables(
        lines=lines.select(
            "household",
            _position("product", products),
            "basket",
            pl.col("transaction_timestamp").dt.date().alias("date"),
        ),
        coupons=coupons.select(
            "campaign", _position("coupon", coupon_ids), _position("product", products)
        ),
        redemptions=table("coupon_redemptions")
        .filter(pl.col("coupon").is_in(coupon_ids.to_list()))
        .group_by("household", "campaign", _position("coupon", coupon_ids))
        .agg(pl.col("date").min()),
        sent=table("campaigns"),
        campaigns=table("campaign_descriptions")
        .select(
            "campaign",
            pl.col("campaign_type").alias("kind"),
            pl.col("start_date").alias("start"),
            pl.col("end_date").alias("end"),
        )
        .sort("start", "campaign"),
        type_of_product=types.cast(pl.Int32).to_numpy(),
    )


def _position(name: str, known: pl.Series) -> pl.Expr:
    return pl.col(name).replace_strict(known, np.arange(len(known)), return_dtype=pl.Int32)


def pairs_of_campaigns(tables: Tables) -> Iterator[Pairs]:
    """Make the pairs of each campaign that sent a coupon, in the order of time."""
    for campaign in tables.campaigns.iter_rows(named=True):
        pairs = _pairs(tables, campaign)
        if pairs is not None:
            yield pairs


def _pairs(tables: Tables, campaign: dict[str, Any]) -> Pairs | None:
    number, start = campaign["campaign"], campaign["start"]
    before = tables.lines.filter(pl.col("date") < start)
    offered = tables.coupons.filter(pl.col("campaign") == number)
    households = tables.sent.filter(pl.col("campaign") == number)["household"].unique().sort()
    if not len(before) or not len(offered) or not len(households):
        return None
    coupon_ids = offered["coupon"].unique().sort()
    earlier = tables.redemptions.filter(pl.col("date") < start)
    sent_before = tables.sent.join(
        tables.campaigns.filter(pl.col("start") < start), on="campaign", how="semi"
    )
    counted = before.group_by("household").agg(pl.col("basket").n_unique(), pl.len().alias("lines"))
    own, of_coupon = _by_pair(tables, before, offered, households, coupon_ids)
    of_household = [
        _counts(households, counted.select("household", "basket")),
        _counts(households, counted.select("household", "lines")),
        _counts(households, earlier.group_by("household").len()),
        _counts(households, sent_before.group_by("household").len()),
    ]
    of_coupon.append(_counts(coupon_ids, earlier.group_by("coupon").len()))
    shape = (len(households), len(coupon_ids))
    constants = [len(coupon_ids), campaign["kind"] == "Type A", campaign["kind"] == "Type C"]
    popular_products, popular_types, sizes, redeemed_before = of_coupon
    plain = [
        own[0], own[1], popular_products, popular_types, sizes, constants[0],
        *(counts[:, None] for counts in of_household), redeemed_before, *constants[1:],
    ]  # fmt: skip
    features = np.stack(
        [np.log1p(np.broadcast_to(value, shape)).ravel() for value in [*plain, *own[2:]]], axis=1
    )
    truth = tables.redemptions.filter(pl.col("campaign") == number)
    redeemed = np.zeros(shape, dtype=np.bool_)
    known = truth.filter(
        pl.col("household").is_in(households.to_list()),
        pl.col("coupon").is_in(coupon_ids.to_list()),
    )
    redeemed[
        np.searchsorted(households, known["household"]),
        np.searchsorted(coupon_ids, known["coupon"]),
    ] = True
    return Pairs(
        campaigns=np.full(redeemed.size, number),
        households=np.repeat(households.to_numpy(), shape[1]),
        redeemed=redeemed.ravel(),
        features=features,
    )


def _by_pair(
    tables: Tables,
    before: pl.DataFrame,
    offered: pl.DataFrame,
    households: pl.Series,
    coupon_ids: pl.Series,
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return features of household and coupon together, then of coupons alone."""
    types = tables.type_of_product
    product_count, type_count = len(types), int(types.max()) + 1
    everybody = before["household"].unique().sort()
    rows = np.searchsorted(everybody, before["household"])
    products = before["product"].to_numpy()
    bought = _binary(rows, products, (len(everybody), product_count))
    bought_types = _binary(rows, types[products], (len(everybody), type_count))
    columns = np.searchsorted(coupon_ids, offered["coupon"])
    in_coupon = _binary(offered["product"].to_numpy(), columns, (product_count, len(coupon_ids)))
    types_in = _binary(types[offered["product"].to_numpy()], columns, (type_count, len(coupon_ids)))
    links, type_links = _links(bought, ITEMS), _links(bought_types, TYPES)
    asked = np.searchsorted(everybody, households)
    known = asked < len(everybody)
    known[known] = everybody.to_numpy()[asked[known]] == households.to_numpy()[known]
    chooser = csr_matrix(
        (np.ones(known.sum()), (np.flatnonzero(known), asked[known])),
        shape=(len(households), len(everybody)),
    )
    theirs, their_types = chooser @ bought, chooser @ bought_types
    propensity = theirs @ links
    best = np.zeros((len(households), len(coupon_ids)))
    by_coupon = in_coupon.tocsc()
    for column in range(len(coupon_ids)):
        members = by_coupon.indices[by_coupon.indptr[column] : by_coupon.indptr[column + 1]]
        best[:, column] = propensity[:, members].max(axis=1).toarray().ravel()
    pairs = [
        (theirs @ in_coupon).toarray(),
        (their_types @ types_in).toarray(),
        best,
        (propensity @ in_coupon).toarray(),
        (their_types @ type_links @ types_in).toarray(),
    ]
    popularity, type_popularity = (
        np.asarray(matrix.sum(axis=0)).ravel() for matrix in (bought, bought_types)
    )
    coupons = [popularity @ in_coupon, type_popularity @ types_in, in_coupon.sum(axis=0)]
    return pairs, [np.asarray(each, dtype=np.float64).ravel() for each in coupons]


def _binary(
    rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]
) -> csr_matrix:
    matrix = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _links(matrix: csr_matrix, config: CooccurrenceConfig) -> csr_matrix:
    """Fit our item-item trainer."""
    weights = CsrMatrix(matrix.indptr.astype(np.int64), matrix.indices, matrix.data)
    popularity = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    parts = create_trainer(config).fit(
        Interactions(weights=weights, item_count=matrix.shape[1], popularity=popularity), seed=0
    )
    made = parts.item_item
    assert made is not None, "co-occurrence is an item-item model"
    return csr_matrix((made.data, made.indices, made.indptr), (matrix.shape[1],) * 2)


def _counts(ids: pl.Series, counted: pl.DataFrame) -> NDArray[np.float64]:
    """Look counts up by id, 0 where there is none."""
    key, value = counted.columns
    joined = ids.to_frame(key).join(counted, on=key, how="left", maintain_order="left")
    return joined[value].fill_null(0).cast(pl.Float64).to_numpy()
