"""Links with what is two steps away taken back.

W' = W - s W P, where P = D_i^-1/2 X^T D_u^-1 X D_i^-1/2 is the normalised co-occurrence, whose
largest eigenvalue is 1: the sharpening step of BSPM (Choi et al. 2023). What everything
leads to loses, what only this item leads to stays. P and the result are pruned per row.
"""

import numpy as np

from recsys.sparse import CsrMatrix, expand_rows
from training import _item_item
from training.models.links import (
    Measure,
    make_links,
    power,
    product_work,
    products,
    summed_links,
)

_NEAR_COUNT = 100


def sharpened(
    links: CsrMatrix, weights: CsrMatrix, *, sharpness: float, neighbours: int
) -> CsrMatrix:
    """Take back what is two steps away.

    Args:
        links: Item-item rows, n x n, positive, without diagonal.
        weights: Users x items, positive.
        sharpness: How much, 0 or more.
        neighbours: Largest amounts kept of each row, positive.

    Returns:
        Shape (n, n), finite, of either sign.
    """
    near = _near(weights, item_count=links.row_count)
    lengths = np.diff(near.indptr)
    far = make_links(
        _item_item.Products(
            links.indptr, links.indices, links.data, near.indptr, near.indices, near.data
        ),
        _as_it_is(links.row_count),
        neighbours=neighbours,
        work=np.bincount(
            expand_rows(links.indptr), weights=lengths[links.indices], minlength=links.row_count
        ).astype(np.int64),
    )
    both = summed_links([(links, 1.0), (far, -sharpness)], neighbours=neighbours)
    assert both is not None, "two matrices were given"
    return both


def _near(weights: CsrMatrix, *, item_count: int) -> CsrMatrix:
    owners, lengths = expand_rows(weights.indptr), np.diff(weights.indptr)
    ones = CsrMatrix(weights.indptr, weights.indices, np.ones(len(owners), dtype=np.float32))
    sources = CsrMatrix(weights.indptr, weights.indices, power(lengths, 1.0)[owners])
    scale = power(np.bincount(weights.indices, minlength=item_count), 0.5)
    return make_links(
        products(sources, ones, item_count=item_count),
        Measure(row_scale=scale, column_scale=scale),
        neighbours=_NEAR_COUNT,
        work=product_work(sources, ones, item_count=item_count),
    )


def _as_it_is(item_count: int) -> Measure:
    ones = np.ones(item_count, dtype=np.float32)
    return Measure(row_scale=ones, column_scale=ones)
