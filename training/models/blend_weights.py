"""How much of each part: weights fitted on items held out of the training data.

The newest fifth of a sample of people's items (drawn by chance where nothing is
known of time) is hidden, the parts are fitted on the rest, and weights are
searched one at a time on a grid of factors, for the best nDCG@20 by the kernel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.features import WEIGHT_MIN, HistoryConfig
from recsys.scoring import RaggedRows, Scorer
from recsys.sparse import CsrMatrix, expand_rows
from training.metrics import Targets, accuracy, find_hits
from training.models.parallel import thread_count
from training.models.protocol import Interactions, Lines
from training.ragged import csr_from_pairs, positions_of_rows, take_rows

_USER_COUNT_MAX = 2_000
_HELD_OUT_SHARE = 0.2
_ITEM_COUNT_MIN = 2
_K = 20
_FACTORS = (0.0, 0.25, 0.5, 0.7, 1.4, 2.0, 4.0)
_ROUNDS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Some people's histories.

    Attributes:
        users: Their rows in the interactions, ascending, int64, shape (m,).
        weights: Item weights as fold-in takes them, m x items.
        links: The same as item-item rows take them, m x items.
    """

    users: NDArray[np.int64]
    weights: CsrMatrix
    links: CsrMatrix


def draw_sample(
    interactions: Interactions, history: HistoryConfig, *, rng: np.random.Generator
) -> Sample:
    """Draw at most `_USER_COUNT_MAX` people with a history."""
    users = np.flatnonzero(np.diff(interactions.weights.indptr))
    return sample_of(interactions, _drawn(users, rng), history)


def sample_of(
    interactions: Interactions, users: NDArray[np.int64], history: HistoryConfig
) -> Sample:
    """Look some people's histories up."""
    weights = take_rows(interactions.weights, users)
    links = weights
    if history.step_decay != 1.0 and interactions.lines is not None:
        links = _stepped(interactions.lines(), weights, users, history, interactions.item_count)
    return Sample(
        users=users,
        weights=weights,
        links=CsrMatrix(
            links.indptr, links.indices, history.shortened(links.data, indptr=links.indptr)
        ),
    )


def hold_out(
    interactions: Interactions, history: HistoryConfig, *, rng: np.random.Generator
) -> tuple[Interactions, Sample, Targets]:
    """Hide items of some people.

    Returns:
        The interactions without them, those people's remaining histories, and what
        was hidden.
    """
    weights, count = interactions.weights, interactions.item_count
    enough = np.flatnonzero(np.diff(weights.indptr) >= _ITEM_COUNT_MIN)
    users = _drawn(enough, rng)
    _, positions = positions_of_rows(weights.indptr, users)
    owners = expand_rows(weights.indptr)
    ages = rng.random(len(positions))
    lines = None if interactions.lines is None else interactions.lines()
    keys = owners * count + weights.indices
    if lines is not None and len(lines) and np.ptp(lines.times) > 0:
        newest = _newest(lines, keys[positions], item_count=count)
        ages = np.lexsort((ages, -newest)).argsort().astype(np.float64)
    hidden = np.zeros(len(owners), dtype=np.bool_)
    order = np.lexsort((ages, owners[positions]))
    lengths = np.diff(weights.indptr)[users]
    places = np.arange(len(order)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    share = np.maximum(1, (lengths * _HELD_OUT_SHARE).astype(np.int64))
    hidden[positions[order[places < np.repeat(share, lengths)]]] = True
    rest = _without(interactions, owners, hidden, keys[hidden], lines)
    row_of_user = np.full(weights.row_count, -1, dtype=np.int64)
    row_of_user[users] = np.arange(len(users))
    targets = csr_from_pairs(
        rows=row_of_user[owners[hidden]],
        columns=weights.indices[hidden],
        values=weights.data[hidden],
        row_count=len(users),
    )
    return rest, sample_of(rest, users, history), Targets(targets.indptr, targets.indices)


def fit_weights(
    scorer_of: Callable[[tuple[float, ...]], tuple[Scorer, NDArray[np.float32] | None]],
    sample: Sample,
    targets: Targets,
    *,
    part_count: int,
) -> tuple[tuple[float, ...], float]:
    """Search weights, one part at a time; returns them and the nDCG@20 they reach."""

    def quality(weights: tuple[float, ...]) -> float:
        scorer, vectors = scorer_of(weights)
        ranked = scorer.top_k(
            vectors,
            _K,
            history=sample.links,
            excluded=RaggedRows(sample.weights.indptr, sample.weights.indices),
            threads=thread_count(),
        )
        hits = find_hits(ranked.items, ranked.counts, targets, item_count=scorer.item_count)
        return float(accuracy(hits, targets.counts, _K)["ndcg"].mean())

    best = (1.0,) * part_count
    if part_count == 1 or not len(sample.users):
        return best, quality(best) if len(sample.users) else 0.0
    reached = quality(best)
    for _ in range(_ROUNDS_MAX):
        before = best
        # The first part is the measure of the others.
        for part in range(1, part_count):
            for factor in _FACTORS:
                tried = (*best[:part], best[part] * factor, *best[part + 1 :])
                if (found := quality(tried)) > reached:
                    best, reached = tried, found
        if best == before:
            break
    return best, reached


def _drawn(users: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    if len(users) <= _USER_COUNT_MAX:
        return users
    return np.sort(rng.choice(users, _USER_COUNT_MAX, replace=False))


def _newest(lines: Lines, keys: NDArray[np.int64], *, item_count: int) -> NDArray[np.float64]:
    """Return the time of each pair's newest line, shape of `keys`, which ascend."""
    found = np.searchsorted(keys, lines.users.astype(np.int64) * item_count + lines.items)
    found = np.minimum(found, max(0, len(keys) - 1))
    mine = keys[found] == lines.users.astype(np.int64) * item_count + lines.items
    newest = np.full(len(keys), -np.inf)
    np.maximum.at(newest, found[mine], lines.times[mine])
    return newest


def _without(
    interactions: Interactions,
    owners: NDArray[np.int64],
    hidden: NDArray[np.bool_],
    hidden_keys: NDArray[np.int64],
    lines: Lines | None,
) -> Interactions:
    weights, count = interactions.weights, interactions.item_count
    left = ~hidden
    rest = csr_from_pairs(
        rows=owners[left],
        columns=weights.indices[left],
        values=weights.data[left],
        row_count=weights.row_count,
    )
    kept: Lines | None = None
    if lines is not None:
        keys = lines.users.astype(np.int64) * count + lines.items
        kept = lines.where(~np.isin(keys, hidden_keys))
    return Interactions(
        weights=rest,
        item_count=count,
        popularity=interactions.popularity,
        lines=None if kept is None else lambda: kept,
        attributes=interactions.attributes,
    )


def _stepped(
    lines: Lines,
    weights: CsrMatrix,
    users: NDArray[np.int64],
    history: HistoryConfig,
    item_count: int,
) -> CsrMatrix:
    """Decay some people's lines by step and sum them, for the items that have a weight."""
    row_of_user = np.full(int(max(lines.users.max(initial=0), users.max(initial=0))) + 1, -1)
    row_of_user[users] = np.arange(len(users))
    theirs = lines.where(row_of_user[lines.users] >= 0)
    rows = row_of_user[theirs.users]
    decayed = history.decayed(theirs.weights, theirs.times, rows=rows)
    keys = expand_rows(weights.indptr) * item_count + weights.indices
    found = np.searchsorted(keys, rows * item_count + theirs.items)
    found = np.minimum(found, max(0, len(keys) - 1))
    mine = keys[found] == rows * item_count + theirs.items
    sums = np.bincount(found[mine], weights=decayed[mine], minlength=len(keys))
    kept = sums >= WEIGHT_MIN
    return csr_from_pairs(
        rows=expand_rows(weights.indptr)[kept],
        columns=weights.indices[kept],
        values=sums[kept].astype(np.float32),
        row_count=len(users),
    )
