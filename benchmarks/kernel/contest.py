"""Engines side by side: one process each, asked in turn, in a new order every round."""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

WORKER = Path(__file__).with_name("worker.py")


class Absent(Exception):
    """A library cannot be imported."""


class Unsupported(Exception):
    """An engine has nothing for a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """An engine, how its process is set up, and what it is told.

    Attributes:
        label: What the report calls it.
        engine: A key of `worker.ENGINES`.
        environment: Variables of its process, such as OMP_NUM_THREADS.
        options: Of its tasks.
        is_exact: Whether it looks at every item in float32 or better.
    """

    label: str
    engine: str
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, int] = field(default_factory=dict)
    is_exact: bool = True


class Process:
    """A running worker."""

    def __init__(self, entrant: Entrant, *, python: Sequence[str], folder: Path) -> None:
        """Start it and wait until its index is built.

        Args:
            entrant: What it holds.
            python: Words that start an interpreter.
            folder: Of the data set.

        Raises:
            Absent: Its library cannot be imported.
        """
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **entrant.environment}
        self.entrant = entrant
        self._process = subprocess.Popen(
            [*python, str(WORKER), entrant.engine, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        hello = self._answer()
        if "absent" in hello:
            self.close()
            raise Absent(hello["absent"])
        self.version: str = hello["version"]
        self.build_seconds: float = hello["build_seconds"]

    def send(self, do: str, **arguments: Any) -> None:
        """Give a command without waiting."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the answer to the oldest command."""
        return self._answer()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give a command and wait."""
        self.send(do, **arguments)
        return self._answer()

    def prepare(self, *, k: int, options: dict[str, int] | None = None, **task: Any) -> None:
        """Set the task of the calls that follow.

        Raises:
            Unsupported: The engine has nothing for it.
        """
        told = list({**self.entrant.options, **(options or {})}.items())
        answer = self.ask("prepare", k=k, options=told, **task)
        if "unsupported" in answer:
            raise Unsupported(answer["unsupported"])

    def answers(self, count: int, out: Path) -> tuple[NDArray[np.int64], Any]:
        """Return rows and, where the engine is held to them, scores of the first queries."""
        stem = str(out / "answers")
        has_scores = self.ask("answer", count=count, out=stem)["has_scores"]
        return np.load(stem + "-rows.npy"), np.load(stem + "-scores.npy") if has_scores else None

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(timeout=60)
            raise RuntimeError(f"the process of {self.entrant.label} ended with code {code}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: How often each engine has its turn.
        seconds: Length of a turn of single calls.
        calls_min: Single calls of a turn at least.
        calls_max: Single calls of a turn at most.
        batch_size: Queries of a batch.
        checked: Queries whose answers are compared with the truth.
    """

    rounds: int
    seconds: float
    calls_min: int
    calls_max: int
    batch_size: int
    checked: int


FULL = Effort(rounds=5, seconds=0.3, calls_min=8, calls_max=400, batch_size=1_000, checked=50)
QUICK = Effort(rounds=3, seconds=0.1, calls_min=4, calls_max=200, batch_size=300, checked=20)


@dataclass(slots=True)
class Timings:
    """What one engine took in each round.

    Attributes:
        rounds: Seconds of every call; of a batch, seconds per query.
        megabytes: Read per query on average, per round; empty where nobody counts.
    """

    rounds: list[list[float]] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Over all calls, in seconds."""
        return float(np.percentile(np.concatenate(self.rounds), share))

    @property
    def median(self) -> float:
        """Median seconds of a call in the round that was disturbed least."""
        return min(float(np.median(one)) for one in self.rounds)

    @property
    def read_rate(self) -> float | None:
        """GB/s in the round in which it was highest."""
        pairs = zip(self.megabytes, self.rounds, strict=False)
        rates = [1e-3 * read / float(np.mean(seconds)) for read, seconds in pairs]
        return max(rates, default=None)

    @property
    def count(self) -> int:
        """Calls in all."""
        return sum(len(one) for one in self.rounds)


def time_singles(processes: Sequence[Process], effort: Effort, *, seed: int) -> list[Timings]:
    """Time single calls of prepared processes in turns."""
    found = [Timings() for _ in processes]
    for number in _turns(len(processes), effort.rounds, seed):
        answer = processes[number].ask(
            "time",
            seconds=effort.seconds,
            count_min=effort.calls_min,
            count_max=effort.calls_max,
        )
        _add(found[number], answer["seconds"], answer["bytes"], len(answer["seconds"]))
    return found


def time_batches(
    processes: Sequence[Process], effort: Effort, sizes: Sequence[int], *, seed: int
) -> list[Timings]:
    """Time whole batches in turns; each value is seconds per query."""
    found = [Timings() for _ in processes]
    for number in _turns(len(processes), effort.rounds, seed):
        answer = processes[number].ask("time_batch", count=sizes[number])
        size = sizes[number]
        _add(found[number], [answer["seconds"] / size], answer["bytes"], size)
    return found


@contextmanager
def turn_on_machine(lock: Path | None, *, is_shared: bool = False) -> Iterator[None]:
    """Hold a lock file, so that benchmarks on one machine take turns.

    Args:
        lock: The file; None for no lock.
        is_shared: Whether others may work at the same time: while preparing, not timing.
    """
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield


def _turns(count: int, rounds: int, seed: int) -> Iterator[int]:
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        yield from (int(number) for number in rng.permutation(count))


def _add(timings: Timings, seconds: list[float], bytes_read: int | None, query_count: int) -> None:
    timings.rounds.append(seconds)
    if bytes_read is not None:
        timings.megabytes.append(bytes_read / query_count / 1e6)
