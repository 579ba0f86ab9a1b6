"""Training at size, in time and memory: ours, `implicit` and RecTools on a simulated shop.

    python benchmarks/training/large.py --out FOLDER --users 91_000 --items 20_000 [--rectools PYTHON]
    python benchmarks/training/large.py --out FOLDER --users 1_000_000 --items 200_000

The first is about 10 million event lines, the second 110 million. The shop is simulated once
(`recsys simulate`), its lines are given to the people who made them (the simulation knows),
and weights are summed per person and item once, by our own reading; that step is timed too.
Then every fit gets the same ready matrix, a process of its own, two threads and BLAS held to
one, as `implicit` recommends. Factor models have as many factors and rounds; neighbour models
keep as many neighbours. RecTools starts from a table of the same pairs, as its users do, and
wraps `implicit`. `train` is our whole job, from the lines to the published bundle, MLflow and
measurement included. Memory is the most that the process held, data and libraries included.

What a model finds is not compared here, but in factorisation.py: a simulation says nothing
about quality. PYTHON is one of an environment with RecTools.
"""

import argparse
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy import sparse
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine

from recsys.bundle import BundleStore
from recsys.features import EventWeighting
from recsys.sparse import CsrMatrix
from training import columns
from training.config import PublishConfig, TrackingConfig, TrainConfig
from training.dataset import INFO_NAME, Dataset, DatasetInfo
from training.interactions import read_events, sum_weights
from training.models import (
    CooccurrenceConfig,
    IalsConfig,
    Interactions,
    ModelConfig,
    create_trainer,
)
from training.models.threads import one_blas_thread
from training.simulate.config import USERS_PER_BLOCK
from training.simulate.run import read_info, simulate
from training.train import train

SEED, THREADS, FACTORS, ITERATIONS, NEIGHBOURS = 1, 2, 64, 15, 200
NAMES = (columns.USER_ID, columns.LOYALTY_CARD, columns.VISITOR_ID)
END = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
RECTOOLS = """
import sys, time
import numpy as np, pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel
from threadpoolctl import threadpool_limits
folder, name, factors, iterations, neighbours, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
load = lambda part: np.load(f"{folder}/{part}.npy")
pointers = load("indptr")
table = pd.DataFrame({
    Columns.User: np.repeat(np.arange(len(pointers) - 1), np.diff(pointers)),
    Columns.Item: load("indices"), Columns.Weight: load("data"), Columns.Datetime: pd.Timestamp("2026-10-31"),
})
start = time.perf_counter()
dataset = Dataset.construct(table)
with threadpool_limits(1, "blas"):
    if name == "als":
        model = ImplicitALSWrapperModel(AlternatingLeastSquares(
            factors=factors, iterations=iterations, num_threads=threads, random_state=1))
    else:
        model = ImplicitItemKNNWrapperModel(CosineRecommender(K=neighbours, num_threads=threads))
    model.fit(dataset)
print(time.perf_counter() - start)
"""


def ready(folder: Path, *, users: int, items: int) -> Path:
    """Simulate a shop, give its lines to people, sum their weights; what is there stays."""
    shop, dataset, matrix = folder / "shop", folder / "dataset", folder / "matrix"
    simulate(out=shop, user_count=users, item_count=items, seed=SEED, end_time=END, day_count=365)
    if not (dataset / INFO_NAME).is_file():
        as_dataset(shop, dataset)
    if not (matrix / "data.npy").is_file():
        matrix.mkdir(exist_ok=True)
        print(apart(["--run", "read", "--out", str(folder)], label="ours: read and sum"))
    return matrix


def names_of(people: pl.DataFrame) -> pl.DataFrame:
    """Pair every name that some people go by with its owner; a shared one is the first owner's."""
    row = pl.col("user_row").cast(pl.String).alias(columns.PROFILE_ID)
    browsers = people.select(row, pl.col("browser_ids").alias("name")).explode("name")
    single = (columns.USER_ID, columns.LOYALTY_CARD, "app_visitor_id")
    each = [people.select(row, pl.col(column).alias("name")) for column in single]
    return (
        pl.concat([*each, browsers]).drop_nulls().unique("name", keep="first", maintain_order=True)
    )


def as_dataset(shop: Path, out: Path) -> None:
    """Write the lines with the person who made each, as a finished import has them."""
    info = read_info(shop)
    assert info is not None
    (out / "events").mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    tastes = pl.read_parquet(shop / "tastes.parquet")
    for number, part in enumerate(sorted((shop / "events").glob("part-*.parquet"))):
        # Each part holds what one block of people did.
        people = tastes.slice(number * USERS_PER_BLOCK, USERS_PER_BLOCK)
        named = pl.read_parquet(part).with_columns(pl.coalesce(NAMES).alias("name"))
        named.join(names_of(people), on="name").select(*columns.RESOLVED_EVENTS).write_parquet(
            out / "events" / part.name
        )
    items = pl.read_parquet(shop / "items.parquet")
    empty = pl.DataFrame(schema=columns.ITEMS)
    pl.concat([empty, items], how="diagonal").write_parquet(out / "items.parquet")
    lines = pl.scan_parquet(out / "events" / "*.parquet")
    facts = lines.select(
        pl.len().alias("lines"),
        pl.col(columns.EVENT_TIME).min().alias("first"),
        pl.col(columns.EVENT_TIME).max().alias("last"),
        pl.col(columns.PROFILE_ID).n_unique().alias("people"),
    ).collect(engine="streaming").row(0, named=True)  # fmt: skip
    written = DatasetInfo(
        fingerprint=f"simulated-{info.user_count}-{info.item_count}-{info.seed}",
        source="simulated", preset="generic", event_count=facts["lines"], item_count=info.item_count,
        profile_count=facts["people"], start_time=facts["first"], end_time=facts["last"],
    )  # fmt: skip
    (out / INFO_NAME).write_bytes(msgspec.json.encode(written))
    print(f"{facts['lines']:,} lines of {facts['people']:,} people written in "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip


def read(folder: Path) -> float:
    """Sum weights per person and item, and keep the matrix for every fit."""
    start = time.perf_counter()
    events = read_events(Dataset.open(folder / "dataset"))
    weighting = EventWeighting(TrainConfig().features)
    weights = sum_weights(events, weighting=weighting, now=END.timestamp())
    seconds = time.perf_counter() - start
    for name, array in (
        ("indptr", weights.indptr), ("indices", weights.indices), ("data", weights.data),
    ):  # fmt: skip
        np.save(folder / "matrix" / f"{name}.npy", array)
    return seconds


def loaded(folder: Path) -> CsrMatrix:
    """Return the ready matrix."""
    return CsrMatrix(
        *(np.load(folder / "matrix" / f"{n}.npy") for n in ("indptr", "indices", "data"))
    )


def ours(folder: Path, config: ModelConfig) -> float:
    """Fit one of our models."""
    weights = loaded(folder)
    item_count = int(weights.indices.max()) + 1
    popularity = np.bincount(weights.indices, minlength=item_count).astype(np.float64)
    data = Interactions(weights=weights, item_count=item_count, popularity=popularity)
    start = time.perf_counter()
    with one_blas_thread():
        create_trainer(config).fit(data, seed=SEED)
    return time.perf_counter() - start


def implicit(folder: Path, name: str) -> float:
    """Fit one of `implicit`'s models."""
    weights = loaded(folder)
    matrix = sparse.csr_matrix((weights.data, weights.indices, weights.indptr))
    neighbours = {"cosine": CosineRecommender, "bm25": BM25Recommender, "tfidf": TFIDFRecommender}
    start = time.perf_counter()
    with threadpool_limits(1, "blas"):
        if name == "als":
            AlternatingLeastSquares(
                factors=FACTORS, iterations=ITERATIONS, num_threads=THREADS, random_state=SEED
            ).fit(matrix, show_progress=False)
        else:
            neighbours[name](K=NEIGHBOURS, num_threads=THREADS).fit(matrix, show_progress=False)
    return time.perf_counter() - start


def whole(folder: Path, config: ModelConfig) -> float:
    """Run the whole job on the lines, with one fit."""
    start = time.perf_counter()
    train(
        dataset=Dataset.open(folder / "dataset"),
        config=TrainConfig(model=config, publish=PublishConfig(refit=False)),
        tracking=TrackingConfig(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", promote=False),
        bundle_store=BundleStore(folder / "bundles"),
        now=dt.datetime.now(dt.UTC),
        progress=False,
    )
    return time.perf_counter() - start


IALS = IalsConfig(factors=FACTORS, iterations=ITERATIONS)
LINKS = CooccurrenceConfig(neighbours=NEIGHBOURS)
WORK: dict[str, Callable[[Path], float]] = {
    "read": read,
    "ours: ials": lambda folder: ours(folder, IALS),
    "implicit: als": lambda folder: implicit(folder, "als"),
    "ours: cooccurrence": lambda folder: ours(folder, LINKS),
    "implicit: cosine": lambda folder: implicit(folder, "cosine"),
    "implicit: bm25": lambda folder: implicit(folder, "bm25"),
    "implicit: tfidf": lambda folder: implicit(folder, "tfidf"),
    "ours: train, ials": lambda folder: whole(folder, IALS),
    "ours: train, cooccurrence": lambda folder: whole(folder, LINKS),
}


def apart(arguments: list[str], *, label: str, python: str = sys.executable) -> str:
    """Run in a process of its own; returns a line of its seconds and memory."""
    script = [] if arguments[0] == "-c" else [__file__]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen(
        [python, *script, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().strip().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return f"{label:28} ended with {process.returncode} at {used.ru_maxrss / 2**20:5.1f} GiB"
    processor = used.ru_utime + used.ru_stime
    return (
        f"{label:28} {float(said[-1]):8.1f} s   {processor:8.1f} cpu s of the process   "
        f"{used.ru_maxrss / 2**20:5.1f} GiB"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="holds the shop and what is made")
    parser.add_argument("--users", type=int, default=91_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--rectools", help="Python of an environment with RecTools")
    parser.add_argument("--only", help="labels, separated by commas")
    parser.add_argument("--run", choices=tuple(WORK), help="one piece of work, in this process")
    args = parser.parse_args()
    folder = args.out.resolve()
    if args.run:
        print(WORK[args.run](folder))
        return
    print(machine.describe())
    folder.mkdir(parents=True, exist_ok=True)
    matrix = ready(folder, users=args.users, items=args.items)
    pointers = np.load(matrix / "indptr.npy")
    print(f"{len(pointers) - 1:,} people, {pointers[-1]:,} pairs", flush=True)
    wanted = args.only.split(",") if args.only else [name for name in WORK if name != "read"]
    for label in wanted:
        print(apart(["--run", label, "--out", str(folder)], label=label), flush=True)
    if args.rectools:
        numbers = [str(n) for n in (FACTORS, ITERATIONS, NEIGHBOURS, THREADS)]
        for name in ("als", "cosine"):
            arguments = ["-c", RECTOOLS, str(matrix), name, *numbers]
            print(apart(arguments, label=f"RecTools: {name}", python=args.rectools), flush=True)


if __name__ == "__main__":
    main()
