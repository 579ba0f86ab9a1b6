"""`recsys auto` without a hand-written configuration against the configurations beside this file.

    python benchmarks/quality/auto.py DATA [--set NAME] [--budget SECONDS | --trials COUNT]
        [--work FOLDER] [--hand]

DATA holds the public sets. For each, `recsys auto` gets the training files and how the
set is measured (which is no setting of the model), and the configuration that it finds is
measured on the test file, once. `--hand` measures the hand-tuned one too and prints ratios.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECSYS = [sys.executable, "-m", "recsys"]


@dataclass(frozen=True)
class PublicSet:
    """One set: files below DATA or below what `prepare.py` writes, and how it is measured."""

    train: str
    test: str
    metrics: tuple[str, ...]
    metric: str
    k: int
    shared: tuple[str, ...] = ()
    auto: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    items: str = ""
    prepared: bool = False


SETS = {
    "gowalla": PublicSet(
        "gowalla_m1/train.parquet",
        "gowalla_m1/test.parquet",
        ("recall_at_20", "ndcg_at_20"),
        "ndcg@20",
        20,
    ),
    "beauty": PublicSet(
        "amazon_beauty/train.parquet",
        "amazon_beauty/test.parquet",
        ("hit_rate_at_10", "ndcg_at_10"),
        "ndcg@10",
        10,
        prepared=True,
    ),
    "diginetica": PublicSet(
        "diginetica/train_sessions.parquet",
        "diginetica/test.parquet",
        ("hit_rate_at_20", "mrr_at_20"),
        "ndcg@20",
        20,
        shared=("--map", "session=user_id", "--map", "items=item_id"),
        evaluate=("--exclude-train", "false"),
    ),
    "retailrocket": PublicSet(
        "retailrocket_mb/train.parquet",
        "retailrocket_mb/test.parquet",
        ("hit_rate_at_10", "ndcg_at_10"),
        "ndcg@10",
        10,
        shared=(
            *("--map", "behavior=event_type", "--map", "ts=event_time"),
            *("--exclude-event", "purchase-complete"),
        ),
    ),
    "completejourney": PublicSet(
        "completejourney/train.parquet",
        "completejourney/test.parquet",
        ("recall_at_20", "ndcg_at_20"),
        "recall@20",
        20,
        evaluate=("--exclude-train", "false"),
        prepared=True,
    ),
}


def run(words: list[str], log: Path) -> tuple[float, float]:
    """Run a command; returns wall and processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with log.open("w") as file:
        subprocess.run(words, check=True, stdout=file, stderr=subprocess.STDOUT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, used


def compare(name: str, data: Path, work: Path, *, given: list[str], hand: bool) -> None:
    """Search, measure once, and print."""
    public = SETS[name]
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    files = work / "prepared" if public.prepared else data
    train = ["--train", str(files / public.train), *public.shared]
    if public.items:
        train += ["--items", str(data / public.items)]
    tracking = ["--tracking-uri", f"sqlite:///{work.resolve()}/mlflow.db"]
    searched = [*RECSYS, "auto", *train, *public.auto, "--metric", public.metric]
    searched += [*given, "--work", str(folder), *tracking]
    wall, used = run(searched, folder / "auto.log")
    print(f"{name}: searched {wall:.0f} s, {used:.0f} processor seconds", flush=True)
    found = {"auto": folder / "MODEL.toml"}
    if hand:
        found["hand"] = HERE / f"{name}.toml"
    measured = {}
    for who, config in found.items():
        out = folder / f"{who}.json"
        words = [*RECSYS, "evaluate", *train, "--test", str(files / public.test)]
        words += ["--config", str(config), "--k", str(public.k), *public.evaluate]
        wall, used = run([*words, "--json", str(out)], folder / f"{who}.log")
        measured[who] = json.loads(out.read_text())
        figures = ", ".join(
            f"{metric} {measured[who]['metrics'][metric]:.4f} "
            f"[{measured[who]['low'][metric]:.4f}, {measured[who]['high'][metric]:.4f}]"
            for metric in public.metrics
        )
        size = measured[who]["model_bytes"] / 2**20
        print(f"  {who}: {figures}; {size:.0f} MiB, {used:.0f} processor seconds", flush=True)
    for metric in public.metrics if hand else ():
        ratio = measured["auto"]["metrics"][metric] / measured["hand"]["metrics"][metric]
        print(f"  {metric}: auto / hand {ratio:.3f}", flush=True)


def main() -> None:
    """Compare on one set or all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", choices=sorted(SETS))
    parser.add_argument("--budget", type=float, default=600.0)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--work", type=Path, default=Path("var/auto-quality"))
    parser.add_argument("--hand", action="store_true")
    args = parser.parse_args()
    names = [args.set] if args.set else list(SETS)
    if any(SETS[name].prepared for name in names):
        words = [sys.executable, str(HERE / "prepare.py"), str(args.data)]
        subprocess.run([*words, str(args.work / "prepared")], check=True, stdout=subprocess.DEVNULL)
    for name in names:
        given = ["--trials", str(args.trials)] if args.trials else ["--budget", str(args.budget)]
        compare(name, args.data, args.work, given=given, hand=args.hand)


if __name__ == "__main__":
    main()
