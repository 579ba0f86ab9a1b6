"""Item-item weights from what follows what: sessions, baskets and whole lives.

Everybody's events are put in the order of time. Events at the same time (a basket)
are one step. A line leads to the lines at most `gap` steps later with weight
decay^(steps - 1), and to those before it with `back` times that; lines of the same
step lead to each other with `together`. Sums are normalised as in `cooccurrence`.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY, EventType
from recsys.sparse import row_pointers
from training import _item_item
from training.models.checks import check_exponent, check_weight
from training.models.link_config import (
    LinkConfig,
    check_factors,
    line_factors,
    link_parts,
)
from training.models.links import Measure, make_links, power
from training.models.protocol import (
    Interactions,
    IterationReport,
    Lines,
    ModelParts,
    ignore_iteration,
    known_lines,
)

_GAP_MAX = 1_000
_SECONDS_PER_MINUTE = 60.0


class OrderedConfig(LinkConfig, tag="ordered", frozen=True, kw_only=True):
    """Item-item weights from what follows what; strongest where order matters.

    Attributes:
        neighbours: Items kept per history item, 1 to 10000; 100 to 300 lose next to nothing.
        self_weight: What an item of the history adds to its own score, 0 or more.
        repeat_exponent: How far the self weight follows how often buyers buy the item
            again, 0 (alike) to 2; 0.5 to 1 where people buy again.
        step_decay: What each newer step of a person leaves of a weight, above 0 to 1.
        length_exponent: Histories are divided by their sum to this power, 0 to 1.
        newest_boost: What an item of the newest step adds to its own score besides; below 0
            where what is looked at right now is wanted less than what came before.
        popularity_weight: What the share of users who have an item adds to its score,
            0 or more.
        trend_weight: What an item asked for e times as much as usual adds to its
            score, 0 or more; see `training.models.trends`.
        trend_half_life_days: What counts as of late for it, positive.
        gap: Steps that a pair may be apart, 1 to 1000.
        decay: What each further step leaves of a pair's weight, above 0 to 1.
        back: Share of its weight that a pair has against the order, 0 or more.
        together: Weight of a pair in the same step, such as a basket, 0 or more.
        session_minutes: A longer pause ends a sequence, positive; not set: a person's
            whole life is one.
        half_life_days: Age behind the newest line at which a pair weighs half, positive;
            not set: old pairs weigh as much. Comes on top of `[features]`, and leaves
            other parts of a blend alone.
        user_exponent: How far long sequences are held back, 0 to 2.
        history_exponent: How far links from popular items are held back, 0 to 2.
        target_exponent: How far popular candidates are held back, 0 to 2.
        sources: Factor by type of event on what links lead from; none means all.
        targets: Factor by type of event on what links lead to; none means all.
    """

    gap: int = 20
    decay: float = 0.7
    back: float = 0.7
    together: float = 1.0
    session_minutes: float | None = None
    half_life_days: float | None = None
    user_exponent: float = 0.0
    history_exponent: float = 0.5
    target_exponent: float = 0.1
    sources: dict[EventType, float] = msgspec.field(default_factory=dict)
    targets: dict[EventType, float] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.gap <= _GAP_MAX:
            raise ValueError(f"gap is {self.gap}; allowed 1 to {_GAP_MAX}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay is {self.decay}; allowed above 0, at most 1")
        check_weight("back", self.back)
        check_weight("together", self.together)
        for name in ("user_exponent", "history_exponent", "target_exponent"):
            check_exponent(name, getattr(self, name))
        for name in ("session_minutes", "half_life_days"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}; it must be positive")
        check_factors("sources", self.sources)
        check_factors("targets", self.targets)


@dataclass(frozen=True, slots=True)
class OrderedTrainer:
    """Learns a pruned item-item matrix from sequences."""

    config: OrderedConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn; nothing is left to chance. See `training.models.protocol.Trainer`."""
        del seed, start, progress, report
        config, count = self.config, interactions.item_count
        lines = known_lines(interactions)
        lines = lines.where(lines.weights > 0.0)
        sequences = in_sequences(lines, session_minutes=config.session_minutes)
        items = lines.items[sequences.order]
        weights = _aged(lines, half_life_days=config.half_life_days)[sequences.order]
        sources = weights * line_factors(lines, config.sources)[sequences.order]
        targets = weights * line_factors(lines, config.targets)[sequences.order]
        row_totals = np.bincount(items, weights=sources, minlength=count)
        column_totals = np.bincount(items, weights=targets, minlength=count)
        lengths = np.bincount(sequences.numbers, weights=sources)
        sources *= power(lengths, config.user_exponent)[sequences.numbers]
        ahead = config.decay ** np.arange(config.gap)
        links = make_links(
            _item_item.Pairs(
                items,
                sequences.numbers,
                sequences.steps,
                sources.astype(np.float32),
                targets.astype(np.float32),
                row_pointers(np.bincount(items, minlength=count)),
                np.argsort(items, kind="stable"),
                np.r_[config.together, ahead].astype(np.float32),
                np.r_[config.together, config.back * ahead].astype(np.float32),
            ),
            Measure(
                row_scale=power(row_totals, config.history_exponent),
                column_scale=power(column_totals, config.target_exponent),
            ),
            neighbours=config.neighbours,
            work=2 * config.gap * np.bincount(items, minlength=count),
        )
        return link_parts(links, interactions, config, {"sequence_count": float(len(lengths))})


def _aged(lines: Lines, *, half_life_days: float | None) -> NDArray[np.float64]:
    """Let weights fade so that a pair, the product of two, halves in `half_life_days`."""
    if half_life_days is None or not len(lines):
        return lines.weights
    ages = lines.times.max() - lines.times
    faded: NDArray[np.float64] = lines.weights * np.exp2(
        -ages / (2.0 * half_life_days * SECONDS_PER_DAY)
    )
    return faded


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """Lines in the order of person and time, cut into sequences.

    Attributes:
        order: Which line stands at each position, int64, shape (e,).
        numbers: The sequence of each position, from 0, rising, int32, shape (e,).
        steps: Its step in the sequence, from 0, rising, int32, shape (e,).
    """

    order: NDArray[np.int64]
    numbers: NDArray[np.int32]
    steps: NDArray[np.int32]


def in_sequences(lines: Lines, *, session_minutes: float | None) -> Sequences:
    """Order lines by person and time; lines at the same time share a step."""
    order = np.lexsort((lines.times, lines.users))
    users, times = lines.users[order], lines.times[order]
    if not len(order):
        empty = np.empty(0, dtype=np.int32)
        return Sequences(order=order, numbers=empty, steps=empty)
    pause = np.r_[np.inf, np.diff(times)]
    starts = np.r_[True, users[1:] != users[:-1]]
    if session_minutes is not None:
        starts |= pause > session_minutes * _SECONDS_PER_MINUTE
    step = np.cumsum(starts | (pause != 0.0))
    numbers = np.cumsum(starts) - 1
    return Sequences(
        order=order,
        numbers=numbers.astype(np.int32),
        steps=(step - step[np.flatnonzero(starts)][numbers]).astype(np.int32),
    )
