"""One engine in a process of its own: `python worker.py ENGINE FOLDER`.

Reads one JSON command per line and answers with one JSON line each, so that threads,
BLAS kernels and memory of one library cannot disturb another, while calls of all of
them alternate within one run. Needs NumPy and the one library alone.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from kernel.engine import Engine, Search, Task, Unsupported

ENGINES = {
    "recsys": ("ours", "Ours"),
    "faiss flat": ("peers", "FaissFlat"),
    "faiss SQ8": ("peers", "FaissSq8"),
    "implicit": ("peers", "ImplicitTopk"),
    "numpy": ("peers", "Numpy"),
    "scann brute": ("peers", "ScannBrute"),
    "usearch exact": ("peers", "UsearchExact"),
    "hnswlib": ("graphs", "HnswlibInner"),
    "hnswlib L2": ("graphs", "HnswlibEuclidean"),
    "faiss HNSW": ("graphs", "FaissHnsw"),
    "scann tree": ("graphs", "ScannTree"),
}
_WARM_CALLS = 3


class Worker:
    """Holds an engine and the search that was prepared last."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._queries = np.load(folder / "queries.npy")
        self._search: Search | None = None
        self._is_batch = False

    def prepare(self, *, options: list[list[Any]], **task: Any) -> dict[str, Any]:
        """Get ready for a task."""
        wanted = Task(options=tuple((name, value) for name, value in options), **task)
        try:
            self._search = self._engine.prepare(wanted)
        except Unsupported as reason:
            return {"unsupported": str(reason)}
        self._is_batch = wanted.is_batch
        return {}

    def time(self, *, seconds: float, count_min: int, count_max: int) -> dict[str, Any]:
        """Time single calls, after some that are not counted."""
        taken: list[float] = []
        search, counted = self._ready(), self._engine.bytes_read()
        for number in range(_WARM_CALLS):
            search(self._one(number), number)
        counted = self._engine.bytes_read()
        started = time.perf_counter()
        while len(taken) < count_max:
            number = (len(taken) + _WARM_CALLS) % len(self._queries)
            query = self._one(number)
            before = time.perf_counter()
            search(query, number)
            after = time.perf_counter()
            taken.append(after - before)
            if len(taken) >= count_min and after - started > seconds:
                break
        return {"seconds": taken, "bytes": self._bytes_since(counted)}

    def time_batch(self, *, count: int) -> dict[str, Any]:
        """Time one call with many queries, after a smaller one that is not counted."""
        search = self._ready()
        search(self._queries[: min(count, 100)], 0)
        counted = self._engine.bytes_read()
        started = time.perf_counter()
        search(self._queries[:count], 0)
        return {"seconds": time.perf_counter() - started, "bytes": self._bytes_since(counted)}

    def loop(self, *, seconds: float) -> dict[str, Any]:
        """Ask one query after the other for some time."""
        search = self._ready()
        taken: list[float] = []
        for number in range(_WARM_CALLS):
            search(self._one(number), number)
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end:
            number = len(taken) % len(self._queries)
            search(self._one(number), number)
            taken.append(time.perf_counter() - before)
        return {"seconds": taken}

    def answer(self, *, count: int, out: str) -> dict[str, Any]:
        """Write the answers to the first queries, asked as the task says."""
        search = self._ready()
        if self._is_batch:
            results = [search(self._queries[:count], 0)]
        else:
            results = [search(self._one(number), number) for number in range(count)]
        rows = [self._engine.rows(result) for result in results]
        width = max(part.shape[1] for part in rows)
        padded = [
            np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in rows
        ]
        np.save(out + "-rows.npy", np.concatenate(padded))
        scores = [self._engine.scores(result) for result in results]
        exact = [part for part in scores if part is not None]
        if exact:
            np.save(out + "-scores.npy", np.concatenate(exact))
        return {"has_scores": bool(exact)}

    def _ready(self) -> Search:
        assert self._search is not None, "no task has been prepared"
        return self._search

    def _one(self, number: int) -> Any:
        return self._queries[number : number + 1]

    def _bytes_since(self, before: int | None) -> int | None:
        now = self._engine.bytes_read()
        return None if now is None or before is None else now - before


def main() -> None:
    """Answer commands until standard input ends."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    # Libraries write to standard output as they please; answers go to a copy of it.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    started = time.perf_counter()
    module, kind = ENGINES[name]
    try:
        engine: Engine = getattr(import_module(f"kernel.{module}"), kind)(folder)
    except ImportError as error:
        print(json.dumps({"absent": f"{error}"}), file=answers)
        return
    worker = Worker(engine, folder)
    seconds = time.perf_counter() - started
    print(json.dumps({"version": engine.version, "build_seconds": seconds}), file=answers)
    for line in sys.stdin:
        command = json.loads(line)
        result = getattr(worker, command.pop("do"))(**command)
        print(json.dumps(result), file=answers)


if __name__ == "__main__":
    main()
