"""What is measured on a data set: single queries, batches, masks, histories, workers.

Each section starts its processes, holds the machine's lock while it times all of its
cases, and compares answers with the truth afterwards.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kernel.contest import (
    Entrant,
    Process,
    Timings,
    time_batches,
    time_singles,
    turn_on_machine,
)
from kernel.datasets import MASKS, DataSet
from kernel.rows import OURS, Bench, Row, check, prepared, timed_row

from kernel.reference import truth

THREADS = os.cpu_count() or 1
_ONE_BLAS = {"OPENBLAS_NUM_THREADS": "1"}
_PEERS_CHECKED = 20

FAISS = Entrant(label="faiss flat", engine="faiss flat")
FAISS_1T = Entrant(
    label="faiss flat, 1 thread",
    engine="faiss flat",
    environment={"OMP_NUM_THREADS": "1", **_ONE_BLAS},
)
IMPLICIT = Entrant(label="implicit", engine="implicit", environment=_ONE_BLAS)
NUMPY = Entrant(label="numpy", engine="numpy")
SCANN = Entrant(label="scann brute", engine="scann brute")
USEARCH = Entrant(label="usearch exact", engine="usearch exact")
SQ8 = Entrant(label="faiss SQ8", engine="faiss SQ8", is_exact=False)
BLAS_KERNELS = ("", "SKYLAKEX", "ZEN")
_TRIAL_QUERIES = 256
"""Enough to tell which of these is fastest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison: some processes, each with a task; the first is compared with the rest.

    Attributes:
        text: What the report calls it.
        parts: Processes with their tasks; a name after the task is added to the label.
    """

    text: str
    parts: Sequence[tuple[Process, dict[str, Any]]]

    def ready(self) -> list[Process]:
        """Prepare all; returns those that can do it."""
        return [one for process, task in self.parts for one in prepared([process], **task)]


def single(bench: Bench, data: DataSet) -> Iterator[Row]:
    """One query at a time, without anything else."""
    entrants = [OURS, FAISS, FAISS_1T, IMPLICIT, NUMPY, SCANN, USEARCH, SQ8]
    with bench.processes(entrants, data) as found:
        cases = [
            Case(text=f"k={k}", parts=[(process, {"k": k}) for process in found]) for k in bench.ks
        ]
        yield from measured(bench, data, cases, section="single")


def masks(bench: Bench, data: DataSet) -> Iterator[Row]:
    """One query at a time under masks of three sizes, and without one."""
    free = replace(OURS, label="recsys, no mask")
    first = replace(OURS, label="recsys, first sight")
    repeated = replace(OURS, label="recsys, repeated", options={"is_repeated": 1})
    gather = replace(IMPLICIT, label="implicit, rows copied", options={"gather": 1})
    compact = replace(NUMPY, label="numpy, rows copied before")
    with bench.processes([repeated, first, free, FAISS, IMPLICIT, gather, compact], data) as found:
        cases = []
        for mask, share in MASKS.items():
            parts: list[tuple[Process, dict[str, Any]]] = []
            for process in found:
                is_free = process.entrant is free
                if process.entrant is gather and share > 0.05:
                    continue  # Copying half of everything per query is nobody's choice.
                parts.append((process, {"k": 20, "mask": None if is_free else mask}))
            cases.append(Case(text=f"k=20, {mask}", parts=parts))
        yield from measured(bench, data, cases, section="masks")


def history(bench: Bench, data: DataSet) -> Iterator[Row]:
    """With an item-item part: 30 items in the history, 20 neighbours each."""
    free = replace(OURS, label="recsys, no history")
    with bench.processes([OURS, free, NUMPY], data) as found:
        parts = [
            (process, {"k": 20, "with_history": process.entrant is not free}) for process in found
        ]
        cases = [Case(text="k=20", parts=parts)]
        yield from measured(bench, data, cases, section="history")


def batch(bench: Bench, data: DataSet) -> Iterator[Row]:
    """Many queries in one call."""
    ours = replace(OURS, label=f"recsys, {THREADS} threads", options={"threads": THREADS})
    with turn_on_machine(bench.lock):
        best = _best_blas(bench, data)
    kernel = dict(best.environment) if best else {}
    entrants = [ours, replace(OURS, label="recsys, 1 thread"), FAISS, *([best] if best else [])]
    few = len(entrants)
    entrants += [
        replace(IMPLICIT, environment={**_ONE_BLAS, **kernel}),
        replace(NUMPY, environment=kernel),
        SCANN,
    ]
    with bench.processes(entrants, data) as found:
        cases = []
        for k in bench.ks:
            asked = found if k == bench.ks[0] else found[:few]
            parts = [(process, {"k": k, "is_batch": True}) for process in asked]
            cases.append(Case(text=f"k={k}, {bench.effort.batch_size} queries", parts=parts))
        for row in measured(bench, data, cases, section="batch"):
            row.megabytes = row.read_rate = None
            if row.queries_per_second is not None:
                products = 2e-9 * data.item_count * data.factor_count
                row.multiply_rate = products * row.queries_per_second
            yield row


def workers(bench: Bench, data: DataSet) -> Iterator[Row]:
    """Two processes that answer single queries at the same time."""
    with bench.processes([OURS, OURS, FAISS_1T, FAISS_1T], data) as found:
        pairs = [found[:2], found[2:]] if len(found) == 4 else [found]
        prepared(found, k=10)
        seconds = 3 * bench.effort.seconds
        timings = [Timings() for _ in pairs]
        with turn_on_machine(bench.lock):
            for _ in range(bench.effort.rounds):
                for pair, one in zip(pairs, timings, strict=True):
                    one.rounds.append(_together(pair, seconds=seconds))
    best = [max(len(calls) / seconds for calls in one.rounds) for one in timings]
    for pair, one, rate in zip(pairs, timings, best, strict=True):
        yield Row(
            section="workers",
            data=data.name,
            case="k=10, 2 processes",
            label=pair[0].entrant.label,
            p50_us=one.median * 1e6,
            p99_us=one.percentile(99) * 1e6 if one.count >= 200 else None,
            queries_per_second=rate,
            ours_is_faster=best[0] / rate,
        )


def measured(bench: Bench, data: DataSet, cases: Sequence[Case], *, section: str) -> Iterator[Row]:
    """Time all cases in one go, then check each; batches where the tasks say so."""
    effort = bench.effort
    timings = []
    with turn_on_machine(bench.lock):
        for seed, case in enumerate(cases):
            able = case.ready()
            if section == "batch":
                sizes = [effort.batch_size] * len(able)
                timings.append(time_batches(able, effort, sizes, seed=seed))
            else:
                timings.append(time_singles(able, effort, seed=seed))
    for case, several in zip(cases, timings, strict=True):
        able = case.ready()
        tasks = {id(process): task for process, task in case.parts}
        for process, one in zip(able, several, strict=True):
            row = timed_row(data, process, one, several[0], section=section, case=case.text)
            _check_task(bench, data, process, row, tasks[id(process)])
            yield row


def _check_task(
    bench: Bench, data: DataSet, process: Process, row: Row, task: dict[str, Any]
) -> None:
    true = truth(
        data.folder,
        k=task["k"],
        query_count=bench.effort.checked,
        mask=task.get("mask"),
        with_history=task.get("with_history", False),
    )
    is_ours = process.entrant.engine == OURS.engine
    count = bench.effort.checked if is_ours else _PEERS_CHECKED
    if task.get("is_batch"):
        count = bench.effort.batch_size
    check(row, process, true, count=count, folder=data.folder)
    if task.get("mask") is not None and not is_ours:
        row.megabytes = row.read_rate = None  # Nobody knows what they skip.


def _together(pair: list[Process], *, seconds: float) -> list[float]:
    for process in pair:
        process.send("loop", seconds=seconds)
    calls: list[float] = []
    for process in pair:
        calls += process.receive()["seconds"]
    return calls


def _best_blas(bench: Bench, data: DataSet) -> Entrant | None:
    """Set faiss up with the BLAS kernel that is fastest here, and matrix products for any batch.

    OpenBLAS in wheels takes some processors for older ones; naming the kernel then
    nearly doubles the speed of a batch.
    """
    best, least = None, float("inf")
    for kernel in BLAS_KERNELS:
        entrant = Entrant(
            label=f"faiss flat, BLAS {kernel or 'default'}",
            engine=FAISS.engine,
            environment={"OPENBLAS_CORETYPE": kernel} if kernel else {},
            options={"blas": 1},
        )
        with bench.processes([entrant], data, is_waiting=False) as found:
            for process in prepared(found, k=10, is_batch=True):
                asked = [process.ask("time_batch", count=_TRIAL_QUERIES) for _ in range(2)]
                seconds = min(answer["seconds"] for answer in asked)
                if seconds < least:
                    best, least = entrant, seconds
    return best
