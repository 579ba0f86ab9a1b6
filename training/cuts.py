"""Measuring a configuration at one cut of time, or at several: the retailer's protocol.

    events = read_events(dataset)
    for split in rolling_splits(events, config.split, count=3):
        evaluation = measure_at(split, config, seed=0).evaluation

`recsys train`, `recsys evaluate --data` and whoever tunes measure by this code.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.errors import InvalidData
from training.catalog import Catalog
from training.config import EvaluateConfig, TrainConfig
from training.evaluate import Evaluation, Evaluator
from training.fit import FittedModel, Prepared, fit_model, prepare
from training.learned_weights import with_learned_weights
from training.models import ignore_iteration
from training.models.parallel import thread_count
from training.models.threads import one_blas_thread
from training.split import Split
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


def measured_on(fingerprint: str, cuts: Sequence[str], config: EvaluateConfig) -> str:
    """Name the data, the cuts and the users; only models measured on equal ones compare."""
    return (
        f"{fingerprint} cut {', '.join(cuts)} users {config.user_count_max} "
        f"drawn {config.user_seed} history {config.history_event_count_max}"
    )


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
            features=config.features,
            seed=seed,
            progress=False,
            report=ignore_iteration,
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
