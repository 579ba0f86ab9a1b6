"""What `recsys auto` tries: one table of families, each a part with its bounds and good starts.

A family is a part of a blend. To add one: a `Family` below and its place in
`FAMILIES`. Starts are what did well on public sets (`benchmarks/quality`); the
bounds are for small steps from there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from recsys.domain import SECONDS_PER_DAY, Channel, EventType
from training.auto.plan import Plan
from training.auto.space import Choice, Params, Range, Space
from training.interactions import Events
from training.models.blend import PartConfig
from training.models.content import ContentConfig
from training.models.cooccurrence import CooccurrenceConfig
from training.models.ease import EaseConfig
from training.models.ials import IalsConfig
from training.models.ordered import OrderedConfig

_NEIGHBOURS = 300
_EASE_ITEM_COUNT_MAX = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedWeights:
    """Weights of events, as `training.learned_weights` finds them; a purchase weighs 1.

    Attributes:
        browse: Of looking at an item.
        cart: Of putting it into the cart.
        channels: Factors of channels; empty for those that are usual.
    """

    browse: float
    cart: float
    channels: Mapping[Channel, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides which families fit and how long they take.

    Attributes:
        user_count: Users.
        item_count: Items.
        line_count: Lines.
        pair_work: Pairs of items within users, over all users.
        ordered: Whether the order of a user's lines is known.
        timed: Whether times are known.
        repeats: Whether items of a history may be recommended.
        mixed: Whether some events are no purchases.
        lined_up: Whether lines of different users can be put in order.
        attributed: Whether something is known of items besides who had them.
        store_count: Stores that people may ask in.
        span_days: From the oldest line to the newest.
        cut_count: Cuts that each part is fitted at.
        learned: Weights of events that were learned from the lines, if any were.
    """

    user_count: int
    item_count: int
    line_count: int
    pair_work: float
    ordered: bool
    timed: bool
    repeats: bool
    mixed: bool
    lined_up: bool = False
    attributed: bool = False
    store_count: int = 0
    span_days: float = 0.0
    cut_count: int = 1
    learned: LearnedWeights | None = None

    @classmethod
    def of(cls, events: Events, plan: Plan) -> "Facts":
        """Count."""
        lengths = np.bincount(events.users)
        bought = EventType.PURCHASE_COMPLETE.code
        return cls(
            user_count=int(np.count_nonzero(lengths)),
            item_count=len(np.unique(events.items)),
            line_count=len(events),
            pair_work=float((lengths.astype(np.float64) ** 2).sum()),
            ordered=plan.ordered,
            timed=plan.timed,
            repeats=plan.protocol == "any" or plan.excluded_types is not None,
            mixed=bool((events.type_codes != bought).any() and (events.type_codes == bought).any()),
            lined_up=plan.lined_up,
            attributed=events.attributes is not None and bool(len(events.attributes().data)),
            store_count=len(np.unique(events.stores[events.stores >= 0])) if plan.placed else 0,
            span_days=float(np.ptp(events.times)) / SECONDS_PER_DAY if len(events) else 0.0,
        )

    def of_share(self, share: float) -> "Facts":
        """Return about what a share of the users has."""
        return replace(
            self,
            user_count=max(1, int(self.user_count * share)),
            line_count=max(1, int(self.line_count * share)),
            pair_work=self.pair_work * share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of part.

    Attributes:
        name: Its name in trials.
        part: What does not vary.
        space: What varies, by field of the part.
        starts: Settings to begin with, the most promising first.
        timed_space: What varies besides where times are known.
        lined_up_space: What varies besides where lines of different users have an order.
        mixed_space: What varies besides where some events are no purchases.
        growth: The setting that makes it larger and, as a rule, better. It is raised
            when the others are settled.
        links: Whether it makes item-item rows; else factors.
        fits: Whether it can be used.
        seconds: Seconds of a fit on the machine where the constants were taken.
    """

    name: str
    part: PartConfig
    space: Space
    starts: tuple[Params, ...]
    timed_space: Space = field(default_factory=dict)
    lined_up_space: Space = field(default_factory=dict)
    mixed_space: Space = field(default_factory=dict)
    growth: str | None = None
    links: bool = True
    fits: Callable[[Facts], bool] = lambda _facts: True
    seconds: Callable[[Facts, Any], float]

    def whole_space(self, facts: Facts) -> Space:
        """Return what varies on such data."""
        return (
            self.space
            | (self.timed_space if facts.timed else {})
            | (self.lined_up_space if facts.lined_up else {})
            | (self.mixed_space if facts.mixed else {})
        )

    def make(self, params: Params, *, span_days: float) -> PartConfig:
        """Make the part; names that are no fields say what links lead to and how they fade.

        Args:
            params: A value for everything that varies.
            span_days: From the oldest line to the newest.
        """
        given: dict[str, Any] = {
            name: value for name, value in params.items() if name not in (_TO, _FADING)
        }
        fading = params.get(_FADING)
        if fading is not None and span_days > 0:
            assert isinstance(fading, float), "it is a share"
            given["half_life_days"] = float(f"{fading * span_days:.3g}")
        if params.get(_TO) == _BOUGHT:
            given["targets"] = {EventType.PURCHASE_COMPLETE: 1.0}
        usual = {name: getattr(self.part, name) for name in self.part.__struct_fields__}
        return type(self.part)(**(usual | given))


_TO, _ALL, _BOUGHT = "to", "all", "bought"
_FADING = "fading"
"""Half-life of pairs, as a share of the time that the lines span."""
_DEFAULT_OF = {"session_minutes": None, _TO: _ALL, _FADING: None}


def start(family: Family, number: int, facts: Facts) -> Params:
    """Return a start with a value for everything that varies."""
    given = family.starts[number]
    return {name: given.get(name, _DEFAULT_OF.get(name)) for name in family.whole_space(facts)}


ORDERED = Family(
    name="ordered",
    part=OrderedConfig(neighbours=_NEIGHBOURS),
    space={
        "gap": Range(low=1, high=50, log=True, whole=True),
        "decay": Range(low=0.3, high=1.0),
        "back": Range(low=0.0, high=1.0),
        "user_exponent": Range(low=0.0, high=0.8),
        "history_exponent": Range(low=0.1, high=0.9),
        "target_exponent": Range(low=0.0, high=0.5),
    },
    timed_space={"session_minutes": Choice((30.0, 60.0, 240.0, 1440.0, 10080.0, None))},
    lined_up_space={_FADING: Choice((0.1, 0.25, 0.5, 1.0, None))},
    mixed_space={_TO: Choice((_ALL, _BOUGHT))},
    starts=(
        {"gap": 20, "decay": 0.75, "back": 0.7, "user_exponent": 0.0,
         "history_exponent": 0.5, "target_exponent": 0.15},
        {"gap": 50, "decay": 0.8, "back": 0.5, "user_exponent": 0.0,
         "history_exponent": 0.4, "target_exponent": 0.05},
        {"gap": 3, "decay": 0.5, "back": 0.7, "user_exponent": 0.0,
         "history_exponent": 0.5, "target_exponent": 0.3, "session_minutes": 60.0},
        {"gap": 5, "decay": 0.6, "back": 0.3, "user_exponent": 0.3,
         "history_exponent": 0.6, "target_exponent": 0.2},
    ),
    fits=lambda facts: facts.ordered,
    seconds=lambda facts, part: 0.05
    + 1e-7 * facts.line_count * min(part.gap, facts.pair_work / max(1, facts.line_count)),
)  # fmt: skip

COOCCURRENCE = Family(
    name="cooccurrence",
    part=CooccurrenceConfig(neighbours=_NEIGHBOURS),
    space={
        "user_exponent": Range(low=0.0, high=1.0),
        "history_exponent": Range(low=0.1, high=1.0),
        "target_exponent": Range(low=0.0, high=0.6),
        "weight_exponent": Range(low=0.0, high=1.0),
    },
    mixed_space={_TO: Choice((_ALL, _BOUGHT))},
    starts=(
        {"user_exponent": 0.7, "history_exponent": 0.6, "target_exponent": 0.25,
         "weight_exponent": 1.0},
        {"user_exponent": 0.5, "history_exponent": 0.5, "target_exponent": 0.0,
         "weight_exponent": 1.0},
        {"user_exponent": 0.5, "history_exponent": 0.5, "target_exponent": 0.4,
         "weight_exponent": 0.5},
        {"user_exponent": 0.9, "history_exponent": 0.8, "target_exponent": 0.1,
         "weight_exponent": 0.0},
    ),
    seconds=lambda facts, _part: 0.05 + 1.5e-8 * facts.pair_work + 1e-6 * facts.line_count,
)  # fmt: skip

IALS = Family(
    name="ials",
    part=IalsConfig(),
    space={
        "factors": Choice((32, 64, 128, 256, 512)),
        "iterations": Range(low=5, high=12, whole=True),
        "unobserved_weight": Range(low=3e-4, high=0.2, log=True),
        "regularization": Range(low=3e-3, high=2.0, log=True),
        "regularization_exponent": Range(low=0.0, high=1.0),
    },
    starts=(
        {"factors": 64, "iterations": 8, "unobserved_weight": 0.01, "regularization": 0.1,
         "regularization_exponent": 0.5},
        {"factors": 64, "iterations": 8, "unobserved_weight": 0.05, "regularization": 0.5,
         "regularization_exponent": 0.25},
        {"factors": 64, "iterations": 8, "unobserved_weight": 0.001, "regularization": 0.02,
         "regularization_exponent": 0.5},
    ),
    growth="factors",
    links=False,
    seconds=lambda facts, part: 0.05
    + part.iterations
    * part.factors
    * (2e-9 * facts.line_count + 1.5e-10 * part.factors * (facts.user_count + facts.item_count)),
)  # fmt: skip

EASE = Family(
    name="ease",
    part=EaseConfig(neighbours=_NEIGHBOURS, item_count_max=_EASE_ITEM_COUNT_MAX),
    space={
        "regularization": Range(low=2.0, high=2_000.0, log=True),
        "user_exponent": Range(low=0.0, high=1.0),
        "target_exponent": Range(low=0.0, high=0.4),
    },
    starts=(
        {"regularization": 100.0, "user_exponent": 0.5, "target_exponent": 0.1},
        {"regularization": 20.0, "user_exponent": 0.0, "target_exponent": 0.0},
    ),
    fits=lambda facts: facts.item_count <= _EASE_ITEM_COUNT_MAX,
    seconds=lambda facts, _part: 0.05 + 1.5e-11 * facts.item_count**3 + 1.5e-8 * facts.pair_work,
)

CONTENT = Family(
    name="content",
    part=ContentConfig(neighbours=_NEIGHBOURS),
    space={
        "attribute_exponent": Range(low=0.0, high=1.5),
        "popularity_exponent": Range(low=0.0, high=1.0),
    },
    starts=(
        {"attribute_exponent": 1.0, "popularity_exponent": 0.25},
        {"attribute_exponent": 0.5, "popularity_exponent": 0.5},
    ),
    fits=lambda facts: facts.attributed,
    seconds=lambda facts, _part: 0.1 + 1e-4 * facts.item_count,
)

FAMILIES = (ORDERED, COOCCURRENCE, IALS, EASE, CONTENT)
BY_NAME = {family.name: family for family in FAMILIES}
