"""Evaluation in users per second: ours, `implicit.evaluation`, and RecTools.

    python benchmarks/training/evaluation.py --gowalla FOLDER [--rectools PYTHON]

FOLDER holds the public `train.parquet` with user_id and item_id. A tenth of its pairs,
drawn by a seed, is hidden; nothing of the test split is read. All three rank the whole
catalogue with the same factors, of `implicit`'s ALS, for the same people at k = 20 with
two threads, seen items left out. PYTHON is one of an environment with RecTools.

Ours folds every person in from her history and keeps five metrics of each, with bootstrap
intervals of their means; `implicit` looks its own user vectors up and returns four means;
RecTools ranks by the same vectors, makes a table of recommendations and measures four.
Means must agree where definitions do: hit by hit, nDCG is compared to 0.005.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from implicit.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine

from recsys.features import FoldInConfig
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix
from training.metrics import Targets
from training.models.threads import one_blas_thread
from training.ranking import RankedItems
from training.resample import bootstrap
from training.user_values import asked, user_values

K, FACTORS, ROUNDS, THREADS = 20, 64, 3, 2
PEOPLE, ALPHA, REGULARIZATION = 5_000, 40.0, 1.0
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from rectools import Columns
from rectools.metrics import MAP, NDCG, MRR, Recall, calc_metrics
from rectools.models.rank import Distance, ImplicitRanker
from scipy import sparse
folder, rounds, k, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
load = lambda name: np.load(f"{folder}/{name}.npy")
seen = sparse.load_npz(f"{folder}/seen.npz"); hidden = sparse.load_npz(f"{folder}/hidden.npz")
users, factors, people = load("users"), load("items"), load("people")
train = pd.DataFrame({Columns.User: seen.nonzero()[0], Columns.Item: seen.nonzero()[1]})
test = pd.DataFrame({Columns.User: hidden.nonzero()[0], Columns.Item: hidden.nonzero()[1]})
metrics = {"ndcg": NDCG(k=k, divide_by_achievable=True), "recall": Recall(k=k), "map": MAP(k=k), "mrr": MRR(k=k)}
seconds, processor = [], []
for _ in range(rounds):
    start, used = time.perf_counter(), time.process_time()
    ranker = ImplicitRanker(Distance.DOT, users, factors, num_threads=threads, use_gpu=False)
    who, what, scores = ranker.rank(people, k=k, filter_pairs_csr=seen[people])
    table = pd.DataFrame({Columns.User: who, Columns.Item: what, Columns.Score: scores})
    table[Columns.Rank] = table.groupby(Columns.User, sort=False).cumcount() + 1
    found = calc_metrics(metrics, table, test, train)
    seconds.append(time.perf_counter() - start)
    processor.append(time.process_time() - used)
print(json.dumps({"seconds": seconds, "processor": processor, "means": {n: float(v) for n, v in found.items()}}))
"""


def hidden_tenth(path: Path) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return nine tenths of the pairs, and the hidden tenth of 5,000 people with a history."""
    pairs = pl.read_parquet(path).select("user_id", "item_id").unique().sort("user_id", "item_id")
    users, items = pairs["user_id"].to_numpy(), pairs["item_id"].to_numpy()
    shape = (int(users.max()) + 1, int(items.max()) + 1)
    hidden = np.random.default_rng(0).random(len(users)) < 0.1

    def matrix(mask: np.ndarray) -> sparse.csr_matrix:
        ones = np.ones(int(mask.sum()), dtype=np.float32)
        return sparse.csr_matrix((ones, (users[mask], items[mask])), shape=shape)

    seen = matrix(~hidden)
    known = np.flatnonzero((np.diff(seen.indptr) > 0) & (np.diff(matrix(hidden).indptr) > 0))
    people = np.random.default_rng(1).choice(known, PEOPLE, replace=False)
    return seen, matrix(hidden & np.isin(users, people))


def ours(
    seen: sparse.csr_matrix, hidden: sparse.csr_matrix, people: np.ndarray, factors: np.ndarray
) -> dict[str, float]:
    """Fold in, rank and measure, with intervals."""
    theirs, wanted = seen[people], hidden[people]
    history = CsrMatrix(theirs.indptr.astype(np.int64), theirs.indices, theirs.data)
    # Theirs is the confidence itself, ours what is added to that of items not seen.
    config = FoldInConfig(regularization=REGULARIZATION, alpha=ALPHA - 1.0)
    fold_in = FoldIn.of_factors(factors, config)
    vectors = fold_in.solve_batch(history, threads=THREADS)
    ranked = Scorer(item_count=len(factors), item_factors=factors).top_k(
        vectors, K, excluded=RaggedRows(history.indptr, history.indices), threads=THREADS
    )
    lists = RankedItems(items=ranked.items, counts=ranked.counts)
    targets = Targets(wanted.indptr.astype(np.int64), wanted.indices)
    kept = asked(lists, targets, item_count=len(factors))
    values = user_values(kept, users=people.astype(np.int32), k=(K,)).values
    found = bootstrap(values, count=1_000, rng=np.random.default_rng(0))
    return {name.removesuffix(f"_at_{K}"): each.mean for name, each in found.items()}


def rectools(
    python: str,
    seen: sparse.csr_matrix,
    hidden: sparse.csr_matrix,
    people: np.ndarray,
    model: AlternatingLeastSquares,
) -> dict[str, object]:
    """Measure RecTools in its own environment."""
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        sparse.save_npz(f"{folder}/seen.npz", seen)
        sparse.save_npz(f"{folder}/hidden.npz", hidden)
        for name, array in (
            ("users", model.user_factors), ("items", model.item_factors), ("people", people)
        ):  # fmt: skip
            np.save(f"{folder}/{name}.npy", array)
        arguments = [folder, str(ROUNDS), str(K), str(THREADS)]
        done = subprocess.run(
            [python, "-c", PEER, *arguments], check=True, stdout=subprocess.PIPE, text=True
        )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gowalla", type=Path, required=True)
    parser.add_argument("--rectools", help="Python of an environment with RecTools.")
    args = parser.parse_args()
    seen, hidden = hidden_tenth(args.gowalla / "train.parquet")
    people = np.flatnonzero(np.diff(hidden.indptr)).astype(np.int64)
    seconds: dict[str, list[float]] = {"ours": [], "implicit": []}
    processor: dict[str, list[float]] = {"ours": [], "implicit": []}
    with one_blas_thread():
        model = AlternatingLeastSquares(
            factors=FACTORS, alpha=ALPHA, regularization=REGULARIZATION, iterations=5,
            random_state=0, num_threads=THREADS,
        )  # fmt: skip
        model.fit(seen, show_progress=False)
        for _ in range(ROUNDS):
            start, used = time.perf_counter(), time.process_time()
            means = ours(seen, hidden, people, model.item_factors)
            seconds["ours"].append(time.perf_counter() - start)
            processor["ours"].append(time.process_time() - used)
            start, used = time.perf_counter(), time.process_time()
            theirs = ranking_metrics_at_k(
                model, seen, hidden, K=K, num_threads=THREADS, show_progress=False
            )
            seconds["implicit"].append(time.perf_counter() - start)
            processor["implicit"].append(time.process_time() - used)
    told = {"ours": means["ndcg"], "implicit": theirs["ndcg"]}
    if args.rectools:
        peer = rectools(args.rectools, seen, hidden, people, model)
        seconds["RecTools"], processor["RecTools"] = peer["seconds"], peer["processor"]
        told["RecTools"] = peer["means"]["ndcg"]
    # User vectors are those of the last half-step, folded-in ones solve it to the end.
    assert max(told.values()) - min(told.values()) < 0.005, told
    print(machine.describe())
    print(f"{len(people):,} people, {len(model.item_factors):,} items, {FACTORS} factors, k {K}")
    for name, each in seconds.items():
        ratio = median(t / o for t, o in zip(each, seconds["ours"], strict=True))
        print(
            f"{name:9} {len(people) / median(each):9,.0f} users/s  nDCG@{K} {told[name]:.4f}  "
            f"{ratio:5.2f} times our seconds, {len(people) / median(processor[name]):,.0f} users per "
            "processor second"
        )


if __name__ == "__main__":
    main()
