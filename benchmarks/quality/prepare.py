"""Published splits whose files are not yet training and test lines.

    python benchmarks/quality/prepare.py DATA OUT

DATA holds the public sets, OUT receives Parquet files for `recsys evaluate`:
`amazon_beauty/{train,test}` (leave-one-out: the history includes the validation item)
and `completejourney/{train,test}` (before and in the last four full weeks, 49 to 52).
"""

import argparse
from pathlib import Path

import polars as pl

WEEK_FIRST, WEEK_LAST = 49, 52


def beauty(data: Path, out: Path) -> None:
    """Everything but the last item of each user; the last item."""
    lines = pl.read_parquet(data / "amazon_beauty" / "sequences.parquet").rename(
        {"pos": "position"}
    )
    lines.filter(pl.col("split") != "test").write_parquet(out / "train.parquet")
    lines.filter(pl.col("split") == "test").write_parquet(out / "test.parquet")


def completejourney(data: Path, out: Path) -> None:
    """Purchases of products before week 49, and those of weeks 49 to 52."""
    lines = pl.read_parquet(data / "completejourney" / "transactions_sample.parquet").select(
        pl.col("household_id").alias("user_id"),
        pl.col("product_id").alias("item_id"),
        pl.col("transaction_timestamp").alias("event_time"),
        "week",
    )
    lines.filter(pl.col("week") < WEEK_FIRST).write_parquet(out / "train.parquet")
    after = lines.filter(pl.col("week").is_between(WEEK_FIRST, WEEK_LAST))
    after.unique(["user_id", "item_id"], maintain_order=True).write_parquet(out / "test.parquet")


def main() -> None:
    """Write every set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    for name, make in (("amazon_beauty", beauty), ("completejourney", completejourney)):
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        make(args.data, folder)
        print(folder)


if __name__ == "__main__":
    main()
