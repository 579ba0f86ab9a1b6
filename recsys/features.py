"""From events to confidence weights: the one code path that training and serving share.

A person's history becomes one non-negative weight per item. Training builds its
interaction matrix from these weights and serving folds a user vector in from
them, so an offline score equals an online one.
"""

import math
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys._features import EventWeights, ItemWeights
from recsys._items import ItemIds
from recsys.domain import CHANNEL_UNKNOWN_CODE, SECONDS_PER_DAY, Channel, EventType

_EXPONENT_MAX = 2.0
_BOOST_MAX = 1e9
WEIGHT_MIN = 1e-6
"""Smallest summed weight that counts. Weights that cancel out leave a rest of
rounding whose sign depends on the order of summation; it must not decide whether
an item is in a history.
"""

_EVENT_WEIGHTS_DEFAULT: dict[EventType, float] = {
    EventType.DETAIL_PAGE_VIEW: 0.2,
    EventType.CLICK: 0.2,
    EventType.ADD_TO_CART: 0.6,
    EventType.REMOVE_FROM_CART: -0.4,
    EventType.ADD_TO_WISHLIST: 0.5,
    EventType.PURCHASE_COMPLETE: 1.0,
    EventType.RETURN: -1.0,
    EventType.OFFER_REDEEM: 0.5,
}


class PackedLines(Protocol):
    """Item lines in packed columns; `recsys.events.History` says how."""

    joined_ids: str
    types: bytes
    channels: bytes
    times: bytes


class FeatureConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How events become weights. Stored in every bundle.

    Attributes:
        event_weights: Weight of one event by type; types not named weigh 0 and
            are no contact. Negative weights take contact back (a return).
        channel_weights: Factor by channel; channels not named count 1.
        half_life_days: Age at which an event weighs half; None for no decay.
        decay_min: What age leaves of an event at least, 0 to 1. Above 0, somebody who
            comes back after years is still known by her old history.
        weight_max: Upper bound of one item's summed weight, positive.
    """

    event_weights: dict[EventType, float] = msgspec.field(
        default_factory=lambda: dict(_EVENT_WEIGHTS_DEFAULT)
    )
    channel_weights: dict[Channel, float] = msgspec.field(default_factory=dict)
    half_life_days: float | None = None
    decay_min: float = 0.0
    weight_max: float = 50.0

    def __post_init__(self) -> None:
        for name, weight in (*self.event_weights.items(), *self.channel_weights.items()):
            if not math.isfinite(weight):
                raise ValueError(f"weight of {name} is {weight}; it must be finite")
        for name, weight in self.channel_weights.items():
            if weight < 0:
                raise ValueError(f"weight of channel {name} is {weight}; allowed 0 and above")
        if self.half_life_days is not None and not 0 < self.half_life_days < math.inf:
            raise ValueError(f"half_life_days is {self.half_life_days}; it must be positive")
        if not 0 <= self.decay_min <= 1:
            raise ValueError(f"decay_min is {self.decay_min}; allowed 0 to 1")
        if not 0 < self.weight_max < math.inf:
            raise ValueError(f"weight_max is {self.weight_max}; it must be positive")


class HistoryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How item weights are made ready for item-item rows. The defaults leave them as they are.

    Attributes:
        step_decay: What each newer step of the same person leaves of an event's
            weight, above 0 to 1. Events at the same time are one step.
        length_exponent: Weights are divided by their sum to this power, 0 to 1. At 1
            long histories weigh as much as short ones against factors and prior.
        newest_boost: What an item of the newest step adds to its own score per unit of
            its weight, -1e9 to 1e9. Below 0 it takes back from the self weight of what
            is being looked at right now, and is wanted less than what came before it.
        decayed_vectors: Whether user vectors are solved from these weights, too.
    """

    step_decay: float = 1.0
    length_exponent: float = 0.0
    newest_boost: float = 0.0
    decayed_vectors: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.step_decay <= 1:
            raise ValueError(f"step_decay is {self.step_decay}; allowed above 0, at most 1")
        if not 0 <= self.length_exponent <= 1:
            raise ValueError(f"length_exponent is {self.length_exponent}; allowed 0 to 1")
        if not abs(self.newest_boost) <= _BOOST_MAX:
            raise ValueError(
                f"newest_boost is {self.newest_boost}; allowed -{_BOOST_MAX:g} to {_BOOST_MAX:g}"
            )

    def decayed(
        self,
        event_weights: NDArray[np.float64],
        event_times: NDArray[np.float64],
        *,
        rows: NDArray[np.integer] | None = None,
    ) -> NDArray[np.float64]:
        """Apply the decay by steps.

        Args:
            event_weights: As `EventWeighting.event_weights` returns, shape (e,).
            event_times: Times of the events, in any unit, shape (e,).
            rows: The person of each event, 0 and above, shape (e,); None for one person.

        Returns:
            Decayed weights, shape (e,). Events that are no contact make no step.
        """
        if self.step_decay == 1.0 or not len(event_weights):
            return event_weights
        steps = np.zeros(len(event_weights), dtype=np.int64)
        contact = np.flatnonzero(event_weights)
        people = np.zeros(len(contact), dtype=np.int64) if rows is None else rows[contact]
        order = np.lexsort((-event_times[contact], people))
        times, people = event_times[contact][order], people[order]
        starts = np.r_[True, people[1:] != people[:-1]][: len(people)]
        fresh = np.r_[True, times[1:] != times[:-1]][: len(people)] | starts
        number = np.cumsum(fresh)
        first = np.maximum.accumulate(np.where(starts, number, 0))
        steps[contact[order]] = number - first
        return event_weights * np.power(self.step_decay, steps)

    def shortened(
        self, weights: NDArray[np.float32], *, indptr: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Divide the weights of each row (not negative) by a power of the row's sum."""
        if self.length_exponent == 0.0 or not len(weights):
            return weights
        starts, lengths = indptr[:-1], np.diff(indptr)
        filled = lengths > 0
        sums = np.add.reduceat(weights.astype(np.float64), starts[filled])
        factors = np.repeat(sums**-self.length_exponent, lengths[filled])
        return (weights * factors).astype(np.float32)

    def boosts(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the newest step's items of these weights add to their own scores."""
        return (self.newest_boost * weights.astype(np.float64)).astype(np.float32)


class EventWeighting:
    """`FeatureConfig` compiled to a table, for arrays of any length and for packed histories."""

    def __init__(self, config: FeatureConfig, history: HistoryConfig | None = None) -> None:
        """Compile.

        Args:
            config: What events weigh.
            history: How `history_weights` makes item-item weights ready besides; None
                for as they are.
        """
        history = history or HistoryConfig()
        table = np.zeros((len(EventType) + 1, len(Channel) + 1), dtype=np.float64)
        for event_type, weight in config.event_weights.items():
            table[event_type.code, :] = weight
        for channel, factor in config.channel_weights.items():
            table[:, channel.code] *= factor
        assert CHANNEL_UNKNOWN_CODE == 0
        self._weight_max = config.weight_max
        self._compiled = EventWeights(
            table,
            decay_per_second=(
                0.0
                if config.half_life_days is None
                else -math.log(2.0) / (config.half_life_days * SECONDS_PER_DAY)
            ),
            decay_min=config.decay_min,
            weight_max=config.weight_max,
            weight_min=WEIGHT_MIN,
            step_decay=history.step_decay,
            length_exponent=history.length_exponent,
            newest_boost=history.newest_boost,
            decayed_vectors=history.decayed_vectors,
        )

    def event_weights(
        self,
        *,
        type_codes: NDArray[np.uint8],
        channel_codes: NDArray[np.uint8],
        event_times: NDArray[np.float64],
        now: float,
    ) -> NDArray[np.float64]:
        """Weigh events one by one.

        Args:
            type_codes: `EventType.code` of each event, shape (e,); unknown codes weigh 0.
            channel_codes: `Channel.code` of each event, 0 for unknown, shape (e,).
            event_times: Seconds since 1970-01-01 UTC, shape (e,), finite. Events
                after `now` count as happening now.
            now: The moment to look back from, in the same unit.

        Returns:
            Weights, shape (e,), finite; 0 for events that are no contact.
        """
        weights = np.empty(len(type_codes), dtype=np.float64)
        self._compiled.of_events(
            np.ascontiguousarray(type_codes),
            np.ascontiguousarray(channel_codes),
            np.ascontiguousarray(event_times),
            now,
            weights,
        )
        return weights

    def item_weights(
        self, *, item_rows: NDArray[np.int32], event_weights: NDArray[np.float64]
    ) -> ItemWeights:
        """Sum one person's event weights per item.

        An item that was bought and returned has no weight, but it has been seen.

        Args:
            item_rows: Row of each event's item, shape (e,); below 0 for an unknown item.
            event_weights: As returned by `event_weights`, shape (e,).

        Returns:
            Unique rows in ascending order and their weights in [WEIGHT_MIN, weight_max];
            items whose weights cancel out are gone from these.
        """
        return self._compiled.by_item(item_rows, event_weights)

    def history_weights(self, history: PackedLines, ids: ItemIds, *, now: float) -> ItemWeights:
        """Weigh a history and sum it per item, as the two methods above do.

        Args:
            history: Packed lines, such as a `recsys.events.History`.
            ids: The items that the model knows.
            now: As in `event_weights`.
        """
        return self._compiled.of_lines(
            ids, history.joined_ids, history.types, history.channels, history.times, now
        )

    def clip(self, sums: NDArray[np.float64]) -> NDArray[np.float32]:
        """Bound summed weights from above, as `item_weights` does; keeps the sign."""
        return np.minimum(sums, self._weight_max).astype(np.float32)


class FoldInConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a user vector is solved for from item weights.

    The confidence of an item with weight w is `unobserved_weight + alpha * w`, that of
    every other item `unobserved_weight`. With the defaults of the last two fields this
    is Hu, Koren, Volinsky (2008); they allow Rendle, Krichene, Zhang, Koren (2021).

    Attributes:
        alpha: Confidence per unit of weight, positive.
        regularization: Added to the diagonal of the normal equations, positive, after
            scaling by the next.
        regularization_exponent: The diagonal gets `regularization *
            (h + unobserved_weight * n) ** regularization_exponent` for a history of h
            out of n items, 0 to 2. At 1 somebody with much history is held back
            as much per item as somebody with little.
        unobserved_weight: Confidence that an item not in the history is not wanted,
            positive.
    """

    alpha: float
    regularization: float
    regularization_exponent: float = 0.0
    unobserved_weight: float = 1.0

    def __post_init__(self) -> None:
        for name in ("alpha", "regularization", "unobserved_weight"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it must be positive and finite")
        if not 0 <= self.regularization_exponent <= _EXPONENT_MAX:
            raise ValueError(
                f"regularization_exponent is {self.regularization_exponent}; "
                f"allowed 0 to {_EXPONENT_MAX:g}"
            )

    def ridges(
        self, history_counts: NDArray[np.integer], *, item_count: int
    ) -> NDArray[np.float64]:
        """Return what is added to the diagonal for histories of these lengths."""
        sizes = history_counts + self.unobserved_weight * item_count
        return np.asarray(
            self.regularization * sizes**self.regularization_exponent, dtype=np.float64
        )
