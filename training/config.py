"""What a training run does, as one TOML file. An empty file is a good start.

Unknown keys, wrong types and values out of bounds are refused with the key.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec

from recsys import limits
from recsys.errors import InvalidConfig
from recsys.features import FeatureConfig
from training.config_checks import check_bounds, check_choice
from training.models import IalsConfig, ModelConfig

METRIC_NAMES = ("recall", "ndcg", "map", "hit_rate", "mrr")
PROTOCOLS = ("any", "new")
K_MAX = 1_000
HALF_LIFE_DAYS_DEFAULT = 90.0
"""Recent events say more: cut by time, a gift shop and a grocer gained, and nothing lost
clearly. TOML has no null; a very large number means next to no decay."""
DECAY_MIN_DEFAULT = 0.05


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class FilterConfig(_Section, frozen=True, kw_only=True):
    """Which items and users are trained on.

    Attributes:
        item_users_min: Users that an item needs to be in the model, 0 or more. 0 takes in the
            whole catalogue: `content` links items that nobody has had.
        user_items_min: Items that a user needs to be learned from, 1 or more.
            Such a user still gets answers; she is just no example.
        rounds_max: Rounds of filtering, since removing items can make users too
            small and the reverse, 1 to 100.
    """

    item_users_min: int = 1
    user_items_min: int = 1
    rounds_max: int = 10

    def __post_init__(self) -> None:
        check_bounds("item_users_min", self.item_users_min, low=0)
        check_bounds("user_items_min", self.user_items_min, low=1)
        check_bounds("rounds_max", self.rounds_max, low=1, high=100)


class LearnConfig(_Section, frozen=True, kw_only=True):
    """What is learned of [features] rather than taken as it stands.

    Attributes:
        weights: Whether to learn the weights of types of events and of channels, from the
            purchases that they lead to. Pays for item-item models with several types.
        user_count_max: People whose newest purchase is looked at, 1 or more.
    """

    weights: bool = False
    user_count_max: int = 2_000

    def __post_init__(self) -> None:
        check_bounds("user_count_max", self.user_count_max, low=1)


class SplitConfig(_Section, frozen=True, kw_only=True):
    """Where time is cut for evaluation: history before, purchases to find after.

    Attributes:
        cut_time: The moment of the cut with its time zone; takes precedence over
            `test_days`.
        test_days: Days at the end of the data that are held out, positive. If they
            are more than `test_share_max` of the data's time span, less is held out.
        test_share_max: Upper bound of the held-out share of the time span, above 0
            and below 1.
    """

    cut_time: dt.datetime | None = None
    test_days: float = 28.0
    test_share_max: float = 0.2

    def __post_init__(self) -> None:
        if self.cut_time is not None and self.cut_time.tzinfo is None:
            raise ValueError(f"cut_time is {self.cut_time}; it needs a time zone, such as Z")
        check_bounds("test_days", self.test_days, above=0)
        check_bounds("test_share_max", self.test_share_max, above=0, below=1)


class EvaluateConfig(_Section, frozen=True, kw_only=True):
    """How a model is measured before it is published.

    Attributes:
        enabled: Whether to measure at all; a model without metrics fails the gate.
        k: List lengths, 1 to 1000 each.
        primary_protocol: `any` (every item may be recommended) or `new` (items of
            the history are neither recommended nor looked for).
        primary_metric: `recall`, `ndcg`, `map`, `hit_rate` or `mrr`.
        primary_k: List length of the primary metric, one of `k`.
        user_count_max: Users measured, drawn by chance if there are more, 1 or more.
        user_seed: Which users are drawn; apart from the run's seed, so that models of
            any seed are measured on the same people. 0 or more.
        history_event_count_max: Newest events of a history that count, as in serving.
        purchases_only: Whether to train the same model on purchases alone too, to
            say what the other events are worth.
        bootstrap_count: Resamples behind each 95 % interval, 100 to 100000.
        cold_item_users_max: Items that so many users had before the cut, or fewer, are
            cold; what is bought of them is measured apart. 0 or more.
        store_count_max: Stores measured apart, the busiest, 0 to 1000.
        sample_user_count: Users whose lists are kept to be looked at, 0 to 200.
    """

    enabled: bool = True
    k: tuple[int, ...] = (5, 10, 20, 50)
    primary_protocol: str = "new"
    primary_metric: str = "ndcg"
    primary_k: int = 20
    user_count_max: int = 5_000
    user_seed: int = 0
    history_event_count_max: int = limits.HISTORY_EVENT_COUNT_MAX
    purchases_only: bool = True
    bootstrap_count: int = 1_000
    cold_item_users_max: int = 4
    store_count_max: int = 10
    sample_user_count: int = 20

    def __post_init__(self) -> None:
        if not self.k or list(self.k) != sorted(set(self.k)):
            raise ValueError(f"k is {list(self.k)}; it must be ascending and not empty")
        for length in self.k:
            check_bounds("k", length, low=1, high=K_MAX)
        check_choice("primary_protocol", self.primary_protocol, PROTOCOLS)
        check_choice("primary_metric", self.primary_metric, METRIC_NAMES)
        if self.primary_k not in self.k:
            raise ValueError(f"primary_k is {self.primary_k}; it must be one of {list(self.k)}")
        check_bounds("user_count_max", self.user_count_max, low=1)
        check_bounds("history_event_count_max", self.history_event_count_max, low=1)
        check_bounds("bootstrap_count", self.bootstrap_count, low=100, high=100_000)
        check_bounds("user_seed", self.user_seed, low=0)
        check_bounds("cold_item_users_max", self.cold_item_users_max, low=0)
        check_bounds("store_count_max", self.store_count_max, low=0, high=1_000)
        check_bounds("sample_user_count", self.sample_user_count, low=0, high=200)

    @property
    def primary(self) -> str:
        """Name of the primary metric, such as `new/recall_at_20`."""
        return f"{self.primary_protocol}/{self.primary_at_k}"

    @property
    def primary_at_k(self) -> str:
        """The primary metric of any list, such as `recall_at_20`."""
        return f"{self.primary_metric}_at_{self.primary_k}"


class PriorsConfig(_Section, frozen=True, kw_only=True):
    """What the store or the channel of a request adds to the scores of items.

    Attributes:
        store_weight: What an item gains in a store by the share of its buyers who bought
            the item there, above the share of all buyers; in scores, as
            `popularity_weight`. 0 or more; 0 for no rows.
        channel_weight: The same by channel, where the store has no row.
        half_life_days: Age at which a purchase weighs half, positive: the season.
        buyers_added: Buyers of average taste added to each place, 0 or more.
        store_count_max: Stores with a row, the busiest, 0 or more. A row is 4 bytes an item,
            and all rows together are half a GiB at most.
    """

    store_weight: float = 0.0
    channel_weight: float = 0.0
    half_life_days: float = 60.0
    buyers_added: float = 20.0
    store_count_max: int = 1_000

    def __post_init__(self) -> None:
        for name in ("store_weight", "channel_weight", "buyers_added"):
            check_bounds(name, getattr(self, name), low=0, below=float("inf"))
        check_bounds("half_life_days", self.half_life_days, above=0)
        check_bounds("store_count_max", self.store_count_max, low=0)


class PublishConfig(_Section, frozen=True, kw_only=True):
    """What goes into the published bundle.

    Attributes:
        refit: Whether to train again on all events before publishing. Without it
            the evaluated model itself is published and knows nothing after the cut.
        popular_half_life_days: Age at which a purchase weighs half in the popular
            lists, positive.
        popular_store_count_max: Stores with a popular list, the busiest, 0 or more.
    """

    refit: bool = True
    popular_half_life_days: float = 30.0
    popular_store_count_max: int = 10_000

    def __post_init__(self) -> None:
        check_bounds("popular_half_life_days", self.popular_half_life_days, above=0)
        check_bounds("popular_store_count_max", self.popular_store_count_max, low=0)


class NewItemsConfig(_Section, frozen=True, kw_only=True):
    """How the published model treats items that it does not know.

    Attributes:
        enabled: Whether to learn vectors from attributes at all; models without vectors
            never do.
        regularizations: Pulls of what a feature adds towards 0, to choose from; positive.
        people_count_max: People to choose and measure with, positive.
    """

    enabled: bool = True
    regularizations: tuple[float, ...] = (10.0, 3.0, 1.0, 0.3)
    people_count_max: int = 1_000

    def __post_init__(self) -> None:
        if not self.regularizations:
            raise ValueError("regularizations are none; allowed 1 and more")
        for one in self.regularizations:
            check_bounds("regularizations", one, above=0, below=float("inf"))
        check_bounds("people_count_max", self.people_count_max, low=1)


class BasketsConfig(_Section, frozen=True, kw_only=True):
    """What is learned of baskets, and of what is bought again, for the published model.

    Attributes:
        enabled: Whether to learn either at all.
        neighbours: Items kept that go with an item, 1 to 10000.
        pause_minutes: A longer pause ends a basket, positive.
        items_max: Larger baskets are left out, 2 or more: they cost the square of it.
        pair_count_min: Baskets that a pair must be in, 1 or more.
        surprise_min: Standard deviations by which a pair must be in more baskets than chance
            explains, 0 or more.
    """

    enabled: bool = True
    neighbours: int = 200
    pause_minutes: float = 60.0
    items_max: int = 500
    pair_count_min: int = 3
    surprise_min: float = 4.0

    def __post_init__(self) -> None:
        check_bounds("neighbours", self.neighbours, low=1, high=10_000)
        check_bounds("pause_minutes", self.pause_minutes, above=0)
        check_bounds("items_max", self.items_max, low=2)
        check_bounds("pair_count_min", self.pair_count_min, low=1)
        check_bounds("surprise_min", self.surprise_min, low=0, below=float("inf"))


class GateConfig(_Section, frozen=True, kw_only=True):
    """When a model is good enough to become champion.

    Attributes:
        gain_over_popularity_min: The primary metric must exceed that of the popular
            list by this factor, less 1; 0 means just better.
        loss_to_champion_max: Share of the champion's primary metric that may be
            lost, where both were measured on the same data and cut, 0 to 1.
        segment_loss_max: The same for each channel, each store and for cold users; a
            segment fails if its whole interval of the paired difference lies below.
        segment_users_min: Users that a segment needs to be judged, 2 or more.
    """

    gain_over_popularity_min: float = 0.0
    loss_to_champion_max: float = 0.02
    segment_loss_max: float = 0.02
    segment_users_min: int = 30

    def __post_init__(self) -> None:
        check_bounds("gain_over_popularity_min", self.gain_over_popularity_min, low=-1)
        check_bounds("loss_to_champion_max", self.loss_to_champion_max, low=0, high=1)
        check_bounds("segment_loss_max", self.segment_loss_max, low=0, high=1)
        check_bounds("segment_users_min", self.segment_users_min, low=2)


class TrainConfig(_Section, frozen=True, kw_only=True):
    """One training run."""

    model: ModelConfig = msgspec.field(default_factory=IalsConfig)
    features: FeatureConfig = msgspec.field(
        default_factory=lambda: FeatureConfig(
            half_life_days=HALF_LIFE_DAYS_DEFAULT, decay_min=DECAY_MIN_DEFAULT
        )
    )
    learn: LearnConfig = msgspec.field(default_factory=LearnConfig)
    filter: FilterConfig = msgspec.field(default_factory=FilterConfig)
    split: SplitConfig = msgspec.field(default_factory=SplitConfig)
    evaluate: EvaluateConfig = msgspec.field(default_factory=EvaluateConfig)
    priors: PriorsConfig = msgspec.field(default_factory=PriorsConfig)
    publish: PublishConfig = msgspec.field(default_factory=PublishConfig)
    new_items: NewItemsConfig = msgspec.field(default_factory=NewItemsConfig)
    baskets: BasketsConfig = msgspec.field(default_factory=BasketsConfig)
    gate: GateConfig = msgspec.field(default_factory=GateConfig)

    @property
    def model_type(self) -> str:
        """Such as `als`."""
        return str(self.model.__struct_config__.tag)


class TrackingConfig(_Section, frozen=True, kw_only=True):
    """Where MLflow is and under which names.

    Attributes:
        tracking_uri: A local database (`sqlite:///path`) or a server (`http://...`).
        experiment: Experiment of the runs.
        model_name: Name of the model in the registry.
        promote: Whether to move the alias `champion` if the gate passes.
    """

    tracking_uri: str = "sqlite:///var/mlflow.db"
    experiment: str = "recsys"
    model_name: str = "recsys"
    promote: bool = True


def load_config(path: Path | None) -> TrainConfig:
    """Read a configuration; None gives the defaults.

    Raises:
        InvalidConfig: The file cannot be read, is no TOML, or a key is unknown, of
            the wrong type or out of bounds; the key is named.
    """
    if path is None:
        return TrainConfig()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(source=str(path), problem=str(error)) from error
    return parse_config(text, source=str(path))


def parse_config(text: str, *, source: str = "configuration") -> TrainConfig:
    """Read a configuration from TOML text; raises as `load_config`."""
    try:
        tables: dict[str, Any] = msgspec.toml.decode(text)
        for section, key, value in (
            ("model", "type", IalsConfig.__struct_config__.tag),
            ("features", "half_life_days", HALF_LIFE_DAYS_DEFAULT),
            ("features", "decay_min", DECAY_MIN_DEFAULT),
        ):
            table = tables.get(section)
            if isinstance(table, dict):
                table.setdefault(key, value)
        return msgspec.convert(tables, TrainConfig)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidConfig(source=source, problem=str(error)) from error
