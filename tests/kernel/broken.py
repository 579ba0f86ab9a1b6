"""Kernels with one planted defect each, and cases on which the defects show.

They keep the laws honest: a law that passes them all checks nothing.
"""

from dataclasses import replace

import numpy as np

from kernel.cases import Case, csr, matrix
from kernel.laws import Kernel
from kernel.reference import Ranking, all_scores, rank, reference
from recsys.scoring import RaggedRows
from recsys.sparse import CsrMatrix


def ties_by_descending_row(case: Case) -> Ranking:
    """Among equal scores the later row wins."""
    answers = []
    for query in range(case.query_count):
        scores, rows = all_scores(case, query), np.flatnonzero(case.may_appear(query))
        order = np.lexsort((-rows, -scores[rows]))[: case.k]
        answers.append([(int(row), float(scores[row])) for row in rows[order]])
    return answers


def ties_at_the_threshold_by_accident(case: Case) -> Ranking:
    """Sorts what a partition left: which of the tied items that is depends on k."""
    answers = []
    for query in range(case.query_count):
        scores, rows = all_scores(case, query), np.flatnonzero(case.may_appear(query))
        shuffled = np.random.default_rng(case.k).permutation(rows)
        kept = shuffled[np.argsort(-scores[shuffled], kind="stable")[: case.k]]
        free = np.isin(np.arange(case.item_count), kept)
        answers.append(rank(scores, free, case.k))
    return answers


def pads_with_item_zero(case: Case) -> Ranking:
    """Fills short lists with row 0, score 0."""
    return [answer + [(0, 0.0)] * (case.k - len(answer)) for answer in reference(case)]


def ignores_mask_at_block_borders(case: Case) -> Ranking:
    """Takes the first item of each block of 64 for allowed."""
    if case.allowed is None:
        return reference(case)
    allowed = case.allowed.copy()
    allowed[..., ::64] = True
    return reference(replace(case, allowed=allowed))


def trusts_float32(case: Case) -> Ranking:
    """Ranks by float32 scores: no error bound, no second look."""
    answers = []
    for query in range(case.query_count):
        rough = all_scores(case, query).astype(np.float32).astype(np.float64)
        answers.append(rank(rough, case.may_appear(query), case.k))
    return answers


def selects_by_float32(case: Case) -> Ranking:
    """Selects by float32 scores, then reports the exact ones in that order."""
    return [
        [(row, float(all_scores(case, query)[row])) for row, _ in answer]
        for query, answer in enumerate(trusts_float32(case))
    ]


def includes_excluded(case: Case) -> Ranking:
    """Forgets the exclusion lists."""
    return reference(replace(case, excluded=None))


def excludes_only_the_first(case: Case) -> Ranking:
    """Sees one row of each exclusion list."""
    if case.excluded is None:
        return reference(case)
    starts = case.excluded.indptr
    keep = [starts[i] for i in range(case.query_count) if starts[i] < starts[i + 1]]
    counts = np.minimum(np.diff(starts), 1)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return reference(
        replace(case, excluded=RaggedRows(indptr, case.excluded.rows[np.array(keep, dtype=int)]))
    )


def forgets_prior(case: Case) -> Ranking:
    """Leaves the prior out."""
    return reference(replace(case, prior=None))


def forgets_item_item(case: Case) -> Ranking:
    """Leaves the item-item part out."""
    return reference(replace(case, item_item=None))


def forgets_boosts(case: Case) -> Ranking:
    """Leaves out what queries add to single items."""
    return reference(replace(case, boosts=None))


def forgets_own_priors(case: Case) -> Ranking:
    """Leaves out the prior that a query names."""
    return reference(replace(case, prior_rows=None))


def takes_the_first_prior_row(case: Case) -> Ranking:
    """Adds row 0 of the priors whatever the query names."""
    if case.prior_rows is None:
        return reference(case)
    return reference(replace(case, prior_rows=np.zeros_like(case.prior_rows)))


def boosts_once(case: Case) -> Ranking:
    """Counts a repeated boost once."""
    if case.boosts is None:
        return reference(case)
    kept = [
        np.unique(case.boosts.row(query)[0], return_index=True)[1] + case.boosts.indptr[query]
        for query in range(case.query_count)
    ]
    indptr = np.concatenate(([0], np.cumsum([len(part) for part in kept]))).astype(np.int64)
    chosen = np.concatenate(kept).astype(int)
    boosts = CsrMatrix(indptr, case.boosts.indices[chosen], case.boosts.data[chosen])
    return reference(replace(case, boosts=boosts))


def returns_touched_items_twice(case: Case) -> Ranking:
    """Repeats the best item, as a second pass over it would."""
    return [(answer[:1] + answer)[: case.k] for answer in reference(case)]


def worst_first(case: Case) -> Ranking:
    """Hands out the heap without sorting it."""
    return [answer[::-1] for answer in reference(case)]


def loses_the_best_when_even(case: Case) -> Ranking:
    """Drops the root of its heap where k is even."""
    return [answer[1:] if case.k % 2 == 0 else answer for answer in reference(case)]


def loses_the_last_item(case: Case) -> Ranking:
    """Ends its loop one item early."""
    allowed = np.ones(case.item_count, dtype=bool) if case.allowed is None else case.allowed
    allowed = allowed.copy()
    allowed[..., -1:] = False
    return reference(replace(case, allowed=allowed))


def leaks_exclusions_to_the_next_query(case: Case) -> Ranking:
    """Does not clean its scratch between the queries of a batch."""
    if case.excluded is None:
        return reference(case)
    starts = case.excluded.indptr
    rows = [case.excluded.rows[: starts[query + 1]] for query in range(case.query_count)]
    indptr = np.concatenate(([0], np.cumsum([len(part) for part in rows]))).astype(np.int64)
    return reference(replace(case, excluded=RaggedRows(indptr, np.concatenate(rows))))


def gives_all_the_first_vector(case: Case) -> Ranking:
    """Scores the whole batch for its first user."""
    if case.vectors is None:
        return reference(case)
    return reference(replace(case, vectors=np.repeat(case.vectors[:1], case.query_count, axis=0)))


def gives_all_the_first_mask(case: Case) -> Ranking:
    """Applies the first query's mask to all."""
    if case.allowed is None or case.allowed.ndim == 1:
        return reference(case)
    return reference(replace(case, allowed=case.allowed[0]))


BROKEN: tuple[Kernel, ...] = (
    ties_by_descending_row,
    ties_at_the_threshold_by_accident,
    pads_with_item_zero,
    ignores_mask_at_block_borders,
    trusts_float32,
    selects_by_float32,
    includes_excluded,
    excludes_only_the_first,
    forgets_prior,
    forgets_item_item,
    forgets_boosts,
    forgets_own_priors,
    takes_the_first_prior_row,
    boosts_once,
    returns_touched_items_twice,
    worst_first,
    loses_the_best_when_even,
    loses_the_last_item,
    leaks_exclusions_to_the_next_query,
    gives_all_the_first_vector,
    gives_all_the_first_mask,
)


def _everything(style: str, *, k: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    n, m, f = 130, 3, 5
    lists = csr(rng, m, n, 20)
    return Case(
        item_count=n,
        query_count=m,
        k=k,
        factors=matrix(rng, n, f, style),
        vectors=matrix(rng, m, f, style),
        prior=rng.integers(0, 2, n).astype(np.float32),
        item_item=csr(rng, n, n, 8),
        history=csr(rng, m, n, 10),
        allowed=rng.random((m, n)) < 0.6,
        excluded=RaggedRows(lists.indptr, lists.indices),
        priors=rng.integers(0, 3, (2, n)).astype(np.float32),
        prior_rows=np.array([1, -1, 0], dtype=np.int32),
        boosts=csr(rng, m, n, 90),
    )


def _near_ties() -> Case:
    # Scores that differ in float64 and agree in float32, the better one later.
    factors = np.ones((70, 2), dtype=np.float32)
    factors[:, 1] = np.arange(70, dtype=np.float32) * 2.0**-26
    vectors = np.array([[1.0, 2.0**-10]], dtype=np.float32)
    return Case(item_count=70, query_count=1, k=6, factors=factors, vectors=vectors)


SHOWCASES: tuple[Case, ...] = (
    *(_everything("integer", k=k, seed=k) for k in (2, 3, 20, 100)),
    *(_everything("normal", k=k, seed=k) for k in (4, 40, 129)),
    _near_ties(),
    replace(_near_ties(), prior=np.full(70, 3.0, dtype=np.float32)),
)
"""Few, fixed and small; every defect above shows on at least one."""
