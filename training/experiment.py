"""The fits of one run: before the cut to be measured, on everything to be published."""

import datetime as dt
import os

import msgspec
import numpy as np
from mlflow.entities import Metric

from recsys.domain import EventType
from recsys.errors import InvalidData
from recsys.features import EventWeighting, FeatureConfig
from training.config import TrainConfig
from training.evaluate import Evaluation, Evaluator
from training.fit import FittedModel, fit_model, prepare
from training.interactions import Events
from training.split import Split
from training.testset import draw_test_sets
from training.tracking.run import TrackedRun

_PURCHASES = (EventType.PURCHASE_COMPLETE, EventType.RETURN)


class Experiment:
    """Fits and measures one configuration, and logs how it goes."""

    def __init__(self, run: TrackedRun, *, config: TrainConfig, seed: int, progress: bool) -> None:
        """Hold what all fits share.

        Args:
            run: Where to log.
            config: What to fit.
            seed: Source of all chance.
            progress: Whether to draw progress bars on stderr.
        """
        self._run = run
        self._config = config
        self._seed = seed
        self._progress = progress

    def measure(self, split: Split) -> tuple[FittedModel | None, Evaluation | None]:
        """Fit on what is before the cut and measure on what was bought after it.

        Returns:
            The model and what was measured; None for both if measuring is switched
            off or nothing lies before the cut.

        Raises:
            InvalidData: Nothing is left to learn from.
        """
        config = self._config
        if not config.evaluate.enabled or not len(split.before):
            return None, None
        model = self._fitted(split.before, config.features, now=split.cut_time, step="fit")
        rng = np.random.default_rng(self._seed)
        with self._run.timed("draw_test_users"):
            known, cold = draw_test_sets(
                split,
                user_count_max=config.evaluate.user_count_max,
                history_event_count_max=config.evaluate.history_event_count_max,
                rng=rng,
            )
        rival = self._purchases_only(split, model) if len(known) else None
        with self._run.timed("evaluate"):
            evaluation = Evaluator(
                known=known,
                cold=cold,
                config=config.evaluate,
                item_count=len(split.before.item_ids),
                threads=os.cpu_count() or 1,
                rng=rng,
            ).evaluate(model, rival)
        return model, evaluation

    def _purchases_only(self, split: Split, model: FittedModel) -> FittedModel | None:
        """Return the model without other events; `model` itself if there are none."""
        if not self._config.evaluate.purchases_only:
            return None
        features = purchases_only_features(self._config.features)
        if features is None:
            return None
        bought = np.isin(split.before.type_codes, [member.code for member in _PURCHASES])
        if not bought.any():
            return None
        weights = EventWeighting(self._config.features).event_weights(
            type_codes=split.before.type_codes,
            channel_codes=split.before.channel_codes,
            event_times=split.before.times,
            now=split.cut_time,
        )
        if not np.any(weights[~bought]):
            return model
        try:
            return self._fitted(
                split.before.where(bought),
                features,
                now=split.cut_time,
                step="fit_purchases_only",
                curves=False,
            )
        except InvalidData:  # the filters leave too little of the purchases
            return None

    def final(self, events: Events, evaluated: FittedModel | None) -> FittedModel:
        """Fit what is published: on all events, or the measured model if so configured."""
        if evaluated is not None and not self._config.publish.refit:
            return evaluated
        return self._fitted(
            events,
            self._config.features,
            now=float(events.times.max()),
            step="refit",
            curves=evaluated is None,
        )

    def _fitted(
        self, events: Events, features: FeatureConfig, *, now: float, step: str, curves: bool = True
    ) -> FittedModel:
        entries: list[Metric] = []

        def told(iteration: int, seconds: float, loss: float | None) -> None:
            stamp_ms = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
            entries.append(Metric("fit/iteration_seconds", seconds, stamp_ms, iteration))
            if loss is not None:
                entries.append(Metric("fit/training_loss", loss, stamp_ms, iteration))

        with self._run.timed(f"prepare_{step}"):
            prepared = prepare(events, config=self._config, features=features, now=now)
        with self._run.timed(step):
            model = fit_model(
                prepared,
                config=self._config,
                features=features,
                seed=self._seed,
                progress=self._progress,
                report=told,
            )
        if curves:
            self._run.log_entries(entries)
        self._run.log_metrics(
            {
                f"{step}/users": model.user_count,
                f"{step}/items": len(model.items),
                f"{step}/interactions": model.interaction_count,
            }
            | {f"{step}/{name}": value for name, value in model.parts.facts.items()}
        )
        return model


def purchases_only_features(features: FeatureConfig) -> FeatureConfig | None:
    """Return the weights of purchases and returns alone; None if purchases weigh nothing."""
    weights = {
        event_type: weight
        for event_type, weight in features.event_weights.items()
        if event_type in _PURCHASES
    }
    if weights.get(EventType.PURCHASE_COMPLETE, 0.0) <= 0:
        return None
    return msgspec.structs.replace(features, event_weights=weights)
