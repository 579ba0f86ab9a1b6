"""Models with their default settings against each other, on validation cut from training lines.

    python benchmarks/quality/defaults.py TRAIN [--map old=new ...]

TRAIN is a file of training lines as `recsys auto` takes it, and what is held out of it is
what that would hold out. No test file is read. Differences are to `als`, paired by user.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from training.auto.hold_out import Validation, hold_out
from training.auto.plan import Plan, Wishes, make_plan
from training.benchmark import blocked_items
from training.config import SplitConfig, TrainConfig, parse_config
from training.fit import fit_model, prepare
from training.metrics import accuracy, find_hits
from training.models.parallel import thread_count
from training.models.threads import one_blas_thread
from training.published import read_training
from training.ranking import ModelRanker
from training.resample import bootstrap

K = 20
MODELS = {
    "als": "type = 'als'",
    "ials, 64 factors": "type = 'ials'\nfactors = 64",
    "ials": "type = 'ials'",
    "cooccurrence": "type = 'cooccurrence'",
}


def ndcg(config: TrainConfig, validation: Validation, plan: Plan) -> tuple[np.ndarray, float]:
    """Fit and ask everybody; returns nDCG@20 by user and processor seconds of the fit."""
    now = validation.tune.cut_time
    prepared = prepare(validation.fit, config=config, features=config.features, now=now)
    seconds = time.process_time()
    model = fit_model(prepared, config=config, seed=0)
    seconds = time.process_time() - seconds
    values = []
    for test in (validation.tune, validation.check):
        item_count = len(test.histories.item_ids)
        ranker = ModelRanker(model, item_count=item_count, threads=thread_count())
        askers = ranker.askers(
            test.weights(model.features),
            links=test.links(model.features, model.parts.history),
            contexts=test.contexts,
        )
        ranked = ranker.rank(askers, k=K, seen=blocked_items(test, model, plan.blocked))
        hits = find_hits(ranked.items, ranked.counts, test.targets, item_count=item_count)
        values.append(accuracy(hits, test.targets.counts, K)["ndcg"])
    return np.concatenate(values), seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--map", action="append", default=[])
    args = parser.parse_args()
    names = dict(one.split("=", 1) for one in args.map)
    lines = read_training(train=[args.train], names=names, rng=np.random.default_rng(0))
    split = SplitConfig()
    plan = make_plan(lines.events, lines.order, Wishes(published=True), split=split)
    newest = hold_out(
        lines.events,
        plan,
        split=split,
        history_event_count_max=TrainConfig().evaluate.history_event_count_max,
        rng=np.random.default_rng(0),
    )[0]
    print(f"{plan.hold_out.value}, {plan.protocol}, {len(newest.tune) + len(newest.check)} users")
    base = None
    with one_blas_thread():
        for name, model in MODELS.items():
            values, seconds = ndcg(parse_config(f"[model]\n{model}\n"), newest, plan)
            base = values if base is None else base
            gain = bootstrap({"": values - base}, count=1_000, rng=np.random.default_rng(0))[""]
            print(
                f"{name:18} ndcg@{K} {values.mean():.4f}   {gain.mean:+.4f} "
                f"[{gain.low:+.4f}, {gain.high:+.4f}]   {seconds:5.1f} cpu s",
                flush=True,
            )


if __name__ == "__main__":
    main()
