"""Published splits whose files are not yet training and test lines.

    python benchmarks/quality/prepare.py DATA OUT

DATA holds the public sets, OUT receives Parquet files for `recsys evaluate`:
`amazon_beauty/{train,test}` (leave-one-out: the history includes the validation item),
`completejourney/{train,test}` (before and in the last four full weeks, 49 to 52) and
`completejourney_types/{train,test}` (the same with product types in the place of products).
With --validation the last item or four weeks of each training file are the test: what
configurations were chosen on.
"""

import argparse
from pathlib import Path

import polars as pl

WEEK_FIRST, WEEK_COUNT = 49, 4


def beauty(data: Path, out: Path, *, validation: bool) -> None:
    """Everything but the last item of each user; the last item."""
    lines = pl.read_parquet(data / "amazon_beauty" / "sequences.parquet").rename(
        {"pos": "position"}
    )
    if validation:
        lines = lines.filter(pl.col("split") != "test")
    hidden = pl.col("split") == ("valid" if validation else "test")
    lines.filter(~hidden).write_parquet(out / "train.parquet")
    lines.filter(hidden).write_parquet(out / "test.parquet")


def completejourney(data: Path, out: Path, *, validation: bool) -> None:
    """Purchases of products before week 49, and those of weeks 49 to 52."""
    _cut(_purchases(data), out, validation=validation)


def completejourney_types(data: Path, out: Path, *, validation: bool) -> None:
    """The same of product types; products without one are left out."""
    types = pl.read_parquet(data / "completejourney" / "products.parquet").select(
        pl.col("product_id").alias("item_id"), "product_type"
    )
    lines = _purchases(data).join(types, on="item_id", how="left", maintain_order="left")
    typed = lines.drop("item_id").rename({"product_type": "item_id"}).drop_nulls("item_id")
    _cut(typed, out, validation=validation)


def _purchases(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "completejourney" / "transactions_sample.parquet").select(
        pl.col("household_id").alias("user_id"),
        pl.col("product_id").alias("item_id"),
        pl.col("transaction_timestamp").alias("event_time"),
        "week",
    )


def _cut(lines: pl.DataFrame, out: Path, *, validation: bool) -> None:
    first = WEEK_FIRST - WEEK_COUNT if validation else WEEK_FIRST
    lines.filter(pl.col("week") < first).write_parquet(out / "train.parquet")
    after = lines.filter(pl.col("week").is_between(first, first + WEEK_COUNT - 1))
    after.unique(["user_id", "item_id"], maintain_order=True).write_parquet(out / "test.parquet")


SETS = {
    "amazon_beauty": beauty,
    "completejourney": completejourney,
    "completejourney_types": completejourney_types,
}


def main() -> None:
    """Write every set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--validation", action="store_true")
    args = parser.parse_args()
    for name, make in SETS.items():
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        make(args.data, folder, validation=args.validation)
        print(folder)


if __name__ == "__main__":
    main()
