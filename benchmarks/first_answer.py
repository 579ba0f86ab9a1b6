"""From a clean clone to the first answers of `make demo ARGS=--once`, split by step.

    python benchmarks/first_answer.py

Clones the checkout into an empty folder and runs the README's first command, then
once more to see what a second run reuses. Downloads come from the package
installer's cache if it is warm; run it twice and quote the second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import machine

OURS = ("simulate", "import", "train", "serve", "ask")


def timed(command: list[str], *, folder: Path) -> float:
    """Run a command that must succeed; returns seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout[-4000:] + done.stderr[-4000:])
    return time.perf_counter() - started


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        total = timed(["git", "clone", "--quiet", str(root), str(clone)], folder=root)
        total += timed(["make", "demo", "ARGS=--once"], folder=clone)
        first = json.loads((clone / "var/demo/simulated/seconds.json").read_text())
        again = timed(["make", "demo", "ARGS=--once"], folder=clone)
        second = json.loads((clone / "var/demo/simulated/seconds.json").read_text())
    print(machine.describe(measured_commit=commit))
    print(f"{'step':24} {'first run s':>12} {'second run s':>13}")
    ours = sum(first[step] for step in OURS)
    print(
        f"{'environment and kernel':24} {total - ours:12.1f} {again - sum(second.values()):13.1f}"
    )
    for step in OURS:
        print(f"{step:24} {first[step]:12.1f} {second[step]:13.1f}")
    print(f"{'total':24} {total:12.1f} {again:13.1f}")


if __name__ == "__main__":
    main()
