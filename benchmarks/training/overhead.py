"""Our whole `train` against `implicit`'s ALS alone, on Gowalla (810,128 interactions).

    python benchmarks/training/overhead.py --gowalla FOLDER [--processes]

FOLDER holds `train.parquet` with user_id and item_id. `implicit` is given the
ready matrix and only fits. `train` starts from an imported dataset and reads,
weighs, splits, fits, evaluates, publishes a bundle, logs to MLflow and registers.
Same factors, iterations, solver and threads, BLAS held to one thread as `implicit`
recommends; our own iALS with as many factors and rounds comes along. Runs alternate;
each round gives one ratio of times and one of CPU times, which a busy machine disturbs
less; medians and ranges are quoted. The data have no times, so times are drawn by a
seed, with the last fifth held out.

With `--processes` both are timed from the start of a process instead: `recsys train`
with all it imports, against a script that imports `implicit`, reads the matrix and fits.
"""

import argparse
import datetime as dt
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
from training.config_text import config_text
from training.dataset import Dataset
from training.ingest import import_events
from training.models import AlsConfig
from training.models.ials import IalsConfig
from training.train import train

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECONDS = 100 * 86_400
THREADS = 2
ALONE = """
import polars as pl, scipy.sparse
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits
frame = pl.read_parquet({source!r})
users, items = frame["user_id"].to_numpy(), frame["item_id"].to_numpy()
matrix = scipy.sparse.csr_matrix(([11.0] * len(users), (users, items)), dtype="float32")
with threadpool_limits(1, "blas"):
    AlternatingLeastSquares(
        factors={factors}, iterations={iterations}, regularization=0.1,
        num_threads={threads}, random_state=1,
    ).fit(matrix, show_progress=False)
"""


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


def read_matrix(source: Path) -> scipy.sparse.csr_matrix:
    """Return users x items with one confidence."""
    frame = pl.read_parquet(source)
    users, items = frame["user_id"].to_numpy(), frame["item_id"].to_numpy()
    return scipy.sparse.csr_matrix(([11.0] * len(users), (users, items)), dtype="float32")


def implicit_alone(matrix: scipy.sparse.csr_matrix, *, factors: int, iterations: int) -> None:
    """Fit `implicit` on the ready matrix."""
    with threadpool_limits(1, "blas"):
        AlternatingLeastSquares(
            factors=factors,
            iterations=iterations,
            regularization=0.1,
            num_threads=THREADS,
            random_state=1,
        ).fit(matrix, show_progress=False)


def ours(dataset: Dataset, folder: Path, *, config: TrainConfig) -> dict[str, float]:
    """Run `train`; returns seconds by step."""
    return train(
        dataset=dataset,
        config=config,
        tracking=TrackingConfig(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", promote=False),
        bundle_store=BundleStore(folder / "bundles"),
        now=dt.datetime.now(dt.UTC),
        progress=False,
    ).step_seconds


def process(arguments: list[str]) -> None:
    """Run Python to its end."""
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds and CPU seconds of a call, its child processes included."""
    started, cpu = time.perf_counter(), cpu_seconds()
    work()
    return time.perf_counter() - started, cpu_seconds() - cpu


def cpu_seconds() -> float:
    """CPU time of this process and of its children that ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def whole(args: argparse.Namespace) -> TrainConfig:
    """Return the configuration in question: the default but for factors and rounds."""
    return TrainConfig(model=AlsConfig(factors=args.factors, iterations=args.iterations))


def contestants(
    args: argparse.Namespace, folder: Path, dataset: Dataset
) -> dict[str, Callable[[], object]]:
    """What is run in each round, the yardstick first."""
    source = args.gowalla / "train.parquet"
    twice = whole(args)
    once = msgspec.structs.replace(twice, publish=PublishConfig(refit=False))
    own = TrainConfig(model=IalsConfig(factors=args.factors, iterations=args.iterations))
    if not args.processes:
        matrix = read_matrix(source)
        return {
            "implicit alone": lambda: implicit_alone(
                matrix, factors=args.factors, iterations=args.iterations
            ),
            "train": lambda: ours(dataset, folder, config=twice),
            "train, no refit": lambda: ours(dataset, folder, config=once),
            "train, our own iALS": lambda: ours(dataset, folder, config=own),
        }
    (folder / "train.toml").write_text(config_text(twice))
    script = ALONE.format(
        source=str(source), factors=args.factors, iterations=args.iterations, threads=THREADS
    )
    command = (
        *("-c", "from recsys.cli import main; main()", "train", "--no-promote"),
        *("--data", str(dataset.folder), "--config", str(folder / "train.toml")),
        *("--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--bundle-store", str(folder / "bundles")),
    )
    return {
        "implicit, process": lambda: process(["-c", script]),
        "recsys train, process": lambda: process(list(command)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gowalla", type=Path, required=True)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        as_events(args.gowalla / "train.parquet", folder / "events.parquet")
        dataset = import_events(
            source=folder / "events.parquet", preset="generic", out=folder / "dataset", now=NOW
        )
        # Creates the database and loads every library, as any first run does.
        ours(dataset, folder, config=TrainConfig(model=AlsConfig(iterations=1)))
        work = contestants(args, folder, dataset)
        measured: dict[str, list[tuple[float, float]]] = {label: [] for label in work}
        for _ in range(args.rounds):
            for label, run in work.items():
                measured[label].append(timed(run))
        steps = {} if args.processes else ours(dataset, folder, config=whole(args))
    print(machine.describe())
    yardstick = measured[next(iter(work))]
    for label, pairs in measured.items():
        print(f"{label:22} {statistics.median(pair[0] for pair in pairs):6.2f} s", end="")
        for kind, name in enumerate(("time", "CPU time")):
            ratios = [pair[kind] / base[kind] for pair, base in zip(pairs, yardstick, strict=True)]
            print(
                f"   {name} x {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
                end="",
            )
        print()
    for label, value in sorted(steps.items()):
        print(f"    {label:28} {value:6.2f} s")


if __name__ == "__main__":
    main()
