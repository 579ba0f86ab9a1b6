"""EASE (Steck 2019): the item-item weights of a ridge regression, in closed form.

B minimises |X - X B|^2 + sum_i l_i |B_i|^2 with a zero diagonal. With P the inverse
of X^T D_user^-p X + diag(l), B[h, j] = -P[h, j] / P[j, j]. It needs two dense n x n
matrices, so it is for small catalogues.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training.models.checks import check_exponent, check_weight
from training.models.link_config import LinkConfig, link_parts
from training.models.links import power
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)

_BLOCK_ROWS = 512
ITEM_COUNT_MAX = 50_000


class EaseConfig(LinkConfig, tag="ease", frozen=True, kw_only=True):
    """Item-item weights by ridge regression, for small catalogues.

    Attributes:
        neighbours: Items kept per history item, 1 to 10000; those of largest amount.
        self_weight: What an item of the history adds to its own score, 0 or more.
        repeat_exponent: How far the self weight follows how often buyers buy the item
            again, 0 (alike) to 2; 0.5 to 1 where people buy again.
        step_decay: What each newer step of a person leaves of a weight, above 0 to 1.
        length_exponent: Histories are divided by their sum to this power, 0 to 1.
        newest_boost: What an item of the newest step adds to its own score besides; below 0
            where what is looked at right now is wanted less than what came before.
        popularity_weight: What the share of users who have an item adds to its score,
            0 or more.
        trend_weight: What an item asked for e times as much as usual adds to its
            score, 0 or more; see `training.models.trends`.
        trend_half_life_days: What counts as of late for it, positive.
        regularization: Ridge of every item, positive.
        count_regularization: Further ridge per unit of the item's summed weight, 0 or more.
        user_exponent: How far people with much history are held back, 0 to 2.
        target_exponent: How far popular candidates are held back, 0 to 2.
        item_count_max: Larger catalogues are refused; memory is 16 bytes times its
            square, 1 to 50000.
    """

    regularization: float = 100.0
    count_regularization: float = 0.0
    user_exponent: float = 0.0
    target_exponent: float = 0.0
    item_count_max: int = 12_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.regularization < np.inf:
            raise ValueError(f"regularization is {self.regularization}; it must be positive")
        check_weight("count_regularization", self.count_regularization)
        check_exponent("user_exponent", self.user_exponent)
        check_exponent("target_exponent", self.target_exponent)
        if not 1 <= self.item_count_max <= ITEM_COUNT_MAX:
            raise ValueError(
                f"item_count_max is {self.item_count_max}; allowed 1 to {ITEM_COUNT_MAX}"
            )


@dataclass(frozen=True, slots=True)
class EaseTrainer:
    """Learns item-item weights that may be negative."""

    config: EaseConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn; nothing is left to chance. See `training.models.protocol.Trainer`."""
        del seed, start, progress, report
        config, count = self.config, interactions.item_count
        if count > config.item_count_max:
            raise ValueError(
                f"ease is for {config.item_count_max} items at most and there are {count}; "
                "use cooccurrence, or raise model.item_count_max"
            )
        weights = interactions.weights
        matrix = csr_matrix(
            (weights.data, weights.indices, weights.indptr), (weights.row_count, count)
        )
        rows = expand_rows(weights.indptr)
        sums = np.bincount(rows, weights=weights.data, minlength=weights.row_count)
        scaled = matrix.copy()
        scaled.data = np.multiply(
            matrix.data, power(sums, config.user_exponent)[rows], dtype=np.float64
        )
        gram = (scaled.T @ matrix).toarray().astype(np.float64, order="F")
        totals = np.diagonal(gram).copy()
        gram[np.diag_indices(count)] += config.regularization + config.count_regularization * totals
        inverse = _inverted(gram)
        targets = np.bincount(weights.indices, weights=weights.data, minlength=count)
        scale = -power(targets, config.target_exponent) / np.diagonal(inverse)
        links = _pruned(inverse, scale, neighbours=config.neighbours)
        return link_parts(links, interactions, config, {})


def _inverted(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert a symmetric positive definite matrix in place (column-major)."""
    factor, fault = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    assert fault == 0, "a Gram matrix with a positive ridge is positive definite"
    inverse, fault = lapack.dpotri(factor, lower=1, overwrite_c=1)
    assert fault == 0, "its factor is regular"
    lower: NDArray[np.float64] = inverse
    above = np.triu_indices(min(len(lower), _BLOCK_ROWS), 1)
    for start in range(0, len(lower), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(lower))
        lower[start:stop, stop:] = lower[stop:, start:stop].T
        block = lower[start:stop, start:stop]
        inside = (above[0][above[1] < len(block)], above[1][above[1] < len(block)])
        block[inside] = block.T[inside]
    return lower


def _pruned(
    inverse: NDArray[np.float64], scale: NDArray[np.floating], *, neighbours: int
) -> CsrMatrix:
    """Keep the entries of largest amount in each row of `inverse * scale` without its diagonal."""
    count = len(inverse)
    keep = min(neighbours, count)
    columns, values = [], []
    for start in range(0, count, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, count)
        block = (inverse[start:stop] * scale).astype(np.float32)
        block[np.arange(stop - start), np.arange(start, stop)] = 0.0
        kept = np.argpartition(-np.abs(block), keep - 1, axis=1)[:, :keep]
        kept.sort(axis=1)
        columns.append(kept.astype(np.int32))
        values.append(np.take_along_axis(block, kept, axis=1))
    all_columns, all_values = np.concatenate(columns), np.concatenate(values)
    there = all_values != 0.0
    return CsrMatrix(row_pointers(there.sum(axis=1)), all_columns[there], all_values[there])
