"""Candidates: a shape (which families are blended), its settings, and the configuration they make.

Every candidate is a blend, if of one part, so that what is said of histories,
repeats and popularity means the same for all of them and costs no new fit.
"""

from typing import Any

import msgspec

from recsys.domain import EventType
from recsys.features import FeatureConfig
from training.auto.plan import Plan
from training.auto.portfolio import BY_NAME, Facts, start
from training.auto.space import Choice, Params, Range, Space
from training.config import EvaluateConfig, PriorsConfig, SplitConfig, TrainConfig
from training.models.blend import BlendConfig

Shape = tuple[str, ...]
"""Names of the families that are blended, the first one the measure of the others' weights."""

NO_DECAY_DAYS = 1e9
_BLEND_NEIGHBOURS = 300
_BROWSED = (EventType.DETAIL_PAGE_VIEW, EventType.CLICK)
_WEIGHTS = (0.0, 0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0)
_AMOUNTS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_REPEATS = (0.0, 0.5, 1.0, 1.5)
_BROWSE_WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_CART_WEIGHTS = (0.0, 0.3, 0.6, 1.0, 2.0)
_STORE_WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0)
_SELF, _REPEAT, _STEP, _LENGTH, _POPULAR = (
    "self_weight",
    "repeat_exponent",
    "step_decay",
    "length_exponent",
    "popularity_weight",
)
_HALF_LIFE, _BROWSE, _CART = "half_life_days", "browse_weight", "cart_weight"
_CHANNELS, _USUAL, _LEARNED = "channel_weights", "usual", "learned"
_STORE = "store_weight"
_NEWEST, _TREND, _TREND_AGE, _VECTORS = (
    "newest_share",
    "trend_weight",
    "trend_age_share",
    "decayed_vectors",
)
"""What the newest step keeps less of its self weight, as a share of that; the half-life
of trends is a share of the time that the lines span."""
_OF_BLEND = (_SELF, _REPEAT, _STEP, _LENGTH, _POPULAR, _VECTORS)
_NEWEST_SHARES = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.5)
_TREND_WEIGHTS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
_TREND_AGES = (0.01, 0.02, 0.05, 0.1, 0.2)


def dressing(shape: Shape, facts: Facts) -> Space:
    """Return what varies without a new fit: repeats, decay, length, popularity and weights."""
    space: Space = {_POPULAR: Choice(_AMOUNTS)}
    if facts.store_count > 1:
        space[_STORE] = Choice(_STORE_WEIGHTS)
    if any(BY_NAME[name].links for name in shape):
        space[_LENGTH] = Range(low=0.0, high=1.0)
        if facts.repeats:
            space[_SELF] = Choice(_AMOUNTS)
            if facts.timed:
                # Repeats are counted by days; without times there are none.
                space[_REPEAT] = Choice(_REPEATS)
        if facts.ordered:
            space[_STEP] = Range(low=0.2, high=1.0)
            if facts.repeats:
                space[_NEWEST] = Choice(_NEWEST_SHARES)
            if not all(BY_NAME[name].links for name in shape):
                space[_VECTORS] = Choice((False, True))
    if facts.lined_up and facts.span_days > 0:
        space |= {_TREND: Choice(_TREND_WEIGHTS), _TREND_AGE: Choice(_TREND_AGES)}
    return space | {weight_name(name): Choice(_WEIGHTS) for name in shape[1:]}


def weight_name(family: str) -> str:
    """Name the weight of a part."""
    return f"weight.{family}"


def weighing(facts: Facts) -> Space:
    """Return what varies in the weights of events; every part is fitted anew."""
    space: Space = {}
    if facts.timed:
        space[_HALF_LIFE] = Choice((14.0, 30.0, 90.0, 180.0, 365.0, NO_DECAY_DAYS))
    learned = facts.learned
    if facts.mixed:
        browse, cart = set(_BROWSE_WEIGHTS), set(_CART_WEIGHTS)
        if learned is not None:
            browse.add(learned.browse)
            cart.add(learned.cart)
        space[_BROWSE] = Choice(tuple(sorted(browse)))
        space[_CART] = Choice(tuple(sorted(cart)))
    if learned is not None and learned.channels:
        space[_CHANNELS] = Choice((_USUAL, _LEARNED))
    return space


def fitting(shape: Shape, facts: Facts) -> Space:
    """Return what varies of the parts, each name prefixed by its family."""
    return {
        f"{name}.{setting}": dimension
        for name in shape
        for setting, dimension in BY_NAME[name].whole_space(facts).items()
    }


def whole_space(shape: Shape, facts: Facts) -> Space:
    """Return all that varies."""
    return dressing(shape, facts) | weighing(facts) | fitting(shape, facts)


def plain(shape: Shape, facts: Facts) -> Params:
    """Return usual values of all that is not of a part."""
    usual: Params = {
        _POPULAR: 0.0,
        _LENGTH: 0.1,
        _STORE: 0.0,
        _SELF: 1.0 if facts.repeats else 0.0,
        _REPEAT: 0.0,
        _STEP: 0.8,
        _HALF_LIFE: NO_DECAY_DAYS,
        _BROWSE: 0.2,
        _CART: 0.6,
        _CHANNELS: _USUAL,
        _NEWEST: 0.0,
        _VECTORS: False,
        _TREND: 0.0,
        _TREND_AGE: 0.05,
    }
    usual |= dict.fromkeys((weight_name(name) for name in shape[1:]), 0.5)
    space = dressing(shape, facts) | weighing(facts)
    return {name: usual[name] for name in space}


def outfits(shape: Shape, facts: Facts) -> list[Params]:
    """Return other values of what is not of a part that are worth a try."""
    tries: list[Params] = [
        {_BROWSE: 1.0, _CART: 1.0},
        *_as_learned(facts),
        {_STEP: 0.6, _LENGTH: 0.3},
        {_STEP: 1.0, _LENGTH: 0.0},
        {_SELF: 4.0},
        {_REPEAT: 1.0},
        {_SELF: 4.0, _REPEAT: 1.0},
        {_POPULAR: 1.0},
        {_POPULAR: 4.0},
        {_STORE: 4.0},
        {_NEWEST: -0.5},
        {_TREND: 0.2},
        {_HALF_LIFE: 90.0},
    ]
    usual = plain(shape, facts)
    # The first name says what a try is about.
    meant = [one for one in tries if next(iter(one)) in usual]
    made = [usual | {k: v for k, v in one.items() if k in usual} for one in meant]
    return [one for number, one in enumerate(made) if one != usual and one not in made[:number]]


def _as_learned(facts: Facts) -> list[Params]:
    """Return the weights of events that were learned from the lines."""
    learned = facts.learned
    if learned is None:
        return []
    weights: Params = {_BROWSE: learned.browse, _CART: learned.cart} if facts.mixed else {}
    channels: Params = {_CHANNELS: _LEARNED} if learned.channels else {}
    return [one for one in (weights | channels, channels) if one]


def first_try(family: str, number: int, facts: Facts) -> Params:
    """Return the settings of a family's start, alone."""
    given = start(BY_NAME[family], number, facts)
    return plain((family,), facts) | {f"{family}.{name}": value for name, value in given.items()}


def grown(shape: Shape, params: Params) -> Params | None:
    """Return the settings with the next larger size of a part that has one, if there is any."""
    for name in shape:
        family = BY_NAME[name]
        if family.growth is None:
            continue
        dimension = family.space[family.growth]
        assert isinstance(dimension, Choice), "sizes are few"
        setting = f"{name}.{family.growth}"
        place = dimension.values.index(params[setting]) + 1
        if place < len(dimension.values):
            return params | {setting: dimension.values[place]}
    return None


def settled(shape: Shape, facts: Facts) -> dict[str, Space]:
    """Return what varies of each part by family, less what is raised in the end."""
    return {
        name: {
            f"{name}.{setting}": dimension
            for setting, dimension in BY_NAME[name].whole_space(facts).items()
            if setting != BY_NAME[name].growth
        }
        for name in shape
    }


def joined(shape: Shape, params: Params, family: str, other: Params, weight: float) -> Params:
    """Return the settings of a shape with one more family, as that one was set alone."""
    own = {name: value for name, value in other.items() if name.startswith(f"{family}.")}
    # Histories matter to item-item rows only; their settings come from whoever has rows.
    extra = {} if any(BY_NAME[name].links for name in shape) else _only_history(other)
    made = params | extra | own | {weight_name(family): weight}
    if _STEP in made and not all(BY_NAME[name].links for name in (*shape, family)):
        made.setdefault(_VECTORS, False)
    return made


def _only_history(params: Params) -> Params:
    names = (_SELF, _REPEAT, _STEP, _LENGTH, _NEWEST)
    return {name: params[name] for name in names if name in params}


def make_config(
    shape: Shape,
    params: Params,
    *,
    plan: Plan,
    facts: Facts,
    split: SplitConfig,
    history_event_count_max: int,
) -> TrainConfig:
    """Make the configuration of a candidate.

    Args:
        shape: The families.
        params: A value for everything that varies.
        plan: What counts.
        facts: Of the lines that are fitted on.
        split: Where `recsys train` cuts time.
        history_event_count_max: Newest lines of a history that are used.
    """
    parts = tuple(
        BY_NAME[name].make(
            {
                setting.partition(".")[2]: value
                for setting, value in params.items()
                if setting.startswith(f"{name}.")
            },
            span_days=facts.span_days,
        )
        for name in shape
    )
    given: dict[str, Any] = {name: params[name] for name in _OF_BLEND if name in params}
    if _NEWEST in params:
        given["newest_boost"] = _number(params[_NEWEST]) * _number(params[_SELF])
    if params.get(_TREND):
        age = _number(params[_TREND_AGE]) * facts.span_days
        given[_TREND] = params[_TREND]
        given["trend_half_life_days"] = float(f"{age:.3g}")
    return TrainConfig(
        model=BlendConfig(
            neighbours=_BLEND_NEIGHBOURS,
            weights=(1.0, *(_number(params[weight_name(name)]) for name in shape[1:])),
            parts=parts,
            **given,
        ).without_idle(),
        features=_features(params, facts),
        priors=PriorsConfig(store_weight=_number(params.get(_STORE, 0.0))),
        split=split,
        evaluate=EvaluateConfig(
            k=tuple(sorted({5, 10, 20, 50, plan.metric.k})),
            primary_protocol=plan.protocol,
            primary_metric=plan.metric.name,
            primary_k=plan.metric.k,
            history_event_count_max=history_event_count_max,
        ),
    )


def _features(params: Params, facts: Facts) -> FeatureConfig:
    usual = TrainConfig().features
    half_life = _number(params.get(_HALF_LIFE, NO_DECAY_DAYS))
    weights = dict(usual.event_weights)
    if _BROWSE in params:
        weights |= dict.fromkeys(_BROWSED, _number(params[_BROWSE]))
        weights[EventType.ADD_TO_CART] = _number(params[_CART])
    channels = usual.channel_weights
    if params.get(_CHANNELS) == _LEARNED:
        assert facts.learned is not None, "there is nothing else to choose from"
        channels = dict(facts.learned.channels)
    return msgspec.structs.replace(
        usual, half_life_days=half_life, event_weights=weights, channel_weights=channels
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float), "weights and ages are numbers"
    return float(value)
