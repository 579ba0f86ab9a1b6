"""Building the core's item table: what is computed once per model.

Everything here is linear in the factors (and a sort of n norms): 1M items of 64
factors take about 50 ms once their pages are in memory.
"""

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring, limits
from recsys.arrays import NotFinite, check_array, check_count, check_factors
from recsys.sparse import CsrMatrix

F32 = NDArray[np.float32]

HEAD_COUNT_MAX = 128
"""Rows of largest norm that are scored first: they raise the threshold early."""


CODE_BYTES_MAX = 2**24
"""Most bytes of 8-bit codes: each process holds its own, unlike the mapped factors."""

_GROUP = 16
_QUAD = 4


def build_item_table(
    *, item_count: int, item_factors: F32 | None, prior: F32 | None, item_item: CsrMatrix | None
) -> _scoring.ItemTable:
    """Prepare what every query shares; `item_item` is taken as it is.

    Raises:
        InvalidArray, NotFinite, CountOutOfRange: As `recsys.scoring.Scorer`.
    """
    check_count(item_count, argument="item_count", count_min=0, count_max=limits.ITEM_COUNT_MAX)
    prior_max = 0.0 if prior is None else _largest_prior(prior, item_count)
    norms, head, codes = None, None, None
    if item_factors is not None:
        check_factors(item_factors, item_count=item_count)
        norms = _row_norms(item_factors)
        head = _largest(norms, min(HEAD_COUNT_MAX, item_count // 16))
        if 0 < item_factors.size <= CODE_BYTES_MAX:
            codes = _encode(item_factors, norms, prior)
    return _scoring.ItemTable(
        item_count=item_count,
        factors=item_factors,
        norms=norms,
        norm_max=0.0 if norms is None else float(norms.max(initial=0.0)),
        prior=prior,
        prior_max=prior_max,
        head=head,
        codes=codes,
        link_starts=None if item_item is None else item_item.indptr,
        link_items=None if item_item is None else item_item.indices,
        link_values=None if item_item is None else item_item.data,
    )


def _row_norms(item_factors: F32) -> F32:
    norms = np.zeros(len(item_factors), dtype=np.float32)
    bad_row = _scoring.row_norms(item_factors, norms)
    if bad_row >= 0:
        raise NotFinite(argument="item_factors", row=bad_row)
    return norms


def _largest(norms: F32, count: int) -> NDArray[np.int32]:
    if len(norms) <= count:
        return np.arange(len(norms), dtype=np.int32)
    return np.argpartition(norms, -count)[-count:].astype(np.int32)


def _encode(item_factors: F32, norms: F32, prior: F32 | None) -> _scoring.ItemCodes:
    """Encode the factors, largest norm first; about a third of their bytes."""
    group_count = -(-len(norms) // _GROUP)
    order = np.full(group_count * _GROUP, -1, dtype=np.int32)
    order[: len(norms)] = np.argsort(-norms, kind="stable")
    quad_count = -(-item_factors.shape[1] // _QUAD)
    return _scoring.ItemCodes(
        factors=item_factors,
        order=order,
        prior=None if prior is None else prior[order],  # places without an item are ignored
        codes=np.zeros((group_count, quad_count * _GROUP * _QUAD), dtype=np.int8),
        steps=np.zeros(len(order), dtype=np.float32),
        sums=np.zeros(len(order), dtype=np.int32),
        norms=np.zeros(group_count, dtype=np.float32),
        residuals=np.zeros(group_count, dtype=np.float32),
    )


def _largest_prior(prior: F32, item_count: int) -> float:
    check_array(prior, argument="prior", dtype=np.float32, shape=(item_count,))
    largest = float(np.abs(prior).max(initial=0.0))
    if not np.isfinite(largest):
        raise NotFinite(argument="prior", row=int(np.flatnonzero(~np.isfinite(prior))[0]))
    return largest
