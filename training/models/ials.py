"""Implicit ALS with an unobserved weight and frequency-scaled regularization, compiled.

The objective is that of Rendle, Krichene, Zhang, Koren (2021), "Revisiting the
performance of iALS on item recommendation benchmarks", for confidences from event
weights: with s = alpha * weight, a = `unobserved_weight`,

    sum_seen (a + s) (1 - x.y)^2 + a sum_unseen (x.y)^2
      + sum_u ridge_u |x_u|^2 + sum_i ridge_i |y_i|^2
    ridge_u = regularization * (items of u + a * items)^regularization_exponent

and the same for items, which makes its user step `recsys.scoring.FoldIn`.

Scores do not change when users and items are turned together. So before each
half-step all factors are turned to the principal axes of the fixed side (one
eigendecomposition, two products). Its Gram matrix is then diagonal, every row's system
a diagonal plus its own few items, and conjugate gradients never touch an f x f
matrix (`src/ials/ials.h`). Same seed, same data, same machine: same factors, for
any number of threads.
"""

import math
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.bundle.writer import gram_matrix
from recsys.features import FoldInConfig
from recsys.sparse import CsrMatrix
from training import _ials
from training.models.checks import check_iterations, check_weight
from training.models.links import transposed
from training.models.parallel import SLICES_PER_THREAD, even_slices, in_parallel, thread_count
from training.models.popularity import share_prior
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.threads import one_blas_thread

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_BLOCK_ROWS = 4_096
"""Rows of one matrix product: fixed, so that sums do not depend on the threads."""
_PASS_COUNT_MAX = 100


class IalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="ials"):
    """Matrix factorisation, tuned for ranking.

    Attributes:
        factors: Length of item vectors, 1 to 1024. More is better where data are
            plenty; 256 to 512 pay on Gowalla.
        alpha: Confidence per unit of event weight, positive.
        unobserved_weight: Confidence that what was not touched is not wanted,
            positive; 1 / 100 of `alpha` is a good start.
        regularization: Pull of vectors towards 0, positive.
        regularization_exponent: How much more those with more interactions are pulled,
            0 (alike) to 1 (in proportion).
        popularity_weight: What the share of users who have an item adds to its score,
            0 or more.
        iterations: Rounds of users and items, 1 to 1000.
        warm_iterations: Rounds when the start is an earlier fit, 1 to 1000.
        passes: Passes of the solver over a row's items in a half-step at most, 1 to 100.
        tolerance: Residual, relative to the right side, at which a row is solved,
            0 or more, below 1.
        training_loss: Whether to log the loss after each round.
    """

    factors: int = 128
    alpha: float = 1.0
    unobserved_weight: float = 0.01
    regularization: float = 0.1
    regularization_exponent: float = 0.5
    popularity_weight: float = 0.0
    iterations: int = 8
    warm_iterations: int = 3
    passes: int = 6
    tolerance: float = 0.01
    training_loss: bool = False

    def __post_init__(self) -> None:
        check_iterations(factors=self.factors, iterations=self.iterations)
        check_iterations(factors=self.factors, iterations=self.warm_iterations)
        if not 1 <= self.passes <= _PASS_COUNT_MAX:
            raise ValueError(f"passes is {self.passes}; allowed 1 to {_PASS_COUNT_MAX}")
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"tolerance is {self.tolerance}; allowed 0 and above, below 1")
        check_weight("popularity_weight", self.popularity_weight)
        self.fold_in()

    def fold_in(self) -> FoldInConfig:
        """Return the user step as serving solves it."""
        return FoldInConfig(
            alpha=self.alpha,
            regularization=self.regularization,
            regularization_exponent=self.regularization_exponent,
            unobserved_weight=self.unobserved_weight,
        )


@dataclass(frozen=True, slots=True)
class IalsTrainer:
    """Learns item factors."""

    config: IalsConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn item factors; see `training.models.protocol.Trainer`."""
        del progress
        config = self.config
        facts: dict[str, float] = {}
        with one_blas_thread():
            state = _Alternation(interactions, config, seed=seed, start=start)
            rounds = config.iterations if start is None else config.warm_iterations
            for iteration in range(rounds):
                began = time.perf_counter()
                loss = state.round()
                report(iteration, time.perf_counter() - began, loss)
                if loss is not None:
                    facts["final_loss"] = loss
            factors = _principal(state.items, width=config.factors)
        return ModelParts(
            item_factors=factors,
            fold_in=config.fold_in(),
            prior=share_prior(interactions, config.popularity_weight)
            if config.popularity_weight
            else None,
            facts=facts,
        )


class _Side:
    """The rows of one side with what was seen of the other."""

    def __init__(self, seen: CsrMatrix, *, config: IalsConfig, other_count: int) -> None:
        counts = np.diff(seen.indptr)
        self.seen = seen
        self.ridges = config.fold_in().ridges(counts, item_count=other_count).astype(np.float32)
        self.slices = even_slices(counts, count=thread_count() * SLICES_PER_THREAD)
        self.counts = counts


class _Alternation:
    """The state of a fit: both sides' vectors, padded to whole vector lanes."""

    def __init__(
        self, interactions: Interactions, config: IalsConfig, *, seed: int, start: F32 | None
    ) -> None:
        weights, count = interactions.weights, interactions.item_count
        confidence = (config.alpha * weights.data).astype(np.float32)
        by_user = CsrMatrix(weights.indptr, weights.indices, confidence)
        starts, users, values = transposed(by_user, column_count=count)
        self._config = config
        self._by_user = _Side(by_user, config=config, other_count=count)
        self._by_item = _Side(
            CsrMatrix(starts, users, values), config=config, other_count=weights.row_count
        )
        self._threads = thread_count()
        width = -(-config.factors // _ials.LANES) * _ials.LANES
        self.items = np.zeros((count, width), dtype=np.float32)
        self.items[:, : config.factors] = _first(start, config=config, count=count, seed=seed)
        self.users = np.zeros((weights.row_count, width), dtype=np.float32)

    def round(self) -> float | None:
        """Solve for all users, then for all items; return the loss if it is wanted."""
        self.users, self.items, _ = self._half(self._by_user, self.users, self.items)
        self.items, self.users, loss = self._half(
            self._by_item, self.items, self.users, wants_loss=self._config.training_loss
        )
        return loss

    def _half(
        self, side: _Side, solved: F32, fixed: F32, *, wants_loss: bool = False
    ) -> tuple[F32, F32, float | None]:
        """Solve one side against the other; returns both, turned."""
        config = self._config
        values, axes = np.linalg.eigh(self._gram(fixed))
        turn = axes.astype(np.float32)
        fixed, solved = self._turned(fixed, turn), self._turned(solved, turn)
        step = _ials.HalfStep(
            fixed,
            (config.unobserved_weight * np.maximum(values, 0.0)).astype(np.float32),
            config.unobserved_weight,
            side.seen.indptr,
            side.seen.indices,
            side.seen.data,
            side.ridges,
            config.passes,
            config.tolerance,
        )

        def solve(first: int, stop: int) -> int:
            return step.solve(first, stop, solved)

        def seen_loss(first: int, stop: int) -> float:
            return step.seen_loss(first, stop, solved)

        in_parallel(solve, side.slices, threads=self._threads)
        loss = None
        if wants_loss:
            seen = sum(in_parallel(seen_loss, side.slices, threads=self._threads))
            loss = (seen + self._rest_of_loss(solved, fixed)) / len(side.seen.data)
        return solved, fixed, loss

    def _rest_of_loss(self, items: F32, users: F32) -> float:
        unseen = float(np.sum(self._gram(items) * self._gram(users)))
        pulls = float(self._by_item.ridges @ np.square(items).sum(axis=1))
        pulls += float(self._by_user.ridges @ np.square(users).sum(axis=1))
        return self._config.unobserved_weight * unseen + pulls

    def _gram(self, factors: F32) -> F64:
        def part(first: int, stop: int) -> F32:
            block = factors[first:stop]
            product: F32 = block.T @ block
            return product

        blocks = in_parallel(part, _blocks(len(factors)), threads=self._threads)
        gram = np.zeros((factors.shape[1], factors.shape[1]), dtype=np.float64)
        for block in blocks:
            gram += block
        return gram

    def _turned(self, factors: F32, axes: F32) -> F32:
        turned = np.empty_like(factors)

        def part(first: int, stop: int) -> None:
            np.matmul(factors[first:stop], axes, out=turned[first:stop])

        in_parallel(part, _blocks(len(factors)), threads=self._threads)
        return turned


def _blocks(count: int) -> list[tuple[int, int]]:
    return [(start, min(start + _BLOCK_ROWS, count)) for start in range(0, count, _BLOCK_ROWS)]


def _first(start: F32 | None, *, config: IalsConfig, count: int, seed: int) -> F32:
    """Return where item factors begin: small and random, or an earlier fit."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((count, config.factors), dtype=np.float32)
    drawn *= np.float32(0.1 / math.sqrt(config.factors))
    if start is None:
        return drawn
    return np.where(np.isnan(start).any(axis=1, keepdims=True), drawn, start)


def _principal(items: F32, *, width: int) -> F32:
    """Turn factors to their principal axes, longest first, so that serving folds in fast."""
    values, axes = np.linalg.eigh(gram_matrix(items))
    longest = axes[:, np.argsort(-values)[:width]]
    turned = np.empty((len(items), width), dtype=np.float32)
    for first, stop in _blocks(len(items)):
        turned[first:stop] = items[first:stop].astype(np.float64) @ longest
    return turned
