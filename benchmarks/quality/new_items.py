"""How good are recommendations of items that nothing was trained on?

    python benchmarks/quality/new_items.py DATA [SET ...]

DATA holds the public sets. Of `completejourney` and `amazon_beauty` a tenth of the items is
taken out of all lines before anything is trained; of `online_retail` all items that were
first bought in the last 56 days. Who had items of both kinds is asked by the others
(`online_retail`: by what lies before). Printed with 95 % intervals over people: lists of
20 of the new items alone by the vectors from attributes, by `content` links (of items that
are in the model), by the popularity of categories, brands and words, and by chance; and
where new items are in the whole catalogue.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.scoring import FoldIn
from recsys.sparse import CsrMatrix, row_pointers
from training.attributes import attributes_of
from training.config import NewItemsConfig
from training.metrics import Targets
from training.models import ContentConfig, IalsConfig, Interactions, create_trainer
from training.models.threads import one_blas_thread, to_scipy
from training.new_items import items_with_features, learn_new_items
from training.new_items.learn import popularity_of_kind, with_intervals
from training.new_items.measure import Askers, among_hidden, in_catalogue, scores_of_hidden
from training.ragged import csr_from_pairs, take_rows

NEW_SHARE, NEW_DAYS, SEED = 0.1, 56, 20261122


class Case(NamedTuple):
    """One set.

    Attributes:
        known: Lines to train on, `user_id` and `item_id`.
        new: Lines of new items, of people in `known` or not.
        items: What is known of all items.
    """

    known: pl.DataFrame
    new: pl.DataFrame
    items: pl.DataFrame


def completejourney(data: Path) -> Case:
    """Groceries, with department, category, type, brand, maker and size."""
    folder = data / "completejourney"
    lines = pl.read_parquet(folder / "transactions_sample.parquet").select(
        user_id="household_id", item_id=pl.col("product_id").cast(pl.String)
    )
    kinds = ["department", "product_category", "product_type"]
    items = pl.read_parquet(folder / "products.parquet").select(
        pl.col("product_id").cast(pl.String).alias("item_id"),
        pl.concat_str(kinds, separator=" > ", ignore_nulls=True).alias("category"),
        pl.col("product_type").alias("title"),
        pl.concat_str("brand", "manufacturer_id", separator=" ").alias("brand"),
        pl.col("package_size").alias("attributes.size"),
    )
    return _by_chance(lines, items)


def amazon_beauty(data: Path) -> Case:
    """Cosmetics, with numbers for categories and brands."""
    folder = data / "amazon_beauty"
    lines = pl.read_parquet(folder / "sequences.parquet").select(
        "user_id", pl.col("item_id").cast(pl.String)
    )
    items = pl.read_parquet(folder / "items.parquet").select(
        pl.col("item_id").cast(pl.String),
        pl.col("attribute_ids").cast(pl.List(pl.String)).alias("attributes.kinds"),
    )
    return _by_chance(lines, items)


def online_retail(data: Path) -> Case:
    """Gifts, with a title and a price; new are those that came last."""
    bought = pl.read_parquet(data / "online_retail" / "invoices_2009_2010.parquet").filter(
        pl.col("CustomerID").is_not_null(), pl.col("Quantity") > 0
    )
    lines = bought.select(
        user_id=pl.col("CustomerID"),
        item_id=pl.col("StockCode").cast(pl.String),
        time=pl.col("InvoiceDate").cast(pl.Datetime("us")),
    )
    items = (
        bought.sort("InvoiceDate")
        .group_by(pl.col("StockCode").cast(pl.String).alias("item_id"), maintain_order=True)
        .agg(
            pl.col("Description").first().alias("title"), pl.col("UnitPrice").first().alias("price")
        )
    )
    cut = lines["time"].max() - pl.duration(days=NEW_DAYS)
    first = lines.group_by("item_id").agg(pl.col("time").min().alias("first"))
    lines = lines.join(first, on="item_id").with_columns(cut=cut)
    return Case(
        lines.filter(pl.col("time") < pl.col("cut")),
        lines.filter(pl.col("first") >= pl.col("cut")),
        items,
    )


def _by_chance(lines: pl.DataFrame, items: pl.DataFrame) -> Case:
    ids = lines["item_id"].unique().sort()
    taken = np.random.default_rng(SEED).choice(len(ids), round(NEW_SHARE * len(ids)), replace=False)
    is_new = pl.col("item_id").is_in(ids[np.sort(taken).tolist()].to_list())
    return Case(lines.filter(~is_new), lines.filter(is_new), items)


SETS: dict[str, Callable[[Path], Case]] = {
    "completejourney": completejourney,
    "amazon_beauty": amazon_beauty,
    "online_retail": online_retail,
}


def measured(case: Case) -> dict[str, float]:
    """Train without the new items, and ask for them."""
    known_ids = case.known["item_id"].unique().sort().to_list()
    new_ids = case.new["item_id"].unique().sort().to_list()
    known = _interactions(case.known, known_ids)
    began = time.perf_counter()
    parts = create_trainer(IalsConfig()).fit(known, seed=SEED)
    fit_seconds = time.perf_counter() - began
    assert parts.item_factors is not None
    assert parts.fold_in is not None
    items = case.items
    if "price" in items.columns:
        items = items.with_columns(currency=pl.lit("GBP"))
    began = time.perf_counter()
    learned = learn_new_items(
        parts,
        items_with_features(items, known_ids, now=0.0),
        known.weights,
        item_users=known.item_users,
        config=NewItemsConfig(),
        seed=SEED,
    )
    map_seconds = time.perf_counter() - began
    assert learned is not None
    vectors, priors = learned.map.vectors(*items_with_features(items, new_ids, now=0.0))
    askers = _askers(case, known, new_ids, FoldIn.of_factors(parts.item_factors, parts.fold_in))
    scores = scores_of_hidden(askers, vectors, priors)
    everywhere = in_catalogue(askers, scores, item_factors=parts.item_factors, prior=parts.prior)
    both = [*known_ids, *new_ids]
    popularity = popularity_of_kind(
        items_with_features(items, both, now=0.0),
        np.concatenate([known.item_users, np.zeros(len(new_ids), dtype=np.int64)]),
        np.arange(len(known_ids), len(both), dtype=np.int32),
    )
    values = {}
    for name, some in (
        ("vectors", among_hidden(scores, askers.targets)),
        ("content", among_hidden(_content(items, both, askers, len(known_ids)), askers.targets)),
        ("popularity", among_hidden(popularity, askers.targets)),
    ):
        values |= {f"{name}/{metric}@20": some[metric] for metric in ("recall", "ndcg")}
    values |= {f"catalogue/{name}": some for name, some in everywhere.items()}
    return {
        "known items": len(known_ids),
        "new items": len(new_ids),
        "people": len(askers.vectors),
        "seconds of ials": fit_seconds,
        "seconds of the map": map_seconds,
        "chance/recall@20": 20 / len(new_ids),
        **{f"at training: {name}": value for name, value in learned.facts.items()},
        **with_intervals(values, rng=np.random.default_rng(SEED)),
    }


def _interactions(lines: pl.DataFrame, item_ids: list[str]) -> Interactions:
    pairs = _pairs(lines, item_ids, _users(lines))
    weights = csr_from_pairs(
        rows=pairs["user"].to_numpy(),
        columns=pairs["item"].to_numpy(),
        values=np.ones(len(pairs), dtype=np.float32),
        row_count=lines["user_id"].n_unique(),
    )
    users = np.bincount(weights.indices, minlength=len(item_ids))
    return Interactions(weights=weights, item_count=len(item_ids), popularity=users.astype(float))


def _users(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(pl.col("user_id").unique().sort()).with_row_index("user")


def _pairs(lines: pl.DataFrame, item_ids: list[str], users: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.DataFrame({"item_id": item_ids}).with_row_index("item")
    pairs = lines.join(users, on="user_id").join(numbers, on="item_id")
    return pairs.select("user", "item").unique().sort("user", "item")


def _askers(case: Case, known: Interactions, new_ids: list[str], fold_in: FoldIn) -> Askers:
    pairs = _pairs(case.new, new_ids, _users(case.known))
    people, counts = np.unique(pairs["user"].to_numpy(), return_counts=True)
    seen = take_rows(known.weights, people)
    targets = Targets(row_pointers(counts), pairs["item"].to_numpy().astype(np.int32))
    return Askers(fold_in.solve_batch(seen), seen, targets, np.empty(0, dtype=np.int32))


def _content(
    items: pl.DataFrame, item_ids: list[str], askers: Askers, known_count: int
) -> NDArray[np.float64]:
    """Score new items by links, as if they were in the model."""
    words = items.with_columns(
        [pl.col(name).cast(pl.String) for name in items.columns if name in {"price", "currency"}]
    ).drop("price", "currency", strict=False)
    if "category" in words.columns:
        words = words.with_columns(pl.col("category").str.split(" > "))
    attributes = attributes_of(words, item_ids)
    nobody = CsrMatrix(np.zeros(2, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    parts = create_trainer(ContentConfig(popularity_exponent=0.0, neighbours=10_000)).fit(
        Interactions(
            weights=nobody,
            item_count=len(item_ids),
            popularity=np.zeros(len(item_ids)),
            attributes=lambda: attributes,
        ),
        seed=SEED,
    )
    assert parts.item_item is not None
    histories = Interactions(weights=askers.seen, item_count=len(item_ids), popularity=np.empty(0))
    links = Interactions(weights=parts.item_item, item_count=len(item_ids), popularity=np.empty(0))
    scores = (to_scipy(histories) @ to_scipy(links)[:, known_count:]).toarray()
    return np.asarray(scores, dtype=np.float64)


def main() -> None:
    """Measure each set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", metavar="SET", choices=[*SETS, []])
    args = parser.parse_args()
    with one_blas_thread():
        for name in args.sets or SETS:
            print(name)
            for what, value in measured(SETS[name](args.data)).items():
                print(f"  {what}: {value:.4g}")


if __name__ == "__main__":
    main()
