r"""What a sequence model finds: SASRec of RecTools on lines held out of the training lines.

    python benchmarks/quality/prepare.py DATA OUT --validation
    PYTHON benchmarks/quality/sequence.py OUT/amazon_beauty [--loss softmax|gBCE] [--epochs 30]
    recsys evaluate --train OUT/amazon_beauty/train.parquet --test OUT/amazon_beauty/test.parquet \
        --config benchmarks/quality/beauty.toml --k 10 --map position=position

PYTHON is one of an environment with `RecTools[torch]`. SASRec: Kang, McAuley (2018); its
loss over all items, or gBCE with sampled ones: gSASRec, Petrov, Macdonald (2023). Every user's
last training item is hidden from both; every item not in the history is ranked. No test line
is read. Also printed: seconds of training, and of a user's answer.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

K = 10


def as_table(path: Path) -> pd.DataFrame:
    """Read lines as RecTools wants them: positions stand for times."""
    lines = pd.read_parquet(path)
    return pd.DataFrame(
        {
            Columns.User: lines["user_id"],
            Columns.Item: lines["item_id"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.Timestamp("2020-01-01") + pd.to_timedelta(lines["position"], "D"),
        }
    )


def figures(found: pd.DataFrame, wanted: pd.DataFrame) -> dict[str, float]:
    """Return the hit rate and nDCG of one wanted item a user."""
    hits = found.merge(wanted[[Columns.User, Columns.Item]])
    users = wanted[Columns.User].nunique()
    gains = 1.0 / np.log2(hits[Columns.Rank] + 1.0)
    return {"hit_rate_at_10": len(hits) / users, "ndcg_at_10": float(gains.sum()) / users}


def main() -> None:
    """Train, ask after every few epochs, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds train.parquet and test.parquet")
    parser.add_argument("--loss", choices=("softmax", "gBCE"), default="softmax")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--every", type=int, default=5, help="epochs between two figures")
    parser.add_argument("--factors", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    lines, wanted = as_table(args.folder / "train.parquet"), as_table(args.folder / "test.parquet")
    dataset = Dataset.construct(lines)
    model = SASRecModel(
        n_blocks=2, n_heads=2, n_factors=args.factors, dropout_rate=0.3, session_max_len=50,
        loss=args.loss, n_negatives=256 if args.loss == "gBCE" else 1, lr=1e-3, batch_size=128,
        epochs=args.every, deterministic=True,
    )  # fmt: skip
    seconds = 0.0
    for done in range(args.every, args.epochs + 1, args.every):
        start = time.perf_counter()
        model.fit_partial(dataset, min_epochs=args.every, max_epochs=args.every)
        seconds += time.perf_counter() - start
        start = time.perf_counter()
        found = model.recommend(
            users=wanted[Columns.User].unique(), dataset=dataset, k=K, filter_viewed=True
        )
        answer = (time.perf_counter() - start) / wanted[Columns.User].nunique()
        print(
            f"{done:4} epochs  {seconds:7.0f} s  {answer * 1e6:6.0f} us a user  ",
            "  ".join(f"{name} {value:.4f}" for name, value in figures(found, wanted).items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
