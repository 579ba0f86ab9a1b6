"""What holds for every ranking kernel, as functions that run on ours and on broken ones.

Each takes a kernel (a function from a case to a ranking) and a case, and raises
AssertionError where the kernel breaks the law.
"""

from collections.abc import Callable
from itertools import pairwise

from kernel.cases import Case
from kernel.reference import Ranking, all_scores, reference

Kernel = Callable[[Case], Ranking]
Law = Callable[[Kernel, Case], None]


def check_reference(kernel: Kernel, case: Case) -> None:
    """The answer is the sorted brute force, scores bit for bit."""
    assert kernel(case) == reference(case)


def check_order(kernel: Kernel, case: Case) -> None:
    """Score descends; among equal scores the row ascends."""
    for answer in kernel(case):
        ranks = [(-score, row) for row, score in answer]
        assert all(a < b for a, b in pairwise(ranks)), ranks


def check_scores(kernel: Kernel, case: Case) -> None:
    """Each score is that of its row."""
    for query, answer in enumerate(kernel(case)):
        scores = all_scores(case, query)
        for row, score in answer:
            assert 0 <= row < case.item_count, row
            assert score == scores[row], (row, score, scores[row])


def check_members(kernel: Kernel, case: Case) -> None:
    """Only items that may appear do, each once."""
    for query, answer in enumerate(kernel(case)):
        free = case.may_appear(query)
        rows = [row for row, _ in answer]
        assert len(set(rows)) == len(rows), rows
        assert all(0 <= row < case.item_count and free[row] for row in rows), rows


def check_counts(kernel: Kernel, case: Case) -> None:
    """There are k of them, or all that may appear where those are fewer."""
    answers = kernel(case)
    assert len(answers) == case.query_count
    for query, answer in enumerate(answers):
        assert len(answer) == min(case.k, int(case.may_appear(query).sum()))


def check_prefix(kernel: Kernel, case: Case) -> None:
    """The top k begin the top k + 1."""
    for shorter, longer in zip(kernel(case), kernel(case.with_k(case.k + 1)), strict=True):
        assert longer[: len(shorter)] == shorter


def check_batch(kernel: Kernel, case: Case) -> None:
    """A query alone gets what it gets among others."""
    alone = [kernel(case.only(query))[0] for query in range(case.query_count)]
    assert kernel(case) == alone


LAWS: tuple[Law, ...] = (
    check_reference,
    check_order,
    check_scores,
    check_members,
    check_counts,
    check_prefix,
    check_batch,
)
