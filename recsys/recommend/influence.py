"""Which item of a history is behind a recommendation: exact, not a guess.

A folded-in score is linear in the history (Hu, Koren, Volinsky 2008, section 5):
with A the normal matrix, item h contributes `c_h * y_j^T A^-1 y_h` to item j,
and item-item weights contribute `w_h * S[h, j]`, where w_h is the weight that the
item-item part was asked with; an item of the newest step also contributes its boost
to itself. The parts sum to the score less its prior, but for the
rounding of the user vector to float32.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.person_ranker import ItemWeights
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix


def influences(
    scorer: Scorer, fold_in: FoldIn | None, *, ranked: NDArray[np.int32], history: ItemWeights
) -> NDArray[np.float64]:
    """Split scores into the parts of each history item.

    Args:
        scorer: The items.
        fold_in: What the person's vector is solved with; None without vectors.
        ranked: Item rows whose scores are split, shape (r,).
        history: What the model was asked with; h items with a positive weight.

    Returns:
        Parts, shape (r, h); each row sums to the item's score less its prior.
    """
    rows = history.rows
    parts = np.zeros((len(ranked), len(rows)), dtype=np.float64)
    if fold_in is not None:
        folded = history if history.folded is None else history.folded
        own = np.searchsorted(rows, folded.rows)
        parts[:, own] += fold_in.split(folded.rows, folded.weights, ranked)
    links = history if history.links is None else history.links
    if len(links.boosted):
        boosts = np.zeros(len(rows))
        boosts[np.searchsorted(rows, links.boosted)] = links.boosts
        parts += np.where(ranked[:, None] == rows, boosts, 0.0)
    if not scorer.has_item_item:
        return parts
    linked = scorer.contributions(
        None if scorer.factor_count == 0 else np.zeros((1, scorer.factor_count), np.float32),
        RaggedRows.one(ranked),
        history=CsrMatrix.of([links.rows], [links.weights]),
    )
    asked = np.repeat(np.arange(len(ranked)), np.diff(linked.term_ends, prepend=0))
    positions = np.searchsorted(rows, links.rows)[linked.term_positions]
    np.add.at(parts, (asked, positions), linked.term_values)
    return parts


def strongest_influence(
    scorer: Scorer, fold_in: FoldIn | None, *, ranked: NDArray[np.int32], history: ItemWeights
) -> NDArray[np.int32]:
    """Return the history row with the largest part for each ranked row; arguments as above."""
    parts = influences(scorer, fold_in, ranked=ranked, history=history)
    strongest: NDArray[np.int32] = history.rows[np.argmax(parts, axis=1)]
    return strongest
