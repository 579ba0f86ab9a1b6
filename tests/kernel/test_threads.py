"""Batches, slices and threads change speed, never answers."""

import signal
import threading
import time
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.cases import Case, cases, csr, matrix
from kernel.ours import as_ranking, ask, scorer_of
from kernel.reference import Ranking, reference
from recsys import _scoring, slices
from recsys.arrays import NotFinite
from recsys.scoring import RaggedRows, Scorer


def batch_case(query_count: int) -> Case:
    """Many queries with every part."""
    rng = np.random.default_rng(3)
    lists = csr(rng, query_count, 700, 10)
    return Case(
        item_count=700,
        query_count=query_count,
        k=15,
        factors=matrix(rng, 700, 24, "normal"),
        vectors=matrix(rng, query_count, 24, "normal"),
        prior=matrix(rng, 700, 1, "normal")[:, 0].copy(),
        item_item=csr(rng, 700, 700, 6),
        history=csr(rng, query_count, 700, 10),
        allowed=rng.random((query_count, 700)) < 0.7,
        excluded=RaggedRows(lists.indptr, lists.indices),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(), threads=st.integers(1, 5), work=st.sampled_from((1, 10_000, 2**28)))
def test_slices_and_threads_change_nothing(case: Case, threads: int, work: int) -> None:
    """Any slicing over any number of threads gives the reference's answer."""
    with patch.object(slices, "_WORK_MAX", work):
        assert as_ranking(ask(scorer_of(case), case, threads=threads)) == reference(case)


def test_threads_may_share_one_scorer() -> None:
    """Four threads asking one scorer at the same time all get the right answers."""
    case = batch_case(40)
    expected, scorer = reference(case), scorer_of(case)
    answers: list[list[Ranking]] = [[] for _ in range(4)]
    start = threading.Barrier(4)

    def work(found: list[Ranking]) -> None:
        start.wait()
        found.extend(as_ranking(ask(scorer, case)) for _ in range(20))

    workers = [threading.Thread(target=work, args=(found,)) for found in answers]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(len(found) == 20 for found in answers)
    assert all(answer == expected for found in answers for answer in found)


@pytest.mark.parametrize("beyond", [0, 1, 7])
def test_more_queries_than_one_pass_takes(beyond: int) -> None:
    """The last of a full pass, the first of the next one, and what is left over."""
    case = batch_case(_scoring.BATCH_MAX + beyond)
    assert as_ranking(ask(scorer_of(case), case)) == reference(case)


def test_threads_share_a_batch_evenly() -> None:
    """A batch that one pass could take is still cut for all threads; no query is lost."""
    sizes: list[tuple[int, int]] = []
    slices.in_slices(
        lambda start, stop: sizes.append((stop - start, start)),
        count=500,
        work_per_query=1_000_000,
        threads=4,
        together=_scoring.BATCH_MAX,
    )
    assert sorted(size for size, _ in sizes) == [125] * 4
    assert sorted(start for _, start in sizes) == [0, 125, 250, 375]


def test_error_in_a_slice_names_the_query_of_the_batch() -> None:
    """The position in an error counts from the start of the batch, not of the slice."""
    case = batch_case(9)
    assert case.vectors is not None
    case.vectors[7, 3] = np.inf
    with (
        patch.object(slices, "_WORK_MAX", 1),
        pytest.raises(NotFinite, match="user_vectors holds NaN or infinity in row 7"),
    ):
        ask(scorer_of(case), case, threads=3)


def test_interrupt_between_slices_ends_the_call() -> None:
    """Ctrl-C is noticed while a batch is under way, and what waits is dropped."""
    done: list[int] = []

    def compute(start: int, stop: int) -> None:
        if start == 2:
            raise KeyboardInterrupt
        done.extend(range(start, stop))

    with patch.object(slices, "_WORK_MAX", 1), pytest.raises(KeyboardInterrupt):
        slices.in_slices(compute, count=1000, work_per_query=1, threads=1)
    assert done == [0, 1]
    count = 10_000

    def compute_slowly(start: int, stop: int) -> None:
        # Ten seconds of work for the other thread, however late this one is heard.
        time.sleep(0.001)
        compute(start, stop)

    with patch.object(slices, "_WORK_MAX", 1), pytest.raises(KeyboardInterrupt):
        slices.in_slices(compute_slowly, count=count, work_per_query=1, threads=2)
    assert len(done) < count


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_ends_a_long_batch(threads: int, request: pytest.FixtureRequest) -> None:
    """A real signal, while the core is at work: long before all queries are done."""
    # A shell starts background jobs with SIGINT ignored, and Python leaves it so.
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(9)
    scorer = Scorer(item_count=20_000, item_factors=matrix(rng, 20_000, 32, "normal"))
    vectors = np.tile(matrix(rng, 1000, 32, "normal"), (400, 1))
    main = threading.get_ident()
    interrupt = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            scorer.top_k(vectors, 10, threads=threads)
    finally:
        interrupt.cancel()
        interrupt.join()
    assert len(scorer.top_k(vectors[:70], 10).counts) == 70, "it still answers"
