"""Building the core's item table: what is computed once per model.

With codes from a bundle nothing is read but the priors. Without, everything here is
linear in the factors (and a sort of n norms).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring, limits
from recsys.arrays import NotFinite, check_array, check_count, check_factors, row_magnitudes
from recsys.item_codes import STAGES, ItemCodes, code_bytes, codes_pay, encode_items, row_norms
from recsys.sparse import CsrMatrix
from recsys.subsets import Subsets

F32 = NDArray[np.float32]

HEAD_COUNT_MAX: Final = 128
"""Rows of largest norm that are scored first without codes: they raise the threshold."""

_TRIAL_QUERIES: Final = 64
_TRIAL_HISTORY: Final = 8
_TRIAL_K: Final = 20

CODE_BYTES_MAX: int = 2**25
"""Most bytes of codes made here: each process holds its own, unlike those of a bundle."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublishedPriors:
    """What a bundle holds about its priors, so that opening it computes nothing.

    Attributes:
        code_prior: The prior in the order of the codes, or None.
        code_priors: The rows of priors likewise, or None.
        priors_max: The largest absolute value of each row, or None.
    """

    code_prior: F32 | None = None
    code_priors: F32 | None = None
    priors_max: F32 | None = None


NOTHING_PUBLISHED: Final = PublishedPriors()


def build_item_table(
    *,
    item_count: int,
    item_factors: F32 | None,
    prior: F32 | None,
    priors: F32 | None,
    item_item: CsrMatrix | None,
    codes: ItemCodes | None,
    published: PublishedPriors = NOTHING_PUBLISHED,
    makes_codes: bool = True,
) -> tuple[_scoring.ItemTable, Subsets | None]:
    """Prepare what every query shares, and what repeated masks get if there are codes; `item_item` and `codes` are taken as they are.

    Raises:
        InvalidArray, NotFinite, CountOutOfRange: As `recsys.scoring.Scorer`.
    """
    check_count(item_count, argument="item_count", count_min=0, count_max=limits.ITEM_COUNT_MAX)
    prior_max = 0.0 if prior is None else float(_magnitudes(prior, "prior", (item_count,))[0])
    priors_max = published.priors_max
    if priors is not None and priors_max is None:
        priors_max = _magnitudes(priors, "priors", (None, item_count))
    norms, head = None, None
    norm_max = 0.0
    if item_factors is not None:
        check_factors(item_factors, item_count=item_count)
        size = code_bytes(*item_factors.shape)
        is_worth_it = makes_codes and codes_pay(*item_factors.shape) and size <= CODE_BYTES_MAX
        if codes is None and is_worth_it:
            codes = encode_items(item_factors)
        if codes is None:
            norms = row_norms(item_factors)
            head = _longest(norms, min(HEAD_COUNT_MAX, item_count // 16))
            norm_max = float(norms.max(initial=0.0))
        else:
            norm_max = float(codes.norms[0])
    code_prior, code_priors = published.code_prior, published.code_priors
    if code_prior is None and codes is not None and prior is not None:
        code_prior = codes.in_order(prior)
    if code_priors is None and codes is not None and priors is not None:
        code_priors = codes.in_order(priors)
    table = _scoring.ItemTable(
        item_count=item_count,
        factors=item_factors,
        norms=norms,
        norm_max=norm_max,
        prior=prior,
        prior_max=prior_max,
        priors=priors,
        priors_max=priors_max,
        head=head,
        codes=None if codes is None else codes.compiled(),
        ranks=None if codes is None else codes.ranks,
        digests=None if codes is None else codes.digests,
        code_prior=code_prior,
        code_priors=code_priors,
        link_starts=None if item_item is None else item_item.indptr,
        link_items=None if item_item is None else item_item.indices,
        link_values=None if item_item is None else item_item.data,
    )
    return table, None if codes is None else Subsets(codes, code_prior)


def calibrated(codes: ItemCodes, item_factors: F32) -> ItemCodes:
    """Choose where searches begin, by what they read for trial users.

    Searches go over to a more thorough stage by themselves where the first lets too
    much through, so this decides about speed alone. What is read is counted and not
    timed: the same factors get the same choice on every machine with the same codes.
    """
    vectors = trial_vectors(item_factors)
    stages = STAGES if codes.tail_high is not None else STAGES[2:]
    trials = [replace(codes, first_stage=stage) for stage in stages]
    efforts = [search_effort(trial, item_factors, vectors, k=_TRIAL_K) for trial in trials]
    return trials[efforts.index(min(efforts))]


def trial_vectors(item_factors: F32) -> F32:
    """Make up some users, float32, shape (m, f), m at most 64.

    One half like a single item, as sessions are; the other like the sum of several that
    have nothing in common, which is the most undecided that a history can be. Of an
    item alone one score is far above all others, which flatters rough bounds.
    """
    item_count = len(item_factors)
    rows = np.linspace(0, item_count - 1, _TRIAL_QUERIES * _TRIAL_HISTORY).round().astype(np.intp)
    mixed = rows.reshape(_TRIAL_HISTORY, _TRIAL_QUERIES).T
    # Float64 sums of float32 do not overflow; what would as float32 is scaled down.
    sums = item_factors[mixed[1::2]].astype(np.float64).sum(axis=1) / _TRIAL_HISTORY
    alone = item_factors[mixed[::2, 0]]
    return np.ascontiguousarray(np.concatenate([alone, sums.astype(np.float32)]))


def search_effort(codes: ItemCodes, item_factors: F32, vectors: F32, *, k: int) -> int:
    """Return what searches for some vectors, one by one, read of codes and factors, in bytes."""
    table, _ = build_item_table(
        item_count=len(item_factors),
        item_factors=item_factors,
        prior=None,
        priors=None,
        item_item=None,
        codes=codes,
    )
    width = min(k, len(item_factors))
    items, scores = np.zeros((1, width), dtype=np.int32), np.zeros((1, width))
    counts = np.zeros(1, dtype=np.int32)
    for at in range(len(vectors)):
        one = vectors[at : at + 1]
        table.top_k(one, None, (), None, None, None, None, None, items, scores, counts)
    return table.effort()


def _longest(norms: F32, count: int) -> NDArray[np.int32]:
    if len(norms) <= count:
        return np.arange(len(norms), dtype=np.int32)
    return np.argpartition(norms, -count)[-count:].astype(np.int32)


def _magnitudes(values: F32, argument: str, shape: tuple[int | None, ...]) -> F32:
    check_array(values, argument=argument, dtype=np.float32, shape=shape)
    rows = values[np.newaxis] if values.ndim == 1 else values
    magnitudes = row_magnitudes(rows)
    if not np.isfinite(magnitudes).all():
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=0))
        raise NotFinite(argument=argument, row=int(broken[0]))
    return magnitudes
