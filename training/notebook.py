r"""Trying ideas from Python: load, split, fit, evaluate, compare, publish.

    from training import compare_models, evaluate_model, load_shop, read_config

    shop = load_shop("var/shop")
    mine = evaluate_model(shop, read_config("[model]\ntype = 'ials'"), name="mine")
    print(compare_models(evaluate_model(shop), mine).differences[0])

Each step is the one that the commands take, so what is found here is what they find. All
names are re-exported by `training`, which imports nothing before one of them is used.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.bundle import BundleStore
from training.catalog import Catalog
from training.compare import Comparison, compare
from training.config import TrackingConfig, TrainConfig, load_config, parse_config
from training.cuts import measure_cuts
from training.dataset import Dataset
from training.fit import FittedModel, prepare
from training.fit import fit_model as fit_prepared
from training.interactions import Events, read_events
from training.learned_weights import with_learned_weights
from training.models.threads import one_blas_thread
from training.split import Split, rolling_splits
from training.stored import Contestant
from training.train import TrainResult, train

_RESAMPLING_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shop:
    """A dataset in memory.

    Attributes:
        dataset: Where it lies, and facts about it.
        events: Every line with an item, in numbers. All items have one, also those that
            nobody has had: `filter.item_users_min = 0` takes them in.
    """

    dataset: Dataset
    events: Events


def load_shop(folder: str | Path) -> Shop:
    """Read what `recsys import` made.

    Raises:
        InvalidData: There is no such dataset.
    """
    dataset = Dataset.open(Path(folder))
    return Shop(dataset=dataset, events=read_events(dataset, whole_catalogue=True))


def read_config(settings: str | Path | None = None) -> TrainConfig:
    """Read a configuration.

    Args:
        settings: TOML text, or the path of a file; None for the defaults.

    Raises:
        InvalidConfig: A key is unknown, of the wrong type or out of bounds; it is named.
    """
    return parse_config(settings) if isinstance(settings, str) else load_config(settings)


def split_shop(shop: Shop, config: TrainConfig | None = None, *, cuts: int = 1) -> list[Split]:
    """Cut time: histories before, purchases to be found after; the newest cut first.

    Args:
        shop: The data.
        config: Says where (`[split]`); None for the defaults.
        cuts: Cuts, positive; there are fewer where the data are too short.
    """
    return rolling_splits(shop.events, (config or TrainConfig()).split, count=cuts)


def fit_model(period: Split, config: TrainConfig | None = None, *, seed: int = 0) -> FittedModel:
    """Fit on what lies before a cut.

    Args:
        period: The cut.
        config: What to fit; None for the defaults.
        seed: Source of all chance.

    Raises:
        InvalidData: Nothing is left to learn from.
    """
    config, _ = with_learned_weights(config or TrainConfig(), period.before, seed=seed)
    prepared = prepare(period.before, config=config, features=config.features, now=period.cut_time)
    with one_blas_thread():
        return fit_prepared(prepared, config=config, seed=seed)


def evaluate_model(
    shop: Shop,
    config: TrainConfig | None = None,
    *,
    name: str | None = None,
    cuts: int = 1,
    seed: int = 0,
) -> Contestant:
    """Fit and measure a configuration at some cuts, each figure with its interval.

    Args:
        shop: The data.
        config: What to fit and to measure; None for the defaults.
        name: What you call it; None for the kind of model.
        cuts: Cuts, positive.
        seed: Source of all chance in the fits.

    Returns:
        `stored.metrics` by name, such as `new/ndcg_at_20`, with `stored.low` and `stored.high`;
        `values` of each person.

    Raises:
        InvalidData: Nothing lies before the newest cut.
    """
    config = config or TrainConfig()
    return measure_cuts(
        shop.events,
        config,
        count=cuts,
        name=name or config.model_type,
        fingerprint=shop.dataset.info.fingerprint,
        seed=seed,
        catalog=Catalog.of_frame(shop.dataset.items(), item_ids=shop.events.item_ids),
    )


def compare_models(first: Contestant, second: Contestant) -> Comparison:
    """Compare two evaluations person by person.

    Args:
        first: The one that is there.
        second: The one in question; differences are its figures less those of the first.

    Raises:
        SplitsDiffer: They were measured on different data, cuts or users.
    """
    return compare(first, second, rng=np.random.default_rng(_RESAMPLING_SEED))


def publish_model(
    shop: Shop,
    config: TrainConfig | None = None,
    *,
    bundles: str | Path = "var/bundles",
    tracking: TrackingConfig | None = None,
    now: dt.datetime | None = None,
    seed: int = 0,
) -> TrainResult:
    """Train, measure, publish, log, register and, if the gate passes, promote: `recsys train`.

    Args:
        shop: The data.
        config: How; None for the defaults.
        bundles: Where bundles are published.
        tracking: Where MLflow is; None for the database in `var`.
        now: The time of publishing, timezone-aware; None for that of the clock.
        seed: Source of all chance.

    Raises:
        InvalidData: There is nothing to learn from.
        StorageUnavailable: MLflow does not answer.
    """
    return train(
        dataset=shop.dataset,
        config=config or TrainConfig(),
        tracking=tracking or TrackingConfig(),
        bundle_store=BundleStore(Path(bundles)),
        now=now or dt.datetime.now(dt.UTC),
        seed=seed,
    )
