"""Our kernel beside others: times, and whether every answer is right.

    python benchmarks/kernel/run.py --quick
    python benchmarks/kernel/run.py --peers-python peers/bin/python --results kernel.json

Peers live in an environment of their own (`benchmarks/kernel/requirements.txt` says how
to make it); those that cannot be imported are reported as absent. `--only` and `--data`
run a part; `--results` collects parts, and the aims are judged by all of it. Exits with
1 if any of our answers differs from the float64 reference in any bit.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import machine
from kernel.contest import FULL, QUICK, turn_on_machine
from kernel.factors import Unavailable
from kernel.rows import Bench, Row
from kernel.sections import batch, history, masks, single, workers
from kernel.tuned import graphs, simd, stages

from kernel import ceilings, datasets, report

SECTIONS = {
    "single": single,
    "batch": batch,
    "masks": masks,
    "history": history,
    "workers": workers,
    "graphs": graphs,
    "simd": simd,
    "stages": stages,
}
_FULL_DATA = tuple(name for name in datasets.NAMES if not name.endswith("tiny"))
_QUICK_DATA = ("decay-50k", "hard-50k", "gowalla")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data and few rounds")
    parser.add_argument("--peers-python", default=sys.executable, help="Python that has the peers")
    parser.add_argument("--only", help=f"sections, with commas: {','.join(SECTIONS)}")
    parser.add_argument("--data", help=f"data sets, with commas: {','.join(datasets.NAMES)}")
    parser.add_argument("--without-limits", action="store_true", help="do not measure memory")
    parser.add_argument("--results", type=Path, help="JSON file to collect results in")
    parser.add_argument("--launcher", default="", help="before each engine: 'chrt -r 10', say")
    parser.add_argument("--lock", type=Path, help="file to lock while timing")
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "recsys-bench")
    parser.add_argument("--cache", type=Path, default=default, help="where trained factors go")
    return parser.parse_args()


def chosen(text: str | None, known: tuple[str, ...], usual: tuple[str, ...]) -> tuple[str, ...]:
    """Split names; ends the program at one that is not known."""
    if text is None:
        return usual
    names = tuple(text.split(","))
    if unknown := set(names) - set(known):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return names


def main() -> None:
    """Measure, print, judge."""
    args = parsed()
    sections = chosen(args.only, tuple(SECTIONS), tuple(SECTIONS))
    names = chosen(args.data, datasets.NAMES, _QUICK_DATA if args.quick else _FULL_DATA)
    limits: dict[str, float] = {}
    if not args.without_limits:
        with turn_on_machine(args.lock):
            limits = ceilings.measure(tuple(args.launcher.split()))
    bench = Bench(
        peers_python=args.peers_python,
        launcher=tuple(args.launcher.split()),
        effort=QUICK if args.quick else FULL,
        lock=args.lock,
        ks=(10, 100) if args.quick else (10, 20, 100),
    )
    print(machine.describe())
    print("limits: " + ", ".join(f"{name} {value:.0f}" for name, value in limits.items()))
    rows: list[Row] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with turn_on_machine(args.lock, is_shared=True):
                    data = datasets.prepare(name, folder=Path(folder, "data"), cache=args.cache)
            except Unavailable as unavailable:
                print(f"\n{name}: skipped: {unavailable}")
                continue
            for section in sections:
                measured = []
                for row in SECTIONS[section](bench, data):
                    row.commit = machine.commit()
                    measured.append(row)
                report.print_rows(measured, limits)
                rows += measured
    for engine, reason in bench.absent.items():
        print(f"absent: {engine}: {reason}")
    if args.results is not None:
        rows, limits = merged(args.results, rows, limits)
    report.print_aims(rows, limits)
    if any(row.mismatches for row in rows):
        raise SystemExit("our answers differ from the reference")


def merged(
    path: Path, rows: list[Row], limits: dict[str, float]
) -> tuple[list[Row], dict[str, float]]:
    """Put rows into a file in place of older ones of the same kind.

    Returns:
        All rows in it, and the highest limits of all runs: disturbance only lowers them.
    """
    old = json.loads(path.read_text()) if path.exists() else {"rows": [], "limits": {}}
    fresh = {(row.section, row.data) for row in rows}
    before = [Row(**one) for one in old["rows"]]
    kept = [row for row in before if (row.section, row.data) not in fresh]
    highest = dict(old["limits"])
    for name, value in limits.items():
        highest[name] = max(value, highest.get(name, 0.0))
    everything = {
        "limits": highest,
        "rows": [dataclasses.asdict(row) for row in [*kept, *rows]],
    }
    path.write_text(json.dumps(everything, indent=1))
    return [*kept, *rows], highest


if __name__ == "__main__":
    main()
