"""Which item of a history is behind a recommendation: exact, not a guess.

A folded-in score is linear in the history (Hu, Koren, Volinsky 2008, section 5):
with A the normal matrix, item h contributes `c_h * y_j^T A^-1 y_h` to item j,
and item-item weights contribute `w_h * S[h, j]`, where w_h is the weight that the
item-item part was asked with. The parts sum to the score less its prior.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Bundle
from recsys.person_ranker import ItemWeights


def influences(
    bundle: Bundle, *, ranked: NDArray[np.int32], history: ItemWeights
) -> NDArray[np.float64]:
    """Split scores into the parts of each history item.

    Args:
        bundle: The model.
        ranked: Item rows whose scores are split, shape (r,).
        history: What the model was asked with; h items with a positive weight.

    Returns:
        Parts, shape (r, h); each row sums to the item's score less its prior.
    """
    rows, weights = history.rows, history.weights
    parts = np.zeros((len(ranked), len(rows)), dtype=np.float64)
    fold_in = bundle.manifest.fold_in
    if bundle.item_factors is not None and bundle.gram is not None and fold_in is not None:
        vectors = bundle.item_factors[rows].astype(np.float64)
        extra = fold_in.alpha * weights.astype(np.float64)  # confidence less that of unseen items
        normal = fold_in.unobserved_weight * bundle.gram + (vectors.T * extra) @ vectors
        ridge = fold_in.ridges(np.array([len(rows)]), item_count=len(bundle.items))
        normal[np.diag_indices_from(normal)] += ridge[0]
        solved = np.linalg.solve(normal, vectors.T * (fold_in.unobserved_weight + extra))
        parts += bundle.item_factors[ranked].astype(np.float64) @ solved
    if bundle.item_item is not None:
        links = history if history.links is None else history.links
        positions = np.searchsorted(rows, links.rows)
        for position, row, weight in zip(positions, links.rows, links.weights, strict=True):
            columns, values = bundle.item_item.row(row)
            found = np.searchsorted(columns, ranked)
            found[found == len(columns)] = 0
            hit = columns[found] == ranked if len(columns) else np.zeros(len(ranked), dtype=bool)
            parts[hit, position] += np.float64(weight) * values[found[hit]]
    return parts


def strongest_influence(
    bundle: Bundle, *, ranked: NDArray[np.int32], history: ItemWeights
) -> NDArray[np.int32]:
    """Return the history row with the largest part for each ranked row; arguments as above."""
    parts = influences(bundle, ranked=ranked, history=history)
    strongest: NDArray[np.int32] = history.rows[np.argmax(parts, axis=1)]
    return strongest
