"""New items beside those that a model knows: both are ranked exactly, and merged by score."""

import numpy as np
from numpy.typing import NDArray

from recsys.allowed import Allowed, several
from recsys.bitmaps import bits_of
from recsys.contributions import PARTS
from recsys.features import FoldInConfig
from recsys.new_items import LiveItems
from recsys.new_items.table import Found, best_of
from recsys.person_ranker import ItemWeights, Ranking
from recsys.scoring import FoldIn, RaggedRows

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


def with_new(
    ranking: Ranking,
    vector: F32,
    items: LiveItems,
    count: int,
    *,
    allowed: Allowed,
    excluded: I32 | None,
) -> Ranking:
    """Merge ranked rows of a model with new items.

    Args:
        ranking: The best of the model's items.
        vector: The person's, shape (f,).
        items: Has the new ones.
        count: Rows wanted, positive.
        allowed: Which items may appear, as the kernel takes it for one person.
        excluded: Rows that must not appear, or None.
    """
    is_full = ranking.count == count
    if is_full and not items.table.may_reach(vector, float(ranking.scores[-1])):
        return ranking
    found = items.search(
        vector,
        count,
        [bits_of(one) for one in several(allowed)],
        excluded=np.empty(0, dtype=np.int32) if excluded is None else excluded,
    )
    if not len(found.rows):
        return ranking
    return Ranking.of(*best_of([Found(ranking.rows, ranking.scores), found], count))


def vector_like(vector: F32, gram: NDArray[np.float64], config: FoldInConfig, count: int) -> F32:
    """Solve for somebody whose whole history is one new item, as `FoldIn` does for known ones.

    Args:
        vector: The item's, shape (f,).
        gram: The model's, shape (f, f).
        config: The model's.
        count: Items of the model.

    Returns:
        Float32, shape (f,).
    """
    item = vector.astype(np.float64)
    system = _system(item[np.newaxis], np.ones(1), gram, config, count)
    weight = config.unobserved_weight + config.alpha
    solved: F32 = np.linalg.solve(system, weight * item).astype(np.float32)
    return solved


def parts_of_new(vector: F32, items: LiveItems, row: int) -> tuple[float, dict[str, float]]:
    """Return the score of one new item for a person's vector, and its parts, to the last bit."""
    scorer = items.table.scorer_of(row - items.first_row)
    asked = RaggedRows.one(np.zeros(1, dtype=np.int32))
    found = scorer.contributions(vector[np.newaxis], asked)
    return float(found.scores()[0]), dict(zip(PARTS, found.parts[0].tolist(), strict=True))


def influences_of_new(
    fold_in: FoldIn, config: FoldInConfig, item: F32, history: ItemWeights
) -> F64:
    """Split what a folded-in vector gives to one new item over a history, shape (h,).

    Args:
        fold_in: Of the model.
        config: The model's.
        item: The new item's vector, shape (f,).
        history: What the model was asked with; h items.
    """
    folded = history if history.folded is None else history.folded
    known = fold_in.item_factors[folded.rows].astype(np.float64)
    weights = folded.weights.astype(np.float64)
    system = _system(known, weights, fold_in.gram, config, len(fold_in.item_factors))
    towards = np.linalg.solve(system, item.astype(np.float64))
    parts = np.zeros(len(history.rows))
    own = np.searchsorted(history.rows, folded.rows)
    parts[own] = (config.unobserved_weight + config.alpha * weights) * (known @ towards)
    return parts


def _system(
    known: F64, weights: F64, gram: NDArray[np.float64], config: FoldInConfig, count: int
) -> F64:
    """Return the matrix of somebody's normal equations; see `recsys.scoring.FoldIn`."""
    ridge = float(config.ridges(np.array([len(weights)]), item_count=count)[0])
    system: F64 = config.unobserved_weight * gram + ridge * np.eye(len(gram))
    return system + (known.T * (config.alpha * weights)) @ known
