"""Sections beyond the plain ones: approximate peers at a recall, and our instruction sets."""

from collections.abc import Iterator
from dataclasses import replace

from kernel.contest import Entrant, Process, Timings, time_batches, time_singles, turn_on_machine
from kernel.datasets import DataSet
from kernel.rows import OURS, Bench, Row, check, prepared, timed_row

from kernel.reference import Truth, truth
from recsys import _scoring
from recsys.item_codes import STAGES

RECALL_WANTED = 0.95
_EFS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
_ITEMS_MAX = 250_000
"""A graph of more takes many minutes to build on two cores."""

GRAPHS = tuple(
    Entrant(label=name, engine=name, is_exact=False)
    for name in ("hnswlib", "hnswlib L2", "faiss HNSW", "scann tree")
)


def graphs(bench: Bench, data: DataSet) -> Iterator[Row]:
    """Approximate peers, each at the least effort that finds 95 % of the true ten."""
    if data.item_count > _ITEMS_MAX:
        return
    k, count = 10, 200
    true = truth(data.folder, k=k, query_count=count)
    with bench.processes([OURS, *GRAPHS], data) as found:
        prepared(found[:1], k=k)
        notes = [""] + [_tune(one, true, data) for one in found[1:]]
        with turn_on_machine(bench.lock):
            timings = time_singles(found, bench.effort, seed=k)
        for process, one, note in zip(found, timings, notes, strict=True):
            case = f"k={k}, recall {RECALL_WANTED}"
            row = timed_row(data, process, one, timings[0], section="graphs", case=case)
            check(row, process, true, count=count, folder=data.folder)
            row.note = note
            yield row


def _tune(process: Process, true: Truth, data: DataSet) -> str:
    """Leave a process at the first setting that reaches the recall; says which."""
    recall = 0.0
    for ef in _EFS:
        process.prepare(k=true.rows.shape[1], options={"ef": ef})
        recall = true.recall(process.answers(len(true.rows), data.folder)[0])
        if recall >= RECALL_WANTED:
            break
    reached = "" if recall >= RECALL_WANTED else ", NOT REACHED"
    return f"search width {ef}{reached}; built in {process.build_seconds:.0f} s"


def simd(bench: Bench, data: DataSet) -> Iterator[Row]:
    """Every instruction set that this machine has: equal answers, and at what speed."""
    entrants = [
        Entrant(label=f"recsys, {name}", engine="recsys", environment={"RECSYS_SIMD": name})
        for name in sorted(_scoring.available_simd(), key=lambda name: name != _scoring.simd())
    ]
    with bench.processes(entrants, data) as found:
        yield from _compared(bench, data, found)
        prepared(found, k=10)
        with turn_on_machine(bench.lock):
            singles = time_singles(found, bench.effort, seed=1)
        yield from _timed(data, found, singles, case="k=10, time")
        prepared(found, k=10, is_batch=True)
        # Portable C multiplies a hundredth as fast: a tenth of a batch says enough.
        sizes = [
            bench.effort.batch_size // (10 if "port" in one.entrant.label else 1) for one in found
        ]
        with turn_on_machine(bench.lock):
            batches = time_batches(found, bench.effort, sizes, seed=1)
        yield from _timed(data, found, batches, case="k=10, batch, 1 thread, time")


def stages(bench: Bench, data: DataSet) -> Iterator[Row]:
    """The published beginning of searches beside every forced one; `all8` is the dense pass."""
    published = replace(OURS, label="recsys, as published")
    forced = [
        replace(OURS, label=f"recsys, from {name}", options={"stage": position})
        for position, name in enumerate(STAGES)
    ]
    with bench.processes([published, *forced], data) as found:
        for k in bench.ks:
            prepared(found, k=k)
            with turn_on_machine(bench.lock):
                timings = time_singles(found, bench.effort, seed=k)
            count = bench.effort.checked
            true = truth(data.folder, k=k, query_count=count)
            for process, one in zip(found, timings, strict=True):
                case = f"k={k}"
                row = timed_row(data, process, one, timings[0], section="stages", case=case)
                check(row, process, true, count=count, folder=data.folder)
                yield row


def _compared(bench: Bench, data: DataSet, found: list[Process]) -> Iterator[Row]:
    count = bench.effort.checked
    tasks: dict[str, dict[str, object]] = {
        "k=10": {"k": 10},
        "k=100": {"k": 100},
        "k=20, batch": {"k": 20, "is_batch": True},
        "k=20, 5%": {"k": 20, "mask": "5%"},
        "k=20, 5%, repeated": {"k": 20, "mask": "5%", "options": {"is_repeated": 1}},
        "k=20, 50%, repeated": {"k": 20, "mask": "50%", "options": {"is_repeated": 1}},
        "k=20, history": {"k": 20, "with_history": True},
    }
    for case, task in tasks.items():
        mask = task.get("mask")
        true = truth(
            data.folder,
            k=int(str(task["k"])),
            query_count=count,
            mask=None if mask is None else str(mask),
            with_history=bool(task.get("with_history")),
        )
        for process in prepared(found, **task):
            row = Row(section="simd", data=data.name, case=case, label=process.entrant.label)
            check(row, process, true, count=count, folder=data.folder)
            yield row


def _timed(
    data: DataSet, found: list[Process], timings: list[Timings], *, case: str
) -> Iterator[Row]:
    for process, one in zip(found, timings, strict=True):
        row = timed_row(data, process, one, timings[0], section="simd", case=case)
        row.p99_us = row.p99_us if "batch" not in case else None
        row.megabytes = row.read_rate = None
        yield row
