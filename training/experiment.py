"""The fits of one run: before the cut to be measured, on everything to be published.

A fit keeps every core busy by itself. What is left is mostly Python, which one core
does at a time: it runs beside the fits, so that no core waits for another.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from recsys.bundle import Bundle
from recsys.domain import EventType
from recsys.errors import InvalidData
from recsys.features import EventWeighting, FeatureConfig
from training.baskets import basket_links
from training.catalog import Catalog
from training.config import TrainConfig
from training.cuts import Questions, draw_questions, measure_fitted, stored_evaluation
from training.dataset import Dataset
from training.evaluate import Evaluation
from training.fit import FittedModel, Prepared, fit_model, prepare
from training.interactions import Events
from training.learned_weights import with_learned_weights
from training.new_items import items_with_features, learn_new_items
from training.rebuys import rebuys_of
from training.split import Split
from training.stored import Contestant
from training.tracking.run import Point, RunLog
from training.warm import WarmStart, warm_start

_PURCHASES = (EventType.PURCHASE_COMPLETE, EventType.RETURN)


class Measured(NamedTuple):
    """What was measured, and the form in which it is kept and compared."""

    evaluation: Evaluation
    contestant: Contestant


class Experiment:
    """Fits and measures one configuration, and logs how it goes."""

    def __init__(
        self,
        run: RunLog,
        *,
        dataset: Dataset,
        config: TrainConfig,
        seed: int,
        progress: bool,
        warm: Bundle | None = None,
    ) -> None:
        """Hold what all fits share.

        Args:
            run: Where to log.
            dataset: What is known of the items.
            config: What to fit.
            seed: Source of all chance.
            progress: Whether to draw progress bars on stderr.
            warm: A bundle to start from. What is measured starts from it only if the bundle
                ended before the cut.
        """
        self._warm = warm
        self.started_from: str | None = None
        """The bundle that a fit started from, if one did."""
        self._run = run
        self._dataset = dataset
        self._config = config
        self._seed = seed
        self._progress = progress

    def perform(self, events: Events, split: Split) -> tuple[FittedModel, Measured | None]:
        """Fit on what is before the cut, measure on what was bought after it, and fit again.

        Returns:
            The model to publish: fitted on all events, or the measured one without
            `publish.refit`. And what was measured; None if measuring is switched off
            or nothing lies before the cut.

        Raises:
            InvalidData: Nothing is left to learn from.
        """
        config = self._config = self._with_learned(split.before if len(split.before) else events)
        if not config.evaluate.enabled or not len(split.before):
            warm = self._start_for(events, until=np.inf)
            prepared = self._prepared_all(events)
            model = self._fitted(prepared, step="refit", earlier=warm)
            return self._published(model, prepared, events), None
        with _beside() as beside:
            everything = beside.submit(self._prepared_all, events) if config.publish.refit else None
            drawn = beside.submit(self._draw, split)
            prepared = self._prepared(
                split.before, config.features, now=split.cut_time, step="prepare_fit"
            )
            warm = self._start_for(events, until=split.cut_time)
            model = self._fitted(prepared, step="fit", earlier=warm)
            rival = self._purchases_only(split, model) if len(drawn.result()[0].known) else None
            measured = beside.submit(self._measured, split.name, drawn, model, rival)
            if everything is not None:
                # Trainers that iterate start from the measured model: it is nearly there.
                prepared = everything.result()
                model = self._fitted(prepared, step="refit", earlier=model)
            trained_on = split.before if everything is None else events
            return self._published(model, prepared, trained_on), measured.result()

    def _published(self, model: FittedModel, prepared: Prepared, events: Events) -> FittedModel:
        """Learn what only the published model has; `events` are those that it was fitted on."""
        model = self._with_new_items(model, prepared, events)
        if not self._config.baskets.enabled:
            return model
        with self._run.timed("baskets"):
            rows = model.row_of_item(len(events.item_ids))
            item_count = len(model.items)
            return replace(
                model,
                basket_links=basket_links(
                    events, row_of_item=rows, item_count=item_count, config=self._config.baskets
                ),
                rebuys=rebuys_of(events, row_of_item=rows, item_count=item_count),
            )

    def _with_new_items(
        self, model: FittedModel, prepared: Prepared, events: Events
    ) -> FittedModel:
        """Learn how the published model treats items that it does not know."""
        if model.parts.item_factors is None or not self._config.new_items.enabled:
            return model
        with self._run.timed("new_items"):
            item_ids = [events.item_ids[item] for item in model.items.tolist()]
            learned = learn_new_items(
                model.parts,
                items_with_features(self._dataset.items(), item_ids, now=model.newest_time),
                prepared.interactions.weights,
                item_users=model.item_users,
                config=self._config.new_items,
                seed=self._seed,
            )
        if learned is None:
            return model
        self._run.log_points(
            [Point(f"new_items/{name}", value) for name, value in learned.facts.items()]
        )
        return replace(model, new_items=learned.map)

    def _start_for(self, events: Events, *, until: float) -> WarmStart | None:
        """Return what to start from, if the bundle has seen nothing from a moment on."""
        if self._warm is None:
            return None
        start = warm_start(self._warm, events.item_ids, model=self._config.model)
        if start.end_time >= until:
            return None
        self.started_from = start.model_version
        return start

    def _with_learned(self, events: Events) -> TrainConfig:
        """Learn what is to be learned of the features; never from what is held out."""
        with self._run.timed("learn"):
            config, facts = with_learned_weights(self._config, events, seed=self._seed)
        self._run.log_points([Point(f"learn/{name}", value) for name, value in facts.items()])
        return config

    def _draw(self, split: Split) -> tuple[Questions, Catalog]:
        with self._run.timed("draw_test_users"):
            catalog = Catalog.of_frame(self._dataset.items(), item_ids=split.before.item_ids)
            return draw_questions(split, self._config.evaluate), catalog

    def _measured(
        self,
        cut: str,
        drawn: Future[tuple[Questions, Catalog]],
        model: FittedModel,
        rival: FittedModel | None,
    ) -> Measured:
        questions, catalog = drawn.result()
        with self._run.timed("evaluate"):
            evaluation = measure_fitted(
                model,
                questions,
                config=self._config.evaluate,
                catalog=catalog,
                purchases_only=rival,
            )
        contestant = stored_evaluation(
            {cut: evaluation},
            self._config,
            name=self._config.model_type,
            fingerprint=self._dataset.info.fingerprint,
            seed=self._seed,
            bootstrap_count=0,
        )
        self._run.submit(
            lambda session: session.log_results(
                evaluation, contestant=contestant, config=self._config
            ),
            step="log_results",
        )
        return Measured(evaluation, contestant)

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
        if bought.all() or not self._any_weight(split, ~bought):
            return model
        try:
            prepared = self._prepared(
                split.before.where(bought),
                features,
                now=split.cut_time,
                step="prepare_fit_purchases_only",
            )
        except InvalidData:  # the filters leave too little of the purchases
            return None
        return self._fitted(prepared, step="fit_purchases_only", curves=False)

    def _any_weight(self, split: Split, lines: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
        others = split.before.where(lines)
        weights = EventWeighting(self._config.features).event_weights(
            type_codes=others.type_codes,
            channel_codes=others.channel_codes,
            event_times=others.times,
            now=split.cut_time,
        )
        return bool(np.any(weights))

    def _prepared_all(self, events: Events) -> Prepared:
        now = float(events.times.max())
        return self._prepared(events, self._config.features, now=now, step="prepare_refit")

    def _prepared(
        self, events: Events, features: FeatureConfig, *, now: float, step: str
    ) -> Prepared:
        with self._run.timed(step):
            return prepare(events, config=self._config, features=features, now=now)

    def _fitted(
        self,
        prepared: Prepared,
        *,
        step: str,
        curves: bool = True,
        earlier: FittedModel | WarmStart | None = None,
    ) -> FittedModel:
        points: list[Point] = []

        def told(iteration: int, seconds: float, loss: float | None) -> None:
            points.append(Point("fit/iteration_seconds", seconds, iteration))
            if loss is not None:
                points.append(Point("fit/training_loss", loss, iteration))

        with self._run.timed(step):
            model = fit_model(
                prepared,
                config=self._config,
                seed=self._seed,
                progress=self._progress,
                report=told,
                earlier=earlier,
            )
        facts = {
            "users": model.user_count,
            "items": len(model.items),
            "interactions": model.interaction_count,
            **model.parts.facts,
        }
        self._run.log_points(
            [
                *(points if curves and not isinstance(earlier, FittedModel) else ()),
                *(Point(f"{step}/{name}", value) for name, value in facts.items()),
            ]
        )
        return model


@contextmanager
def _beside() -> Iterator[ThreadPoolExecutor]:
    """Keep a thread for what runs beside the fits; if they fail, it does not go on."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")
    try:
        yield thread
    finally:
        thread.shutdown(cancel_futures=True)


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
