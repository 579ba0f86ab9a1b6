"""Fitting: events up to a moment become a model with its items and popular lists."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.bundle import NewItemMap, PopularLists, PriorRows, Rebuys
from recsys.errors import InvalidData
from recsys.features import EventWeighting, FeatureConfig
from recsys.sparse import CsrMatrix
from training.config import TrainConfig
from training.interactions import Core, Events, keep_core, sum_weights
from training.models import (
    Interactions,
    IterationReport,
    Lines,
    ModelParts,
    Trainer,
    create_trainer,
    ignore_iteration,
)
from training.place_priors import place_priors
from training.popular import PopularCounter
from training.ragged import take_rows
from training.warm import WarmStart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedModel:
    """A model and the items it is about.

    Attributes:
        parts: What the trainer learned, over n rows.
        items: Each row's position in `Events.item_ids`, ascending, int32, shape (n,).
        popular: Popular lists of rows.
        features: How histories become weights for this model.
        priors: Rows of priors of stores and channels, or None.
        item_users: Users of each row trained on, int64, shape (n,).
        user_count: Users trained on.
        interaction_count: User and item pairs trained on.
        newest_time: The newest line trained on, seconds since 1970-01-01 UTC.
        new_items: What vectors of other items are made with, or None.
        basket_links: What goes together into one basket, or None.
        rebuys: How soon and how surely items are bought again, or None.
    """

    parts: ModelParts
    items: NDArray[np.int32]
    popular: PopularLists
    features: FeatureConfig
    item_users: NDArray[np.int64]
    user_count: int
    interaction_count: int
    newest_time: float
    priors: PriorRows | None = None
    new_items: NewItemMap | None = None
    basket_links: CsrMatrix | None = None
    rebuys: Rebuys | None = None

    def row_of_item(self, item_count: int) -> NDArray[np.int32]:
        """Return the row of each of all items, -1 for those the model lacks."""
        return rows_of_items(self.items, item_count)


def rows_of_items(items: NDArray[np.int32], item_count: int) -> NDArray[np.int32]:
    """Invert row -> item; -1 for items without a row, shape (item_count,)."""
    rows = np.full(item_count, -1, dtype=np.int32)
    rows[items] = np.arange(len(items), dtype=np.int32)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """Everything a trainer needs, how it was weighed, what is popular where, the newest time."""

    interactions: Interactions
    items: NDArray[np.int32]
    popular: PopularLists
    features: FeatureConfig
    newest_time: float
    priors: PriorRows | None = None


def fit_key(config: TrainConfig, features: FeatureConfig) -> bytes:
    """Name everything but lines and time that trainers are given by `prepare`.

    What only lies beside the model in the bundle is not in it: `prepared_key` has that too.
    """
    return msgspec.json.encode((features, config.filter, config.publish.popular_half_life_days))


def prepared_key(config: TrainConfig, features: FeatureConfig) -> bytes:
    """Name everything but lines and time that the outcome of `prepare` depends on."""
    return msgspec.json.encode((features, config.filter, config.publish, config.priors))


def prepare(
    events: Events, *, config: TrainConfig, features: FeatureConfig, now: float
) -> Prepared:
    """Weigh, sum and filter events, and count what is popular.

    Args:
        events: The lines, none after `now`.
        config: Filters, popular lists and rows of priors.
        features: How events become weights; may differ from the configured ones.
        now: The moment to look back from, seconds since 1970-01-01 UTC.

    Raises:
        InvalidData: Nothing is left to learn from.
    """
    item_count = len(events.item_ids)
    weights = sum_weights(events, weighting=EventWeighting(features), now=now)
    core = keep_core(
        weights,
        item_count=item_count,
        item_users_min=config.filter.item_users_min,
        user_items_min=config.filter.user_items_min,
        rounds_max=config.filter.rounds_max,
    )
    if not len(core.items):
        raise InvalidData(
            path="events",
            problem=f"none of {len(events)} item lines is left to learn from after event "
            "weights and filters; see [features] and [filter]",
        )
    row_of_item = rows_of_items(core.items, item_count)
    counter = PopularCounter(
        events,
        row_of_item=row_of_item,
        item_count=len(core.items),
        features=features,
        half_life_days=config.publish.popular_half_life_days,
        now=now,
    )
    return Prepared(
        interactions=Interactions(
            weights=core.weights,
            item_count=len(core.items),
            popularity=counter.popularity(),
            lines=partial(_lines, events, core, features=features, now=now),
            attributes=None
            if events.attributes is None
            else partial(_attributes, events.attributes, core),
        ),
        items=core.items,
        features=features,
        popular=counter.lists(store_count_max=config.publish.popular_store_count_max),
        priors=place_priors(
            events,
            row_of_item=row_of_item,
            item_count=len(core.items),
            config=config.priors,
            now=now,
        ),
        newest_time=float(events.times.max()),
    )


def _attributes(attributes: Callable[[], CsrMatrix], core: Core) -> CsrMatrix:
    """Take the attributes of the items that are kept."""
    return take_rows(attributes(), core.items)


def _lines(events: Events, core: Core, *, features: FeatureConfig, now: float) -> Lines:
    """Take the lines of the users and items that are kept, numbered as the weights are."""
    row_of_user = np.full(events.user_count, -1, dtype=np.int32)
    row_of_user[core.users] = np.arange(len(core.users), dtype=np.int32)
    users = row_of_user[events.users]
    items = rows_of_items(core.items, len(events.item_ids))[events.items]
    weights = EventWeighting(features).event_weights(
        type_codes=events.type_codes,
        channel_codes=events.channel_codes,
        event_times=events.times,
        now=now,
    )
    kept = (users >= 0) & (items >= 0) & (weights != 0.0)
    return Lines(
        users=users[kept],
        items=items[kept],
        weights=weights[kept],
        type_codes=events.type_codes[kept],
        times=events.times[kept],
    )


def fit_model(
    prepared: Prepared,
    *,
    config: TrainConfig,
    seed: int,
    progress: bool = False,
    report: IterationReport = ignore_iteration,
    earlier: FittedModel | WarmStart | None = None,
    trainer: Trainer | None = None,
) -> FittedModel:
    """Train on prepared interactions.

    The arguments are those of `Trainer.fit`; `earlier` is a model of the
    same configuration and the same `Events.item_ids` to start from, or a bundle's factors in
    the order of those, `trainer` one of the
    caller's own for `config.model`.
    """
    interactions = prepared.interactions
    parts = (trainer or create_trainer(config.model)).fit(
        interactions,
        seed=seed,
        start=None if earlier is None else _start(earlier, prepared.items),
        progress=progress,
        report=report,
    )
    return FittedModel(
        parts=parts,
        items=prepared.items,
        popular=prepared.popular,
        features=prepared.features,
        item_users=interactions.item_users,
        user_count=interactions.user_count,
        interaction_count=len(interactions.weights.data),
        priors=prepared.priors,
        newest_time=prepared.newest_time,
    )


def _start(
    earlier: FittedModel | WarmStart, items: NDArray[np.int32]
) -> NDArray[np.float32] | None:
    """Bring the item factors of an earlier model into the order of `items`; NaN for new ones."""
    if isinstance(earlier, WarmStart):
        return earlier.factors[items]
    factors = earlier.parts.item_factors
    if factors is None:
        return None
    rows = earlier.row_of_item(max(int(items.max()), int(earlier.items.max())) + 1)[items]
    start = factors[rows]  # A copy; rows of new items are overwritten.
    start[rows < 0] = np.nan
    return start
