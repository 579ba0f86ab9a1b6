"""The compiled kernel behind the shape that laws take."""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from kernel.cases import Case
from kernel.reference import Ranking
from recsys import _scoring, item_table
from recsys.scoring import RankedRows, Scorer

PASSES = ("codes", "rows")
"""The two ways through the items: small models take the first, large ones the second."""


def scorer_of(case: Case) -> Scorer:
    """Build the scorer of a case's items."""
    return Scorer(
        item_count=case.item_count,
        item_factors=case.factors,
        prior=case.prior,
        item_item=case.item_item,
        priors=case.priors,
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
        boosts=case.boosts,
        prior_rows=case.prior_rows,
        threads=threads,
    )


def as_ranking(ranked: RankedRows) -> Ranking:
    """Read the valid cells."""
    answers = []
    for query in range(len(ranked.counts)):
        items, scores = ranked.row(query)
        answers.append(list(zip(items.tolist(), scores.tolist(), strict=True)))
    return answers


def kernel_on(simd: str, path: str = "codes") -> Callable[[Case], Ranking]:
    """Our kernel on one instruction set, through codes or rows."""
    code_bytes_max = item_table.CODE_BYTES_MAX if path == "codes" else 0

    def kernel(case: Case) -> Ranking:
        before = _scoring.simd()
        _scoring._force_simd(simd)
        try:
            with patch.object(item_table, "CODE_BYTES_MAX", code_bytes_max):
                scorer = scorer_of(case)
            return as_ranking(ask(scorer, case))
        finally:
            _scoring._force_simd(before)

    return kernel
