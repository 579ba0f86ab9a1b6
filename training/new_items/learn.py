"""Learning the map of a model, and saying how good it is.

A fifth of the items is hidden from the map to choose the regularization, another fifth to
measure it; the map that is published has seen all. The factors themselves were learned with
the hidden items, so they know a little of who had them: `benchmarks/quality/new_items.py`
measures with items that nothing has seen.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import NewItemMap
from recsys.catalog import FeatureRows
from recsys.sparse import CsrMatrix, expand_rows
from training.config import NewItemsConfig
from training.models import ModelParts
from training.new_items.measure import (
    LIST_LENGTH,
    Askers,
    among_hidden,
    find_askers,
    in_catalogue,
    scores_of_hidden,
)
from training.new_items.ridge import fit_map
from training.resample import bootstrap

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_FOLD_COUNT: Final = 5
_HIDDEN_MIN: Final = 2 * LIST_LENGTH
"""Fewer hidden items say nothing about lists of 20."""
_PEOPLE_MIN: Final = 20


class LearnedMap(NamedTuple):
    """A map and what is known of it.

    Attributes:
        map: The map.
        facts: What was measured, by name; without measurements where data are too few.
    """

    map: NewItemMap
    facts: dict[str, float]


def learn_new_items(
    parts: ModelParts,
    features: FeatureRows,
    weights: CsrMatrix,
    *,
    item_users: NDArray[np.int64],
    config: NewItemsConfig,
    seed: int,
) -> LearnedMap | None:
    """Learn how a model treats items that it does not know.

    Args:
        parts: The model, of n items.
        features: Of its items.
        weights: People x items, as it was trained on.
        item_users: Users of each item, shape (n,).
        config: How.
        seed: Source of all chance.

    Returns:
        None for models without vectors.
    """
    factors, fold_in = parts.item_factors, parts.fold_in
    if not config.enabled or factors is None or fold_in is None:
        return None
    prior = np.zeros(len(factors), dtype=np.float32) if parts.prior is None else parts.prior
    targets = np.concatenate([factors, prior[:, np.newaxis]], axis=1)
    rng = np.random.default_rng(seed)
    had = rng.permutation(np.flatnonzero(item_users > 0)).astype(np.int32)
    folds = [np.sort(had[number::_FOLD_COUNT]) for number in range(_FOLD_COUNT)]

    def hidden_fold(fold: I32) -> Askers:
        return find_askers(
            weights,
            fold,
            item_factors=factors,
            fold_in=fold_in,
            count_max=config.people_count_max,
            rng=rng,
        )

    def fitted(
        regularization: float, hidden: I32 | None, start: NewItemMap | None = None
    ) -> NewItemMap:
        users = item_users.copy()
        users[hidden if hidden is not None else []] = 0
        return fit_map(
            features, targets, item_users=users, regularization=regularization, start=start
        )

    choosing, judging = hidden_fold(folds[0]), hidden_fold(folds[1])
    best = config.regularizations[len(config.regularizations) // 2]
    if min(len(folds[1]), len(choosing.vectors)) < _PEOPLE_MIN or len(folds[0]) < _HIDDEN_MIN:
        return LearnedMap(fitted(best, None), {"regularization": best})
    start, quality = None, dict[float, float]()
    for regularization in config.regularizations:
        start = fitted(regularization, folds[0], start)
        vectors, priors = _predicted(start, features, folds[0])
        scores = scores_of_hidden(choosing, vectors, priors)
        quality[regularization] = float(among_hidden(scores, choosing.targets)["ndcg"].mean())
    best = max(quality, key=lambda one: (quality[one], one))
    facts = {"regularization": best}
    if len(judging.vectors) >= _PEOPLE_MIN:
        hidden = fitted(best, folds[1])
        vectors, priors = _predicted(hidden, features, folds[1])
        facts |= _measured(
            judging,
            scores_of_hidden(judging, vectors, priors),
            popularity=popularity_of_kind(features, item_users, folds[1]),
            item_factors=factors,
            prior=parts.prior,
            rng=rng,
        )
    found = fitted(best, None)
    facts["features"] = float(len(found.features))
    return LearnedMap(found, facts)


def popularity_of_kind(features: FeatureRows, item_users: NDArray[np.int64], hidden: I32) -> F64:
    """Score hidden items by how popular others of their categories, brands and words are.

    Returns:
        The mean over an item's features of the mean logarithm of users, shape (h,).
    """
    owners = expand_rows(features.indptr)
    names, where = np.unique(features.hashes, return_inverse=True)
    known = np.ones(len(item_users), dtype=np.bool_)
    known[hidden] = False
    mine = known[owners]
    users = np.log1p(item_users)
    average = float(users[known].mean())
    sums = np.bincount(where[mine], users[owners[mine]], minlength=len(names)) + average
    means = sums / (np.bincount(where[mine], minlength=len(names)) + 1.0)
    counts = np.maximum(np.diff(features.indptr), 1)
    scores: F64 = np.bincount(owners, means[where], minlength=len(item_users)) / counts
    return scores[hidden]


def _predicted(found: NewItemMap, features: FeatureRows, rows: I32) -> tuple[F32, F32]:
    vectors, priors = found.vectors(*features)
    return vectors[rows], priors[rows]


def _measured(
    askers: Askers,
    scores: F64,
    *,
    popularity: F64,
    item_factors: F32,
    prior: F32 | None,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return means and intervals by name; random lists by what is expected of them."""
    values: dict[str, F64] = {}
    for name, some in (
        ("", among_hidden(scores, askers.targets)),
        ("popularity/", among_hidden(popularity, askers.targets)),
    ):
        values |= {
            f"{name}{metric}_at_{LIST_LENGTH}": some[metric] for metric in ("recall", "ndcg")
        }
    everywhere = in_catalogue(askers, scores, item_factors=item_factors, prior=prior)
    values |= {
        f"catalogue/recall_at_{LIST_LENGTH}": everywhere["recall"],
        f"catalogue/shown_at_{LIST_LENGTH}": everywhere["shown"],
        "catalogue/rank": everywhere["rank"],
    }
    facts = {
        f"random/recall_at_{LIST_LENGTH}": LIST_LENGTH / len(askers.hidden),
        "people": float(len(askers.vectors)),
        "hidden": float(len(askers.hidden)),
    }
    return facts | with_intervals(values, rng=rng)


def with_intervals(values: Mapping[str, F64], *, rng: np.random.Generator) -> dict[str, float]:
    """Return the mean of each value over people, and its interval as `_low` and `_high`."""
    facts: dict[str, float] = {}
    for name, one in bootstrap(values, count=500, rng=rng).items():
        facts |= {name: one.mean, f"{name}_low": one.low, f"{name}_high": one.high}
    return facts
