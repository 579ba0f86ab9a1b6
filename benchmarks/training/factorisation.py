"""Our iALS against `implicit`'s ALS, BPR and LMF: time and memory of a fit, and what it finds.

    python benchmarks/training/factorisation.py --gowalla FOLDER --factors 64,128

FOLDER holds the public `train.parquet` with user_id and item_id. A tenth of its pairs,
drawn by a seed, is hidden from all; Recall@20 and nDCG@20 are over a sample of users
by the serving kernel, seen items left out. Nothing of the test split is read. All but BPR and LMF use every
core; processor seconds are quoted beside wall seconds, because machines are shared. Each fit has
a process of its own; memory is the most that it held, less what it held before the fit.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine

from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix
from training.metrics import Targets, accuracy, find_hits
from training.models import (
    AlsConfig,
    BprConfig,
    IalsConfig,
    Interactions,
    LmfConfig,
    ModelConfig,
    create_trainer,
)
from training.ragged import csr_from_pairs, take_rows

USER_COUNT = 5_000


def hidden_tenth(path: Path) -> tuple[Interactions, CsrMatrix]:
    """Return nine tenths as interactions, and the hidden tenth."""
    pairs = pl.read_parquet(path).select("user_id", "item_id").sort("user_id", "item_id")
    users, items = pairs["user_id"].to_numpy(), pairs["item_id"].to_numpy()
    counts = {"rows": int(users.max()) + 1, "items": int(items.max()) + 1}
    hidden = np.random.default_rng(0).random(len(users)) < 0.1

    def matrix(mask: np.ndarray) -> CsrMatrix:
        return csr_from_pairs(
            rows=users[mask], columns=items[mask],
            values=np.ones(int(mask.sum()), dtype=np.float32), row_count=counts["rows"],
        )  # fmt: skip

    seen = matrix(~hidden)
    popularity = np.bincount(seen.indices, minlength=counts["items"]).astype(np.float64)
    data = Interactions(weights=seen, item_count=counts["items"], popularity=popularity)
    return data, matrix(hidden)


def measured(path: Path, config: ModelConfig) -> str:
    """Fit and rank; returns one line."""
    data, hidden = hidden_tenth(path)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    parts = create_trainer(config).fit(data, seed=0)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    asked = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(data.weights.indptr) > 0))
    asked = np.sort(np.random.default_rng(1).choice(asked, USER_COUNT, replace=False))
    seen, wanted = take_rows(data.weights, asked), take_rows(hidden, asked)
    assert parts.item_factors is not None
    assert parts.fold_in is not None
    solver = FoldIn.of_factors(parts.item_factors, parts.fold_in)
    folding = time.process_time()
    vectors = solver.solve_batch(seen, threads=2)
    folding = (time.process_time() - folding) / USER_COUNT
    scorer = Scorer(item_count=data.item_count, item_factors=parts.item_factors, prior=parts.prior)
    ranked = scorer.top_k(vectors, 20, excluded=RaggedRows(seen.indptr, seen.indices), threads=2)
    hits = find_hits(
        ranked.items,
        ranked.counts,
        Targets(wanted.indptr, wanted.indices),
        item_count=data.item_count,
    )
    values = accuracy(hits, np.diff(wanted.indptr), 20)
    return (
        f"{wall:7.1f} s  {processor:7.1f} cpu s   recall@20 {values['recall'].mean():.4f}   "
        f"ndcg@20 {values['ndcg'].mean():.4f}   fold-in {folding * 1e6:6.0f} us   {memory / 1024:6.0f} MiB"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gowalla", type=Path, required=True)
    parser.add_argument("--factors", default="64,128")
    parser.add_argument("--iterations", type=int, default=8)
    args = parser.parse_args()
    path = args.gowalla / "train.parquet"
    apart = multiprocessing.get_context("spawn")
    print(machine.describe())
    for factors in map(int, args.factors.split(",")):
        rivals: dict[str, ModelConfig] = {
            "ials": IalsConfig(factors=factors, iterations=args.iterations),
            "implicit, alpha 100": AlsConfig(
                factors=factors, iterations=args.iterations, alpha=100.0, regularization=10.0,
                popularity_weight=0.0,
            ),
            "implicit, alpha 40": AlsConfig(
                factors=factors, iterations=args.iterations, alpha=40.0, regularization=1.0,
                popularity_weight=0.0,
            ),
            "implicit, BPR": BprConfig(factors=factors),
            "implicit, LMF": LmfConfig(factors=factors),
        }  # fmt: skip
        for name, config in rivals.items():
            with ProcessPoolExecutor(max_workers=1, mp_context=apart) as process:
                line = process.submit(measured, path, config).result()
            print(f"{factors:5} {name:22} {line}", flush=True)


if __name__ == "__main__":
    main()
