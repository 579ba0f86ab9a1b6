"""One measured line of the report, and what sections share to make it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from kernel.contest import (
    Absent,
    Effort,
    Entrant,
    Process,
    Timings,
    Unsupported,
    turn_on_machine,
)
from kernel.datasets import DataSet

from kernel.reference import Truth

OURS = Entrant(label="recsys", engine="recsys")
_READ_EVERYTHING = {"faiss flat", "implicit", "numpy", "scann brute", "usearch exact"}


@dataclass(slots=True, kw_only=True)
class Row:
    """A figure with everything that belongs to it.

    Attributes:
        section: Where in the report.
        data: Name of the data set.
        case: Further circumstances, such as "k=10".
        label: Which engine in which configuration.
        is_exact: Whether the engine looks at every item.
        p50_us: Median of a call, or of a query of a batch, in microseconds, in the
            round that other work on the machine disturbed least.
        p99_us: Of all calls of all rounds; None with fewer than 200.
        queries_per_second: Of all threads or processes together.
        ours_is_faster: This engine's p50 over ours.
        megabytes: Read per query, on average.
        read_rate: GB/s, in the round in which it was highest.
        multiply_rate: Gop/s, had a batch been dense in 8 bits.
        is_alone: Whether one thread works, so that its limits apply.
        recall: Share of the true rows.
        mismatches: Of our answers, any bit counts.
        compared: Our answers that were compared.
        note: In words.
    """

    section: str
    data: str
    case: str
    label: str
    is_exact: bool = True
    p50_us: float | None = None
    p99_us: float | None = None
    queries_per_second: float | None = None
    ours_is_faster: float | None = None
    megabytes: float | None = None
    read_rate: float | None = None
    multiply_rate: float | None = None
    is_alone: bool = False
    recall: float | None = None
    mismatches: int = 0
    compared: int = 0
    note: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every section gets.

    Attributes:
        peers_python: Runs the other engines.
        launcher: Words before each engine's command.
        effort: How long to measure.
        lock: Held while timing, or None.
        ks: Result counts.
        absent: Peers that cannot be imported, with the reason; filled on the way.
    """

    peers_python: str
    launcher: tuple[str, ...]
    effort: Effort
    lock: Path | None
    ks: tuple[int, ...]
    absent: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def processes(
        self, entrants: Sequence[Entrant], data: DataSet, *, is_waiting: bool = True
    ) -> Iterator[list[Process]]:
        """Start those whose library is there, in order; end them after use.

        Args:
            entrants: What to start.
            data: What they hold.
            is_waiting: Whether to take part in the lock; not while already holding it.
        """
        lock = self.lock if is_waiting else None
        with ExitStack() as stack:
            started = []
            for entrant in entrants:
                if entrant.engine in self.absent:
                    continue
                python = sys.executable if entrant.engine == OURS.engine else self.peers_python
                try:
                    with turn_on_machine(lock, is_shared=True):
                        process = Process(
                            entrant, python=[*self.launcher, python], folder=data.folder
                        )
                except Absent as absent:
                    self.absent[entrant.engine] = str(absent)
                    continue
                started.append(stack.enter_context(process))
            yield started


def prepared(processes: Sequence[Process], **task: Any) -> list[Process]:
    """Set a task; returns those that can do it."""
    able = []
    for process in processes:
        try:
            process.prepare(**task)
        except Unsupported:
            continue
        able.append(process)
    return able


def timed_row(
    data: DataSet,
    process: Process,
    timings: Timings,
    ours: Timings,
    *,
    section: str,
    case: str,
) -> Row:
    """Fill in what follows from times; `ours` is what the process is compared with."""
    p50 = timings.median
    entrant = process.entrant
    is_alone = entrant.engine == OURS.engine or "1 thread" in entrant.label
    megabytes, rate = None, timings.read_rate
    if timings.megabytes:
        megabytes = sum(timings.megabytes) / len(timings.megabytes)
    elif entrant.engine in _READ_EVERYTHING:
        megabytes = data.factor_bytes / 1e6
        rate = data.factor_bytes / p50 / 1e9
    return Row(
        section=section,
        data=data.name,
        case=case,
        label=entrant.label,
        is_exact=entrant.is_exact,
        p50_us=p50 * 1e6,
        p99_us=timings.percentile(99) * 1e6 if timings.count >= 200 else None,
        queries_per_second=1 / p50,
        ours_is_faster=p50 / ours.median,
        megabytes=megabytes,
        read_rate=rate,
        is_alone=is_alone,
    )


def check(row: Row, process: Process, truth: Truth, *, count: int, folder: Path) -> None:
    """Compare answers with the truth: ours to the last bit, others by recall."""
    rows, scores = process.answers(count, folder)
    truth_count = len(truth.rows)
    seen = rows[:truth_count]
    if scores is not None:
        row.compared = len(seen)
        row.mismatches = truth.mismatches(seen, scores[:truth_count])
    part = Truth(truth.rows[: len(seen)], truth.scores[: len(seen)])
    row.recall = part.recall(np.asarray(seen))
