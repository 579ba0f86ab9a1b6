"""The ranking contract written a second time, slowly: all scores, then a full sort."""

import numpy as np
from numpy.typing import NDArray

from kernel.cases import Case

Ranking = list[list[tuple[int, float]]]
"""For each query, (row, score), best first."""


def dot_scores(factors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Eight lanes over the factors, then the tree; products are exact in float64."""
    products = factors.astype(np.float64) * vector.astype(np.float64)
    lanes = np.zeros((len(factors), 8))
    for factor in range(products.shape[1]):
        lanes[:, factor % 8] += products[:, factor]
    first = (lanes[:, 0] + lanes[:, 4]) + (lanes[:, 2] + lanes[:, 6])
    second = (lanes[:, 1] + lanes[:, 5]) + (lanes[:, 3] + lanes[:, 7])
    return first + second


def link_scores(case: Case, query: int) -> NDArray[np.float64]:
    """The item-item part, term by term in the order of the history."""
    sums = np.zeros(case.item_count)
    if case.item_item is None or case.history is None:
        return sums
    for row, weight in zip(*case.history.row(query), strict=True):
        for item, value in zip(*case.item_item.row(row), strict=True):
            sums[item] += float(weight) * float(value)
    return sums


def all_scores(case: Case, query: int) -> NDArray[np.float64]:
    """The score of every item, shape (n,)."""
    scores = np.zeros(case.item_count)
    if case.factors is not None and case.vectors is not None:
        scores = dot_scores(case.factors, case.vectors[query])
    scores = scores + link_scores(case, query)
    if case.prior is not None:
        scores = scores + case.prior.astype(np.float64)
    if case.priors is not None and case.prior_rows is not None and case.prior_rows[query] >= 0:
        scores = scores + case.priors[case.prior_rows[query]].astype(np.float64)
    return scores + boost_scores(case, query)


def boost_scores(case: Case, query: int) -> NDArray[np.float64]:
    """What the query adds to single items, in the order of its list."""
    sums = np.zeros(case.item_count)
    if case.boosts is not None:
        for item, value in zip(*case.boosts.row(query), strict=True):
            sums[item] += float(value)
    return sums


def rank(scores: NDArray[np.float64], free: NDArray[np.bool_], k: int) -> list[tuple[int, float]]:
    """The k best free rows by score descending, then row ascending."""
    rows = np.flatnonzero(free)
    order = np.lexsort((rows, -scores[rows]))[:k]
    return [(int(row), float(scores[row])) for row in rows[order]]


def reference(case: Case) -> Ranking:
    """What every kernel must answer."""
    return [
        rank(all_scores(case, query), case.may_appear(query), case.k)
        for query in range(case.query_count)
    ]
