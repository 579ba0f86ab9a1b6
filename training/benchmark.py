"""One configuration on one published split: fitted, ranked by the serving kernel, measured."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
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
from training.ranking import ModelRanker, RankedItems
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
        fit_processor_seconds: What it took of all processors, which says more than its
            seconds where others use them too.
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
    fit_processor_seconds: float
    rank_seconds: float
    model_bytes: int
    facts: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists:
    """What one model showed to everybody asked about.

    Attributes:
        model: The fitted model.
        ranked: The lists.
        values: For each metric, such as `recall_at_20`, one value per user, shape (m,).
        popular_values: The same of the popular list.
        seconds: Of `prepare`, `fit`, `rank`, and of all processors in `fit`:
            `fit_processor`.
        facts: What the trainer says of itself, and what was learned before it.
    """

    model: FittedModel
    ranked: RankedItems
    values: Mapping[str, NDArray[np.float64]]
    popular_values: Mapping[str, NDArray[np.float64]]
    seconds: dict[str, float]
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
    lists = show_lists(split, config, k=k, excluded_types=excluded_types, seed=seed)
    model, ranked = lists.model, lists.ranked
    item_users = np.zeros(len(split.train.item_ids), dtype=np.int64)
    item_users[model.items] = model.item_users
    intervals = bootstrap(
        lists.values, count=config.evaluate.bootstrap_count, rng=np.random.default_rng(seed)
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
        popularity={name: float(value.mean()) for name, value in lists.popular_values.items()},
        user_count=len(split.test),
        item_count=len(model.items),
        prepare_seconds=lists.seconds["prepare"],
        fit_seconds=lists.seconds["fit"],
        fit_processor_seconds=lists.seconds["fit_processor"],
        rank_seconds=lists.seconds["rank"],
        model_bytes=_model_bytes(model),
        facts=lists.facts,
    )


def show_lists(
    split: PublishedSplit,
    config: TrainConfig,
    *,
    k: tuple[int, ...],
    excluded_types: frozenset[EventType] | None,
    seed: int,
) -> Lists:
    """Fit and rank; the arguments are those of `measure`."""
    started = time.perf_counter()
    now = split.test.cut_time
    config, learned = with_learned_weights(config, split.train, seed=seed)
    prepared = prepare(split.train, config=config, features=config.features, now=now)
    prepared_at, prepared_processor = time.perf_counter(), time.process_time()
    model = fit_model(
        prepared,
        config=config,
        features=config.features,
        seed=seed,
        progress=False,
        report=ignore_iteration,
    )
    fitted_at, fitted_processor = time.perf_counter(), time.process_time()
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
    popular = ranker.rank_everywhere(len(test), k=k[-1], seen=seen)
    return Lists(
        model=model,
        ranked=ranked,
        values=_values(ranked, test.targets, k, item_count=item_count),
        popular_values=_values(popular, test.targets, k, item_count=item_count),
        seconds={
            "prepare": prepared_at - started,
            "fit": fitted_at - prepared_at,
            "fit_processor": fitted_processor - prepared_processor,
            "rank": ranked_at - fitted_at,
        },
        facts=model.parts.facts | {f"learn/{name}": fact for name, fact in learned.items()},
    )


def _values(
    ranked: RankedItems, targets: Targets, k: tuple[int, ...], *, item_count: int
) -> Mapping[str, NDArray[np.float64]]:
    hits = find_hits(ranked.items, ranked.counts, targets, item_count=item_count)
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
