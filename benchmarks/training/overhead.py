"""Our whole `train` against `implicit`'s ALS alone, on Gowalla (810,128 interactions).

    python benchmarks/training/overhead.py --gowalla FOLDER

FOLDER holds `train.parquet` with user_id and item_id. `implicit` is given the
ready matrix and only fits. `train` starts from an imported dataset and reads,
weighs, splits, fits, evaluates, publishes a bundle, logs to MLflow and registers.
Same factors, iterations and threads; runs alternate; medians are quoted. The
data have no times, so times are drawn by a seed, with the last fifth held out.
"""

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import polars as pl
import scipy.sparse
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine

from recsys.bundle import BundleStore
from training.config import PublishConfig, TrackingConfig, TrainConfig
from training.dataset import Dataset
from training.ingest import import_events
from training.models import AlsConfig
from training.train import train

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECONDS = 100 * 86_400


def as_events(source: Path, out: Path) -> None:
    """Write the interactions as purchases at random times."""
    start = NOW - dt.timedelta(seconds=SECONDS)
    frame = pl.read_parquet(source)
    seconds = pl.int_range(frame.height, eager=True).shuffle(seed=1) % SECONDS
    frame.select(
        pl.col("user_id").cast(pl.String),
        pl.col("item_id").cast(pl.String),
        event_type=pl.lit("purchase-complete"),
        channel=pl.lit("web"),
        event_time=pl.lit(start) + pl.duration(seconds=seconds),
    ).write_parquet(out)


def implicit_alone(source: Path, *, factors: int, iterations: int) -> float:
    """Fit `implicit` on the ready matrix; returns seconds of `fit` alone."""
    frame = pl.read_parquet(source)
    users, items = frame["user_id"].to_numpy(), frame["item_id"].to_numpy()
    ones = scipy.sparse.csr_matrix(([11.0] * len(users), (users, items)), dtype="float32")
    model = AlternatingLeastSquares(
        factors=factors, iterations=iterations, regularization=0.1, num_threads=2, random_state=1
    )
    with threadpool_limits(1, "blas"):
        started = time.perf_counter()
        model.fit(ones, show_progress=False)
        return time.perf_counter() - started


def ours(dataset: Dataset, folder: Path, *, config: TrainConfig) -> tuple[float, dict[str, float]]:
    """Run `train` with a fresh store; returns seconds in all and by step."""
    tracking = TrackingConfig(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", promote=False)
    started = time.perf_counter()
    result = train(
        dataset=dataset, config=config, tracking=tracking,
        bundle_store=BundleStore(folder / "bundles"), now=dt.datetime.now(dt.UTC), progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    return seconds, dict(result.step_seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gowalla", type=Path, required=True)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    model = AlsConfig(factors=args.factors, iterations=args.iterations)
    once = TrainConfig(model=model, publish=PublishConfig(refit=False))
    twice = msgspec.structs.replace(once, publish=PublishConfig(refit=True))
    rows: dict[str, list[float]] = {"implicit alone": [], "train": [], "train, no refit": []}
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = args.gowalla / "train.parquet"
        as_events(source, folder / "events.parquet")
        dataset = import_events(
            source=folder / "events.parquet", preset="generic", out=folder / "dataset", now=NOW
        )
        ours(dataset, folder, config=once)  # Creates the database, as any first run does.
        for _ in range(args.rounds):
            rows["implicit alone"].append(
                implicit_alone(source, factors=args.factors, iterations=args.iterations)
            )
            rows["train, no refit"].append(ours(dataset, folder, config=once)[0])
            seconds, steps = ours(dataset, folder, config=twice)
            rows["train"].append(seconds)
    print(machine.describe())
    base = statistics.median(rows["implicit alone"])
    for label, seconds_all in rows.items():
        median = statistics.median(seconds_all)
        print(f"{label:20} {median:7.2f} s   {median / base:5.2f} x")
    for label, value in sorted(steps.items()):
        print(f"    {label:28} {value:6.2f} s")


if __name__ == "__main__":
    main()
