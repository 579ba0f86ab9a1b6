"""How good vectors from attributes are: of items that the map has never seen.

People are asked for by what they did with the other items. Two questions: which of the
hidden items did they have, among these alone, and where would these be in the whole
catalogue?
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.features import FoldInConfig
from recsys.scoring import FoldIn
from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training.metrics import Targets, accuracy, find_hits

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

LIST_LENGTH: Final = 20
_PEOPLE_AT_ONCE: Final = 64


class Askers(NamedTuple):
    """People who had hidden items and others.

    Attributes:
        vectors: By the others, shape (m, f).
        seen: The others, a row each.
        targets: The hidden ones, by their place in `hidden`.
        hidden: Rows of the hidden items, ascending.
    """

    vectors: F32
    seen: CsrMatrix
    targets: Targets
    hidden: I32


def find_askers(
    weights: CsrMatrix,
    hidden: I32,
    *,
    item_factors: F32,
    fold_in: FoldInConfig,
    count_max: int,
    rng: np.random.Generator,
) -> Askers:
    """Choose people.

    Args:
        weights: People x items.
        hidden: Rows of items, ascending.
        item_factors: Of all items, shape (n, f).
        fold_in: How people's vectors are solved for.
        count_max: People wanted at most, positive.
        rng: Source of the choice.
    """
    is_hidden = np.zeros(len(item_factors), dtype=np.bool_)
    is_hidden[hidden] = True
    owners, meant = expand_rows(weights.indptr), is_hidden[weights.indices]
    hidden_counts = np.bincount(owners[meant], minlength=weights.row_count)
    other_counts = np.bincount(owners[~meant], minlength=weights.row_count)
    people = np.flatnonzero((hidden_counts > 0) & (other_counts > 0))
    if len(people) > count_max:
        people = np.sort(rng.choice(people, count_max, replace=False))
    chosen = np.isin(owners, people)
    mine, others = chosen & meant, chosen & ~meant
    seen = CsrMatrix(
        row_pointers(other_counts[people]), weights.indices[others], weights.data[others]
    )
    places = np.searchsorted(hidden, weights.indices[mine]).astype(np.int32)
    order = np.lexsort((places, owners[mine]))
    targets = Targets(row_pointers(hidden_counts[people]), places[order])
    vectors = FoldIn.of_factors(item_factors, fold_in).solve_batch(seen)
    return Askers(vectors, seen, targets, hidden)


def among_hidden(scores: F64, targets: Targets) -> dict[str, F64]:
    """Rank hidden items alone; values per person by metric, as `training.metrics.accuracy`.

    Args:
        scores: Of each hidden item for each person, shape (m, h), or (h,) for all alike.
        targets: Places of the hidden items that each person had.
    """
    count = len(targets.indptr) - 1
    table = np.broadcast_to(scores, (count, scores.shape[-1]))
    length = min(LIST_LENGTH, table.shape[1])
    ranked = np.argsort(-table, axis=1, kind="stable")[:, :length].astype(np.int32)
    hits = find_hits(ranked, np.full(count, length), targets, item_count=table.shape[1])
    return accuracy(hits, targets.counts, LIST_LENGTH)


def scores_of_hidden(askers: Askers, vectors: F32, priors: F32) -> F64:
    """Return the score of each hidden item for each person, shape (m, h)."""
    scores: F64 = (askers.vectors @ vectors.T).astype(np.float64) + priors
    return scores


def in_catalogue(
    askers: Askers, hidden_scores: F64, *, item_factors: F32, prior: F32 | None
) -> dict[str, F64]:
    """Say where the hidden items are among all that a person has not had.

    Args:
        askers: The people.
        hidden_scores: As `scores_of_hidden` returns.
        item_factors: Of all items, shape (n, f); those of hidden ones are not looked at.
        prior: Of all items, or None.

    Returns:
        Values per person: `recall` of the hidden items in the best 20 of the catalogue,
        `rank` the mean share of the catalogue before them, `shown` the share of hidden
        items in the best 20.
    """
    count = len(askers.vectors)
    found = {name: np.empty(count) for name in ("recall", "rank", "shown")}
    is_known = np.ones(len(item_factors), dtype=np.bool_)
    is_known[askers.hidden] = False
    for first in range(0, count, _PEOPLE_AT_ONCE):
        block = slice(first, min(first + _PEOPLE_AT_ONCE, count))
        scores = (askers.vectors[block] @ item_factors.T).astype(np.float64)
        if prior is not None:
            scores += prior
        scores[:, ~is_known] = -np.inf
        for row, person in enumerate(range(block.start, block.stop)):
            scores[row, askers.seen.row(person)[0]] = -np.inf
            own = hidden_scores[person]
            rivals = np.concatenate([scores[row][np.isfinite(scores[row])], own])
            rivals.sort()
            start, stop = askers.targets.indptr[person : person + 2]
            before = len(rivals) - np.searchsorted(
                rivals, own[askers.targets.items[start:stop]], side="right"
            )
            found["recall"][person] = np.mean(before < LIST_LENGTH)
            found["rank"][person] = np.mean(before) / len(rivals)
            least = rivals[-min(LIST_LENGTH, len(rivals))]
            found["shown"][person] = min(1.0, np.sum(own >= least) / LIST_LENGTH)
    return found
