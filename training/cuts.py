"""Measuring a configuration at one cut of time, or at several: the retailer's protocol.

    events = read_events(dataset)
    for split in rolling_splits(events, config.split, count=3):
        evaluation = measure_at(split, config, seed=0).evaluation

`recsys train`, `recsys evaluate --data` and whoever tunes measure by this code.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from recsys.errors import InvalidData
from training.catalog import Catalog
from training.config import EvaluateConfig, TrainConfig
from training.evaluate import Evaluation, Evaluator
from training.fit import FittedModel, Prepared, fit_model, prepare
from training.interactions import Events
from training.learned_weights import with_learned_weights
from training.models.parallel import thread_count
from training.models.threads import one_blas_thread
from training.split import Split, rolling_splits
from training.stored import Contestant, StoredEvaluation, summarise
from training.testset import TestSet, draw_test_sets


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Questions:
    """Who is asked about at a cut; the same for every model.

    Attributes:
        known: Users with a history before the cut.
        cold: Users without.
        rng: Source of the bootstrap.
    """

    known: TestSet
    cold: TestSet
    rng: np.random.Generator


def draw_questions(split: Split, config: EvaluateConfig) -> Questions:
    """Draw the users; chance comes from `evaluate.user_seed` alone."""
    rng = np.random.default_rng(config.user_seed)
    known, cold = draw_test_sets(
        split,
        user_count_max=config.user_count_max,
        history_event_count_max=config.history_event_count_max,
        store_count_max=config.store_count_max,
        rng=rng,
    )
    return Questions(known=known, cold=cold, rng=rng)


def measure_fitted(
    model: FittedModel,
    questions: Questions,
    *,
    config: EvaluateConfig,
    catalog: Catalog | None = None,
    purchases_only: FittedModel | None = None,
) -> Evaluation:
    """Measure a model that was fitted on what lies before the cut.

    Args:
        model: The model.
        questions: Who is asked about.
        config: What to measure.
        catalog: What is known of items, if anything.
        purchases_only: The same model without other events, if it should be compared.
    """
    return Evaluator(
        known=questions.known,
        cold=questions.cold,
        config=config,
        item_count=len(questions.known.histories.item_ids),
        threads=thread_count(),
        rng=questions.rng,
        catalog=catalog,
    ).evaluate(model, purchases_only)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredCut:
    """One configuration at one cut.

    Attributes:
        name: The held-out period; see `Split.name`.
        model: The model, fitted on what lies before the cut.
        evaluation: What was measured.
        fit_seconds: The trainer alone.
        evaluate_seconds: Fold-in, ranking and measuring of everybody.
    """

    name: str
    model: FittedModel
    evaluation: Evaluation
    fit_seconds: float
    evaluate_seconds: float


def measure_at(
    split: Split,
    config: TrainConfig,
    *,
    seed: int,
    catalog: Catalog | None = None,
    questions: Questions | None = None,
    prepared: Prepared | None = None,
) -> MeasuredCut:
    """Fit on what lies before a cut and measure on what was bought after it.

    Args:
        split: The cut.
        config: What to fit and what to measure.
        seed: Source of the model's chance.
        catalog: What is known of items, if anything.
        questions: Who is asked about, if drawn before.
        prepared: What to fit on, if prepared before from the same split, features
            (with learned weights, if they are to be learned) and filters.

    Raises:
        InvalidData: Nothing lies before the cut, or nothing is left of it.
    """
    if not len(split.before):
        raise InvalidData(path="events", problem=f"nothing lies before the cut at {split.name}")
    if prepared is None:
        config, _ = with_learned_weights(config, split.before, seed=seed)
        prepared = prepare(
            split.before, config=config, features=config.features, now=split.cut_time
        )
    started = time.perf_counter()
    with one_blas_thread():
        model = fit_model(
            prepared,
            config=config,
            seed=seed,
        )
    fitted_at = time.perf_counter()
    evaluation = measure_fitted(
        model,
        questions or draw_questions(split, config.evaluate),
        config=config.evaluate,
        catalog=catalog,
    )
    return MeasuredCut(
        name=split.name,
        model=model,
        evaluation=evaluation,
        fit_seconds=fitted_at - started,
        evaluate_seconds=time.perf_counter() - fitted_at,
    )


def measure_cuts(
    events: Events,
    config: TrainConfig,
    *,
    count: int,
    name: str,
    fingerprint: str,
    seed: int,
    catalog: Catalog | None = None,
    told: Callable[[MeasuredCut], None] = lambda _cut: None,
) -> Contestant:
    """Measure one configuration at several cuts, newest first.

    Args:
        events: All events.
        config: What to fit, where the newest cut is, and what to measure.
        count: Cuts wanted; where the data are too short there are fewer.
        name: What people call the configuration.
        fingerprint: That of the dataset.
        seed: Source of the models' chance.
        catalog: What is known of items, and which are sold.
        told: Hears of each cut when it is done.

    Raises:
        InvalidData: Nothing lies before the newest cut.
    """
    found: dict[str, Evaluation] = {}
    for split in rolling_splits(events, config.split, count=count):
        measured = measure_at(split, config, seed=seed, catalog=catalog)
        found[measured.name] = measured.evaluation
        told(measured)
    return stored_evaluation(
        found,
        config,
        name=name,
        fingerprint=fingerprint,
        seed=seed,
        bootstrap_count=config.evaluate.bootstrap_count,
    )


def stored_evaluation(
    evaluations: Mapping[str, Evaluation],
    config: TrainConfig,
    *,
    name: str,
    fingerprint: str,
    seed: int,
    bootstrap_count: int,
) -> Contestant:
    """Bring what was measured at several cuts into the form that is stored and compared.

    Args:
        evaluations: By name of the cut, newest first.
        config: What was fitted.
        name: What people call it.
        fingerprint: That of the dataset.
        seed: That of the models.
        bootstrap_count: Resamples behind the intervals; 0 for only those of the primary
            metric, which an evaluation holds already.
    """
    values = {cut: found.lists for cut, found in evaluations.items()}
    metrics = {cut: found.metrics for cut, found in evaluations.items()}
    summary = summarise(
        metrics,
        values,
        count=bootstrap_count,
        rng=np.random.default_rng(config.evaluate.user_seed),
    )
    newest = next(iter(evaluations.values()))
    low, high = summary.low, summary.high
    if not bootstrap_count:
        low, high = _ends(newest.metrics, "_low"), _ends(newest.metrics, "_high")
    stored = StoredEvaluation(
        name=name,
        model_type=config.model_type,
        measured_on=measured_on(fingerprint, list(evaluations), config.evaluate),
        primary_lists=config.evaluate.primary_protocol,
        primary_metric=config.evaluate.primary_at_k,
        config=msgspec.to_builtins(config),
        seed=seed,
        metrics=summary.metrics,
        low=low,
        high=high,
        spread=summary.spread,
        by_cut=metrics if len(metrics) > 1 else {},
        digests=summary.digests,
        samples=newest.samples,
    )
    return Contestant(stored=stored, values=values)


def _ends(metrics: Mapping[str, float], end: str) -> dict[str, float]:
    """Return the ends of intervals that stand among the metrics, by the metric's name."""
    return {name: metrics[f"{name}{end}"] for name in metrics if f"{name}{end}" in metrics}


def measured_on(fingerprint: str, cuts: Sequence[str], config: EvaluateConfig) -> str:
    """Name the data, the cuts and the users; only models measured on equal ones compare."""
    return (
        f"{fingerprint} cut {', '.join(cuts)} users {config.user_count_max} "
        f"drawn {config.user_seed} history {config.history_event_count_max}"
    )
