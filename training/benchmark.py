"""One configuration on one published split: fitted, ranked by the serving kernel, measured."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import Channel, EventType
from recsys.sparse import CsrMatrix
from training.catalog import Catalog
from training.config import TrainConfig
from training.fit import FittedModel, fit_model, prepare
from training.learned_weights import with_learned_weights
from training.list_meter import ListMeter, metric_name_part
from training.metrics import Targets
from training.models import ModelParts
from training.models.parallel import thread_count
from training.published import PublishedSplit
from training.ranking import ModelRanker, RankedItems
from training.samples import Samples, draw_sample, sample
from training.stored import Contestant, StoredEvaluation, summarise
from training.testset import TestSet, distinct_targets, of_items, of_rows, within, without

CUT = "published"
_CHANNEL_NAMES = {channel.code: channel.value for channel in Channel}
_EVERY_TYPE = frozenset(EventType)


class Measurement(StoredEvaluation, frozen=True, kw_only=True):
    """What one model does on one split.

    Metrics without a kind of list, such as `recall_at_20`, are those of everybody.

    Attributes:
        popularity: The same metrics of the popular list.
        user_count: Users or sessions measured.
        item_count: Items ranked.
        leaked_count: Test pairs that are in the training lines, of any kind.
        prepare_seconds: From lines to a matrix.
        fit_seconds: The trainer alone.
        fit_processor_seconds: What it took of all processors, which says more than its
            seconds where others use them too.
        rank_seconds: Fold-in and ranking of all users.
        model_bytes: Factors, item-item rows and prior.
        facts: What the trainer says of itself.
    """

    popularity: dict[str, float]
    user_count: int
    item_count: int
    leaked_count: int
    prepare_seconds: float
    fit_seconds: float
    fit_processor_seconds: float
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
    """Fit and measure; the arguments and the result are those of `measure_split`."""
    stored = measure_split(
        split, config, name="", k=k, excluded_types=excluded_types, seed=seed
    ).stored
    assert isinstance(stored, Measurement)
    return stored


def measure_split(
    split: PublishedSplit,
    config: TrainConfig,
    *,
    name: str,
    k: tuple[int, ...],
    excluded_types: frozenset[EventType] | None,
    seed: int,
    catalog: Catalog | None = None,
) -> Contestant:
    """Fit on the training lines and rank the whole catalogue for every test user.

    Args:
        split: The split.
        config: The model, its features and filters.
        name: What people call it.
        k: List lengths, ascending, positive.
        excluded_types: Items of such training events are not recommended; none for all
            items to be, None for every event that is a contact.
        seed: Source of all chance.
        catalog: What is known of items, and which are sold.
    """
    started = time.perf_counter()
    config, learned = with_learned_weights(config, split.train, seed=seed)
    prepared = prepare(
        split.train, config=config, features=config.features, now=split.test.cut_time
    )
    prepared_at, prepared_processor = time.perf_counter(), time.process_time()
    model = fit_model(
        prepared,
        config=config,
        seed=seed,
    )
    fitted_at, fitted_processor = time.perf_counter(), time.process_time()
    answers = _Answers(split, model, k=k[-1], excluded_types=excluded_types, catalog=catalog)
    ranked_at = time.perf_counter()
    meter = _metered(split, model, answers, config, k=k, catalog=catalog)
    values = {CUT: meter.lists}
    summary = summarise(
        {CUT: meter.metrics},
        values,
        count=config.evaluate.bootstrap_count,
        rng=np.random.default_rng(seed),
    )
    excluded = "seen" if excluded_types is None else ",".join(sorted(excluded_types)) or "nothing"
    popularity = meter.lists["popularity"].means()
    stored = Measurement(
        name=name or config.model_type,
        model_type=config.model_type,
        measured_on=f"{split.fingerprint} left out {excluded}",
        primary_lists="",
        primary_metric=f"{config.evaluate.primary_metric}_at_{_primary_k(config, k)}",
        config=msgspec.to_builtins(config),
        seed=seed,
        metrics=summary.metrics,
        low=summary.low,
        high=summary.high,
        digests=summary.digests,
        samples=answers.samples(split, config, catalog),
        warnings=_warnings(split),
        popularity=popularity,
        user_count=len(split.test),
        item_count=answers.item_count,
        leaked_count=split.leaked_count,
        prepare_seconds=prepared_at - started,
        fit_seconds=fitted_at - prepared_at,
        fit_processor_seconds=fitted_processor - prepared_processor,
        rank_seconds=ranked_at - fitted_at,
        model_bytes=parts_bytes(model.parts),
        facts=model.parts.facts | {f"learn/{name}": fact for name, fact in learned.items()},
    )
    return Contestant(stored=stored, values=values)


def _warnings(split: PublishedSplit) -> tuple[str, ...]:
    if not split.leaked_count:
        return ()
    told = f"{split.leaked_count} of {split.pair_count} test pairs are in the training lines too"
    return (f"{told}; repeats are fair, leaks are not",)


class _Answers:
    """What a model and the popular list recommend to everybody."""

    def __init__(
        self,
        split: PublishedSplit,
        model: FittedModel,
        *,
        k: int,
        excluded_types: frozenset[EventType] | None,
        catalog: Catalog | None,
    ) -> None:
        test = split.test
        sellable = None if catalog is None else catalog.not_all_sellable
        ranker = ModelRanker(
            model,
            item_count=len(split.train.item_ids),
            threads=thread_count(),
            sellable=sellable,
        )
        blocked = blocked_items(test, model, excluded_types)
        self.histories = test.weights(model.features)
        askers = test.asking(ranker)
        self.model: RankedItems = ranker.rank(askers, k=k, seen=blocked)
        self.popular = ranker.rank_everywhere(len(test), k=k, seen=blocked)
        self.numbers = np.arange(len(test), dtype=np.int32)
        own = model.items if sellable is None else model.items[sellable[model.items]]
        self.item_count = len(own)

    def samples(
        self, split: PublishedSplit, config: TrainConfig, catalog: Catalog | None
    ) -> Samples:
        """Keep the lists of some people."""
        evaluate = config.evaluate
        return sample(
            split.test,
            lists="",
            ranked=self.model,
            targets=split.test.targets,
            rows=draw_sample(
                self.numbers, count=evaluate.sample_user_count, seed=evaluate.user_seed
            ),
            numbers=self.numbers,
            catalog=catalog,
        )


def _metered(
    split: PublishedSplit,
    model: FittedModel,
    answers: _Answers,
    config: TrainConfig,
    *,
    k: tuple[int, ...],
    catalog: Catalog | None,
) -> ListMeter:
    test, item_count = split.test, len(split.train.item_ids)
    item_users = np.zeros(item_count, dtype=np.int64)
    item_users[model.items] = model.item_users
    meter = ListMeter(
        k=k,
        primary_k=_primary_k(config, k),
        item_count=item_count,
        catalog=catalog,
        item_codes=split.item_codes,
    )
    numbers = answers.numbers
    people = meter.add("", answers.model, test.targets, users=numbers)
    meter.add_catalogue("", answers.model, item_users=item_users, user_count=model.user_count)
    meter.add_beyond(
        "",
        people,
        popular=answers.popular,
        histories=answers.histories,
        item_users=item_users,
    )
    meter.add("popularity", answers.popular, test.targets, users=numbers)
    cold_items = item_users <= config.evaluate.cold_item_users_max
    for name, targets in _parts(test, cold_items):
        meter.add_part(name, answers.model, targets, users=numbers)
    return meter


def _parts(test: TestSet, cold_items: NDArray[np.bool_]) -> Iterator[tuple[str, Targets]]:
    """Yield parts of what is to be found that are neither empty nor everything."""
    targets, item_count = test.targets, len(cold_items)
    history = _lines_of_types(test, _EVERY_TYPE)
    with_history = np.diff(history.indptr) > 0
    parts = [
        ("repeats", within(targets, history, item_count=item_count)),
        ("first", without(targets, history, item_count=item_count)),
        ("cold", of_rows(targets, ~with_history)),
        ("known", of_rows(targets, with_history)),
        ("cold_items", of_items(targets, cold_items)),
        *((f"channel_{_CHANNEL_NAMES[c]}", part) for c, part in test.targets_by_channel.items()),
        *((f"store_{metric_name_part(s)}", part) for s, part in test.targets_by_store.items()),
    ]
    for name, part in parts:
        if 0 < len(part.items) < len(targets.items):
            yield name, part


def _primary_k(config: TrainConfig, k: tuple[int, ...]) -> int:
    return config.evaluate.primary_k if config.evaluate.primary_k in k else k[-1]


def blocked_items(
    test: TestSet, model: FittedModel, excluded_types: frozenset[EventType] | None
) -> CsrMatrix | None:
    """Return the items that must not appear, m x all items; None for no such rule."""
    if excluded_types is None:
        return test.seen(model.features)
    return _lines_of_types(test, excluded_types) if excluded_types else None


def _lines_of_types(test: TestSet, types: frozenset[EventType]) -> CsrMatrix:
    """Return the items of events of some types, m x all items."""
    lines = test.histories
    chosen = lines.where(np.isin(lines.type_codes, [kind.code for kind in types]))
    rows = np.searchsorted(test.users, chosen.users)
    found = distinct_targets(
        rows, chosen.items, user_count=len(test), item_count=len(lines.item_ids)
    )
    return CsrMatrix(found.indptr, found.items, np.ones(len(found.items), dtype=np.float32))


def parts_bytes(parts: ModelParts) -> int:
    """Return the bytes of factors, item-item rows and prior."""
    arrays: list[NDArray[Any] | None] = [parts.item_factors, parts.prior]
    if parts.item_item is not None:
        arrays += [parts.item_item.indptr, parts.item_item.indices, parts.item_item.data]
    return sum(array.nbytes for array in arrays if array is not None)
