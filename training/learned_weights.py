"""Event weights from data: what types of events and channels say about the next purchase.

The newest purchase of a sample of people is hidden, with their earlier lines of the
same items. Item-item rows W are learned from everything before it, and the weights
are those under which the purchase is likeliest if the next new item is drawn in
proportion to its score:

    p(i) = x_i / sum_j x_j,  i and j not in the history
    x = sum_lines w(type, channel) decay(age) W[item of the line] + e popularity

w(type, channel) is a factor by type times one by channel, as in
`recsys.features.FeatureConfig`; e is fitted beside them and thrown away. The logarithms of
the factors have a normal prior around the configured ones, so what the data say
nothing about stays as it was. All that a fit needs are the scores of the purchases
and the sums of scores, so it takes seconds.

Tried and left out, because it lost on data cut by time: learning the half-life in the same
way, and foreseeing repeats too (what is in the cart is bought next, which says
nothing about the rows).
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.optimize import minimize

from recsys.domain import CHANNEL_BY_CODE, EVENT_TYPE_BY_CODE, EventType
from recsys.features import EventWeighting, FeatureConfig
from recsys.sparse import expand_rows
from training.config import TrainConfig
from training.hidden_purchases import HiddenPurchases, hide_newest_purchases
from training.interactions import Events, sum_weights
from training.models import CooccurrenceConfig, Interactions, create_trainer

F64 = NDArray[np.float64]

_NEIGHBOURS = 100
_ROUNDS = 2
_LINE_COUNT_MAX = 3_000_000
_DEVIATION = 1.5
"""Of a factor's logarithm, before any data: a factor of 4.5 either way is likely enough."""
_FACTOR_MIN, _FACTOR_MAX = 0.05, 20.0
"""A type of event that says nothing is contact all the same: its items have been seen."""
_LOG_FACTOR_MAX = 9.0
_LOG_FLOOR_START = -2.0
_DIGITS = 4
_CODES = 256
_TAKES_BACK = {
    EventType.REMOVE_FROM_CART: EventType.ADD_TO_CART,
    EventType.RETURN: EventType.PURCHASE_COMPLETE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFeatures:
    """Weights and what they rest on.

    Attributes:
        features: The configuration with learned weights.
        user_count: People whose newest purchase was looked at; 0 if nothing was learned.
        log_likelihood: Of a hidden purchase, mean over people.
        log_likelihood_before: The same with the configured weights.
    """

    features: FeatureConfig
    user_count: int = 0
    log_likelihood: float = 0.0
    log_likelihood_before: float = 0.0


def with_learned_weights(
    config: TrainConfig, events: Events, *, seed: int
) -> tuple[TrainConfig, dict[str, float]]:
    """Replace a configuration's weights by learned ones, if it asks for that.

    Args:
        config: The configuration.
        events: The lines to learn from, at least one; nothing else is looked at.
        seed: Source of the sample of people.

    Returns:
        The configuration, and what is worth logging of it; nothing if nothing was learned.
    """
    if not config.learn.weights:
        return config, {}
    learned = learn_features(
        events,
        config.features,
        user_count_max=config.learn.user_count_max,
        rng=np.random.default_rng(seed),
    )
    features = learned.features
    facts = {
        "user_count": float(learned.user_count),
        "log_likelihood": learned.log_likelihood,
        "log_likelihood_before": learned.log_likelihood_before,
        **{f"weight_of_{kind.value}": weight for kind, weight in features.event_weights.items()},
        **{f"factor_of_{name.value}": weight for name, weight in features.channel_weights.items()},
    }
    return msgspec.structs.replace(config, features=features), facts


def learn_features(
    events: Events, features: FeatureConfig, *, user_count_max: int, rng: np.random.Generator
) -> LearnedFeatures:
    """Learn the weights of types of events and of channels.

    Args:
        events: The lines to learn from, at least one; nothing else is looked at.
        features: Where to begin. Types of events without a positive weight stay without, and
            what takes contact back follows what it takes back.
        user_count_max: People whose newest purchase is hidden, positive.
        rng: Source of the sample.
    """
    hidden = hide_newest_purchases(
        events, user_count_max=user_count_max, line_count_max=_LINE_COUNT_MAX, rng=rng
    )
    learned = LearnedFeatures(features=features)
    if not len(hidden.histories):
        return learned
    for number in range(_ROUNDS):
        likelihood = _Likelihood(hidden, start=features, now=learned.features)
        if not likelihood.user_count:
            return learned
        if number == 0:
            _, before = likelihood.largest(is_fixed=True)
        found, reached = likelihood.largest()
        learned = LearnedFeatures(
            features=found,
            user_count=likelihood.user_count,
            log_likelihood=reached,
            log_likelihood_before=before,
        )
    return learned


class _Likelihood:
    """Log-likelihood of hidden purchases, given item-item rows, as a function of weights."""

    def __init__(
        self, hidden: HiddenPurchases, *, start: FeatureConfig, now: FeatureConfig
    ) -> None:
        """Learn the item-item rows and take the histories through them.

        Args:
            hidden: What to foresee.
            start: Where the prior has its mean.
            now: The weights that the rows are learned with.
        """
        self._start = start
        fresh = _event_weights(start, hidden.histories, np.zeros(len(hidden.histories)))
        used = fresh > 0
        lines = hidden.histories.where(used)
        kinds, self._kinds = np.unique(
            lines.type_codes.astype(np.int64) * _CODES + lines.channel_codes, return_inverse=True
        )
        self._types, self._type_of_kind = np.unique(kinds // _CODES, return_inverse=True)
        self._channels, self._channel_of_kind = np.unique(kinds % _CODES, return_inverse=True)
        self._line_counts = np.bincount(self._channel_of_kind[self._kinds])
        links, self._popularity = _links(hidden.rest, now)
        owners = np.searchsorted(hidden.users, lines.users)
        self._take_targets(hidden, owners)
        self._take_scores(hidden, links, lines, owners, ages=hidden.ages[used])

    def _take_targets(self, hidden: HiddenPurchases, owners: NDArray[np.integer]) -> None:
        """Keep what the rows and the histories can say something about."""
        count = len(hidden.users)
        asked, items = expand_rows(hidden.targets.indptr), hidden.targets.items
        has_history = np.bincount(owners, minlength=count) > 0
        kept = has_history[asked] & (self._popularity[items] > 0)
        self._target_owners, self._targets = asked[kept], items[kept]
        counts = np.bincount(self._target_owners, minlength=count)
        self.user_count = int(np.count_nonzero(counts))
        self._shares = 1.0 / (counts[self._target_owners] * max(1, self.user_count))

    def _take_scores(
        self,
        hidden: HiddenPurchases,
        links: scipy.sparse.csr_array,
        lines: Events,
        owners: NDArray[np.integer],
        *,
        ages: F64,
    ) -> None:
        """Score targets, shape (t, kinds), and all candidates together, shape (m, kinds)."""
        decay = msgspec.structs.replace(
            self._start, event_weights=dict.fromkeys(EventType, 1.0), channel_weights={}
        )
        weights = _event_weights(decay, lines, ages)
        shape = (len(hidden.users), len(hidden.rest.item_ids))

        def histories(mask: NDArray[np.bool_]) -> scipy.sparse.csr_array:
            return scipy.sparse.csr_array(
                (weights[mask], (owners[mask], lines.items[mask])), shape=shape
            )

        seen = histories(np.ones(len(lines), dtype=np.bool_)) > 0
        self._of_targets = np.zeros((len(self._targets), len(self._type_of_kind)))
        self._of_all = np.zeros((shape[0], len(self._type_of_kind)))
        for kind in range(len(self._type_of_kind)):
            reached = histories(self._kinds == kind) @ links
            self._of_targets[:, kind] = reached[self._target_owners, self._targets]
            self._of_all[:, kind] = reached.sum(axis=1) - reached.multiply(seen).sum(axis=1)

    def largest(self, *, is_fixed: bool = False) -> tuple[FeatureConfig, float]:
        """Find the likeliest weights.

        Args:
            is_fixed: Whether they stay as configured and only e is fitted.

        Returns:
            The weights, and the log-likelihood they reach, mean over people.
        """
        configured = self._configured()
        type_count, count = len(self._types), len(configured)

        def objective(theta: F64) -> tuple[float, F64]:
            by_type, by_channel = theta[:type_count], theta[type_count:count]
            weights = np.exp(by_type[self._type_of_kind] + by_channel[self._channel_of_kind])
            floor = np.exp(theta[count])
            value, by_kind, by_floor = self._value(weights, floor)
            by_kind *= weights
            away = theta[:count] - configured
            pull = away / (_DEVIATION**2 * self.user_count)
            gained = np.r_[
                np.bincount(self._type_of_kind, by_kind, minlength=type_count),
                np.bincount(self._channel_of_kind, by_kind, minlength=count - type_count),
            ]
            return 0.5 * float(pull @ away) - value, np.r_[pull - gained, -by_floor * floor]

        reach = 0.0 if is_fixed else _LOG_FACTOR_MAX
        found = minimize(
            objective,
            np.r_[configured, _LOG_FLOOR_START],
            jac=True,
            method="L-BFGS-B",
            bounds=[
                *((mean - reach, mean + reach) for mean in configured.tolist()),
                (-_LOG_FACTOR_MAX, _LOG_FACTOR_MAX),
            ],
        )
        return self._features(np.exp(found.x[:count])), -float(found.fun)

    def _value(self, weights: F64, floor: float) -> tuple[float, F64, float]:
        """Return the log-likelihood and its slopes by the weights of kinds and by e."""
        likely = self._popularity[self._targets]
        of_all = self._of_all[self._target_owners]
        score = self._of_targets @ weights + floor * likely
        total = of_all @ weights + floor
        up, down = self._shares / score, self._shares / total
        return (
            float(self._shares @ np.log(score / total)),
            up @ self._of_targets - down @ of_all,
            float(up @ likely - down.sum()),
        )

    def _configured(self) -> F64:
        """Return logarithms of the configured factors by type, then by channel."""
        types = [
            self._start.event_weights[EVENT_TYPE_BY_CODE[code]] for code in self._types.tolist()
        ]
        channels = [
            self._start.channel_weights.get(CHANNEL_BY_CODE[code], 1.0) if code else 1.0
            for code in self._channels.tolist()
        ]
        logarithms: F64 = np.log(np.array([*types, *channels]))
        return logarithms

    def _features(self, factors: F64) -> FeatureConfig:
        """Bring factors into the configuration: 1 for the largest type and the usual channel."""
        start = self._start
        types, channels = factors[: len(self._types)], factors[len(self._types) :]
        by_type = dict(start.event_weights)
        for code, factor in zip(self._types.tolist(), types / types.max(), strict=True):
            by_type[EVENT_TYPE_BY_CODE[code]] = round(max(float(factor), _FACTOR_MIN), _DIGITS)
        for kind, taken in _TAKES_BACK.items():
            if kind in by_type and start.event_weights.get(taken, 0.0) > 0:
                change = by_type[taken] / start.event_weights[taken]
                by_type[kind] = round(by_type[kind] * change, _DIGITS)
        usual = channels[np.argmax(self._line_counts)]
        by_channel = dict(start.channel_weights)
        for code, factor in zip(self._channels.tolist(), channels / usual, strict=True):
            if code and len(self._channels) > 1:
                bounded = float(np.clip(factor, _FACTOR_MIN, _FACTOR_MAX))
                by_channel[CHANNEL_BY_CODE[code]] = round(bounded, _DIGITS)
        return msgspec.structs.replace(start, event_weights=by_type, channel_weights=by_channel)


def _links(events: Events, features: FeatureConfig) -> tuple[scipy.sparse.csr_array, F64]:
    """Learn item-item rows; return them and each item's share of all contacts."""
    count = len(events.item_ids)
    weights = sum_weights(events, weighting=EventWeighting(features), now=float(events.times.max()))
    popularity = np.bincount(weights.indices, minlength=count) / max(1, len(weights.indices))
    parts = create_trainer(CooccurrenceConfig(neighbours=_NEIGHBOURS)).fit(
        Interactions(weights=weights, item_count=count, popularity=popularity), seed=0
    )
    assert parts.item_item is not None, "the trainer makes rows"
    rows = parts.item_item
    links = scipy.sparse.csr_array(
        (rows.data.astype(np.float64), rows.indices, rows.indptr), shape=(count, count)
    )
    return links, popularity


def _event_weights(features: FeatureConfig, lines: Events, ages: F64) -> F64:
    """Weigh lines of these ages, in seconds."""
    return EventWeighting(features).event_weights(
        type_codes=lines.type_codes,
        channel_codes=lines.channel_codes,
        event_times=-ages,
        now=0.0,
    )
