"""One configuration on one published split: fitted, ranked by the serving kernel, measured."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.sparse import CsrMatrix
from training.beyond import catalogue_metrics
from training.config import TrainConfig
from training.fit import FittedModel, fit_model, prepare
from training.learned_weights import with_learned_weights
from training.metrics import Targets, accuracy, find_hits
from training.models import ignore_iteration
from training.models.parallel import thread_count
from training.published import PublishedSplit
from training.ranking import ModelRanker
from training.resample import bootstrap
from training.testset import TestSet, distinct_targets


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What one model does on one split.

    Attributes:
        model_type: Such as `blend`.
        metrics: Mean by name and list length, such as `recall_at_20`; targets that the
            model cannot know count as missed.
        low: Lower end of each metric's 95 % interval (bootstrap by user).
        high: Its upper end.
        popularity: The same metrics of the popular list.
        user_count: Users or sessions measured.
        item_count: Items ranked.
        prepare_seconds: From lines to a matrix.
        fit_seconds: The trainer alone.
        rank_seconds: Fold-in and ranking of all users.
        model_bytes: Factors, item-item rows and prior.
        facts: What the trainer says of itself.
    """

    model_type: str
    metrics: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    popularity: dict[str, float]
    user_count: int
    item_count: int
    prepare_seconds: float
    fit_seconds: float
    rank_seconds: float
    model_bytes: int
    facts: dict[str, float]


def measure(
    split: PublishedSplit,
    config: TrainConfig,
    *,
    k: tuple[int, ...],
    excluded_types: frozenset[EventType] | None,
    seed: int,
) -> Measurement:
    """Fit on the training lines and rank the whole catalogue for every test user.

    Args:
        split: The split.
        config: The model, its features and filters.
        k: List lengths, ascending, positive.
        excluded_types: Items of such training events are not recommended; none for all
            items to be, None for every event that is a contact.
        seed: Source of all chance.
    """
    started = time.perf_counter()
    now = split.test.cut_time
    config, learned = with_learned_weights(config, split.train, seed=seed)
    prepared = prepare(split.train, config=config, features=config.features, now=now)
    prepared_at = time.perf_counter()
    model = fit_model(
        prepared,
        config=config,
        features=config.features,
        seed=seed,
        progress=False,
        report=ignore_iteration,
    )
    fitted_at = time.perf_counter()
    test, item_count = split.test, len(split.train.item_ids)
    seen = _seen(test, model, excluded_types)
    ranker = ModelRanker(model, item_count=item_count, threads=thread_count())
    askers = ranker.askers(
        test.weights(model.features),
        links=test.links(model.features, model.parts.history),
        contexts=test.contexts,
    )
    ranked = ranker.rank(askers, k=k[-1], seen=seen)
    ranked_at = time.perf_counter()
    item_users = np.zeros(item_count, dtype=np.int64)
    item_users[model.items] = model.item_users
    values = _values(ranked.items, ranked.counts, test.targets, k, item_count=item_count)
    popular = ranker.rank_everywhere(len(test), k=k[-1], seen=seen)
    baseline = _values(popular.items, popular.counts, test.targets, k, item_count=item_count)
    intervals = bootstrap(
        values, count=config.evaluate.bootstrap_count, rng=np.random.default_rng(seed)
    )
    beyond = {
        f"{name}_at_{length}": value
        for length in k
        for name, value in catalogue_metrics(
            ranked.items,
            ranked.counts,
            length,
            item_users=item_users,
            user_count=model.user_count,
        ).items()
    }
    return Measurement(
        model_type=config.model_type,
        metrics={name: interval.mean for name, interval in intervals.items()} | beyond,
        low={name: interval.low for name, interval in intervals.items()},
        high={name: interval.high for name, interval in intervals.items()},
        popularity={name: float(value.mean()) for name, value in baseline.items()},
        user_count=len(test),
        item_count=len(model.items),
        prepare_seconds=prepared_at - started,
        fit_seconds=fitted_at - prepared_at,
        rank_seconds=ranked_at - fitted_at,
        model_bytes=_model_bytes(model),
        facts=model.parts.facts | {f"learn/{name}": fact for name, fact in learned.items()},
    )


def _values(
    items: NDArray[np.int32],
    counts: NDArray[np.int32],
    targets: Targets,
    k: tuple[int, ...],
    *,
    item_count: int,
) -> Mapping[str, NDArray[np.float64]]:
    hits = find_hits(items, counts, targets, item_count=item_count)
    return {
        f"{name}_at_{length}": values
        for length in k
        for name, values in accuracy(hits, targets.counts, length).items()
    }


def _seen(
    test: TestSet, model: FittedModel, excluded_types: frozenset[EventType] | None
) -> CsrMatrix | None:
    """Return the items that must not appear, m x all items; None for no such rule."""
    if excluded_types is None:
        return test.seen(model.features)
    if not excluded_types:
        return None
    lines = test.histories
    chosen = lines.where(np.isin(lines.type_codes, [kind.code for kind in excluded_types]))
    rows = np.searchsorted(test.users, chosen.users)
    found = distinct_targets(
        rows, chosen.items, user_count=len(test), item_count=len(lines.item_ids)
    )
    return CsrMatrix(found.indptr, found.items, np.ones(len(found.items), dtype=np.float32))


def _model_bytes(model: FittedModel) -> int:
    parts = model.parts
    arrays: list[NDArray[Any] | None] = [parts.item_factors, parts.prior]
    if parts.item_item is not None:
        arrays += [parts.item_item.indptr, parts.item_item.indices, parts.item_item.data]
    return sum(array.nbytes for array in arrays if array is not None)
