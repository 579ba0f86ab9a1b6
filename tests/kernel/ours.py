"""The compiled kernel behind the shape that laws take."""

from collections.abc import Callable

import numpy as np

from kernel.cases import Case
from kernel.reference import Ranking
from recsys import _scoring
from recsys.scoring import RankedRows, Scorer


def scorer_of(case: Case) -> Scorer:
    """Build the scorer of a case's items."""
    return Scorer(
        item_count=case.item_count,
        item_factors=case.factors,
        prior=case.prior,
        item_item=case.item_item,
    )


def ask(scorer: Scorer, case: Case, *, threads: int = 1) -> RankedRows:
    """Make the `top_k` call that a case describes."""
    allowed = None
    if case.allowed is not None:
        allowed = np.packbits(case.allowed, axis=-1, bitorder="little")
    return scorer.top_k(
        case.vectors,
        case.k,
        history=case.history,
        allowed=allowed,
        excluded=case.excluded,
        threads=threads,
    )


def as_ranking(ranked: RankedRows) -> Ranking:
    """Read the valid cells."""
    answers = []
    for query in range(len(ranked.counts)):
        items, scores = ranked.row(query)
        answers.append(list(zip(items.tolist(), scores.tolist(), strict=True)))
    return answers


def kernel_on(simd: str, *, threads: int = 1) -> Callable[[Case], Ranking]:
    """Our kernel on one instruction set."""

    def kernel(case: Case) -> Ranking:
        before = _scoring.simd()
        _scoring._force_simd(simd)
        try:
            return as_ranking(ask(scorer_of(case), case, threads=threads))
        finally:
            _scoring._force_simd(before)

    return kernel
